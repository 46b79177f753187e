"""Exact sampling on a real network: the law of the draws is the model's own within the grammar, computed here by enumeration."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest

from eudoxus.decoding import LlguidanceEngine
from eudoxus.decoding.errors import Unsatisfiable
from eudoxus.decoding.grammar import Choice, Regex
from eudoxus.decoding.local import LocalModel
from eudoxus.decoding.local.errors import Cancelled, TooManyTrials
from eudoxus.decoding.local.exact import Effort, sample_exactly
from eudoxus.decoding.local.law import PLAIN, Sampling
from eudoxus.decoding.local.reading import Prompt, Sessions

GRAMMAR = Choice.of(["aa", "ab", "b", "the"])
FLAT = Sampling(temperature=4.0)


@pytest.fixture(scope="module")
def engine(model: LocalModel) -> LlguidanceEngine:
    return LlguidanceEngine(model.vocabulary)


@pytest.fixture
def prompt(model: LocalModel):
    with Sessions(model).reading(model.directory.prompt([{"role": "user", "content": "which?"}])) as read:
        yield read


def law(prompt: Prompt, sampling: Sampling) -> dict[str, float]:
    """The mass of each text, over all its tokenisations."""
    model, masses = prompt.model, Counter[str]()

    def grow(tokens: list[int], log_prob: float, left: str, whole: str) -> None:
        logits = model.session().feed([*prompt.tokens, *tokens])[-1]
        log_probs = sampling.log_law(logits[: len(model.vocabulary.tokens)])
        if not left:
            masses[whole] += math.exp(log_prob + np.logaddexp.reduce([log_probs[end] for end in model.vocabulary.eos]))
        for token, text in enumerate(model.vocabulary.tokens):
            if text and left.encode().startswith(text):
                grow([*tokens, token], log_prob + log_probs[token], left.encode()[len(text) :].decode(), whole)

    for text in GRAMMAR.values:
        grow([], 0.0, text, text)
    return dict(masses)


def test_draws_have_the_models_own_law_within_the_grammar(prompt: Prompt, engine: LlguidanceEngine):
    masses = law(prompt, FLAT)
    total = sum(masses.values())
    draws = 1500
    made, told = sample_exactly(prompt, random.Random(1), draws, mode="cars", engine=engine, grammar=GRAMMAR, max_tokens=5, sampling=FLAT,
                                effort=Effort(max_trials=50_000))
    seen = Counter(generation.text for generation in made)
    chi2 = sum((seen[text] - draws * mass / total) ** 2 / (draws * mass / total) for text, mass in masses.items())
    assert chi2 < 20, (seen, masses)  # 3 degrees of freedom: exceeded once in 5000 seeds
    assert told["outcome"] == "exact"
    assert abs(told["mass"] - total) < 4 * told["mass_error"] + 1e-9
    assert 0 < told["acceptance"] <= 1
    assert told["forward_passes"] < 100


def test_importance_weights_estimate_the_grammars_mass(prompt: Prompt, engine: LlguidanceEngine):
    total = sum(law(prompt, FLAT).values())
    _, told = sample_exactly(prompt, random.Random(2), 300, mode="is", engine=engine, grammar=GRAMMAR, max_tokens=5, sampling=FLAT)
    assert abs(told["mass"] - total) < 4 * told["mass_error"] + 1e-9
    made, told = sample_exactly(prompt, random.Random(3), 4, mode="smc", engine=engine, grammar=GRAMMAR, max_tokens=5, sampling=FLAT,
                                effort=Effort(particles=200))
    assert total / 3 < told["mass"] < total * 3
    assert len(made) == 4 and all(generation.text in GRAMMAR.values for generation in made)


@pytest.mark.parametrize("mode", ["cars", "asap", "is", "smc"])
def test_every_mode_gives_complete_texts_with_log_probabilities(prompt: Prompt, engine: LlguidanceEngine, mode):
    made, told = sample_exactly(prompt, random.Random(4), 3, mode=mode, engine=engine, grammar=Regex("[a-c]{1,4}!"), max_tokens=8,
                                sampling=FLAT, top_logprobs=1)
    assert told["sampler"] == mode
    for generation in made:
        assert generation.complete and generation.text.endswith("!")
        assert len(generation.logprobs) == len(generation.tokens)
        assert (generation.log_weight is not None) == (mode == "is")


def test_a_limit_of_trials_is_a_typed_error_that_tells_what_to_do(prompt: Prompt, engine: LlguidanceEngine):
    with pytest.raises(TooManyTrials, match="max_trials") as caught:
        sample_exactly(prompt, random.Random(5), 50, mode="cars", engine=engine, grammar=GRAMMAR, max_tokens=5, effort=Effort(max_trials=2))
    assert caught.value.param == "max_trials"


def test_a_grammar_that_the_model_gives_no_probability_is_unsatisfiable(prompt: Prompt, engine: LlguidanceEngine):
    with pytest.raises(Unsatisfiable):
        sample_exactly(prompt, random.Random(6), 1, mode="cars", engine=engine, grammar=GRAMMAR, max_tokens=5, sampling=Sampling(top_k=1))


def test_it_stops_when_told(prompt: Prompt, engine: LlguidanceEngine):
    with pytest.raises(Cancelled):
        sample_exactly(prompt, random.Random(7), 1, mode="cars", engine=engine, grammar=GRAMMAR, max_tokens=5, cancelled=lambda: True,
                       sampling=PLAIN)
