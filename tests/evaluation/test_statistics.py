"""Estimators and intervals."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.evaluation.statistics import bootstrap, paired_difference, pass_at_k
from eudoxus.runtime.errors import InvalidRequest


@given(st.integers(1, 8), st.data())
def test_pass_at_k_is_the_share_of_all_choices_of_k_that_hold_a_right_one(n: int, data: st.DataObject):
    right, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    chosen = list(combinations(range(n), k))
    share = sum(any(one < right for one in some) for some in chosen) / len(chosen)
    assert math.isclose(pass_at_k(n, right, k), share, abs_tol=1e-12)


@pytest.mark.parametrize(("n", "right", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 4), (3, 1, 0)])
def test_pass_at_k_refuses_what_makes_no_sense(n: int, right: int, k: int):
    with pytest.raises(ValueError, match="expected"):
        pass_at_k(n, right, k)


def test_the_interval_of_164_tasks_at_one_half_is_about_eight_points_each_way():
    found = bootstrap([1.0] * 82 + [0.0] * 82)
    assert found.mean == 0.5 and abs(found.low - 0.42) < 0.015 and abs(found.high - 0.58) < 0.015


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_the_mean_lies_in_the_interval_and_the_interval_between_the_extremes(values: list[float]):
    found = bootstrap(values)
    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9
    if any(value not in (0, 1) for value in values):
        assert min(values) - 1e-9 <= found.low and found.high <= max(values) + 1e-9


def test_all_right_on_few_tasks_is_not_certain():
    found = bootstrap([1.0] * 10)
    assert found.high == 1.0 and abs(found.low - 0.692) < 0.001
    assert abs(bootstrap([0.0] * 10).high - 0.308) < 0.001


def test_the_same_values_have_the_same_interval():
    values = [0.0, 1.0, 1.0, 0.5, 0.0]
    assert bootstrap(values) == bootstrap(values)


def test_pairing_tells_apart_what_two_intervals_do_not():
    before = [0.0] * 50 + [1.0] * 50
    after = [0.0] * 42 + [1.0] * 58
    one, other, difference = bootstrap(before), bootstrap(after), paired_difference(before, after)
    assert one.high > other.low and difference.low > 0 and math.isclose(difference.mean, 0.08)


def test_there_is_no_difference_without_an_interval():
    with pytest.raises(InvalidRequest, match="no interval"):
        paired_difference([0.0], [1.0])
