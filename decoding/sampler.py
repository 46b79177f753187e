"""Samples of a language model within a grammar, by one trie and one number per step.

The target is P_L(x) = P(x)/Z over the token strings x of the grammar L that end within ``max_tokens``, where P is the model's law with its
temperature and cut-offs and Z = P(L). With r = c̃(node)/c̃(as the parent knew it) ≤ 1, at each step

- ``gcd`` ignores r and learns nothing: greedy constrained decoding, the usual masking, with another law than P_L;
- ``asap`` ignores r and learns (Park et al. 2024, arXiv 2405.21047): its law tends to P_L, its samples depend on each other;
- ``cars`` ends the trial with probability 1-r (the law of Parys et al. 2025, arXiv 2510.01902, without drawing the refused tokens):
  accepted samples are independent draws of exactly P_L in any state of the trie, as q(x)·Πr = P(x)/c̃(ε) telescopes;
- ``is`` multiplies r into a weight: importance sampling with an unbiased estimate of Z;
- :meth:`AlignedSampler.particles` resamples by r: sequential Monte Carlo.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from eudoxus.decoding.closing import check_budget
from eudoxus.decoding.engine import GrammarEngine, Matcher
from eudoxus.decoding.errors import Unsatisfiable
from eudoxus.decoding.grammar import as_grammar
from eudoxus.decoding.sampling import LanguageModel, LogProbs, Mode, Outcome, Sample, Samples, Telemetry, Tokens, log_sum_exp
from eudoxus.decoding.trie import Memory, Trie
from eudoxus.decoding.walk import Walk, resampled
from eudoxus.runtime.errors import InvalidParams

Predicate = Callable[[Sample], bool]

@dataclass(frozen=True)
class Trial:
    """How one trial ended; ``sample`` is None where it was rejected. ``z`` is its unbiased estimate of Z, 0 if rejected."""

    sample: Sample | None
    z: float


class AlignedSampler:
    """Draws for one model, prompt and grammar; later draws use what earlier ones learned.

    ``matcher`` at the empty text, made with ``exact=True``, is only forked. ``accept`` is a predicate on finished texts that the grammar
    cannot say; it narrows L. ``distinct``: no text comes twice, which is drawing from P_L without replacement. Several threads may draw at
    once. Calling the model happens outside the lock. Raises :class:`InvalidParams`, :class:`Unsatisfiable`, :class:`ModelChanged`.
    """

    def __init__(
        self,
        model: LanguageModel,
        matcher: Matcher,
        *,
        max_tokens: int,
        accept: Predicate | None = None,
        distinct: bool = False,
        memory: Memory | None = None,
    ) -> None:
        if max_tokens < 0:
            raise InvalidParams(f"max_tokens is {max_tokens}, expected at least 0", param="max_tokens")
        if matcher.consumed:
            raise InvalidParams(f"the matcher has consumed {len(matcher.consumed)} tokens, expected one at the empty text", param="matcher")
        self.model, self.matcher, self.max_tokens = model, matcher, max_tokens
        self.accept, self.distinct = accept, distinct
        self.trie = Trie(matcher.vocabulary.size, memory)
        self.telemetry = Telemetry()
        self.lock = threading.Lock()

    @classmethod
    def of(cls, model: LanguageModel, engine: GrammarEngine, grammar: object, *, max_tokens: int, accept: Predicate | None = None,
           distinct: bool = False, memory: Memory | None = None) -> Self:
        """A sampler for a grammar of ours or of outlines, with every tokenisation allowed. Also raises what the engine raises on load,
        and :class:`BudgetTooSmall` where it is known that no accepted text fits."""
        read = as_grammar(grammar)
        matcher = engine.matcher(read, exact=True)
        check_budget(read, engine.vocabulary, max_tokens)
        return cls(model, matcher, max_tokens=max_tokens, accept=accept, distinct=distinct, memory=memory)

    def samples(
        self,
        n: int,
        rng: random.Random,
        *,
        mode: Mode = "cars",
        max_trials: int = 1000,
        max_forward: int = 1_000_000,
        at_once: int = 1,
    ) -> Samples:
        """``n`` samples, or fewer with the reason why. Limits count from the beginning of this call.

        ``at_once`` trials go on side by side, so that a model that batches can (:meth:`trial` for schedules of one's own). A trial that has
        begun is finished: stopping it would favour short texts. Each trial draws from a generator seeded by ``rng``.
        """
        if n < 1 or at_once < 1:
            raise InvalidParams(f"n is {n} and at_once {at_once}, expected at least 1", param="n" if n < 1 else "at_once")
        found: list[Sample] = []
        trials, limit = 0, self.telemetry.forward_passes + max_forward
        while len(found) < n:
            if self.trie.bound == -math.inf:
                return Samples(tuple(found), "exhausted" if self.trie.emitted_mass else "unsatisfiable")
            width = min(at_once, n - len(found), max_trials - trials)
            if width < 1 or self.telemetry.forward_passes >= limit:
                return Samples(tuple(found), "truncated_budget")
            trials += width
            begun = [self.trial(random.Random(rng.getrandbits(64)), mode) for _ in range(width)]
            found += [trial.sample for trial in self._run(begun) if trial.sample is not None]
        outcome: Outcome = "exact" if mode == "cars" else "approximate"
        return Samples(tuple(found), outcome)

    def draw(self, rng: random.Random, *, mode: Mode = "cars", max_trials: int = 1000) -> Sample:
        """One sample. Raises :class:`Unsatisfiable` where none is left or none came in ``max_trials``."""
        found = self.samples(1, rng, mode=mode, max_trials=max_trials)
        if not found.samples:
            raise Unsatisfiable(f"no sample: {found.outcome} (the model's mass on the grammar is at most {math.exp(self.trie.bound):.3g})")
        return found.samples[0]

    def trial(self, rng: random.Random, mode: Mode = "cars") -> Generator[Tokens, LogProbs, Trial]:
        """One trial as a generator: it yields the tokens whose log-probabilities it needs next, and takes them by ``send``."""
        walk = Walk(self, learns=mode != "gcd")
        reason = ""
        while not walk.ended and not reason:
            ratio = yield from walk.arrive()
            if ratio == -math.inf:
                reason = "dead_end"
            elif mode == "cars" and ratio < 0 and math.log1p(-rng.random()) > ratio:
                reason = "coin"
            else:
                walk.choose(rng)
        with self.lock:
            return self._finish(walk, mode, reason)

    def particles(self, n: int, rng: random.Random, *, threshold: float = 0.5) -> tuple[list[Sample], float]:
        """``n`` weighted samples by sequential Monte Carlo, and log Ẑ of the unbiased estimate of Z (Del Moral 2004).

        Weights are normalised; those of dead particles are left out, so fewer may come back, and none if all died (log Ẑ is minus
        infinity). Systematic resampling where the effective number falls below ``threshold`` times ``n``. Bounds learned before serve as
        the twist; bounds are learned only after the end, as they must not change under the particles.
        """
        if n < 1 or not 0 <= threshold <= 1:
            raise InvalidParams(f"n is {n} and threshold {threshold}, expected from 1, and 0 to 1", param="n" if n < 1 else "threshold")
        if self.distinct:
            raise InvalidParams("particles cannot be drawn without replacement: use samples()", param="distinct")
        walks, dropped = [Walk(self, learns=True) for _ in range(n)], list[Walk]()
        log_z = walks[0].bound
        while any(not walk.ended for walk in walks):
            for walk in (walk for walk in walks if not walk.ended):
                self._drive(walk.arrive())
            walks, lost, gained = resampled(walks, n, threshold, rng)
            dropped += lost
            log_z += gained
            for walk in (walk for walk in walks if not walk.ended):
                walk.choose(rng)
        with self.lock:
            judged = [(self._judged(walk), walk.log_weight) for walk in walks]
            for walk in [*walks, *dropped]:
                walk.trie.back_up(walk.path, tuple(walk.tokens), 0, changed=True)
        kept = [(sample, weight) for sample, weight in judged if sample is not None]
        total = log_sum_exp(np.array([weight for _, weight in kept]))
        return [Sample(s.tokens, s.text, s.log_prob, weight - total) for s, weight in kept], log_z + total - math.log(n)

    def save(self, path: str | Path, key: str) -> None:
        """Write the trie to a ``.npz`` file. ``key`` must name the model, the prompt, the grammar
        (:func:`~eudoxus.decoding.grammar.digest`), the sampling settings and the predicate: a trie of another law gives wrong draws."""
        with self.lock:
            self.trie.save(path, f"{key} max_tokens={self.max_tokens}")

    def load(self, path: str | Path, key: str) -> None:
        """Go on from a saved trie. Raises :class:`ModelChanged` if it was saved under another key."""
        trie = Trie.load(path, f"{key} max_tokens={self.max_tokens}", self.matcher.vocabulary.size, self.trie.memory)
        with self.lock:
            self.trie = trie

    def _run(self, trials: list[Generator[Tokens, LogProbs, Trial]]) -> list[Trial]:
        """All trials side by side, one step of each at a time; results in the order of their beginning, and not of their end."""
        done: dict[int, Trial] = {}
        answers: dict[int, LogProbs | None] = dict.fromkeys(range(len(trials)))
        while answers:
            for at in list(answers):
                try:
                    wanted = trials[at].send(answers[at])  # type: ignore[arg-type]
                    answers[at] = self.model.log_probs(wanted)
                except StopIteration as stop:
                    done[at] = stop.value
                    del answers[at]
        return [done[at] for at in range(len(trials))]

    def _drive(self, steps: Generator[Tokens, LogProbs, float]) -> float:
        try:
            wanted = next(steps)
            while True:
                wanted = steps.send(self.model.log_probs(wanted))
        except StopIteration as stop:
            return float(stop.value)

    def _finish(self, walk: Walk, mode: Mode, reason: str) -> Trial:
        """Learn from a trial and count it. The lock is held."""
        sample = None if reason else self._judged(walk)
        self.telemetry.trials += 1
        self.telemetry.accepted += sample is not None
        self.telemetry.rejected_by_coin += reason == "coin"
        self.telemetry.dead_ends += reason == "dead_end"
        self.telemetry.rejected_by_predicate += not reason and sample is None
        z = 0.0
        if sample is not None:
            z = math.exp(walk.bound + (0.0 if mode == "cars" else walk.log_weight))
            log_weight = walk.bound + walk.log_weight if mode == "is" else 0.0
            sample = Sample(sample.tokens, sample.text, sample.log_prob, log_weight)
        self.telemetry.sum_z += (z := z + walk.emitted_mass)
        self.telemetry.sum_z2 += z * z
        if mode != "gcd":
            walk.trie.back_up(walk.path, tuple(walk.tokens), walk.fresh, changed=not reason)
        return Trial(sample, z)

    def _judged(self, walk: Walk) -> Sample | None:
        """The finished text if it is accepted. What is rejected, or must not come again, loses its end in the trie."""
        end, leaf = self.matcher.vocabulary.size, walk.path[-1][0]
        if leaf.bounds.get(end) == -math.inf and walk.learns:
            return None  # drawn by another trial since this one read the bounds
        tokens = tuple(walk.tokens)
        sample = Sample(tokens, self.matcher.vocabulary.decode(tokens), walk.log_prob)
        accepted = self.accept is None or self.accept(sample)
        if walk.learns and (not accepted or self.distinct):
            leaf.lower(end, -math.inf)
            walk.trie.emitted_mass += math.exp(sample.log_prob) if accepted else 0.0
        return sample if accepted else None
