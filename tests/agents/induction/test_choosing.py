"""Hypothesis Search: groups and attempts, rules and choices in replies, presets."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.agents.code.asking import Unreadable
from eudoxus.agents.induction import InductionTask, Pair
from eudoxus.agents.induction.attempts import attempts, clusters, groups
from eudoxus.agents.induction.execution import Tried, array, program_of
from eudoxus.agents.induction.hypothesis_search import HypothesisSearch, read_choice, read_rules
from eudoxus.sandbox.codec import decode

RIGHT = "def transform_grid(g):\n    return g[:, ::-1]"


def program(name: str, test: Any, *right: bool, cells: float = 0.0) -> Tried:
    return Tried(name, "", (), (test,), right, cells, final=True)


A, B, C = ((1,),), ((2,),), ((3,),)


def test_groups_that_are_right_on_the_train_pairs_come_first_and_then_those_of_more_programs():
    right = [program("a", A, True), program("b", B, True), program("c", B, False)]
    wrong = [program(f"w{n}", C, False, cells=0.9) for n in range(5)]
    assert [group[0].program for group in groups([*wrong, *right])] == ["b", "a", "w0"]


def test_programs_that_are_wrong_on_train_pairs_never_lead_those_that_are_right():
    assert groups([program("w", A, True, False)] * 9 + [program("r", B, True, True)])[0][0].program == "r"


def test_attempts_are_different_grids_and_those_that_failed_are_none():
    tried = [program("a", A, True), program("b", A, False), program("e", "it failed", True), program("c", C, False)]
    assert attempts(tried, InductionTask(train=(Pair(input=A, output=A),), test=(A,)), 2) == [[A, C]]


def test_clusters_are_of_equal_outputs():
    assert [len(group) for group in clusters([program("a", A, True), program("b", A, True), program("c", B, True)])] == [2, 1]


# -- reading ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", ['["a", "b"]', 'First.\n```json\n["a", "b", "a", ""]\n```', "1. a\n2. b", "Groups:\n1) a\n\n2) b\n"])
def test_rules_are_read_from_lists(reply: str):
    assert read_rules(reply) == ["a", "b"]


@pytest.mark.parametrize("reply", ["", "none", "[1, 2]", "```json\n{}\n```", "[" * 10_000])
def test_what_is_no_list_of_rules_is_unreadable(reply: str):
    with pytest.raises(Unreadable):
        read_rules(reply)


@pytest.mark.parametrize(("reply", "chosen"), [
    ("Of 1 and 2 I prefer\nCHOICE: 2, 2, 1", [2, 1]), ("2", [2]), ("CHOICE: none", []), ("None.", [])])
def test_choices_are_read_from_the_last_line(reply: str, chosen: list[int]):
    assert read_choice(reply, 3) == chosen


@pytest.mark.parametrize("reply", ["", "CHOICE: 4", "CHOICE: 0", "the first"])
def test_choices_of_what_is_not_there_are_unreadable(reply: str):
    with pytest.raises(Unreadable):
        read_choice(reply, 3)


def test_a_preset_fills_what_is_not_given():
    paper = HypothesisSearch.model_validate({"preset": "paper", "keep": 3})
    assert (paper.hypotheses, paper.programs, paper.rounds, paper.keep, paper.attempts) == (64, 8, 3, 3, 1)
    assert HypothesisSearch.model_validate({"preset": "paper_1d"}).reduce == "none"


def test_a_group_without_a_grid_leads_nothing():
    crashing = [program(f"e{n}", "it failed", True) for n in range(3)]
    assert [group[0].program for group in groups([*crashing, program("a", A, True)])] == ["a", "e0"]


def test_numpy_is_imported_for_programs_that_forget_it():
    assert program_of("```python\nfrom __future__ import annotations\n" + RIGHT + "\n```").splitlines()[1] == "import numpy as np"
    assert program_of(f"```python\n{RIGHT}\n```").startswith("import numpy as np\n")
    assert program_of(f"```python\nimport numpy as np\n{RIGHT}\n```").count("import numpy") == 1


def test_a_grid_is_an_array_of_integers_for_the_sandbox():
    numpy = pytest.importorskip("numpy")
    found = decode(array(((1, 2, 3), (4, 5, 6))))
    assert found.dtype == numpy.int64 and found.tolist() == [[1, 2, 3], [4, 5, 6]]
