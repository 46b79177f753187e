"""Splitting checks into one test per assert: the feedback is finer, the verdict the same."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.sandbox.split_tests import setup_of_prompt, split_asserts, split_check, whole_check


def check(body: str, before: str = "") -> str:
    return f"{before}\n\ndef check(candidate):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"


def passes(code: str, **functions: Callable[..., Any]) -> bool:
    """Whether the code of this file's own tests runs through."""
    try:
        exec(code, dict(functions))
    except Exception:
        return False
    return True


def twice(n: int) -> int:
    return 2 * n


# -- the parts -------------------------------------------------------------------------------------------------------------


def test_each_assert_becomes_a_test_named_after_it():
    tests = split_check(check("assert candidate(1) == 2\nassert candidate(2) == 4, 'no'\n"), "twice")
    assert [test.name for test in tests] == ["assert candidate(1) == 2", "assert candidate(2) == 4, 'no'"]


def test_only_the_assert_that_does_not_hold_fails():
    tests = split_check(check("assert candidate(1) == 2\nassert candidate(2) == 5\nassert candidate(3) == 6\n"), "twice")
    assert [passes(test.code, twice=twice) for test in tests] == [True, False, True]


def test_statements_between_asserts_stay_before_the_asserts_that_follow():
    code = check("assert candidate(1) == 2\nn = 4\nassert candidate(n) == 8\nn += 1\nassert candidate(n) == 10\n")
    tests = split_check(code, "twice")
    assert len(tests) == 3
    assert "n = 4" not in tests[0].code
    assert "n = 4" in tests[1].code
    assert "n += 1" not in tests[1].code
    assert all(passes(test.code, twice=twice) for test in tests)


def test_imports_helpers_and_metadata_go_with_every_test():
    before = "import math\nMETADATA = {}\ndef close(a, b):\n    return math.isclose(a, b)"
    tests = split_check(check("assert close(candidate(1), 2)\nassert close(candidate(2), 4)\n", before), "twice")
    assert len(tests) == 2
    assert all(passes(test.code, twice=twice) for test in tests)


def test_a_loop_of_asserts_stays_whole_and_is_not_repeated():
    code = check("for n in range(9):\n    assert candidate(n) == n + n\nassert candidate(50) == 100\n")
    loop, single = split_check(code, "twice")
    assert loop.name is not None
    assert loop.name.startswith("for n in range(9):")
    assert "range(9)" not in single.code


def test_asserts_without_the_function_go_with_their_neighbours():
    code = check("assert True, 'a message for people'\nassert candidate(1) == 2\nassert True\nassert candidate(2) == 4\nassert 1 < 2\n")
    tests = split_check(code, "twice")
    assert [test.name for test in tests] == ["assert candidate(1) == 2", "assert candidate(2) == 4"]
    assert "1 < 2" in tests[1].code


def test_an_assert_on_what_the_function_gave_before_is_a_test():
    tests = split_check(check("found = candidate(3)\nassert found == 6\nassert found > 7\n"), "twice")
    assert [passes(test.code, twice=twice) for test in tests] == [True, False]


def test_what_follows_the_last_assert_is_executed_with_it():
    tests = split_check(check("assert candidate(1) == 2\nassert candidate(2) == 4\ncandidate('x')[7]\n"), "twice")
    assert [passes(test.code, twice=twice) for test in tests] == [True, False]


@pytest.mark.parametrize(
    "body",
    [
        "it = iter([1, 2])\nassert candidate(next(it)) == 2\nassert candidate(next(it)) == 4",
        "it = iter([2, 4, 6])\nassert candidate(1) in it\nassert candidate(2) in it\nassert list(it) == [6] and candidate(0) == 0",
        "xs = [1]\nfor n in range(2):\n    xs.append(n)\n    assert candidate(n) == 2 * n\nassert candidate(len(xs)) == 6",
        "assert (n := candidate(1)) == 2\nassert candidate(n) == 4",
        "xs = [3, 1]\nys = xs\nassert ys.sort() is None and candidate(1) == 2\nassert candidate(xs[0]) == 2",
        "xs = [1]\ndef more():\n    xs.append(2)\n    return candidate(1)\nassert more() == 2\nassert candidate(len(xs)) == 4",
        "try:\n    candidate(None)\n    assert False\nexcept TypeError:\n    n = 5\nassert candidate(n) == 10",
    ],
)
def test_an_assert_that_changes_what_a_later_one_reads_stays_before_it(body: str):
    code = check(body)
    tests = split_check(code, "twice")
    assert len(tests) > 1
    assert passes(whole_check(code, "twice").code, twice=twice)
    assert [passes(test.code, twice=twice) for test in tests] == [True] * len(tests)


# -- other shapes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "def check(candidate:\n    assert",
        "def check(candidate, other):\n    assert candidate(1) == 2\n",
        "def check(candidate):\n    for n in range(3):\n        if n: return\n    assert candidate(1) == 2\n",
        "def check(candidate):\n    candidate(1)\n",
        "def check(candidate):\n    assert candidate(1) == 2\ncheck(len)\n",
        "def test(candidate):\n    assert candidate(1) == 2\n",
        "async def check(candidate):\n    assert candidate(1) == 2\n",
        "\0",
        "",
    ],
)
def test_code_of_another_shape_is_one_whole_test(code: str):
    assert split_check(code, "twice") == [whole_check(code, "twice")]


def test_a_file_of_asserts_is_split_where_names_from_outside_take_part():
    helper = "import math\ndef near(a, b):\n    return math.isclose(a, b)\n"
    code = f"{helper}n = 4\nassert n == 4\nassert near(twice(n), 8)\nassert twice(1) == 3\n"
    tests = split_asserts(code)
    assert [test.name for test in tests] == ["assert near(twice(n), 8)", "assert twice(1) == 3"]
    assert [passes(test.code, twice=twice) for test in tests] == [True, False]


def test_a_file_without_asserts_is_one_whole_test():
    assert [test.code for test in split_asserts("twice(3)\n")] == ["twice(3)\n"]


def test_the_setup_of_a_prompt_has_its_helpers_and_an_empty_function():
    names: dict[str, Any] = {}
    exec(setup_of_prompt('def double(n):\n    return n + n\n\n\ndef four(n: int):\n    """ Double of the double. """\n'), names)
    assert names["double"](2) == 4
    assert names["four"](1) is None


# -- any check -------------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(0, 6)
EXPRESSIONS = st.one_of(
    NUMBERS.map(str),
    st.builds("len({})".format, NAMES),
    st.builds("{}[0]".format, NAMES),
    st.builds("{}.pop()".format, NAMES),
    st.builds("sum({})".format, NAMES),
    st.builds("grow({})".format, NAMES),
    st.builds("(d := {})".format, NUMBERS),
    st.just("next(it)"),
    st.just("d"),
)
ASSERTS = st.one_of(
    st.builds("assert candidate({0}) == 2 * ({1})".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("assert candidate({0}) < {1}".format, EXPRESSIONS, NUMBERS),
    st.builds("assert {0} in {1}".format, EXPRESSIONS, NAMES),
    st.builds("assert candidate(1) in it".format),
    st.builds("assert r == {0}".format, EXPRESSIONS),
    st.just("assert True"),
)
HOLD = st.builds("assert candidate({0}) % 2 == 0".format, EXPRESSIONS)
STATEMENTS = st.one_of(
    HOLD,
    HOLD,
    ASSERTS,
    st.builds("{0} = [{1}, {2}]".format, NAMES, NUMBERS, NUMBERS),
    st.builds("{0} = {1}".format, NAMES, NAMES),
    st.builds("{0}.append({1})".format, NAMES, EXPRESSIONS),
    st.builds("r = candidate({0})".format, EXPRESSIONS),
    st.builds("it = iter({0} * 3)".format, NAMES),
    st.builds("for d in tuple({0}):\n    {1}\n    {2}.append(d) if len({2}) < 9 else None".format, NAMES, HOLD, NAMES),
    st.builds("if {0} > 2:\n    {1}\nelse:\n    {2}".format, EXPRESSIONS, ASSERTS, ASSERTS),
    st.builds("try:\n    {0}\nexcept IndexError:\n    d = {1}".format, ASSERTS, NUMBERS),
)
BEFORE = "def grow(xs):\n    xs.append(len(xs))\n    return len(xs)\n"
START = "a, b, c, d, r, it = [0, 1], [2], [], 1, 0, iter(range(20))\n"


@settings(max_examples=400, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=8), st.sampled_from([twice, lambda n: n + 2, lambda n: 0, lambda n: n]))
def test_splitting_changes_no_verdict(body: list[str], function: Callable[[int], int]):
    code = check(START + "\n".join(body), BEFORE)
    tests = split_check(code, "twice")
    ast.parse(code)
    assert all(passes(test.code, twice=function) for test in tests) == passes(whole_check(code, "twice").code, twice=function)
