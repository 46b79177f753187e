"""Runs of real processes: outcomes one by one, cancellation, the queue, matrices."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from eudoxus.runtime.errors import InvalidRequest
from eudoxus.sandbox import Case, Limits, Program, RunResult, Sandbox, SandboxBusy, SandboxUnavailable, Test

from .conftest import opened, processes, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = Limits(wall_s=2, call_s=0.3, cpu_s=2, memory_mb=256)
RIGHT = Program(code="def f(n):\n    return n + 1\n", entry="f")
ENDLESS = Program(code="def f(n):\n    while True: pass\n", entry="f")
BABBLE = "import os\nfor n in range(3, 64):\n    try: os.write(n, b'garbage!')\n    except OSError: pass\ndef f(n): return 2\n"
TEST = Test(code="assert f(1) == 2")


async def run(sandbox: Sandbox, code: str, *tests: str, limits: Limits = SHORT) -> RunResult:
    return await sandbox.run(Program(code=code, entry="f"), [Test(code=test) for test in tests or (TEST.code,)], limits=limits)


# -- outcomes --------------------------------------------------------------------------------------------------------------


async def test_a_right_program_passes_and_the_result_says_what_held_it(sandbox: Sandbox):
    result = await run(sandbox, "def f(n):\n    print('called', n)\n    return n + 1\n")
    assert (result.outcome, result.verdict, result.stdout) == ("passed", "final", "called 1\n")
    assert result.isolation.level in ("bwrap+lockdown", "lockdown")
    assert result.isolation.landlock_abi >= 1
    assert (result.tests[0].calls[0].args, result.tests[0].calls[0].value) == ("1", "2")
    assert result.cpu_ms > 0
    assert result.maxrss_kb > 0
    assert not result.retried


async def test_each_test_has_a_verdict_of_its_own(sandbox: Sandbox):
    result = await run(sandbox, "def f(n):\n    return 10 // n\n", "assert f(1) == 10", "assert f(2) == 4", "f(0)", "assert f(5) == 2")
    assert [test.outcome for test in result.tests] == ["passed", "failed", "error", "passed"]
    assert result.outcome == "failed"
    exc = result.tests[2].exc
    assert exc is not None
    assert (exc.type, exc.line, exc.frames) == ("ZeroDivisionError", 2, [(2, "f")])


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("def f(n):\n    while True: pass\n", "timeout"),
        ("import re\ndef f(n):\n    re.match('(a+)+$', 'a' * 60 + 'b')\n", "timeout"),
        ("import os, signal\ndef f(n):\n    os.kill(os.getpid(), signal.SIGSTOP)\n", "timeout"),
        ("def f(n):\n    try:\n        while True: pass\n    except BaseException:\n        return 2\n", "timeout"),
        ("while True: pass\n", "timeout"),
        ("def f(n):\n    return len(bytearray(1 << 30))\n", "memory"),
        ("x = bytearray(1 << 30)\ndef f(n): return 2\n", "memory"),
        ("def f(n):\n    while True: print('x' * 1000)\n", "output_limit"),
        ("import os, signal\ndef f(n):\n    os.kill(os.getpid(), signal.SIGSEGV)\n", "crashed"),
        ("import ctypes\ndef f(n):\n    ctypes.string_at(0)\n", "crashed"),
        ("def f(n: return\n", "load_error"),
        ("1 / 0\n", "load_error"),
        ("import os\ndef f(n):\n    os._exit(0)\n", "protocol_error"),
        ("import os\nos._exit(0)\n", "protocol_error"),
        (BABBLE, "protocol_error"),
        ("def f(n):\n    raise SystemExit(0)\n", "error"),
        ("def g(n): return 2\n", "error"),
    ],
)
async def test_what_a_program_does_has_its_outcome(sandbox: Sandbox, code: str, outcome: str):
    limits = SHORT.model_copy(update={"wall_s": 0.7, "call_s": 0.5 if "print" in code else 0.3})
    result = await run(sandbox, code, limits=limits)
    assert result.outcome == outcome, result
    assert [test.outcome for test in result.tests] == [outcome]
    assert (result.signal == signal.SIGSEGV) == (outcome == "crashed")
    assert (await run(sandbox, RIGHT.code)).outcome == "passed"


@pytest.mark.parametrize("test", ["assert True", "raise ValueError", "import os; os._exit(0)", "raise SystemExit", "assert (", "f.x.y"])
async def test_a_test_that_does_not_test_is_invalid(sandbox: Sandbox, test: str):
    result = await run(sandbox, RIGHT.code, test)
    assert (result.outcome, result.tests[0].outcome) == ("invalid_test", "invalid_test"), result


async def test_a_test_that_crashes_the_judge_is_invalid_and_not_the_sandboxs_fault(sandbox: Sandbox):
    result = await run(sandbox, RIGHT.code, "f(1)\nimport ctypes\nctypes.string_at(0)", TEST.code)
    assert (result.outcome, result.retried) == ("invalid_test", False)


async def test_a_test_without_end_is_a_timeout(sandbox: Sandbox):
    result = await run(sandbox, RIGHT.code, "f(1)\nwhile True: pass", limits=SHORT.model_copy(update={"wall_s": 0.5}))
    assert result.outcome == "timeout"


async def test_tests_after_the_one_that_ends_the_run_share_its_outcome(sandbox: Sandbox):
    code = "import os, signal\ndef f(n):\n    if n == 3: os.kill(os.getpid(), signal.SIGSEGV)\n    return n\n"
    result = await run(sandbox, code, *(f"assert f({n}) == {n}" for n in range(1, 6)))
    assert [test.outcome for test in result.tests] == ["passed", "passed", "crashed", "crashed", "crashed"]
    assert (result.outcome, result.signal) == ("crashed", signal.SIGSEGV)


async def test_processor_time_is_limited_whatever_the_program_catches(sandbox: Sandbox):
    code = "import signal\nsignal.signal(signal.SIGXCPU, lambda *_: None)\ndef f(n):\n    while True: pass\n"
    start = time.monotonic()
    result = await run(sandbox, code, limits=Limits(wall_s=60, call_s=60, cpu_s=1))
    assert result.outcome == "timeout"
    assert time.monotonic() - start < 40


async def test_output_is_cut_and_a_chatty_program_may_pass(sandbox: Sandbox):
    result = await run(sandbox, "def f(n):\n    print('x' * 300_000)\n    return 2\n")
    assert (result.outcome, len(result.stdout), result.truncated) == ("passed", 65536, True)


async def test_threads_are_there_only_where_they_are_asked_for(sandbox: Sandbox):
    code = "import threading\ndef f(n):\n    t = threading.Thread(target=int)\n    t.start()\n    t.join()\n    return 2\n"
    assert (await run(sandbox, code)).outcome == "error"
    assert (await run(sandbox, code, limits=SHORT.model_copy(update={"threads": 2}))).outcome == "passed"


async def test_arguments_come_back_only_where_the_test_says_so(sandbox: Sandbox):
    program = Program(code="def f(items):\n    items.sort()\n", entry="f")
    code = "items = [2, 1]\nf(items)\nassert items == [1, 2]"
    result = await sandbox.run(program, [Test(code=code), Test(code=code, mutates=(("f", 0),))])
    assert [test.outcome for test in result.tests] == ["failed", "passed"]


# -- other modes -----------------------------------------------------------------------------------------------------------


async def test_cases_are_compared_by_the_harness(sandbox: Sandbox):
    program = Program(code="def f(a, b=0):\n    if a < 0: raise IndexError('no')\n    return (a, b)\n", entry="f")
    cases = [
        Case(args=[1], expected={"$tuple": [1, 0]}),
        Case(args=[1], kwargs={"b": 2}, expected={"$tuple": [1, 2]}),
        Case(args=[1], expected=[1, 0]),
        Case(args=[-1], raises="LookupError"),
        Case(args=[-1], expected=None),
        Case(args=[1], raises="ValueError"),
    ]
    result = await sandbox.run(program, cases=cases, mode="io")
    assert [test.outcome for test in result.tests] == ["passed", "passed", "failed", "passed", "error", "failed"]
    assert result.tests[2].calls[0].value == "(1, 0)"


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("def f(n):\n    if n == 2:\n        while True: pass\n    return n\n", "timeout"),
        ("import os, signal\ndef f(n):\n    if n == 2: os.kill(os.getpid(), signal.SIGSEGV)\n    return n\n", "crashed"),
        ("import os\ndef f(n):\n    if n == 2: os._exit(0)\n    return n\n", "protocol_error"),
        ("def f(n):\n    return [] if n < 2 else bytearray(1 << 30)\n", "memory"),
    ],
)
async def test_what_ends_a_program_between_cases_is_told(sandbox: Sandbox, code: str, outcome: str):
    cases = [Case(args=[n], expected=n) for n in (1, 2, 3)]
    result = await sandbox.run(Program(code=code, entry="f"), cases=cases, mode="io", limits=SHORT)
    assert [test.outcome for test in result.tests][1:] == [outcome, outcome]


async def test_many_and_large_cases_do_not_block_each_other(sandbox: Sandbox):
    program = Program(code="def f(text):\n    return text * 2\n", entry="f")
    cases = [Case(args=["x" * 20_000], expected="x" * 40_000) for _ in range(100)]
    result = await sandbox.run(program, cases=cases, mode="io", limits=Limits(wall_s=20))
    assert result.outcome == "passed"


async def test_bundled_verdicts_are_provisional(sandbox: Sandbox):
    result = await sandbox.run(RIGHT, [TEST, Test(code="assert f(1) == 3")], mode="bundle")
    assert ([test.outcome for test in result.tests], result.verdict) == (["passed", "failed"], "provisional")


@pytest.mark.parametrize("mode", ["split", "io"])
async def test_a_trace_shows_what_was_executed(sandbox: Sandbox, mode: str):
    program = Program(code="def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n", entry="f")
    asked = {"tests": [Test(code="assert f(3) == 4")]} if mode == "split" else {"cases": [Case(args=[3], expected=4)]}
    result = await sandbox.run(program, mode=mode, trace="blocks", **asked)  # type: ignore[arg-type]
    assert result.outcome == "failed"
    assert any(block["visits"] == 3 for block in result.trace["blocks"])


async def test_without_tests_a_program_passes_when_it_loads(sandbox: Sandbox):
    for mode in ("split", "io"):
        assert (await sandbox.run(RIGHT, mode=mode)).outcome == "passed"  # type: ignore[arg-type]
        assert (await sandbox.run(Program(code="1 / 0"), mode=mode)).outcome == "load_error"  # type: ignore[arg-type]


async def test_what_does_not_fit_together_is_refused(sandbox: Sandbox):
    for asked in (
        {"tests": [TEST], "mode": "io"}, {"cases": [Case()], "mode": "split"}, {"cases": [Case()], "mode": "io"},
        {"cases": [Case()], "mode": "bundle"},
    ):
        with pytest.raises(InvalidRequest):
            await sandbox.run(Program(code=""), **asked)  # type: ignore[arg-type]


async def test_programs_and_tests_with_numpy_run_in_children_that_have_it_loaded(sandbox: Sandbox):
    if not sandbox.slots[0].jail.interpreter.numpy:
        pytest.skip("numpy is not installed for the interpreter in the jail")
    program = Program(code="import numpy as np\ndef f(n):\n    return np.arange(n) + 1\n", entry="f")
    result = await sandbox.run(program, [Test(code="import numpy as np\nassert np.array_equal(f(3), [1, 2, 3])")])
    assert result.outcome == "passed", result
    again = await sandbox.run(program, cases=[Case(args=[2])], mode="io")
    assert again.outcome == "failed"
    assert again.cpu_ms < 400  # nothing is imported any more


# -- between runs ----------------------------------------------------------------------------------------------------------


async def test_nothing_flows_from_one_run_to_the_next(sandbox: Sandbox):
    code = "import builtins, math\nfound = hasattr(builtins, 'left') or hasattr(math, 'left')\n"
    code += "builtins.left = math.left = 1\ndef f(n): return found\n"
    for _ in range(4):
        assert (await run(sandbox, code, "assert f(1) == False")).outcome == "passed"


async def test_hashes_and_random_numbers_are_the_same_each_time(sandbox: Sandbox):
    code = "import random\ndef f(n): return [hash('a'), random.random(), list({'a', 'b', 'c'})]\n"
    shown = [(await run(sandbox, code)).tests[0].calls[0].value for _ in range(2)]
    assert shown[0] == shown[1]
    seeded = await sandbox.run(Program(code=code, entry="f"), [TEST], seed=1)
    assert seeded.tests[0].calls[0].value != shown[0]


async def test_a_cancelled_run_leaves_nothing_and_frees_the_slot(sandbox: Sandbox):
    await run(sandbox, RIGHT.code)
    await asyncio.sleep(0.05)
    before = len(processes())
    for mode in ("split", "io"):
        asked = {"tests": [TEST]} if mode == "split" else {"cases": [Case(args=[1])]}
        running = asyncio.ensure_future(sandbox.run(ENDLESS, mode=mode, limits=Limits(wall_s=60, call_s=60, cpu_s=60), **asked))  # type: ignore[arg-type]
        await asyncio.sleep(0.1)
        running.cancel()
        start = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await run(sandbox, RIGHT.code)).outcome == "passed"
        assert time.monotonic() - start < 20, "the program that was cancelled had a minute"
    assert await settled(before) == before


async def test_a_zygote_that_dies_is_replaced_and_the_result_says_that_it_was_run_again(sandbox: Sandbox):
    slow = "import time\ndef f(n):\n    time.sleep(1.5)\n    return 2\n"
    for name in ("candidate", "judge"):
        running = asyncio.ensure_future(sandbox.run(Program(code=slow, entry="f", setup="need = a_judge = 1"), [TEST]))
        await asyncio.sleep(0.5)
        pid = sandbox.slots[0]._zygotes[name]._pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        result = await running
        assert (result.outcome, result.retried) == ("passed", True), result


async def test_a_zygote_that_does_not_answer_is_replaced(sandbox: Sandbox):
    zygote = sandbox.slots[0]._zygotes["candidate"]
    await run(sandbox, RIGHT.code)
    assert zygote._pid is not None
    os.kill(zygote._pid, signal.SIGSTOP)
    result = await run(sandbox, ENDLESS.code, limits=SHORT.model_copy(update={"wall_s": 0.3}))
    assert result.outcome in ("timeout", "infra_error")
    assert (await run(sandbox, RIGHT.code)).outcome == "passed"
    assert sandbox.slots[0]._zygotes["candidate"] is not zygote


async def test_zygotes_are_replaced_after_many_forks(sandbox: Sandbox):
    zygote = sandbox.slots[0]._zygotes["candidate"]
    zygote.forks = 10_000
    assert (await run(sandbox, RIGHT.code)).outcome == "passed"
    assert (await run(sandbox, RIGHT.code)).outcome == "passed"
    assert sandbox.slots[0]._zygotes["candidate"] is not zygote


# -- the pool --------------------------------------------------------------------------------------------------------------


async def test_two_slots_work_at_the_same_time():
    sandbox = await opened("lockdown", slots=2)
    try:
        program = Program(code="import time\ndef f(n):\n    time.sleep(1.5)\n    return n + 1\n", entry="f")
        async with asyncio.timeout(10):
            while len(sandbox._idle) < 2:
                await asyncio.sleep(0.01)
        start = time.monotonic()
        results = await asyncio.gather(*(sandbox.run(program, [TEST]) for _ in range(2)))
        assert [result.outcome for result in results] == ["passed", "passed"]
        assert time.monotonic() - start < 2.9, "one after the other they take three seconds"
    finally:
        await sandbox.aclose()


async def test_beyond_the_queue_runs_are_refused_with_a_time_to_wait():
    sandbox = await opened("lockdown", slots=1, queue=1)
    try:
        first, second = (asyncio.ensure_future(sandbox.run(ENDLESS, [TEST], limits=SHORT)) for _ in range(2))
        await asyncio.sleep(0.05)
        with pytest.raises(SandboxBusy) as refused:
            await sandbox.run(RIGHT, [TEST])
        assert refused.value.retry_after >= 1
        second.cancel()
        await asyncio.sleep(0)
        assert (await sandbox.run(RIGHT, [TEST])).outcome == "passed"
        assert (await first).outcome == "timeout"
    finally:
        await sandbox.aclose()


async def test_callers_take_turns_however_much_one_of_them_asks_for():
    sandbox = await opened("lockdown", slots=1)
    order: list[str] = []

    async def ask(caller: str) -> None:
        await sandbox.run(RIGHT, [TEST], caller=caller)
        order.append(caller)

    try:
        await asyncio.gather(*(ask("greedy") for _ in range(6)), ask("modest"))
        assert order.index("modest") <= 2
    finally:
        await sandbox.aclose()


async def test_closing_ends_what_runs_and_leaves_no_process():
    before = processes()
    sandbox = await opened("lockdown", slots=2)
    running = asyncio.ensure_future(sandbox.run(ENDLESS, [TEST], limits=Limits(wall_s=60, call_s=60)))
    await asyncio.sleep(0.1)
    await sandbox.aclose()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await settled(len(before)) == len(before)
    with pytest.raises(SandboxUnavailable):
        await sandbox.run(RIGHT, [TEST])


# -- matrices --------------------------------------------------------------------------------------------------------------


async def test_a_matrix_has_a_row_for_each_program_and_equal_programs_run_once(sandbox: Sandbox):
    again = Program(code="def f(n):\n    # the same\n    return (n + 1)\n", entry="f")
    wrong = Program(code="def f(n):\n    return 2\n", entry="f")
    cases = [Case(args=[n], expected=n + 1) for n in (1, 2, 3)]
    found = await sandbox.run_matrix([RIGHT, wrong, again, Program(code="(", entry="f")], cases=cases)
    assert found.outcomes == [["passed"] * 3, ["passed", "failed", "failed"], ["passed"] * 3, ["load_error"] * 3]
    assert found.complete
    tests = [Test(code=f"assert f({n}) == {n + 1}") for n in (1, 2, 3)]
    for mode, verdict in (("split", "final"), ("bundle", "provisional")):
        same = await sandbox.run_matrix([RIGHT, wrong, again, Program(code="(", entry="f")], tests, mode=mode)  # type: ignore[arg-type]
        assert (same.outcomes, same.verdict) == (found.outcomes, verdict)


@pytest.mark.parametrize("mode", ["io", "split"])
async def test_a_program_goes_on_after_a_test_that_ended_it_three_times(sandbox: Sandbox, mode: str):
    code = "import os, signal\ndef f(n):\n    if n in (2, 4, 6): os.kill(os.getpid(), signal.SIGKILL)\n    return n\n"
    numbers = range(1, 9)
    cases, tests = [Case(args=[n], expected=n) for n in numbers], [Test(code=f"assert f({n}) == {n}") for n in numbers]
    asked = {"cases": cases} if mode == "io" else {"tests": tests}
    found = await sandbox.run_matrix([Program(code=code, entry="f")], mode=mode, **asked)  # type: ignore[arg-type]
    assert found.outcomes == [["passed", "crashed", "passed", "crashed", "passed", "crashed", "crashed", "crashed"]]


async def test_a_bundle_goes_on_behind_a_program_that_ends_the_process(sandbox: Sandbox):
    killer = Program(code="import os\nos._exit(0)", entry="f")
    hanging = Program(code="import re\ndef f(n):\n    re.match('(a+)+$', 'a' * 60 + 'b')\n", entry="f")
    found = await sandbox.run_matrix([RIGHT, killer, hanging, RIGHT], [TEST], mode="bundle", limits=Limits(wall_s=0.5))
    assert found.outcomes == [["passed"], ["protocol_error"], ["timeout"], ["passed"]]


@pytest.mark.parametrize("mode", ["io", "split", "bundle"])
async def test_at_the_end_of_the_budget_there_is_what_was_reached(sandbox: Sandbox, mode: str):
    code = "import time\ndef f(n):\n    time.sleep(0.2 if {} < 9 else 9)\n    return n + 1\n"
    slow = [Program(code=code.format(i), entry="f") for i in range(12)]
    asked = {"cases": [Case(args=[1], expected=2)]} if mode == "io" else {"tests": [TEST]}
    start = time.monotonic()
    found = await sandbox.run_matrix(slow, mode=mode, budget_s=0.7, limits=Limits(wall_s=2), **asked)  # type: ignore[arg-type]
    assert time.monotonic() - start < 5, "all of them take eight seconds"
    assert not found.complete
    assert found.outcomes[-1] == [None]
    if mode != "bundle":
        assert found.outcomes[0] == ["passed"]
