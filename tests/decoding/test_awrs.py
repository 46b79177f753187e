"""Adaptive weighted rejection sampling draws exact tokens with unbiased weights, and asks the predicate seldom."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.decoding.awrs import awrs, awrs_geometric, weighted_text
from eudoxus.decoding.errors import Unsatisfiable
from tests.decoding.toy import PARENS, ToyModel, brackets, chi_square, depth, target

METHODS = [awrs, awrs_geometric]


def law(size: int, seed: int = 0) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).dirichlet(np.full(size, 0.3))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("accepted", [range(0, 3000, 3), range(7, 60), range(100, 900)], ids=["a third", "few", "many"])
def test_the_weight_is_unbiased(method, accepted):
    p, fits = law(3000), set(accepted)
    mass = p[list(accepted)].sum()
    rng = random.Random(3)
    with np.errstate(divide="ignore"):
        drawn = [method(np.log(p), fits.__contains__, rng) for _ in range(250)]
    weights = np.array([d.weight for d in drawn])
    assert abs(weights.mean() - mass) <= 4 * weights.std(ddof=1) / math.sqrt(len(weights)) + 1e-12
    assert all(d.token in fits and d.calls <= 3000 for d in drawn)


@pytest.mark.parametrize("method", METHODS)
def test_the_token_is_an_exact_draw_among_the_accepted(method):
    p, fits, rng = law(12, seed=1), {1, 4, 5, 9, 10}, random.Random(1)
    drawn = [(method(np.log(p), fits.__contains__, rng).token,) for _ in range(3000)]
    assert chi_square(drawn, {(t,): p[t] / sum(p[list(fits)]) for t in fits}) < 2.5


def test_likely_tokens_are_tried_first():
    p = law(3000)
    calls = [awrs(np.log(p), lambda token: token % 3 == 0, random.Random(seed)).calls for seed in range(50)]
    assert sum(calls) / len(calls) < 12


@pytest.mark.parametrize("method", METHODS)
def test_a_predicate_that_rejects_everything_is_unsatisfiable(method):
    with pytest.raises(Unsatisfiable):
        method(np.log(law(20)), lambda token: False, random.Random(0))


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_that_do_not_add_up_are_refused(method):
    with pytest.raises(ValueError, match="add up"):
        method(np.log(law(20)) - 1, lambda token: True, random.Random(0))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 30), fits=st.sets(st.integers(0, 29), min_size=1), method=st.sampled_from(METHODS))
def test_an_accepted_token_fits_and_weighs_between_0_and_1(seed, size, fits, method):
    fits = {token % size for token in fits}
    drawn = method(np.log(np.full(size, 1 / size)), fits.__contains__, random.Random(seed))
    assert drawn.token in fits and 0 <= drawn.weight <= 1 and drawn.calls <= size
    if len(fits) == size:
        assert drawn.weight == 1


def test_the_weights_of_whole_texts_estimate_the_mass_of_the_language():
    sampler = brackets(longest=6)
    _, z = target(sampler)

    def fits(tokens, token):
        return (depth(tokens) == 0) if token == 2 else 0 <= depth((*tokens, token)) <= 6 - len(tokens) - 1

    rng = random.Random(5)
    found = [weighted_text(ToyModel(PARENS, 9, concentration=3.0), fits, (2,), rng, 6) for _ in range(700)]
    weights = np.array([math.exp(text[1]) if text else 0.0 for text in found])
    assert abs(weights.mean() - z) <= 4 * weights.std(ddof=1) / math.sqrt(len(weights))
