"""Adaptive weighted rejection sampling (Lipkin et al. 2025, arXiv 2504.05410): one token under a predicate too costly for a whole mask.

Tokens are tried without replacement, most of the time the likely ones first, until one is accepted. The token is an exact draw of the
model's law restricted to the predicate; the weight is an unbiased estimate of the model's mass on it, from the tokens that were tried.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eudoxus.decoding.errors import Unsatisfiable
from eudoxus.decoding.sampling import LanguageModel, LogProbs, Tokens, log_sum_exp

Accepts = Callable[[int], bool]


@dataclass(frozen=True)
class Drawn:
    """``weight`` estimates the mass of the accepted tokens, without bias; ``calls`` is how often the predicate was asked."""

    token: int
    weight: float
    calls: int


def awrs(log_probs: LogProbs, accepts: Accepts, rng: random.Random) -> Drawn:
    """One token of the law ∝ exp(log_probs)·accepts, with its weight; ``log_probs`` must be normalised.

    The recursive estimator: each rejected item's share of what is left is divided out, and one more item is tried after the first that is
    accepted. Raises :class:`Unsatisfiable` if every token of positive probability is rejected.
    """
    order, shares = _order(log_probs, rng)
    left, weight, calls = 1.0, 1.0, 0
    for at, token in enumerate(order):
        calls += 1
        share = min(1.0, shares[at] / left) if left > 0 else 1.0
        if accepts(token):
            if at + 1 < len(order):
                calls += 1
                weight *= 1.0 if accepts(order[at + 1]) else share
            return Drawn(token, weight, calls)
        weight *= 1 - share
        left -= shares[at]
    raise Unsatisfiable("the predicate rejects every token that the model may say", param="accepts")


def awrs_geometric(log_probs: LogProbs, accepts: Accepts, rng: random.Random, most_accepts: int = 2) -> Drawn:
    """The same draw, with the weight of a simulated sampling with replacement, which is better where one token has most of the mass.

    Between two tries come as many phantom rejections as repeats of rejected tokens there would have been, and repeats of accepted ones
    count as acceptances. Stops at the ``most_accepts``-th acceptance, at least 2; the weight is then (accepts - 1)/(tries - 1), the
    unbiased estimate of negative binomial sampling (Haldane 1945).
    """
    if most_accepts < 2:
        raise ValueError(f"most_accepts is {most_accepts}, expected at least 2")
    order, shares = _order(log_probs, rng)
    first, rejected_mass, accepted_mass = -1, 0.0, 0.0
    accepted = rejected = calls = 0
    while accepted < most_accepts:
        rejected += _failures(rejected_mass, rng)
        if accepted and rng.random() * (1 - rejected_mass) < accepted_mass:
            accepted += 1  # an accepted token again
            continue
        if calls == len(order):
            if not accepted:
                raise Unsatisfiable("the predicate rejects every token that the model may say", param="accepts")
            accepted += 1  # every token is known; only rounding leads here
            continue
        token, share = order[calls], shares[calls]
        calls += 1
        if accepts(token):
            accepted, accepted_mass, first = accepted + 1, accepted_mass + share, token if first < 0 else first
        else:
            rejected, rejected_mass = rejected + 1, min(1.0, rejected_mass + share)
    return Drawn(first, (most_accepts - 1) / (most_accepts + rejected - 1), calls)


def weighted_text(model: LanguageModel, accepts: Callable[[Tokens, int], bool], end: tuple[int, ...], rng: random.Random,
                  max_tokens: int) -> tuple[Tokens, float] | None:
    """A text drawn token by token with :func:`awrs`, and the log of its importance weight; None at a dead end or without an end in time.

    ``accepts(tokens, token)`` decides prefixes. The weight is unbiased for the model's mass on the accepted texts.
    """
    tokens: Tokens = ()
    log_weight = 0.0
    for _ in range(max_tokens + 1):
        try:
            drawn = awrs(model.log_probs(tokens), lambda token, before=tokens: accepts(before, token), rng)  # type: ignore[misc]
        except Unsatisfiable:
            return None
        log_weight += math.log(drawn.weight) if drawn.weight > 0 else -math.inf
        if drawn.token in end:
            return tokens, log_weight
        tokens = (*tokens, drawn.token)
    return None


def _order(log_probs: LogProbs, rng: random.Random) -> tuple[list[int], list[float]]:
    """Tokens in the order of sampling without replacement (Gumbel keys; Efraimidis and Spirakis 2006), and their probabilities."""
    values = np.asarray(log_probs, np.float64)
    possible = np.flatnonzero(values > -np.inf)
    if abs(log_sum_exp(values)) > 1e-3:
        raise ValueError(f"the probabilities add up to {math.exp(log_sum_exp(values)):.4g}, expected 1")
    keys = values[possible] + np.random.Generator(np.random.PCG64(rng.getrandbits(64))).gumbel(size=possible.size)
    order = possible[np.argsort(-keys)]
    return order.tolist(), np.exp(values[order]).tolist()


def _failures(chance: float, rng: random.Random) -> int:
    """How many draws hit what has the probability ``chance`` before one misses it."""
    if not 0 < chance < 1:
        return 0
    return int(math.log(1 - rng.random()) / math.log(chance))
