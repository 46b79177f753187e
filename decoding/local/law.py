"""From logits to the law that is sampled: temperature and cut-offs, in the order in which transformers and vLLM apply them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eudoxus.decoding.local.model import log_softmax
from eudoxus.decoding.sampling import LogProbs, draw
from eudoxus.runtime.errors import InvalidRequest


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Raises :class:`InvalidRequest` for what is out of range."""

    temperature: float = 1.0
    """0 takes the likeliest token."""
    top_p: float = 1.0
    """The smallest set of likeliest tokens with at least this mass, above 0 to 1."""
    top_k: int = 0
    """That many likeliest tokens (and those as likely as the last); 0 for all."""
    min_p: float = 0.0
    """Tokens at least this share as likely as the likeliest, 0 to 1."""

    def __post_init__(self) -> None:
        ranges = (
            ("temperature", self.temperature, 0.0 <= self.temperature < math.inf, "a number from 0"),
            ("top_p", self.top_p, 0.0 < self.top_p <= 1.0, "a number above 0 and up to 1"),
            ("top_k", self.top_k, self.top_k >= 0, "a whole number from 0"),
            ("min_p", self.min_p, 0.0 <= self.min_p <= 1.0, "a number from 0 to 1"),
        )
        for name, value, fits, expected in ranges:
            if not fits:
                raise InvalidRequest(f"{name} is {value}, expected {expected}", param=name)

    def log_law(self, logits: NDArray[np.floating]) -> LogProbs:
        """Logarithms of the probabilities with which tokens of these ``logits`` are drawn; minus infinity for what is cut off."""
        if self.temperature == 0:
            law = np.full(logits.shape, -math.inf)
            law[int(np.argmax(logits))] = 0.0
            return law
        law = log_softmax(np.asarray(logits, np.float64) / self.temperature)
        if 0 < self.top_k < law.size:
            law[law < np.partition(law, -self.top_k)[-self.top_k]] = -math.inf
            law = log_softmax(law)
        if self.top_p < 1.0:
            nucleus = _nucleus(law, self.top_p)
            kept = law[nucleus]
            law.fill(-math.inf)
            law[nucleus] = kept
        if self.min_p > 0.0:
            law[law < law.max() + math.log(self.min_p)] = -math.inf
        return log_softmax(law) if self.top_p < 1.0 or self.min_p > 0.0 else law

    def draw(self, logits: NDArray[np.floating], uniform: float) -> int:
        """The place of a token drawn by inversion of one ``uniform`` number of [0, 1)."""
        return int(np.argmax(logits)) if self.temperature == 0 else draw(self.log_law(logits), uniform)


def _nucleus(law: LogProbs, top_p: float) -> NDArray[np.int64]:
    """The likeliest tokens up to the one with which their mass reaches ``top_p``. Few are sorted where few are enough."""
    for size in (256, 4096, law.size):
        first = np.argpartition(-law, size)[:size] if size < law.size else np.arange(law.size)
        order = first[np.argsort(-law[first], kind="stable")]
        mass = np.exp(law[order])
        before = np.cumsum(mass) - mass
        if size >= law.size or before[-1] >= top_p:
            break
    found: NDArray[np.int64] = order[before < top_p]
    return found


PLAIN = Sampling()
"""The model's own law."""
