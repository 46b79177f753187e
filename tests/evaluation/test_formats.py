"""Formats of data sets, and that nothing of an answer gets into a task."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eudoxus.agents.code import CodeTask
from eudoxus.agents.induction import InductionTask
from eudoxus.evaluation import Item, load
from eudoxus.evaluation.formats import arc, evalplus, evalpro, humaneval, mbpp, questions
from eudoxus.runtime import ChatTask
from eudoxus.runtime.errors import InvalidRequest

HEADER = 'def up(n: int) -> int:\n    """One more.\n\n    >>> up(1)\n    2\n    """\n'
CHECK = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(-987654) == -987653\n"
DATA = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "code")


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def only(items: Iterator[Item]) -> Item:
    (found,) = items
    return found


ROW = {"task_id": "T/0", "prompt": HEADER, "entry_point": "up", "canonical_solution": "    return n + 1\n", "test": CHECK}


async def test_humaneval_shows_the_prompt_and_hides_the_check():
    item = only(humaneval.items(lines(ROW)))
    assert isinstance(item.task, CodeTask) and item.task.tests == ("assert up(1) == 2",)
    assert "987654" not in item.task.model_dump_json()
    assert (await item.grader.self_test()).solved
    assert (await item.grader.grade("```python\ndef up(n):\n    return n + 1\n```")).solved
    wrong = await item.grader.grade("def up(n):\n    return 2\n")
    assert not wrong.solved and wrong.detail == "failed: AssertionError"


async def test_a_body_that_is_indented_otherwise_than_its_prompt_is_still_a_reference():
    for body in ("  m = n + 1\n  return m\n", " \tm = n + 1\n\treturn m\n", " #m = n\n m = n + 1\n return m\n"):
        assert (await only(humaneval.items(lines({**ROW, "canonical_solution": body}))).grader.self_test()).solved


def test_a_row_that_lacks_a_member_is_named():
    with pytest.raises(InvalidRequest, match="row 2: expected the text 'entry_point'"):
        list(humaneval.items(lines(ROW, {"task_id": "T/1", "prompt": HEADER, "test": CHECK})))


PLUS = {**ROW, "contract": "", "base_input": [[1], [2]], "plus_input": [[-987654], [0]], "atol": 0}


async def test_evalplus_tells_base_from_plus():
    item = only(evalplus.items(lines(PLUS)))
    assert "987654" not in item.task.model_dump_json()
    assert (await item.grader.self_test()).parts == {"base": True, "plus": True}
    half = await item.grader.grade("def up(n):\n    return abs(n) + 1\n")
    assert not half.solved and half.parts == {"base": True, "plus": False} and half.detail.endswith("input 0: another output")
    none = await item.grader.grade("def up(n):\n    return 0\n")
    assert none.parts == {"base": False, "plus": False} and set(none.details) == {"base", "plus"}
    raising = await item.grader.grade("def up(n):\n    return [2, 3][n - 1]\n")
    assert raising.parts == {"base": True, "plus": False} and raising.details["plus"].endswith("input 0: raised IndexError")


async def test_evalplus_compares_floats_within_its_tolerance():
    row = {**PLUS, "prompt": 'def third(n):\n    """A third."""\n', "entry_point": "third", "canonical_solution": "    return n / 3\n",
           "plus_input": [[7]]}
    item = only(evalplus.items(lines(row)))
    assert (await item.grader.grade("def third(n):\n    return n / 3 + 1e-9\n")).solved
    assert not (await item.grader.grade("def third(n):\n    return n / 3 + 1e-3\n")).solved
    loose = only(evalplus.items(lines({**row, "atol": 1e-2})))
    assert (await loose.grader.grade("def third(n):\n    return n / 3 + 1e-3\n")).solved


async def test_evalplus_takes_any_root_for_a_root():
    solution = "    return 1.0\n"
    row = {**PLUS, "task_id": "HumanEval/32", "prompt": 'def find_zero(xs):\n    """A root."""\n', "entry_point": "find_zero",
           "canonical_solution": solution, "base_input": [[[-1, 0, 1]]], "plus_input": [[[1, 0, -1]]], "atol": 1e-4}
    item = only(evalplus.items(lines(row)))
    assert (await item.grader.grade("def find_zero(xs):\n    return -1.0\n")).solved
    assert not (await item.grader.grade("def find_zero(xs):\n    return 0.5\n")).solved


@pytest.mark.parametrize(("given", "right"), [
    ("[n / 3 + 1e-9, 1.0]", True), ("[n / 3 + 1e-3, 1.0]", False), ("(n / 3, 1.0)", False), ("[n / 3]", False), ("'x'", False)])
async def test_evalplus_compares_lists_of_floats_by_type_length_and_number(given: str, right: bool):
    row = {**PLUS, "prompt": 'def thirds(n):\n    """A third and one."""\n', "entry_point": "thirds",
           "canonical_solution": "    return [n / 3, 1.0]\n", "plus_input": [[7]]}
    assert (await only(evalplus.items(lines(row))).grader.grade(f"def thirds(n):\n    return {given}\n")).solved is right


async def test_evalplus_has_no_tolerance_for_whole_numbers():
    grade = await only(evalplus.items(lines(PLUS))).grader.grade("def up(n):\n    return n + 1 + 1e-9\n")
    assert not grade.solved


async def test_evalplus_takes_some_lists_of_mbpp_for_sets():
    row = {"task_id": "Mbpp/769", "prompt": '"""Elements of one list and not of the other.\nassert Diff([1], [2]) == [1, 2]\n"""\n',
           "entry_point": "Diff", "canonical_solution": "\ndef Diff(a, b):\n    return list(set(a) ^ set(b))\n",
           "base_input": [[[1], [2]]], "plus_input": [[[3, 1], [1, 9]]], "atol": 0}
    item = only(evalplus.items(lines(row)))
    assert (await item.grader.self_test()).solved
    assert (await item.grader.grade("def Diff(a, b):\n    return sorted(set(a) ^ set(b), reverse=True)\n")).solved
    assert not (await item.grader.grade("def Diff(a, b):\n    return list(set(a) - set(b))\n")).solved


async def test_a_pro_task_asks_for_both_functions_and_tests_the_new_one():
    row = {"id": 7, "raw_problem": "# Add one.\ndef up(n):\n", "raw_solution": "    return n + 1\n",
           "new_problem": "# Add two.\ndef up_twice(n):\n", "new_solution": "    return up(up(n))\n",
           "test_code": "\nassert up_twice(1) == 3\nassert up_twice(-987654) == -987652\n"}
    item = only(evalpro.items(json.dumps([row]).encode(), "Pro"))
    assert item.id == "Pro/7" and isinstance(item.task, CodeTask) and item.task.entry_point == "up_twice"
    assert "def up(n)" in item.task.statement and "987654" not in item.task.model_dump_json()
    assert (await item.grader.self_test()).solved
    both = "Here:\n```python\ndef up(n):\n    return n + 1\n\ndef up_twice(n):\n    return up(up(n))\n```"
    assert (await item.grader.grade(both)).solved
    assert not (await item.grader.grade("def up_twice(n):\n    return up(up(n))\n")).solved


async def test_mbpp_shows_its_first_assert_only():
    row = {"task_id": 2, "text": "Write a function to add one.", "code": "def up(n):\n    return n + 1\n",
           "test_list": ["assert up(1) == 2", "assert up(41) == 42", "assert up(-987654) == -987653"], "test_setup_code": ""}
    item = only(mbpp.items(lines(row)))
    assert item.id == "MBPP/2" and isinstance(item.task, CodeTask) and item.task.tests == ("assert up(1) == 2",)
    assert "987654" not in item.task.model_dump_json() and (await item.grader.self_test()).solved
    assert not (await item.grader.grade("def up(n):\n    return 2\n")).solved


ARC = {"t": {
    "train": [{"input": [[1, 0]], "output": [[0, 1]]}],
    "test": [{"input": [[2, 0]], "output": [[9, 8]]}, {"input": [[3]], "output": [[7]]}]}}


async def test_arc_grades_by_both_rules_and_hides_the_outputs():
    item = only(arc.items(json.dumps(ARC).encode()))
    assert isinstance(item.task, InductionTask) and "9" not in item.task.model_dump_json()
    assert (await item.grader.self_test()).solved
    half = await item.grader.grade('{"attempts": [[[[1]], [[9, 8]]], [[[6]], [[5]], [[7]]]]}')
    assert half.score == 0.5 and not half.solved and half.parts == {"0": True, "1": False}
    assert (await item.grader.grade("First:\n```json\n[[[9, 8]], [[7]]]\n```")).solved
    assert (await item.grader.grade("I cannot tell.")).score == 0.0


def test_a_grid_with_uneven_rows_is_no_task():
    uneven = {"train": [{"input": [[1], [1, 2]], "output": [[1]]}], "test": [{"input": [[1]], "output": [[1]]}]}
    with pytest.raises(InvalidRequest, match="no ARC task"):
        list(arc.items(json.dumps({"t": uneven}).encode()))


async def test_gsm8k_compares_numbers_by_value():
    item = only(questions.gsm8k(lines({"question": "How much?", "answer": "6 * 3 = <<6*3=18>>18\n#### 1,018"})))
    assert isinstance(item.task, ChatTask) and "1,018" not in item.task.model_dump_json()
    assert (await item.grader.grade("So it is $1018.00.\nAnswer: $1018.00")).solved
    assert (await item.grader.grade("1018")).solved
    assert not (await item.grader.grade("Answer: 1019")).solved
    assert (await item.grader.grade("I do not know, 1018 perhaps, but\nI would not bet on it.")).solved is False


async def test_bbh_reads_choices_and_words_and_the_last_question_of_a_prompt():
    few = "Find it.\n\nQ: Old?\nA: So the answer is (B).\n\nQ: Which one?\nOptions:\n(A) this\n(B) that\nA: Let's think step by step."
    choice = {"input": "Which one?\nOptions:\n(A) this\n(B) that", "target": "(B)"}
    said = {"canary": "x", "examples": [choice, {"input": "Sort: b a", "target": "a b"}]}
    one, two = questions.bbh(json.dumps(said).encode(), "t")
    (recorded,) = questions.bbh(json.dumps({"outputs": [{"input": few, "target": "(B)"}]}).encode(), "t")
    assert recorded.task == one.task
    assert (await one.grader.grade("So the answer is (B).")).solved and not (await one.grader.grade("Answer: (A)")).solved
    assert (await two.grader.grade("Answer: a b")).solved and not (await two.grader.grade("Answer: b a")).solved


async def test_the_examples_that_ship_are_sound_and_say_nothing_of_their_answers():
    examples = load("examples")
    assert {item.task.kind for item in examples.items} == {"code", "chat", "induction"}
    for item in examples.items:
        assert (await item.grader.self_test()).solved, item.id
        assert "grade" not in item.task.model_dump() and "reference" not in item.task.model_dump()


@pytest.mark.skipif(not DATA.exists(), reason="EUDOXUS_DATA does not point at the published data sets")
@pytest.mark.parametrize(("name", "count"), [

    ("humaneval", 164), ("mbpp_sanitized", 422), ("arc1_training", 400), ("arc1_evaluation", 400),
    ("arc2_evaluation", 120), ("arc1d", 901), ("humaneval_pro", 164), ("mbpp_pro", 377)])
def test_published_sets_are_whole(name: str, count: int):
    assert len(load(name).items) == count


HIDDEN: list[tuple[str, Callable[[Any], list[str]]]] = [
    ("humaneval", lambda grader: [line.strip() for line in grader.parts[0].check.code.splitlines() if "assert candidate(" in line]),
    ("humaneval_pro", lambda grader: [line for line in grader.parts[0].check.code.splitlines() if len(line) > 60]),
    ("arc2_evaluation", lambda grader: [json.dumps(grid, separators=(",", ":")) for grid in grader.outputs]),
]


@pytest.mark.skipif(not DATA.exists(), reason="EUDOXUS_DATA does not point at the published data sets")
@pytest.mark.parametrize(("name", "hidden"), HIDDEN)
def test_no_task_holds_what_its_grader_hides(name: str, hidden: Callable[[Any], list[str]]):
    for item in load(name).items:
        shown = item.task.model_dump_json()
        assert not [secret for secret in hidden(item.grader) if json.dumps(secret)[1:-1] in shown], item.id
