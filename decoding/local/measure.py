"""What a model said about each token beside the token itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from eudoxus.decoding.local.model import Logits, log_softmax
from eudoxus.decoding.vocabulary import Vocabulary
from eudoxus.runtime.chat import Json

CONFIDENCE_OVER = 5
"""Likeliest tokens over which the mean log-probability is taken."""


@dataclass(frozen=True)
class TokenTelemetry:
    """One step. Entropy and varentropy are of the model's own law (before temperature and grammar), in nats and nats squared."""

    entropy: float
    varentropy: float
    mean_top_log_prob: float
    """Mean log-probability of the 5 likeliest tokens: near 0 is impossible, very low means sure (DeepConf, arXiv 2508.15260)."""
    mask_us: float
    """Microseconds for the grammar: reading the token before, and the mask that this one was drawn from."""
    forward_us: float
    """Microseconds of the forward pass whose logits the token was drawn from; for the first token, of nothing."""

    def json(self) -> Json:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def telemetry_of(log_probs: NDArray[np.float64], mask_us: float, forward_us: float) -> TokenTelemetry:
    """From the model's log-probabilities at one step."""
    probabilities = np.exp(log_probs)
    surprise = np.where(probabilities > 0, -log_probs, 0.0)
    entropy = float((probabilities * surprise).sum())
    varentropy = float((probabilities * (surprise - entropy) ** 2).sum())
    top = np.partition(log_probs, -CONFIDENCE_OVER)[-CONFIDENCE_OVER:] if log_probs.size > CONFIDENCE_OVER else log_probs
    return TokenTelemetry(entropy, varentropy, float(top[top > -np.inf].mean()), mask_us, forward_us)


def model_log_probs(vocabulary: Vocabulary, logits: Logits) -> NDArray[np.float64]:
    """Log-probabilities of the model itself over the tokens that exist: padding is left out."""
    return log_softmax(logits[: len(vocabulary.tokens)])


def logprob_entry(vocabulary: Vocabulary, log_probs: NDArray[np.float64], token: int, top: int) -> Json:
    """One entry of ``Completion.logprobs``: the token, and the ``top`` likeliest ones."""
    likeliest = np.argsort(-log_probs, kind="stable")[:top].tolist() if top else []
    return {**_entry(vocabulary, log_probs, token), "top": [_entry(vocabulary, log_probs, other) for other in likeliest]}


def _entry(vocabulary: Vocabulary, log_probs: NDArray[np.float64], token: int) -> Json:
    text = vocabulary.tokens[token]
    return {"token": text.decode(errors="replace"), "bytes": list(text), "logprob": max(float(log_probs[token]), -9999.0)}
