"""One way of a sampler down its trie."""

from __future__ import annotations

import math
import random
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np

from eudoxus.decoding.engine import Matcher
from eudoxus.decoding.errors import ModelChanged
from eudoxus.decoding.sampling import Allowed, LogProbs, Tokens, allowed_log_probs, draw, log_sum_exp
from eudoxus.decoding.trie import Node

if TYPE_CHECKING:
    from eudoxus.decoding.sampler import AlignedSampler

TOLERANCE = 1e-6
"""A bound may grow by this much (in the logarithm) through rounding before the model counts as changed."""


class Walk:
    """One way down the trie. Every bound is read once and used both for choosing and for r: that keeps parallel trials exact."""

    def __init__(self, sampler: AlignedSampler, *, learns: bool) -> None:
        self.sampler, self.learns = sampler, learns
        with sampler.lock:
            self.trie = sampler.trie
            self.node = self.trie.root
            self.bound = self.known = self.trie.bound if learns else 0.0
            self.emitted_mass = self.trie.emitted_mass if learns else 0.0
        self.path: list[tuple[Node, Allowed]] = []
        self.tokens: list[int] = []
        self.weights: LogProbs = np.empty(0)
        self.log_weight = self.log_prob = 0.0
        self.fresh = sampler.max_tokens + 1
        self.ended = False
        self.matcher: Matcher | None = None

    def arrive(self) -> Generator[Tokens, LogProbs, float]:
        """Look at the present node, asking the model if need be; log r."""
        sampler = self.sampler
        with sampler.lock:
            allowed = self.trie.visit(self.node)
        if allowed is None:
            log_probs = yield tuple(self.tokens)
            matcher = self._matcher_here()
            allowed = allowed_log_probs(matcher.vocabulary, matcher, log_probs, only_end=len(self.tokens) >= sampler.max_tokens)
            with sampler.lock:
                sampler.telemetry.forward_passes += 1
                allowed = self.trie.keep(self.node, allowed)
        with sampler.lock:
            self.weights = self.node.weights(allowed) if self.learns else allowed.log_probs
        total = log_sum_exp(self.weights)
        ratio = total - self.known if total > -math.inf else -math.inf
        if ratio > TOLERANCE:
            raise ModelChanged(f"the model gives the continuations of {self.tokens} {ratio:.2g} more log-mass than before, or than 1")
        ratio = min(ratio, 0.0)
        if ratio < 0:
            self.fresh = min(self.fresh, len(self.path))
        self.path.append((self.node, allowed))
        self.log_weight += ratio
        return ratio

    def choose(self, rng: random.Random) -> None:
        """Go on by one token, or end."""
        at = draw(self.weights, rng.random())
        _, allowed = self.path[-1]
        token = int(allowed.tokens[at])
        self.log_prob += float(allowed.log_probs[at])
        if token == self.sampler.matcher.vocabulary.size:
            self.ended = True
            return
        self.known = float(self.weights[at] - allowed.log_probs[at]) if self.learns else 0.0
        self.tokens.append(token)
        with self.sampler.lock:
            self.node = self.node.children.setdefault(token, Node())

    def _matcher_here(self) -> Matcher:
        """The matcher after the tokens so far; kept nodes need none, so it catches up only here."""
        if self.matcher is None:
            with self.sampler.lock:
                self.matcher = self.sampler.matcher.fork()
        for token in self.tokens[len(self.matcher.consumed) :]:
            self.matcher.consume(token)
        return self.matcher

    def twin(self) -> Walk:
        """An independent copy, for resampling."""
        other = object.__new__(Walk)
        other.__dict__.update(self.__dict__, path=self.path[:], tokens=self.tokens[:], matcher=self.matcher and self.matcher.fork())
        return other


def resampled(walks: list[Walk], count: int, threshold: float, rng: random.Random) -> tuple[list[Walk], list[Walk], float]:
    """Systematic resampling to ``count`` walks where the effective number of them is below ``threshold`` times ``count``.

    Returns the walks to go on with, those dropped, and what log Ẑ gains: the log of the mean weight, as weights then begin anew.
    """
    weights = np.array([walk.log_weight for walk in walks])
    total = log_sum_exp(weights)
    if total == -math.inf:
        return [], walks, -math.inf
    shares = np.exp(weights - total)
    if 1 / float((shares**2).sum()) >= threshold * count:
        alive = [walk for walk in walks if walk.log_weight > -math.inf]
        return alive, [walk for walk in walks if walk.log_weight == -math.inf], 0.0
    points = (np.arange(count) + rng.random()) / count
    chosen = np.searchsorted(np.cumsum(shares) / shares.sum(), points, side="right")
    copies = np.bincount(np.minimum(chosen, len(walks) - 1), minlength=len(walks))
    kept: list[Walk] = []
    for walk, times in zip(walks, copies.tolist(), strict=True):
        if times:
            walk.log_weight = 0.0
            kept += [walk, *(walk.twin() for _ in range(times - 1))]
    return kept, [walk for walk, times in zip(walks, copies.tolist(), strict=True) if not times], total - math.log(count)
