"""The backend monty, where pydantic-monty is installed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from eudoxus.sandbox import Call, Case, Limits, Program, Sandbox, SandboxSettings, Test
from eudoxus.sandbox.selftest import choose

pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed")

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = Limits(wall_s=0.5, call_s=0.5, memory_mb=64, output_bytes=1000)
SORT = "def unique(xs):\n    return sorted(set(xs))\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    found = await Sandbox.open(SandboxSettings(backend="monty", slots=2))
    yield found
    await found.aclose()


async def test_a_right_program_passes_its_tests_provisionally(sandbox: Sandbox) -> None:
    result = await sandbox.run(Program(code=SORT, entry="unique"), [
        Test(code="assert unique([2, 1, 2]) == [1, 2]"),
        Test(code="def check(candidate):\n    assert candidate([]) == []"),
        Test(code="assert candidate([3]) == [3]"),
    ])
    assert result.outcome == "passed" and [test.outcome for test in result.tests] == ["passed"] * 3
    assert result.verdict == "provisional"
    assert (result.isolation.backend, result.isolation.level) == ("monty", "interpreter")


async def test_a_wrong_program_fails_with_the_line_of_what_it_raised(sandbox: Sandbox) -> None:
    result = await sandbox.run(
        Program(code="def f(x):\n    if x:\n        return 1\n    return [][1]\n", entry="f", setup="y = 1"),
        [Test(code=code) for code in ("assert f(1) == 1", "assert f(2) == 3", "def check(c):\n    assert c(0) == 1", "assert (")],
    )
    assert [test.outcome for test in result.tests] == ["passed", "failed", "error", "invalid_test"]
    assert result.outcome == "failed"
    exc = result.tests[2].exc
    assert exc is not None and exc.type == "IndexError" and exc.line == 4 and exc.frames[-1] == (4, "f")


@pytest.mark.parametrize("test", [
    "assert True", "raise ValueError", "assert (", "f", "assert f is not None", "def check(candidate):\n    assert 2 > 1",
    "def test_it():\n    pass", "def f(n):\n    return n\nassert f(1) == 1", "isinstance(1, Box)", "x = [f]\nassert len(x) == 1",
    "for f in (abs,):\n    assert f(-1) == 1",
])
async def test_a_test_that_never_calls_the_program_is_invalid(sandbox: Sandbox, test: str) -> None:
    code = "class Box:\n    def __init__(self, n): self.n = n\n    def get(self): return self.n\ndef f(n):\n    return n and f(n - 1)\n"
    result = await sandbox.run(Program(code=code, entry="f"), [Test(code=test), Test(code="assert f(3) == 0")])
    assert [found.outcome for found in result.tests] == ["invalid_test", "passed"], result.tests
    if test == "assert True":
        assert result.tests[0].exc is not None and result.tests[0].exc.type == "InvalidTest"


@pytest.mark.parametrize("test", [
    "assert f(3) == 0", "assert candidate(2) == 0", "assert list(map(f, [1, 2])) == [0, 0]", "def check(c):\n    assert c(1) == 0",
    "def check(candidate):\n    assert candidate(1) == 0", "def test_it():\n    assert f(1) == 0", "assert Box(3).get() == 3",
    "b = Box(2)\nassert isinstance(b, Box)\nassert b.get() == 2", "assert sorted([2, 1], key=f) == [2, 1]", "g = f\nassert g(1) == 0",
    "assert [b.get() for b in map(Box, [1, 2])] == [1, 2]",
    "assert " + "+".join(["f(1)"] * 100) + " == 0", "assert f(1) == 0" + " == 0" * 300, "assert (lambda: f(4))() == 0", "assert h(2) == 4",
])
async def test_however_a_test_calls_the_program_it_counts(sandbox: Sandbox, test: str) -> None:
    code = "class Box:\n    def __init__(self, n): self.n = n\n    def get(self): return self.n\ndef f(n):\n    return n and f(n - 1)\n"
    result = await sandbox.run(Program(code=code + "h = lambda n: n * 2\n", entry="f"), [Test(code=test), Test(code="assert f(1) == 5")])
    assert [found.outcome for found in result.tests] == ["passed", "failed"], result.tests


async def test_a_program_that_cannot_be_loaded_is_a_load_error(sandbox: Sandbox) -> None:
    for code, kind in (("def f(:", "SyntaxError"), ("1 / 0", "ZeroDivisionError")):
        result = await sandbox.run(Program(code=code), [Test(code="assert True")])
        assert (result.outcome, result.tests[0].outcome) == ("load_error", "load_error")
        assert result.exc is not None and result.exc.type == kind


async def test_values_come_back(sandbox: Sandbox) -> None:
    calls = [Call(args=[one]) for one in (2, {"$tuple": [1]}, None, "x")]
    found = await sandbox.evaluate(Program(code="def f(x):\n    return f if x == 'x' else [x * 2, {x}]\n", entry="f"), calls)
    assert [test.value for test in found.tests] == [
        [4, {"$set": [2]}], [{"$tuple": [1, 1]}, {"$set": [{"$tuple": [1]}]}], None, None]
    assert [test.exc and test.exc.type for test in found.tests] == [None, None, "TypeError", "NotPlain"] and found.verdict == "provisional"


async def test_cases_are_compared_outside(sandbox: Sandbox) -> None:
    cases = [
        Case(args=[[2, 1, 1]], expected=[1, 2]), Case(args=[{"$set": [5]}], expected={"$tuple": [5]}),
        Case(args=[1], raises="TypeError"), Case(args=[["a", 1]], expected=[]),
    ]
    result = await sandbox.run(Program(code=SORT, entry="unique"), cases=cases, mode="io")
    assert [test.outcome for test in result.tests] == ["passed", "failed", "passed", "error"]
    assert result.tests[1].calls[0].value == "[5]"
    assert result.verdict == "provisional"


@pytest.mark.parametrize("value", [
    None, True, 0, -(10**30), 2**53 + 1, 1.5, {"$float": "inf"}, "é\n", [], {"$tuple": [1, [2]]},
    {"$dict": [[1, "a"], [{"$tuple": [1]}, None]]},
    {"$set": [1, 2]}, {"$frozenset": ["x"]},
])
async def test_values_come_back_as_they_went_in(sandbox: Sandbox, value: object) -> None:
    if type(value) is int:
        value = {"$int": hex(value)}
    program = Program(code="def same(x):\n    return x\n", entry="same")
    result = await sandbox.run(program, cases=[Case(args=[value], expected=value)], mode="io")
    assert result.outcome == "passed", result


@pytest.mark.parametrize("forged", [
    "def __dumps(x): return '[1, 2]'\n", "def __tagged(x): return {'$nothing': 1}\n",
    "def f(x):\n    return {n * (2 ** 61 - 1) for n in range(20000)}\n",
    "class Same:\n    def __eq__(self, other): return True\ndef f(x):\n    return Same()\n",
])
async def test_a_program_cannot_answer_more_than_text_that_is_compared(sandbox: Sandbox, forged: str) -> None:
    start = time.monotonic()
    code = "def f(x):\n    return 0\n" + forged
    result = await sandbox.run(Program(code=code, entry="f"), cases=[Case(args=[1], expected=[1, 3])], mode="io")
    assert result.outcome in ("failed", "error", "load_error", "timeout")
    assert time.monotonic() - start < 7


@pytest.mark.parametrize(("body", "outcome"), [
    ("while True: pass", "timeout"),
    ("x = [0]\n    while True: x = x + x", "memory"),
    ("x = 'a' * 10 ** 10", "memory"),
    ("x = 9 ** 9 ** 9", "memory"),
    ("import time\n    while True: time.sleep(10 ** 6)", "timeout"),
    ("import time\n    time.sleep(10 ** 6)\n    return 1", "passed"),
    ("while True: print('x' * 1000)", "output_limit"),
    ("while True:\n        try: print('x' * 1000)\n        except BaseException: pass", "output_limit"),
    ("return f()", "error"),
])
@pytest.mark.parametrize("mode", ["split", "io"])
async def test_what_never_ends_ends_within_the_limits(sandbox: Sandbox, body: str, outcome: str, mode: str) -> None:
    program, start = Program(code=f"def f():\n    {body}\n", entry="f"), time.monotonic()
    limits = SHORT.model_copy(update={"wall_s": 3.0, "call_s": 3.0}) if outcome == "memory" else SHORT  # on a busy machine, too
    if mode == "io":
        result = await sandbox.run(program, cases=[Case(expected=1)] * 2, mode="io", limits=limits)
    else:
        result = await sandbox.run(program, [Test(code="assert f() == 1")] * 2, limits=limits)
    assert [test.outcome for test in result.tests] == [outcome] * 2
    assert time.monotonic() - start < limits.wall_s + 10
    assert len(result.stdout) <= 1000
    assert (await sandbox.run(Program(code=SORT), [Test(code="assert unique([1]) == [1]")])).outcome == "passed"


@pytest.mark.parametrize("code", [
    "import numpy", "import heapq", "def g():\n    yield 1\nlist(g())", "class A(ValueError): pass", "(5).bit_length()", "memoryview(b'')",
    "from collections import OrderedDict",
])
async def test_what_monty_lacks_is_an_error_that_says_so(sandbox: Sandbox, code: str) -> None:
    loaded = await sandbox.run(Program(code=code), [Test(code="assert True")])
    assert (loaded.outcome, loaded.tests[0].outcome) == ("error", "error")
    assert loaded.exc is not None and loaded.exc.type == "Unsupported"


@pytest.mark.parametrize("code", ["{}.missing", "None.x", "class A: pass\nA().x", "missing", "raise ValueError('module')"])
async def test_what_is_wrong_everywhere_is_not_called_unsupported(sandbox: Sandbox, code: str) -> None:
    result = await sandbox.run(Program(code=code), [Test(code="assert True")])
    assert result.outcome == "load_error"
    assert result.exc is not None and result.exc.type != "Unsupported"


@pytest.mark.parametrize("mode", ["split", "bundle", "io"])
async def test_a_matrix_is_provisional_too(sandbox: Sandbox, mode: str) -> None:
    programs = [Program(code=SORT, entry="unique"), Program(code="def unique(xs):\n    while True: pass\n", entry="unique")]
    given = {"cases": [Case(args=[[1, 1]], expected=[1])]} if mode == "io" else {"tests": [Test(code="assert unique([1, 1]) == [1]")]}
    result = await sandbox.run_matrix(programs, **given, mode=mode, limits=SHORT)  # type: ignore[arg-type]
    assert result.outcomes == [["passed"], ["timeout"]]
    assert (result.verdict, result.complete) == ("provisional", True)


async def test_the_self_test_tries_forbidden_acts(sandbox: Sandbox) -> None:
    report = sandbox.report()
    assert report.isolated and report.backend == "monty" and len(report.table) >= 8
    assert "pydantic-monty" in report.interpreter


async def test_auto_takes_monty_only_where_nothing_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eudoxus.sandbox.selftest.lacking", lambda: [("no Linux", "use Linux")])
    tested = await choose(SandboxSettings())
    assert tested.jail.backend == "monty"
    await tested.slot.aclose()


async def test_a_cancelled_run_leaves_the_slot_free() -> None:
    sandbox = await Sandbox.open(SandboxSettings(backend="monty", slots=1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await sandbox.run(Program(code="while True: pass"), limits=Limits(wall_s=60))
    start = time.monotonic()
    assert (await sandbox.run(Program(code=SORT))).outcome == "passed"
    assert time.monotonic() - start < 20, "the program that was cancelled had a minute"
    await sandbox.aclose()
