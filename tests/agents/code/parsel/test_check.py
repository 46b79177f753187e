"""Looking at a program without a model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eudoxus.agents.code.parsel.check import checked
from eudoxus.prompts import load
from tests.agents.code.parsel.test_graph import EVEN


def test_a_good_program_tells_calls_components_and_order():
    found = checked(EVEN)
    assert found.valid and found.root == "main" and found.errors == []
    assert [(f.name, f.line, f.constraints, f.calls) for f in found.functions] == [
        ("main", 2, 1, ["even", "shout"]), ("even", 4, 1, ["odd"]), ("odd", 6, 1, ["even"]), ("shout", 9, 1, [])]
    assert found.components == [["even", "odd"], ["shout"], ["main"]]
    assert checked(found.canonical).canonical == found.canonical


@pytest.mark.parametrize(("program", "target", "places"), [
    ("f(x): d\n  g(: e\n  h\n", "python", [(2, 4), (3, 3)]),
    ("f(x): d\nf(1 2) -> 3\n-> )\n", "python", [(3, 4)]),
    ("f(x): d\nf(1 2) -> 3\n", "python", [(2, 1)]),
    ("f(x: ]): d", "python", [(1, 6)]),
    ("f(x: 1 2): d", "python", [(1, 1)]),
    ("f(x): d\nf(1) -> yes\nf(2) -> goal\n", "pddl_plan", [(2, 1)]),
    ("f(x): d\n", "smt", [(1, 1)]),
])
def test_errors_have_places(program: str, target: str, places: list[tuple[int, int]]):
    found = checked(program, target)
    assert not found.valid and found.components == []
    assert [(error.line, error.column) for error in found.errors] == places


def test_the_program_of_the_guide_is_as_it_says():
    guide = (Path(__file__).parents[4] / "docs/parsel.md").read_text()
    (program,) = re.findall(r"^```parsel\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert checked(program).components == [["words_of"], ["most_frequent"], ["summary"]]


def test_the_examples_in_the_prompts_are_good_programs():
    for name in ("program", "split"):
        (program,) = re.findall(r"^```parsel\n(.*?)^```", load(f"parsel/{name}").text, re.MULTILINE | re.DOTALL)
        assert checked(program).valid
