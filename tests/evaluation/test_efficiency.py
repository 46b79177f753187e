"""eff@k, and programs whose time is measured."""

from __future__ import annotations

import json
import math
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.evaluation.efficiency import eff_at_k, efficiency, hodges_lehmann, level_efficiency
from eudoxus.evaluation.formats import own
from eudoxus.evaluation.grading import GradingFault
from eudoxus.evaluation.statistics import pass_at_k
from eudoxus.runtime.errors import InvalidRequest


@given(st.lists(st.floats(0, 1.5), min_size=1, max_size=8), st.data())
def test_eff_at_k_is_the_mean_of_the_best_over_all_choices_of_k(scores: list[float], data: st.DataObject):
    k = data.draw(st.integers(1, len(scores)))
    best = [max(chosen) for chosen in combinations(scores, k)]
    assert math.isclose(eff_at_k(scores, k), math.fsum(best) / len(best), abs_tol=1e-9)


@given(st.integers(1, 40), st.data())
def test_eff_at_k_of_programs_as_fast_as_the_reference_is_pass_at_k(n: int, data: st.DataObject):
    right, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert math.isclose(eff_at_k([1.0] * right + [0.0] * (n - right), k), pass_at_k(n, right, k), abs_tol=1e-9)


def test_eff_at_k_is_stable_for_many_samples():
    assert math.isclose(eff_at_k([0.5] * 2000, 700), 0.5)


@pytest.mark.parametrize(("n", "k"), [(0, 1), (3, 0), (3, 4)])
def test_eff_at_k_refuses_what_makes_no_sense(n: int, k: int):
    with pytest.raises(ValueError, match="expected"):
        eff_at_k([1.0] * n, k)


def test_one_slow_measurement_does_not_move_the_time_much():
    assert math.isclose(hodges_lehmann([1.0, 1.0, 1.0, 1.0, 1.0, 9.0]), 1.0)
    assert hodges_lehmann([1.0, 3.0]) == 2.0


def test_a_level_is_worth_one_at_the_references_time_and_nothing_at_the_limit():
    assert level_efficiency(1.0, 1.0, 4.0) == 1.0 and level_efficiency(2.5, 1.0, 4.0) == 0.5
    assert level_efficiency(4.0, 1.0, 4.0) == 0.0 == level_efficiency(math.inf, 1.0, 4.0) and level_efficiency(0.0, 1.0, 4.0) > 1.0
    assert efficiency([1.0, 0.5], [1.0, 3.0]) == 0.625
    with pytest.raises(ValueError, match="weight"):
        efficiency([1.0], [0.0])


ROW: dict[str, Any] = {
    "id": "t/1",
    "task": {"kind": "code", "statement": 'def total(n: int) -> int:\n    """The sum of the squares below n."""\n'},
    "grade": {
        "check": "def check(candidate):\n    assert candidate(4) == 14\n",
        "levels": [{"weight": 1, "tests": ["assert total(40_000) == 21332533340000"]},
                   {"weight": 3, "tests": ["assert total(400_000) == 21333253333400000"]}]},
    "reference": "def total(n):\n    return sum(i * i for i in range(n))\n",
}


async def test_a_faster_program_has_a_higher_efficiency_and_a_wrong_one_none():
    [item] = own.items(json.dumps(ROW).encode())
    reference = await item.grader.self_test()
    assert reference is not None and reference.solved and reference.efficiency is not None and 0.5 < reference.efficiency < 1.5
    formula = await item.grader.grade("def total(n):\n    return (n - 1) * n * (2 * n - 1) // 6\n")
    slow = await item.grader.grade("def total(n):\n    for _ in range(6):\n        x = sum(i * i for i in range(n))\n    return x\n")
    assert formula.efficiency is not None and slow.efficiency is not None
    assert formula.solved and formula.efficiency > reference.efficiency and slow.solved and slow.efficiency < 0.7
    wrong = await item.grader.grade("def total(n):\n    return 14 if n < 1000 else 0\n")
    assert not wrong.solved and wrong.efficiency == 0 and wrong.detail == "level 1: failed: AssertionError"
    assert (await item.grader.grade("def total(n):\n    return 0\n")).efficiency == 0


@pytest.mark.parametrize("levels", [[], [{"weight": 0, "tests": ["assert 1"]}], [{"weight": 1, "tests": []}], "x"])
def test_levels_without_weight_or_tests_are_refused(levels: object):
    with pytest.raises(InvalidRequest, match="expected"):
        list(own.items(json.dumps(ROW | {"grade": {"check": "def check(c): pass", "levels": levels}}).encode()))


async def test_a_reference_too_fast_to_be_measured_is_no_verdict():
    fast = ROW | {"grade": {**ROW["grade"], "levels": [{"weight": 1, "tests": ["assert total(4) == 14"]}]}}
    [item] = own.items(json.dumps(fast).encode())
    for _ in range(2):
        with pytest.raises(GradingFault, match="too little to be measured"):
            await item.grader.self_test()
