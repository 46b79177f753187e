"""What the samplers are told and what they answer: the model's side, one trial, its samples, and how it went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from eudoxus.decoding.apply import allowed_tokens
from eudoxus.decoding.engine import Matcher
from eudoxus.decoding.errors import ModelChanged
from eudoxus.decoding.vocabulary import Vocabulary

LogProbs = NDArray[np.floating[Any]]
Tokens = tuple[int, ...]
Mode = Literal["gcd", "asap", "cars", "is"]
Outcome = Literal["exact", "approximate", "truncated_budget", "exhausted", "unsatisfiable"]


class LanguageModel(Protocol):
    """A model with its prompt and its sampling settings: what it says next is a function of the tokens so far alone."""

    def log_probs(self, tokens: Tokens) -> LogProbs:
        """Logarithms of the probabilities of each token of the vocabulary after ``tokens``, with temperature, top-p and top-k applied.

        Shape ``(vocabulary size,)``; minus infinity is legal. The same tokens must always get the same answer.
        """


@dataclass(frozen=True)
class Sample:
    """One text. ``log_prob`` is the model's own, of the text and its end; ``log_weight`` is 0 for draws that need no weight.

    The weight of importance sampling is P(text)/q(text), whose mean is the model's mass on the grammar.
    """

    tokens: Tokens
    text: bytes
    log_prob: float
    log_weight: float = 0.0


@dataclass
class Telemetry:
    """What the samples cost and what the trials say about the model. Counts add up over the sampler's life."""

    trials: int = 0
    accepted: int = 0
    forward_passes: int = 0
    rejected_by_coin: int = 0
    dead_ends: int = 0
    rejected_by_predicate: int = 0
    sum_z: float = field(default=0.0, repr=False)
    sum_z2: float = field(default=0.0, repr=False)

    @property
    def acceptance(self) -> float:
        """Share of trials that gave a sample; NaN before the first."""
        return self.accepted / self.trials if self.trials else math.nan

    @property
    def mass(self) -> float:
        """Unbiased estimate of Z, the probability that the model alone would say something allowed; NaN before the first trial."""
        return self.sum_z / self.trials if self.trials else math.nan

    @property
    def mass_error(self) -> float:
        """Standard error of :attr:`mass`; NaN before the second trial."""
        if self.trials < 2:
            return math.nan
        variance = max(0.0, self.sum_z2 / self.trials - self.mass**2) * self.trials / (self.trials - 1)
        return math.sqrt(variance / self.trials)


@dataclass(frozen=True)
class Samples:
    """The samples in the order in which their trials began, and why there are not more.

    ``exact``: as many as asked, independent draws of the model's law within the grammar (or, asked for distinct ones, without
    replacement). ``approximate``: as many as asked, by a mode whose law is another or tends to it. ``truncated_budget``: ``max_trials`` or
    ``max_forward`` was reached. ``exhausted``: every text was drawn. ``unsatisfiable``: the model says no text of the grammar.
    """

    samples: tuple[Sample, ...]
    outcome: Outcome


@dataclass(frozen=True)
class Allowed:
    """The tokens allowed after a prefix with the model's log-probabilities; the end of the text is one token, ``vocabulary.size``."""

    tokens: NDArray[np.int32]
    log_probs: LogProbs


def allowed_log_probs(vocabulary: Vocabulary, matcher: Matcher, log_probs: LogProbs, *, only_end: bool) -> Allowed:
    """What grammar and model together say after the text that ``matcher`` has consumed.

    Several end tokens are one way to end, with their probabilities added up. ``only_end``: the budget of tokens is spent.
    Raises :class:`ModelChanged` if the model's answer has another shape.
    """
    if log_probs.shape != (vocabulary.size,):
        raise ModelChanged(f"the model gave log-probabilities of the shape {log_probs.shape}, expected ({vocabulary.size},)")
    end = log_sum_exp(log_probs[list(vocabulary.eos)]) if matcher.accepting else -math.inf
    if only_end:
        tokens = np.empty(0, np.int64)
    else:
        tokens = allowed_tokens(matcher.mask(), vocabulary.size)
        tokens = tokens[~np.isin(tokens, vocabulary.eos)]
    found = log_probs[tokens]
    if np.isnan(found).any() or math.isnan(end):
        raise ModelChanged("the model gave a log-probability that is not a number")
    possible = found > -math.inf
    tokens, found = tokens[possible], found[possible]
    if end > -math.inf:
        tokens, found = np.append(tokens, vocabulary.size), np.append(found, np.asarray(end, found.dtype))
    return Allowed(tokens.astype(np.int32), found)


def log_sum_exp(values: LogProbs) -> float:
    """log Σ exp(values) in double precision; minus infinity for none."""
    if not values.size:
        return -math.inf
    highest = float(values.max())
    if highest == -math.inf:
        return highest
    return highest + math.log(float(np.exp(np.asarray(values, np.float64) - highest).sum()))


def draw(weights: LogProbs, uniform: float) -> int:
    """A position with probability proportional to ``exp(weights)``, by inversion of one ``uniform`` number of [0, 1)."""
    cumulated = np.cumsum(np.exp(np.asarray(weights, np.float64) - float(weights.max())))
    at = int(np.searchsorted(cumulated, uniform * cumulated[-1], side="right"))
    while at >= weights.size or weights[at] == -math.inf:  # a rounding error must not select what is impossible
        at = at - 1 if at else int(np.argmax(weights))
    return at


def text_of(vocabulary: Vocabulary, tokens: Sequence[int]) -> bytes:
    """The bytes of a sampled text."""
    return vocabulary.decode(tokens)
