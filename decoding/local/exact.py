"""Exact and weighted sampling on a model in this process, by the samplers of :mod:`eudoxus.decoding.sampler`."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eudoxus.decoding.engine import GrammarEngine
from eudoxus.decoding.errors import Unsatisfiable
from eudoxus.decoding.grammar import Grammar
from eudoxus.decoding.local.errors import Cancelled, TooManyTrials
from eudoxus.decoding.local.generate import Generation
from eudoxus.decoding.local.law import PLAIN, Sampling
from eudoxus.decoding.local.measure import logprob_entry, model_log_probs
from eudoxus.decoding.local.model import common_prefix
from eudoxus.decoding.local.reading import Prompt
from eudoxus.decoding.sampler import AlignedSampler
from eudoxus.decoding.sampling import LogProbs, Sample, Tokens
from eudoxus.decoding.trie import Memory
from eudoxus.runtime.chat import Json

ExactMode = Literal["cars", "asap", "is", "smc"]
AT_A_TIME = 64
"""Trials between two looks at whether anybody still waits: those through a known part of the trie ask the model nothing."""
MEMORY = Memory(policy="sparse", most_numbers=4_000_000)


@dataclass(frozen=True)
class Effort:
    """What exact sampling may cost."""

    max_trials: int = 1000
    """Trials for all answers together."""
    particles: int = 16
    """Texts that ``smc`` develops side by side."""


USUAL = Effort()


class PromptedModel:
    """The model after a prompt, as the samplers ask it: a :class:`~eudoxus.decoding.sampling.LanguageModel`.

    Tokens are fed one by one, so that the same tokens get the same answer to the last bit.
    """

    def __init__(self, prompt: Prompt, sampling: Sampling, cancelled: Callable[[], bool]) -> None:
        self.prompt, self.sampling, self.cancelled = prompt, sampling, cancelled

    def log_probs(self, tokens: Tokens) -> LogProbs:
        if self.cancelled():
            raise Cancelled
        session, before = self.prompt.session, len(self.prompt.tokens)
        logits = self.prompt.logits
        if tokens:
            kept = min(common_prefix(session.tokens[before:], tokens), len(tokens) - 1)
            session.rollback(before + kept)
            for token in tokens[kept:]:
                logits = session.feed([token])[-1]
        vocabulary = self.prompt.model.vocabulary
        law = np.full(vocabulary.size, -math.inf)
        law[: len(vocabulary.tokens)] = self.sampling.log_law(logits[: len(vocabulary.tokens)])
        return law


def sample_exactly(
    prompt: Prompt,
    rng: random.Random,
    n: int,
    *,
    mode: ExactMode,
    engine: GrammarEngine,
    grammar: Grammar,
    max_tokens: int,
    sampling: Sampling = PLAIN,
    effort: Effort = USUAL,
    cancelled: Callable[[], bool] = lambda: False,
    top_logprobs: int | None = None,
) -> tuple[list[Generation], Json]:
    """``n`` answers within ``grammar``, and what sampling them told: law of the draws, acceptance, estimate of the grammar's mass.

    Raises :class:`Unsatisfiable`, :class:`TooManyTrials`, :class:`Cancelled`, and what the engine raises on load.
    """
    room = min(max_tokens, prompt.model.context - len(prompt.tokens))
    model = PromptedModel(prompt, sampling, cancelled)
    sampler = AlignedSampler.of(model, engine, grammar, max_tokens=room, memory=MEMORY)
    samples, told = _particles(sampler, n, rng, effort) if mode == "smc" else _trials(sampler, n, rng, mode, effort, cancelled)
    made = [
        Generation(s.text.decode(errors="replace"), list(s.tokens), complete=True, log_weight=s.log_weight if mode == "is" else None)
        for s in samples
    ]
    if top_logprobs is not None:
        for generation in made:
            generation.logprobs = _scored(prompt, generation.tokens, top_logprobs)
    return made, {"sampler": mode, **told}


def _trials(sampler: AlignedSampler, n: int, rng: random.Random, mode: Literal["cars", "asap", "is"], effort: Effort,
            cancelled: Callable[[], bool]) -> tuple[list[Sample], Json]:
    found, seen, outcome = list[Sample](), sampler.telemetry, "truncated_budget"
    while len(found) < n and seen.trials < effort.max_trials:
        if cancelled():
            raise Cancelled
        some = sampler.samples(n - len(found), rng, mode=mode, max_trials=min(AT_A_TIME, effort.max_trials - seen.trials))
        found += some.samples
        outcome = some.outcome
        if outcome in ("exhausted", "unsatisfiable"):
            break
    if len(found) < n:
        if outcome == "truncated_budget":
            raise TooManyTrials(f"{mode} gave {len(found)} of {n} texts in {seen.trials} trials (the model's mass on the grammar "
                                f"is about {seen.mass:.3g}): allow more max_trials, or ask for the sampler asap or gcd", param="max_trials")
        raise Unsatisfiable(f"the model gives no text of this grammar within max_tokens any probability ({outcome})", param="grammar")
    told: Json = {"outcome": outcome, "trials": seen.trials, "forward_passes": seen.forward_passes,
                  "acceptance": seen.acceptance, "mass": seen.mass, "mass_error": None if seen.trials < 2 else seen.mass_error}
    return found, told


def _particles(sampler: AlignedSampler, n: int, rng: random.Random, effort: Effort) -> tuple[list[Sample], Json]:
    """Draws from the weighted particles, by their weights."""
    found, log_z = sampler.particles(max(n, effort.particles), rng)
    if not found:
        raise TooManyTrials("all particles died before the end of a text: ask for more particles, or for the sampler asap or gcd",
                            param="particles")
    chosen = rng.choices(found, [math.exp(sample.log_weight) for sample in found], k=n)
    told: Json = {"outcome": "approximate", "particles": max(n, effort.particles), "alive": len(found), "mass": math.exp(log_z),
                  "forward_passes": sampler.telemetry.forward_passes}
    return chosen, told


def _scored(prompt: Prompt, tokens: list[int], top: int) -> list[Json]:
    """The model's own log-probabilities of an answer."""
    prompt.restart()
    vocabulary = prompt.model.vocabulary
    rows = [prompt.logits, *(prompt.session.feed(tokens, last=len(tokens))[:-1] if tokens else ())]
    return [logprob_entry(vocabulary, model_log_probs(vocabulary, row), token, top) for row, token in zip(rows, tokens, strict=False)]
