"""Metropolis-Hastings towards the model's law within the grammar, proposing by greedy constrained decoding.

Gonzalez et al. 2025 (arXiv 2506.05754). Every text is grammatical, and the law after k steps tends to the target as k grows. For one sample
of a prompt that never comes again; a trap of greedy decoding traps the chain, too, which the trie methods escape.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eudoxus.decoding.engine import Matcher
from eudoxus.decoding.errors import Unsatisfiable
from eudoxus.decoding.sampling import Allowed, LanguageModel, Sample, Tokens, allowed_log_probs, draw, log_sum_exp

Proposal = Literal["restart", "prefix", "priority"]


@dataclass(frozen=True)
class Steps:
    """A finished text step by step: at each log P of the token, log P of all allowed ones, and their entropy in nats."""

    tokens: Tokens
    log_probs: tuple[float, ...]
    log_allowed: tuple[float, ...]
    entropies: tuple[float, ...]

    def log_prob(self, start: int = 0) -> float:
        """log P of what comes from the step ``start`` on, the end with it."""
        return sum(self.log_probs[start:])

    def log_proposal(self, start: int = 0) -> float:
        """log q of the same under greedy constrained decoding."""
        return self.log_prob(start) - sum(self.log_allowed[start:])

    def cuts(self, proposal: Proposal) -> list[float]:
        """With what probability a proposal keeps the first 0, 1, … tokens and draws the rest anew."""
        steps = len(self.log_probs)
        if proposal == "restart":
            return [1.0, *[0.0] * (steps - 1)]
        weights = [1.0] * steps if proposal == "prefix" else [math.expm1(entropy) for entropy in self.entropies]
        total = sum(weights)
        return [weight / total for weight in weights] if total > 0 else [1.0, *[0.0] * (steps - 1)]


class Chain:
    """A Markov chain of texts. ``matcher`` at the empty text, made with ``exact=True``, is only forked.

    Raises :class:`Unsatisfiable` if the first text is not found within ``tries``.
    """

    def __init__(
        self, model: LanguageModel, matcher: Matcher, *, max_tokens: int, proposal: Proposal = "priority", tries: int = 100
    ) -> None:
        self.model, self.matcher, self.max_tokens, self.proposal, self.tries = model, matcher, max_tokens, proposal, tries
        self._known: dict[Tokens, Allowed] = {}

    def sample(self, rng: random.Random, steps: int) -> Sample:
        """The text after ``steps`` proposals."""
        text = next((found for _ in range(self.tries) if (found := self._continue((), rng))), None)
        if text is None:
            raise Unsatisfiable(f"no finished text in {self.tries} tries of at most {self.max_tokens} tokens")
        for _ in range(steps):
            text = self.step(text, rng)
        return Sample(text.tokens, self.matcher.vocabulary.decode(text.tokens), text.log_prob())

    def step(self, text: Steps, rng: random.Random) -> Steps:
        """One proposal, accepted with the probability of Metropolis and Hastings; a dead end is a rejected one."""
        cut = rng.choices(range(len(text.log_probs)), weights=text.cuts(self.proposal))[0]
        proposed = self._continue(text.tokens[:cut], rng)
        if proposed is None or proposed.tokens == text.tokens:
            return text
        return proposed if math.log1p(-rng.random()) < self.log_acceptance(text, proposed) else text

    def log_acceptance(self, text: Steps, proposed: Steps) -> float:
        """log of the ratio P(x')q(x|x') / P(x)q(x'|x), at most 0."""
        ratio = proposed.log_prob() - text.log_prob() + self.log_transition(proposed, text) - self.log_transition(text, proposed)
        return min(0.0, ratio)

    def log_transition(self, text: Steps, proposed: Steps) -> float:
        """log q(proposed | text): every cut within the common prefix leads there."""
        common = 0
        while common < min(len(text.tokens), len(proposed.tokens)) and text.tokens[common] == proposed.tokens[common]:
            common += 1
        cuts = text.cuts(self.proposal)[: common + 1]
        return log_sum_exp(np.array([math.log(c) + proposed.log_proposal(at) if c > 0 else -math.inf for at, c in enumerate(cuts)]))

    def measure(self, tokens: Tokens) -> Steps:
        """The steps of a given text with its end. Raises :class:`TokenRefused` if the grammar does not allow it."""
        end = self.matcher.vocabulary.size
        return _steps(tokens, [(self._allowed(tokens[:at]), token) for at, token in enumerate((*tokens, end))])

    def _continue(self, tokens: Tokens, rng: random.Random) -> Steps | None:
        path = [(self._allowed(tokens[:at]), token) for at, token in enumerate(tokens)]
        while True:
            allowed = self._allowed(tokens)
            if not allowed.tokens.size:
                return None
            token = int(allowed.tokens[draw(allowed.log_probs, rng.random())])
            path.append((allowed, token))
            if token == self.matcher.vocabulary.size:
                return _steps(tokens, path)
            tokens = (*tokens, token)

    def _allowed(self, tokens: Tokens) -> Allowed:
        if tokens not in self._known:
            matcher = self.matcher.fork()
            for token in tokens:
                matcher.consume(token)
            log_probs = self.model.log_probs(tokens)
            self._known[tokens] = allowed_log_probs(matcher.vocabulary, matcher, log_probs, only_end=len(tokens) >= self.max_tokens)
        return self._known[tokens]


def _steps(tokens: Tokens, path: list[tuple[Allowed, int]]) -> Steps:
    log_probs, totals, entropies = [], [], []
    for allowed, token in path:
        total = log_sum_exp(allowed.log_probs)
        shares = np.asarray(allowed.log_probs, np.float64) - total
        log_probs.append(float(allowed.log_probs[np.searchsorted(allowed.tokens, token)]))
        totals.append(total)
        entropies.append(float(-(np.exp(shares) * shares).sum()))
    return Steps(tokens, tuple(log_probs), tuple(totals), tuple(entropies))
