"""Temperature and cut-offs do what their names say, and what is out of range is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.decoding.local.law import PLAIN, Sampling
from eudoxus.decoding.local.measure import telemetry_of
from eudoxus.runtime.errors import InvalidRequest

LOGITS = st.lists(st.floats(-20, 20), min_size=1, max_size=12, unique=True).map(np.array)


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


@given(LOGITS, st.floats(0.1, 2), st.integers(0, 13), st.floats(0.01, 1), st.floats(0, 1))
def test_the_law_is_what_a_plain_loop_says(logits: np.ndarray, temperature: float, top_k: int, top_p: float, min_p: float):
    kept = softmax(logits / temperature)
    order = sorted(range(len(kept)), key=lambda i: -kept[i])
    if top_k:
        kept = np.where(np.isin(np.arange(len(kept)), order[:top_k]), kept, 0)
    kept /= kept.sum()
    mass, chosen = 0.0, []
    for i in order:
        if mass >= top_p:
            break
        chosen.append(i)
        mass += kept[i]
    nucleus = np.where(np.isin(np.arange(len(kept)), chosen), kept, 0)
    expected = np.where(nucleus >= min_p * nucleus.max() * (1 - 1e-12), nucleus, 0)
    law = np.exp(Sampling(temperature, top_p, top_k, min_p).log_law(logits))
    assert math.isclose(law.sum(), 1)
    near_a_border = np.isclose(np.cumsum(np.sort(kept)[::-1]), top_p, atol=1e-9).any() or np.isclose(nucleus, min_p * nucleus.max()).any()
    if not near_a_border:
        assert np.allclose(law, expected / expected.sum())


@given(LOGITS)
def test_temperature_0_takes_the_likeliest(logits: np.ndarray):
    law = np.exp(Sampling(temperature=0).log_law(logits))
    assert law[np.argmax(logits)] == 1 == law.sum()


def test_a_forbidden_token_stays_impossible():
    law = PLAIN.log_law(np.array([0.0, -np.inf, 1.0]))
    assert law[1] == -np.inf


@pytest.mark.parametrize(("field", "value"), [("temperature", -1), ("temperature", math.inf), ("top_p", 0), ("top_p", 1.1), ("top_k", -1),
                                              ("min_p", 1.5), ("min_p", math.nan)])
def test_what_is_out_of_range_is_refused_by_name(field: str, value: float):
    with pytest.raises(InvalidRequest) as caught:
        Sampling(**{field: value})
    assert caught.value.param == field


def test_entropy_of_an_even_law_is_the_logarithm_of_its_size():
    told = telemetry_of(np.log(np.full(8, 1 / 8)), 0, 0)
    assert math.isclose(told.entropy, math.log(8))
    assert abs(told.varentropy) < 1e-12
    assert math.isclose(told.mean_top_log_prob, -math.log(8))
    sure = telemetry_of(np.array([0.0, -np.inf]), 0, 0)
    assert (sure.entropy, sure.varentropy, sure.mean_top_log_prob) == (0, 0, 0)
    skewed = telemetry_of(np.log([0.9, 0.1]), 0, 0)
    surprise = -np.log([0.9, 0.1])
    assert math.isclose(skewed.varentropy, float(0.9 * surprise[0] ** 2 + 0.1 * surprise[1] ** 2 - skewed.entropy**2))
