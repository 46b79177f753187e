"""A language model small enough to know everything about: its law, restricted to any language, is computed by enumeration."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np

from eudoxus.decoding.apply import mask_of
from eudoxus.decoding.engine import TextSoFar
from eudoxus.decoding.sampler import AlignedSampler
from eudoxus.decoding.sampling import allowed_log_probs
from eudoxus.decoding.vocabulary import Vocabulary

Law = dict[tuple[int, ...], float]


class ToyModel:
    """An order-2 model with random probabilities; after ``longest`` tokens it ends for sure. Counts how often it is asked."""

    def __init__(self, vocabulary: Vocabulary, longest: int, seed: int = 0, concentration: float = 0.5) -> None:
        self.vocabulary, self.longest, self.calls = vocabulary, longest, 0
        self.rng = np.random.Generator(np.random.PCG64(seed))
        self.concentration = concentration
        self.rows: dict[tuple[int, ...], np.ndarray] = {}

    def log_probs(self, tokens: tuple[int, ...]) -> np.ndarray:
        self.calls += 1
        if len(tokens) >= self.longest:
            row = np.zeros(self.vocabulary.size)
            row[list(self.vocabulary.eos)] = 1 / len(self.vocabulary.eos)
        else:
            row = self.row(tokens[-2:])
        with np.errstate(divide="ignore"):
            return np.log(row)

    def row(self, context: tuple[int, ...]) -> np.ndarray:
        if context not in self.rows:  # the row depends on the context alone, not on the order of asking
            seed = [int(self.concentration * 100), *(token + 1 for token in context), self.vocabulary.size]
            rng = np.random.Generator(np.random.PCG64(seed))
            row = rng.dirichlet(np.full(self.vocabulary.size, self.concentration))
            row[list(self.vocabulary.eos)] *= 0.1 if len(context) < 2 else 0.6  # else the shortest text would be almost all of the law
            self.rows[context] = row / row.sum()
        return self.rows[context]


class SkewModel(ToyModel):
    """Lures a greedy constrained decoder: the first 1 is almost sure, but then only 20 % of each further token fit."""

    def log_probs(self, tokens: tuple[int, ...]) -> np.ndarray:
        self.calls += 1
        lured = tokens[:1] == (1,)
        return np.log([0.12, 0.08, 0.75, 0.05] if lured else [0.9, 0.02, 0.03, 0.05] if tokens else [0.001, 0.9, 0.049, 0.05])


def texts(sampler: AlignedSampler) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every text of the language within the budget, with the model's log-probability."""
    yield from _texts(sampler, (), 0.0)


def _texts(sampler: AlignedSampler, tokens: tuple[int, ...], log_prob: float) -> Iterator[tuple[tuple[int, ...], float]]:
    for token, value in zip(*arrays(sampler, tokens), strict=True):
        if token == sampler.matcher.vocabulary.size:
            yield tokens, log_prob + value
        else:
            yield from _texts(sampler, (*tokens, token), log_prob + value)


def arrays(sampler: AlignedSampler, tokens: tuple[int, ...]) -> tuple[list[int], list[float]]:
    matcher = sampler.matcher.fork()
    for token in tokens:
        matcher.consume(token)
    only_end = len(tokens) >= sampler.max_tokens
    allowed = allowed_log_probs(matcher.vocabulary, matcher, sampler.model.log_probs(tokens), only_end=only_end)
    return allowed.tokens.tolist(), allowed.log_probs.tolist()


def target(sampler: AlignedSampler) -> tuple[Law, float]:
    """P_L and Z, by enumeration."""
    law = {tokens: math.exp(value) for tokens, value in texts(sampler)}
    z = math.fsum(law.values())
    return {tokens: p / z for tokens, p in law.items()}, z


def future_mass(sampler: AlignedSampler) -> Law:
    """c(w) of every viable prefix, by enumeration."""
    masses: Law = {}

    def visit(tokens: tuple[int, ...]) -> float:
        mass = 0.0
        for token, value in zip(*arrays(sampler, tokens), strict=True):
            mass += math.exp(value) * (1.0 if token == sampler.matcher.vocabulary.size else visit((*tokens, token)))
        masses[tokens] = mass
        return mass

    visit(())
    return masses


def proposal(sampler: AlignedSampler) -> dict[tuple[int, ...], tuple[float, float]]:
    """log q(x) and log Πr of every text in the present state of the trie, by recursion: no sampling noise."""
    found: dict[tuple[int, ...], tuple[float, float]] = {}
    end = sampler.matcher.vocabulary.size

    def visit(tokens: tuple[int, ...], log_q: float, log_r: float, known: float) -> None:
        node = sampler.trie.find(tokens)
        bounds = node.bounds if node else {}
        allowed, values = arrays(sampler, tokens)
        weights = [value + bounds.get(token, 0.0) for token, value in zip(allowed, values, strict=True)]
        total = math.log(sum(math.exp(w) for w in weights)) if any(w > -math.inf for w in weights) else -math.inf
        for token, weight in zip(allowed, weights, strict=True):
            if weight == -math.inf:
                continue
            if token == end:
                found[tokens] = (log_q + weight - total, log_r + total - known)
            else:
                visit((*tokens, token), log_q + weight - total, log_r + total - known, bounds.get(token, 0.0))

    visit((), 0.0, 0.0, sampler.trie.bound)
    return found


def total_variation(one: Law, other: Law) -> float:
    return sum(abs(one.get(x, 0.0) - other.get(x, 0.0)) for x in one.keys() | other.keys()) / 2


def divergence(law: Law, sampler: AlignedSampler) -> float:
    """KL(P_L‖q) in nats, for the proposal in the present state."""
    q = proposal(sampler)
    return sum(p * (math.log(p) - q[x][0]) for x, p in law.items() if p > 0)


def frequencies(drawn: list[tuple[int, ...]]) -> Law:
    counts: Law = {}
    for x in drawn:
        counts[x] = counts.get(x, 0.0) + 1 / len(drawn)
    return counts


def chi_square(drawn: list[tuple[int, ...]], law: Law, least: float = 5.0) -> float:
    """χ² per degree of freedom, texts with few expected draws pooled."""
    n, observed = len(drawn), frequencies(drawn)
    assert observed.keys() <= law.keys()
    cells = [(observed.get(x, 0.0) * n, p * n) for x, p in law.items() if p * n >= least]
    rare = (n - sum(o for o, _ in cells), n - sum(e for _, e in cells))
    if rare[1] >= least:
        cells.append(rare)
    return sum((o - e) ** 2 / e for o, e in cells) / (len(cells) - 1)


class Blind(TextSoFar):
    """A matcher for a finite or decidable language given as two predicates on token strings; the fastest matcher for tests."""

    def __init__(self, vocabulary, viable, complete, consumed=()):
        super().__init__(vocabulary, consumed)
        self.viable, self.complete = viable, complete

    def mask(self):
        if self.finished:
            return self._nothing()
        so_far = self.consumed
        tokens = [t for t, text in enumerate(self.vocabulary.tokens) if text and self.viable((*so_far, t))]
        return mask_of([*tokens, *(self.vocabulary.eos if self._complete() else ())], self.vocabulary.size)

    def fork(self):
        return Blind(self.vocabulary, self.viable, self.complete, self.consumed)

    def _advance(self, token):
        return self.viable((*self.consumed, token))

    def _retreat(self, tokens):
        pass

    def _complete(self):
        return self.complete(self.consumed)


BITS = Vocabulary.from_list(["0", "1", "x", "<end>"], eos=3)
PARENS = Vocabulary.from_list(["(", ")", "<end>"], eos=2)


def skew5() -> AlignedSampler:
    """0⁵ or 1{0,1}⁴: 17 texts; the one with almost a third of the mass a greedy constrained decoder hardly ever says."""

    def viable(w):
        return len(w) <= 5 and 2 not in w and (w[0] == 1 or set(w) <= {0})

    return AlignedSampler(SkewModel(BITS, 9), Blind(BITS, viable, lambda w: len(w) == 5 and viable(w)), max_tokens=5)


def depth(w: tuple[int, ...]) -> int:
    """How many brackets are open, -1 if one closed too many."""
    level = 0
    for t in w:
        level += 1 - 2 * t
        if level < 0:
            return -1
    return level


def brackets(*, length_aware: bool = True, longest: int = 8, **options) -> AlignedSampler:
    """Balanced brackets of at most ``longest`` tokens; a mask that ignores the length runs into dead ends."""

    def viable(w):
        return depth(w) >= 0 and (not length_aware or len(w) + depth(w) <= longest)

    return AlignedSampler(ToyModel(PARENS, longest + 3, concentration=3.0), Blind(PARENS, viable, lambda w: depth(w) == 0),
                          max_tokens=longest, **options)


CASES = {"skew5": skew5, "brackets": brackets, "brackets, mask blind to the length": lambda: brackets(length_aware=False)}


def seeded(seed: int) -> random.Random:
    return random.Random(seed)
