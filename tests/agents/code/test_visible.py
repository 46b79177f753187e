"""Visible tests out of examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.code import CodeTask, visible_tests
from eudoxus.agents.code.selection import matrix_run
from eudoxus.agents.code.visible import asserts_in
from tests.agents.code.recorded import humaneval, needs_data


def examples_of(*lines: str, name: str = "f", header: str = "def f(x, y=0):") -> tuple[str, ...]:
    text = "\n    ".join(lines)
    return visible_tests(f"{header}\n    '''What it does.\n\n    {text}\n    '''\n", name)


@pytest.mark.parametrize(("lines", "expected"), [
    ((">>> f(1)", "2"), "assert f(1) == 2"),
    ((">>>f(1)", "2"), "assert f(1) == 2"),
    ((">>> f([1,", "...    2])", "[1,", " 2]"), "assert f([1, 2]) == [1, 2]"),
    ((">>> x = [1]", ">>> f(x)", "2"), "x = [1]\nassert f(x) == 2"),
    ((">>> round(f(1), 2) # about", "-0.5"), "assert round(f(1), 2) == -0.5"),
    ((">>> f(1) == 2",), "assert f(1) == 2"),
    ((">>> f(1) == 2", "True"), "assert f(1) == 2"),
    ((">>> f(-1)", "Traceback (most recent call last):", "    ...", "ValueError: negative"),
     "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    assert False, 'expected ValueError'"),
    (("f(1) ➞ 2",), "assert f(1) == 2"),
    (("f(1) → 2",), "assert f(1) == 2"),
    (("f(1) => 2",), "assert f(1) == 2"),
    (("f(1) ==> 2",), "assert f(1) == 2"),
    (("f(1) -> 2",), "assert f(1) == 2"),
    (("f(1) == 2",), "assert f(1) == 2"),
    (("f(1) = 2",), "assert f(1) == 2"),
    (("f(1) # => 'Yes' (since one is odd)",), "assert f(1) == 'Yes'"),
    (("f('Hi') returns 'Hi'",), "assert f('Hi') == 'Hi'"),
    (("f(1) should return 2.",), "assert f(1) == 2"),
    (("* `f(1)` returns `[2, 3]`, for example",), "assert f(1) == [2, 3]"),
    (("f([1, 2]) == 1 + 4 = 5",), "assert f([1, 2]) == 5"),
    (("f('a  b') == 'a__b'",), "assert f('a  b') == 'a__b'"),
    (("f('a)') == 'b'",), "assert f('a)') == 'b'"),
    (("f(1) == true",), "assert f(1) == True"),
    (("f([[1, 2],", "   [3, 4]]) == [[1],", "   [2]]"), "assert f([[1, 2], [3, 4]]) == [[1], [2]]"),
    (("Input: 3", "Output: (1, 2)"), "assert f(3) == (1, 2)"),
    (("Input: x = [1, 2], y = 3", "Output: [2]"), "assert f([1, 2], 3) == [2]"),
    (("Input:", "  y : 3", "  x : [1]", "Output: [2]"), "assert f([1], 3) == [2]"),
    (("For x = 1, y = 2 the output should be 3",), "assert f(1, 2) == 3"),
    (("assert f(1) == 2",), "assert f(1) == 2"),
    (("assert f(1) => 2",), "assert f(1) == 2"),
])
def test_an_example_becomes_an_assert(lines: tuple[str, ...], expected: str):
    header = "def f(x):" if lines[-1] == "Output: (1, 2)" else "def f(x, y=0):"
    assert examples_of(*lines, header=header) == (expected,)


@pytest.mark.parametrize("lines", [
    (">>> f(1)",), (">>> f(1)", "<object at 0x7f>"), (">>> g(1)", "2"), (">>> f(1", "2"), ("f(a) => False",), ("f(1) == the answer",),
    ("f(1) == 1 + n",), ("f(1) -> list of numbers",), ("f(1) ==> ('a')",), ("f(...) == 1",), ("f(1) == [1, 2, ...]",), ("of f(1) 2",),
    ("f(n) = f(n - 1) + 1", "f(1) = 2"), ("f(1) == 2", "f(1) == 3"), ("Input: 1, 2, 3", "Output: 4"), ("g.f(1) == 2",),
    (">>> f(1)", "Traceback (most recent call last):", "MyError: no"), ("For z = 1 the weather is 2",),
])
def test_what_cannot_be_relied_on_is_no_test(lines: tuple[str, ...]):
    assert examples_of(*lines) == ()


def test_examples_are_found_in_prose_around_a_signature():
    said = "Write `def middle(xs)`, the median.\n\nExamples:\n- middle([3, 1, 2]) -> 2\n- middle([1, 2]) -> 1.5\n"
    assert visible_tests(said, "middle") == ("assert middle([3, 1, 2]) == 2", "assert middle([1, 2]) == 1.5")


def test_asserts_stand_in_blocks_or_on_lines_of_their_own():
    said = "It must pass\n```python\nassert f(\n    [1],\n) == 2\n```\nand assert that\n  assert f(2) == 3  # yes\nassert len([]) == 0\n"
    assert asserts_in(said) == ("assert f(2) == 3", "assert f([1]) == 2")
    assert asserts_in(said, "g") == ()


def test_the_helpers_docstring_gives_no_tests_of_the_function():
    header = "def g(x):\n    '''\n    >>> g(1)\n    1\n    '''\n    return x\n\ndef f(x):\n    '''\n    >>> f(1)\n    2\n    '''\n"
    assert visible_tests(header, "f") == ("assert f(1) == 2",)


@given(st.text(max_size=300) | st.lists(st.sampled_from(
    ["f(", "1", ")", "==", "=>", "\n", ">>> ", "[", "]", "Input:", "Output:", "for x =", "the output is ", "'", '"', "->", ",", "assert "]
), max_size=30).map(" ".join))
def test_any_statement_gives_tests_that_compile_and_call_the_function(text: str):
    for test in visible_tests(text, "f"):
        compile(test, "test", "exec")
        assert "f(" in test


# -- HumanEval -------------------------------------------------------------------------------------------------------------

WRONG_IN_THE_STATEMENT = {
    ("HumanEval/47", "assert median([-10, 4, 6, 1000, 10, 20]) == 15.0"),
    ("HumanEval/116", "assert sort_array([1, 5, 2, 3, 4]) == [1, 2, 3, 4, 5]"),
    ("HumanEval/116", "assert sort_array([-2, -3, -4, -5, -6]) == [-6, -5, -4, -3, -2]"),
}
"""Examples of the statements that their reference solutions do not fulfil."""


@needs_data
async def test_of_humanevals_164_statements_153_give_441_tests_of_which_three_are_wrong():
    problems = humaneval()
    tasks = {id: CodeTask(statement=row["prompt"], entry_point=row["entry_point"]) for id, row in problems.items()}
    found = {id: task for id, task in tasks.items() if task.tests}
    assert (len(tasks), len(found), sum(len(task.tests) for task in found.values())) == (164, 153, 441)
    assert all(task.tests_from == "docstring" for task in found.values())
    failed = set[tuple[str, str]]()
    for id, task in found.items():
        reference = problems[id]["prompt"] + problems[id]["canonical_solution"]
        (outcomes,) = (await matrix_run([reference], task.tests, task).run()).outcomes
        failed |= {(id, test) for test, outcome in zip(task.tests, outcomes, strict=True) if outcome != "passed"}
    assert failed == WRONG_IN_THE_STATEMENT
