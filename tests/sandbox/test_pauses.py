"""How long a reply keeps everybody else in the service waiting."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from eudoxus.sandbox import Case, Limits, Program, RunResult, Sandbox, Test
from eudoxus.sandbox.asking import AT_ONCE_BYTES, MOST_CONTAINERS
from eudoxus.sandbox.matrix import normalised
from eudoxus.sandbox.zygotes import needs_numpy

from .conftest import opened

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIMITS = Limits(wall_s=30, call_s=20, cpu_s=20)
ORDINARY = "list(range(200_000))"
BROKEN = """
import os
for n in range(3, 64):
    try:
        os.write(n, (100_000).to_bytes(4, "big") + b"x" * 100_000)
    except OSError:
        pass
"""
REPORT = """
import json, os
f(1)
blocks = [{"id": 0, "snapshots": [{"locals": {str(k): "x" for k in range(40)}}] * 10}] * 1000
body = json.dumps({"i": 0, "o": "passed", "trace": {"blocks": blocks}}).encode()
for n in range(3, 64):
    try:
        os.lseek(n, 0, os.SEEK_END)
        os.write(n, len(body).to_bytes(4, "big") + body)
    except OSError:
        pass
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """One slot; what holds the program makes no difference here."""
    found = await opened("lockdown", slots=1)
    gc.collect()
    gc.freeze()  # what other tests have left would take time to be looked through
    yield found
    gc.unfreeze()
    await found.aclose()


async def paused(work: Coroutine[Any, Any, RunResult]) -> tuple[RunResult, float]:
    """The work's result, and the longest time in which the event loop did nothing else, in seconds of this process's processor time.

    That is how long others wait, but for what else the machine does.
    """
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            start = time.process_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.process_time() - start)

    ticking = asyncio.ensure_future(tick())
    try:
        return await work, longest
    finally:
        ticking.cancel()


async def answered(sandbox: Sandbox, answer: str, times: int = 1) -> tuple[RunResult, float]:
    """The result, and the shorter of two longest pauses: what else the machine does makes some longer."""
    program = Program(code=f"def f(n):\n    return {answer}\n", entry="f")
    cases = [Case(args=[1], expected=[1])] * times
    tries = [await paused(sandbox.run(program, cases=cases, mode="io", limits=LIMITS)) for _ in range(2)]
    return tries[0][0], min(longest for _, longest in tries)


@pytest.mark.parametrize(("answer", "outcome"), [
    ("[[] for _ in range(900_000)]", "error"),
    ("[(n,) for n in range(60_000)]", "failed"),
    ("{n: {n} for n in range(60_000)}", "failed"),
])
async def test_no_answer_keeps_others_waiting_much_longer_than_an_ordinary_one(sandbox: Sandbox, answer: str, outcome: str):
    _, ordinary = await answered(sandbox, ORDINARY)
    result, longest = await answered(sandbox, answer)
    assert result.outcome == outcome
    assert longest < 8 * max(ordinary, 0.01)


async def test_a_flood_of_answers_is_read_in_portions(sandbox: Sandbox):
    """Each is small enough to be read at once; together they are not."""
    _, ordinary = await answered(sandbox, ORDINARY)
    result, longest = await answered(sandbox, "[[]] * 900", times=500)
    assert result.outcome == "failed"
    assert longest < 8 * max(ordinary, 0.01)


async def test_large_answers_are_compared_like_small_ones(sandbox: Sandbox):
    """In the thread too: the right one passes, the wrong one fails, those after them are asked, and a broken frame ends the run."""
    program = Program(code="def f(n):\n    print(n)\n    return [str(k) for k in range(n)]\n", entry="f")
    count = AT_ONCE_BYTES // 2
    right = [str(k) for k in range(count)]
    cases = [Case(args=[n], expected=e) for n, e in ((2, ["0", "1"]), (count, right), (count, right[1:]), (3, ["0", "1", "2"]))]
    result = await sandbox.run(program, cases=cases, mode="io", limits=LIMITS)
    assert [test.outcome for test in result.tests] == ["passed", "passed", "failed", "passed"]
    result = await sandbox.run(Program(code=BROKEN + program.code, entry="f"), cases=cases, mode="io", limits=LIMITS)
    assert result.outcome == "protocol_error"


async def test_an_answer_that_is_too_long_is_an_error_of_that_case_alone(sandbox: Sandbox):
    program = Program(code="def f(n):\n    return list(range(10 ** 6)) if n else 0\n", entry="f")
    result = await sandbox.run(program, cases=[Case(args=[n], expected=0) for n in (0, 1, 0)], mode="io", limits=LIMITS)
    assert [test.outcome for test in result.tests] == ["passed", "error", "passed"]
    assert result.tests[1].exc is not None and result.tests[1].exc.type == "TooLarge"


async def test_too_many_lists_are_an_error_of_that_case_alone(sandbox: Sandbox):
    program = Program(code=f"def f(n):\n    return [[] for _ in range({MOST_CONTAINERS})] if n else 0\n", entry="f")
    result = await sandbox.run(program, cases=[Case(args=[n], expected=0) for n in (0, 1, 0)], mode="io", limits=LIMITS)
    assert [test.outcome for test in result.tests] == ["passed", "error", "passed"]
    assert result.tests[1].exc is not None and result.tests[1].exc.type == "TooLarge"


async def test_looking_at_a_long_program_takes_no_longer_than_reading_it():
    """Parsing this one takes seconds."""
    code = "import numpy\nassert " + "<".join(["f(1)"] * 200_000)
    start = time.process_time()
    assert needs_numpy(Program(code=code), ())
    assert normalised(code) == code
    assert time.process_time() - start < 0.2


@pytest.mark.parametrize(("code", "imports"), [
    ("import numpy", True), ("import os, numpy as np", True), ("if 1: from numpy.linalg import inv", True),
    ("x = 'numpy'", False), ("import os\n# no numpy", False), ("import math", False),
])
async def test_numpy_is_loaded_where_a_program_imports_it(code: str, imports: bool):
    assert needs_numpy(Program(code=code), ()) is imports


async def test_a_run_may_be_cancelled_while_its_answer_is_read(sandbox: Sandbox):
    program = Program(code="def f(n):\n    return [[n] for _ in range(90_000)]\n", entry="f")
    for wait in (0.1, 0.2, 0.3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(wait):
                await sandbox.run(program, cases=[Case(args=[1], expected=1)] * 50, mode="io", limits=LIMITS)
    following = await sandbox.run(program, cases=[Case(args=[1], expected=[[1]] * 90_000)], mode="io", limits=LIMITS)
    assert (following.outcome, following.retried) == ("passed", False)


async def test_a_report_that_a_test_spoils_keeps_nobody_waiting(sandbox: Sandbox):
    _, ordinary = await answered(sandbox, ORDINARY)
    result, longest = await paused(sandbox.run(Program(code="def f(n): return n\n", entry="f"), [Test(code=REPORT)], limits=LIMITS))
    assert result.outcome == "invalid_test"
    assert longest < 8 * max(ordinary, 0.01)
