"""Tests without a judge: the harness asks what is plain data itself, and finds what a judge finds."""

from __future__ import annotations

import pytest

from eudoxus.sandbox import Limits, Program, RunResult, Sandbox, Test
from eudoxus.sandbox.plain_tests import claims

from .conftest import TO_JUDGE

in_one_loop = pytest.mark.asyncio(loop_scope="module")

PROGRAM = """\
import decimal
import sys

seen = []


class Liar:
    def __eq__(self, other):
        return True

    def __bool__(self):
        return False

    def __repr__(self):
        return "5"


class Odd(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def f(what, *rest, more=None):
    seen.append(what)
    match what:
        case "same": return list(rest)
        case "tuple": return tuple(rest)
        case "more": return more
        case "liar": return Liar()
        case "odd": return Odd(7)
        case "nan": return float("nan")
        case "decimal": return decimal.Decimal("2")
        case "iterator": return iter([1, 2])
        case "async": return later()
        case "raise": raise KeyError("a", 1)
        case "own": raise Own("mine")
        case "assert": assert False, "from the program"
        case "stop": raise StopIteration
        case "exit": sys.exit(0)
        case "seen": return len(seen)
        case "deep":
            value = []
            for _ in range(100):
                value = [value]
            return value


class Own(ValueError):
    pass


async def later():
    return 1
"""
ASSERTS = [
    "f('same', 1, 'a', None) == [1, 'a', None]", "f('same', 1) == [2]", "[1] == f('same', 1)", "f('tuple', 1) == (1,)",
    "f('tuple', 1) == [1]",
    "f('more', more=2.5) == 2.5", "f('more') is None", "f('more', more=1) is True", "f('more', more=True) is True",
    "f('more', more=0) == False",
    "f('more', more={1: {2}, 'a': b'x'}) == {1: {2}, 'a': b'x'}", "not f('more', more=[])", "not f('more', more='a')",
    "f('more', more='a')",
    "f('more', more='')", "f('liar') == 5", "f('liar')", "not f('liar')", "f('odd') == 8", "f('odd') == 7", "f('nan') == 2",
    "f('decimal') == 2",
    "f('iterator') == [1, 2]", "f('iterator')", "f('async') == 1", "f('async')", "f('raise') == 1", "f('own') == 1", "f('assert') == 1",
    "f('stop') == 1", "f('exit') == 1", "f('deep') == 1", "f() == 1", "f('nobody', 1, other=2) == 1", "candidate('same') == []",
    "f(\n  'same', 1) == [\n2]", "f('same', -1, 1 + 2j, '\\ud800') == [-1, 1 + 2j, '\\ud800']",
]  # fmt: skip
FORMS = [
    "assert {}", "assert {}, 'message'", "def check(candidate):\n    '''Doc.'''\n    assert {}\n    assert True, 'never'\n\ncheck(f)\n",
    "METADATA = {{'a': 1}}\n\ndef check(candidate):\n    assert f('seen') == 1\n    assert {}, 'message: it is'\n    assert f('seen') == 3",
    "# A comment.\nassert {}, (\n    'a'\n    'b')",
]


def told(found: RunResult) -> list[object]:
    tests = [(test.outcome, test.exc, [(c.function, c.args, c.value, c.raised) for c in test.calls]) for test in found.tests]
    return [found.outcome, found.verdict, found.exc, found.stdout, *tests]


async def both(sandbox: Sandbox, code: str, tests: list[Test], limits: Limits) -> tuple[list[object], list[object]]:
    plain, judged = Program(code=code, entry="f"), Program(code=code, entry="f", setup=TO_JUDGE)
    assert claims(plain, tests) is not None
    assert claims(judged, tests) is None
    return told(await sandbox.run(plain, tests, limits=limits)), told(await sandbox.run(judged, tests, limits=limits))


@in_one_loop
@pytest.mark.parametrize("form", FORMS)
async def test_without_a_judge_every_assert_has_the_same_verdict(sandbox: Sandbox, form: str):
    tests = [Test(code=form.format(condition)) for condition in ASSERTS]
    for program in (PROGRAM, PROGRAM.replace("def f(", "def g("), "def f(:", "raise ValueError(1)"):
        plain, judged = await both(sandbox, program, tests, Limits())
        assert plain[:4] == judged[:4]
        for condition, one, other in zip(ASSERTS, plain[4:], judged[4:], strict=True):
            assert one == other, condition


@in_one_loop
@pytest.mark.parametrize("body", [
    "while True: pass", "import time; time.sleep(9)", "import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)",
    "return [0] * 10**9",
    "return 'x' * (9 << 20)", "print('x' * (3 << 20)); return 1", "import os; [os.write(n, b'{') for n in range(3, 9)]",
    "import os; os.write(3, bytes(3)); return 1", "import os; os.close(3)", "import sys; sys.exit(3)", "return {1: 2}[2]",
], ids=lambda body: body[:40])
async def test_a_program_that_breaks_off_ends_alike(sandbox: Sandbox, body: str):
    code = f"def f(n):\n    if n == 2:\n        {body}\n    return n\n"
    codes = ["assert f(1) == 1", "assert f(0) == 0\nassert f(2) == 2\nassert f(3) == 3", "assert f(4) == 4"]
    tests = [Test(code=each) for each in codes]
    plain, judged = await both(sandbox, code, tests, Limits(wall_s=3, call_s=0.3, cpu_s=2))
    assert plain[0] == judged[0]
    assert [test[0] for test in plain[4:]] == [test[0] for test in judged[4:]]
    assert plain[5][2] == judged[5][2]  # the calls of the test in which it broke off


@in_one_loop
@pytest.mark.parametrize("after", ["while True: pass", "import os; os._exit(3)", "return 'x' * 10**7", "print('y' * 100)"])
async def test_what_a_program_does_after_a_failed_assert_of_the_last_test_changes_nothing(sandbox: Sandbox, after: str):
    program = Program(code=f"def f(n):\n    if n < 2:\n        return n\n    {after}\n", entry="f")
    test = Test(code="assert f(0) == 0\nassert f(1) == 7\nassert f(2) == 2\nassert f(1) == 1\n")
    found = await sandbox.run(program, [test], limits=Limits(wall_s=20, call_s=20))
    assert (found.outcome, found.tests[0].outcome, found.wall_ms < 10_000) == ("failed", "failed", True)
    exc = found.tests[0].exc
    assert exc is not None and (exc.type, exc.line) == ("AssertionError", 2) and len(found.tests[0].calls) == 2


@in_one_loop
async def test_a_test_ends_at_its_first_failed_assert_and_the_next_goes_on(sandbox: Sandbox):
    code = "calls = []\ndef f(n):\n    calls.append(n)\n    return calls\n"
    tests = [Test(code="assert f(1) == [1]\nassert f(2) == []\nassert f(3) == []"), Test(code="assert f(4) == [1, 2, 4]")]
    plain, judged = await both(sandbox, code, tests, Limits())
    assert plain == judged
    assert [test[0] for test in plain[4:]] == ["failed", "passed"]


@pytest.mark.parametrize("test", [
    "assert f(x) == 1", "assert f(1) == g(1)", "assert f(1) == f(1)", "assert abs(f(1) - 1) < 1", "assert f(1) == 1 == 1",
    "assert f(1) != 1",
    "assert f(1) in [1]", "assert f(*[1]) == 1", "assert f(**{'a': 1}) == 1", "assert g(1) == 1", "assert f(1).x == 1",
    "assert f(1)(2) == 1",
    "x = 1\nassert f(1) == x", "for i in (1,):\n    assert f(1) == 1", "assert f(1) == 10**5", "assert f(1) == {[]: 1}",
    "assert f(1) == set()",
    "assert f(1) == 1, x", "assert f(1) == 1, 2", "assert f(1) == (...)()", "assert f(...) == 1", "import os\nassert f(1) == 1",
    "assert False",
    "assert True", "", "assert (f(1) == 1, 'always')", "assert f(1) == (", "assert f(a=1, a=2) == 1", "assert (\n  f(1) == 1)",
    "class A: pass",
    "def check(c):\n    assert c(1) == 1\n\ncheck(g)", "def check(c, d=1):\n    assert c(1) == 1",
    "@g\ndef check(c):\n    assert c(1) == 1",
    "def check(c: g):\n    assert c(1) == 1", "def check(c):\n    assert f(1) == 1\n    return\n    assert f(1) == 2",
    "def check(c):\n    assert c(1) == 1\ncheck(f)\ncheck(f)", "def test():\n    assert f(1) == 1",
    "def check(check):\n    assert check(1) == 1",
    "def check(c):\n    assert c(1) == 1\ndef g(): pass", "async def check(c):\n    assert c(1) == 1",
    "assert f(1) == '" + "9" * 70_000 + "'",
    "assert f(" + "[" * 90 + "]" * 90 + ") == 1", "assert f(" + "(" * 9_000 + ")" * 9_000 + ") == 1",
    "assert f(" + "-" * 9_000 + "1) == 1",
], ids=lambda test: test[:40])  # fmt: skip
def test_what_is_more_than_plain_data_goes_to_a_judge(test: str):
    assert claims(Program(code="", entry="f"), [Test(code="assert f(1) == 1"), Test(code=test)]) is None


@pytest.mark.parametrize("setup", [
    "x = 1", "import nothing", "import os", "from typing import Nothing", "from .typing import List", "def g(x=y): pass",
    "def g(x: List): pass",
    "def g(x: int[3]): pass", "from typing import Optional\ndef g(x: Optional[int, str]): pass", "@g\ndef g(): pass", "class A: pass",
    "def g(", "print(1)", "from typing import List as L\ndef g(x: L[int]): pass", "def g() -> x: pass", "raise 1",
])
def test_a_set_up_that_may_do_something_goes_to_a_judge(setup: str):
    assert claims(Program(code="", entry="f", setup=setup), [Test(code="assert f(1) == 1")]) is None


@pytest.mark.parametrize("setup", [
    "", "\n", "'Doc.'\nimport math", "import math, re\nfrom typing import *\nfrom typing import List, Dict, Optional, Tuple, Any",
    "from typing import List, Tuple, Any\ndef g(x: List[Tuple[int, 'str']], *a: float, y: Any = None, **k) -> None:\n    raise x\n",
])
def test_a_set_up_that_only_declares_needs_no_judge(setup: str):
    assert claims(Program(code="", entry="f", setup=setup), [Test(code="assert f(1) == 1")]) is not None


def test_arguments_that_are_copied_back_and_names_beside_the_entry_go_to_a_judge():
    assert claims(Program(code="", entry="f"), [Test(code="assert f([1]) is None", mutates=(("f", 0),))]) is None
    assert claims(Program(code=""), [Test(code="assert f(1) == 1")]) is None
