"""What tokens cost: the configured prices first, then the table of genai-prices, else unknown. Never a guess."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from eudoxus.runtime.endpoints.config import Price

Pricing = Callable[[int, int, int], float]
"""(prompt tokens, completion tokens, cached ones among the prompt's) → US dollars."""


class PriceList:
    """Prices of the models behind one address. Looked up once per model: the table takes 0.15 ms per question."""

    def __init__(self, base_url: str, configured: Mapping[str, Price]) -> None:
        self._configured = dict(configured)
        self._pricing = lru_cache(maxsize=4096)(lambda model: self._find(base_url, model))

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        """US dollars, or None when the price of ``model`` is unknown."""
        pricing = self._pricing(model)
        return None if pricing is None else pricing(prompt_tokens, completion_tokens, min(cached_tokens, prompt_tokens))

    def _find(self, base_url: str, model: str) -> Pricing | None:
        price = self._configured.get(model) or self._configured.get("*")
        if price is not None:
            return _flat(price.input, price.output, price.input if price.cached is None else price.cached)
        return _tabled(base_url, model)


def _flat(sent: float, received: float, cached: float) -> Pricing:
    """Prices per 1M tokens that do not depend on how many there are."""
    return lambda prompt, completion, hits: ((prompt - hits) * sent + hits * cached + completion * received) / 1e6


def _tabled(base_url: str, model: str) -> Pricing | None:
    """From the table: the provider at ``base_url`` if it is known there, else (a gateway) whoever offers a model of this name."""
    from genai_prices import Usage, calc_price  # here because loading the table takes 0.2 s

    one = Usage(input_tokens=1, output_tokens=1)
    try:
        found = calc_price(one, model, provider_api_url=base_url)
    except LookupError as error:
        if "provider_api_url" not in str(error):
            return None
        try:
            found = calc_price(one, model)
        except LookupError:
            return None
    rates = found.model_price
    sent, received, cached = rates.input_mtok, rates.output_mtok, rates.cache_read_mtok
    if isinstance(sent, Decimal) and isinstance(received, Decimal) and (cached is None or isinstance(cached, Decimal)):
        return _flat(float(sent), float(received), float(sent if cached is None else cached))
    return _tiered(rates)


def _tiered(rates: Any) -> Pricing:
    """Prices that depend on the length of the prompt, worked out for every call."""
    from genai_prices import Usage

    def pricing(prompt: int, completion: int, hits: int) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(rates.calc_price(Usage(input_tokens=prompt, output_tokens=completion, cache_read_tokens=hits))["total_price"])

    return pricing
