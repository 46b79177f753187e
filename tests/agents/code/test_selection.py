"""Choosing among candidates by which tests they pass."""

from __future__ import annotations

from math import log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.selection import SELECTORS, PassMatrix, Selector, executed, groups, matrix_run, ranking
from eudoxus.sandbox import Limits
from tests.agents.code.recorded import MATRICES, humaneval, needs_data, rows


def matrix(*texts: str | None, **more: Any) -> PassMatrix:
    """Rows from texts such as 1101, or None for what cannot be loaded."""
    return PassMatrix(rows=tuple(None if text is None else tuple(sign == "1" for sign in text) for text in texts), **more)


def best(found: PassMatrix, selector: Selector, **more: float) -> int:
    return ranking(found, selector, **more)[0].candidate


# -- small matrices worked out by hand -------------------------------------------------------------------------------------


def test_each_rule_prefers_what_it_is_named_for():
    found = matrix("0000", "1110", "1100", "1100")
    assert best(found, "first") == 0
    assert best(found, "max_pass") == 1
    assert best(found, "mbr_exec") == 2
    assert [group.score[0] for group in groups(found, "codet")] == pytest.approx([3.0, 8**0.5, 0.0])


def test_codet_weighs_the_square_root_of_the_size_with_the_tests_passed():
    assert best(matrix("1110", "1100", "1100", "1100"), "codet") == 1


def test_two_tier_never_lets_generated_tests_outvote_a_visible_one():
    found = matrix("1000000", "0111111", "0111111", "0111111", trusted=(True, *[False] * 6))
    assert best(found, "two_tier") == 0
    assert best(found, "b4") == best(found, "codet") == 1


def test_without_generated_tests_two_tier_takes_the_shortest_that_passes_most():
    assert [one.candidate for one in ranking(matrix("10", "11", "11"), "two_tier", lengths=[1, 9, 5])] == [2, 1, 0]


def test_of_equal_scores_the_larger_group_comes_first():
    assert groups(matrix("10", "01", "01"), "max_pass")[0].members == (1, 2)


def test_what_cannot_be_loaded_is_last_and_in_no_group():
    ranked = ranking(matrix(None, "0"), "b4")
    assert [(one.candidate, one.group) for one in ranked] == [(1, 0), (0, None)]
    assert ranking(matrix(None, None), "two_tier")[0].group is None


def test_b4_is_the_posterior_of_the_paper():
    """By hand for N = 3, M = 2, alpha = beta0 = 2: the group of two that passes one test of two."""
    (one, other) = groups(matrix("10", "10", "00"), "b4", alpha=2, beta0=2)
    # B(2+2, 1+1) = 1/20; B(1+2, 1+1) = 1/12; s1 = 0 of t1 = 1: B(1, 2) = 1/2; s0 = 0 of t0 = 1: B(1, 3) = 1/3
    assert one.members == (0, 1) and one.score[0] == pytest.approx(log(1 / 20 / 12 / 2 / 3))
    # B(1+2, 2+1) = 1/30; B(0+2, 2+1) = 1/12; t1 = 0: B(1, 1) = 1; s0 = 2 of t0 = 4: B(3, 4) = 1/60
    assert other.score[0] == pytest.approx(log(1 / 30 / 12 / 60))


@pytest.mark.parametrize(("wrong", "said"), [
    ({"rows": ((True,), (True, False))}, "as many tests"),
    ({"rows": ((True,),), "trusted": (True, True)}, "trusted: 2 entries; expected 1"),
    ({"rows": ((True,),), "counts": (0,)}, "1 or more"),
    ({"rows": ()}, "at least 1"),
])
def test_a_matrix_that_does_not_fit_is_refused(wrong: dict[str, Any], said: str):
    with pytest.raises(ValidationError, match=said):
        PassMatrix(**wrong)


# -- what holds for every matrix -------------------------------------------------------------------------------------------


@st.composite
def matrices(draw: st.DrawFn) -> PassMatrix:
    width = draw(st.integers(0, 6))
    row = st.none() | st.tuples(*[st.booleans()] * width)
    found = draw(st.lists(row, min_size=1, max_size=8))
    return PassMatrix(
        rows=tuple(found), trusted=draw(st.none() | st.tuples(*[st.booleans()] * width)) if any(r is not None for r in found) else None,
        counts=tuple(draw(st.lists(st.integers(1, 5), min_size=len(found), max_size=len(found)))),
    )


@given(matrices(), st.sampled_from(SELECTORS))
def test_every_candidate_is_ranked_once_and_equal_rows_stand_together(found: PassMatrix, selector: Any):
    ranked = ranking(found, selector)
    assert sorted(one.candidate for one in ranked) == list(range(len(found.rows)))
    if selector != "first":
        where = {one.candidate: one.group for one in ranked}
        for a, row in enumerate(found.rows):
            for b, other in enumerate(found.rows):
                if row == other:
                    assert where[a] == where[b]


@given(matrices(), st.sampled_from([name for name in SELECTORS if name != "first"]))
def test_a_candidate_drawn_k_times_is_as_good_as_k_equal_candidates(found: PassMatrix, selector: Any):
    counts = found.counts or ()
    written_out = found.model_copy(update={
        "rows": tuple(row for row, count in zip(found.rows, counts, strict=True) for _ in range(count)), "counts": None})
    one, other = groups(written_out, selector), groups(found, selector)
    assert [group.size for group in one] == [group.size for group in other]
    assert [part for group in one for part in group.score] == pytest.approx([part for group in other for part in group.score])


@given(matrices(), st.sampled_from([name for name in SELECTORS if name != "first"]), st.randoms())
def test_the_order_of_the_tests_does_not_matter(found: PassMatrix, selector: Any, chance: Any):
    order = list(range(found.width))
    chance.shuffle(order)
    shuffled = found.model_copy(update={
        "rows": tuple(None if row is None else tuple(row[at] for at in order) for row in found.rows),
        "trusted": tuple(found.trusted[at] for at in order) if found.trusted else None})
    assert [g.members for g in groups(shuffled, selector)] == [g.members for g in groups(found, selector)]


# -- recorded: 100 programs and 100 samples of tests by CodeGen-16B for each of 164 problems --------------------------------


def accuracy(recorded: list[dict[str, Any]], selector: Selector, **more: float) -> float:
    """The chance, in %, that a random member of the best groups is right, over all problems; each as often as it was drawn."""
    total = 0.0
    for row in recorded:
        found = matrix(*row["matrix"], counts=tuple(row["sol_count"]), test_counts=tuple(row["test_count"]) if any(row["matrix"]) else None)
        ordered = groups(found, selector, **more)
        top = [at for group in ordered if group.score == ordered[0].score for at in group.members] or range(len(found.rows))
        drawn = sum(found.weight(at) for at in top)
        total += sum(found.weight(at) for at in top if row["passed"][at]) / drawn
    return 100 * total / len(recorded)


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, Any]]:
    return rows(MATRICES)


@needs_data
@pytest.mark.parametrize(("selector", "more", "expected"), [
    ("max_pass", {}, 21.3), ("mbr_exec", {}, 28.6), ("codet", {}, 37.3),
    ("b4", {"alpha": 1e3, "beta0": 1e4}, 42.1), ("b4", {"alpha": 1e3, "beta0": 1e5}, 41.5), ("b4", {"alpha": 1e3, "beta0": 1e6}, 41.8),
    ("b4", {"alpha": 10, "beta0": 1e4}, 43.5),
])
def test_the_rules_choose_as_measured_before(recorded: list[dict[str, Any]], selector: Any, more: Any, expected: float):
    assert accuracy(recorded, selector, **more) == pytest.approx(expected, abs=0.1)


@needs_data
def test_a_random_candidate_is_right_as_measured_before(recorded: list[dict[str, Any]]):
    drawn = [sum(n for n, ok in zip(row["sol_count"], row["passed"], strict=True) if ok) / sum(row["sol_count"]) for row in recorded]
    assert 100 * sum(drawn) / len(drawn) == pytest.approx(22.1, abs=0.1)


@needs_data
def test_without_trusted_tests_two_tier_is_b4(recorded: list[dict[str, Any]]):
    for row in recorded[:40]:
        width = len(row["tests"])
        found = matrix(*row["matrix"], counts=tuple(row["sol_count"]), trusted=(False,) * width)
        assert [g.members for g in groups(found, "two_tier")] == [g.members for g in groups(found, "b4")]


@needs_data
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_executed_again_the_matrices_of_10_problems_have_the_same_cells(recorded: list[dict[str, Any]]):
    """At least 99.5 % of all cells, in the sandbox, each program in children of its own."""
    same = cells = 0
    for row in recorded[::16][:10]:
        problem = humaneval()[row["task_id"]]
        programs = [f"{problem['prompt']}{body}" for body in row["solutions"]]
        task = CodeTask(
            statement=problem["prompt"], entry_point=problem["entry_point"], tests=tuple(row["tests"]), tests_from="generated",
            limits=Limits(wall_s=30, call_s=0.1, cpu_s=30))
        found = executed(await matrix_run(programs, task.tests, task, budget_s=300).run())
        for seen, before in zip(found, row["matrix"], strict=True):
            if before is not None:
                cells += len(before)
                same += sum(now is (then == "1") for now, then in zip(seen or (False,) * len(before), before, strict=True))
    assert cells > 25_000
    assert same >= 0.995 * cells, f"{same} of {cells}"
