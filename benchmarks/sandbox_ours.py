"""Eudoxus' sandbox behind the same pipe as the peers': ``python -m benchmarks.sandbox_ours SLOTS``."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from eudoxus.sandbox import Case, Limits, Program, RunResult, Sandbox, SandboxSettings, Test
from eudoxus.sandbox.split_tests import setup_of_prompt, whole_check

LIMITS = Limits(wall_s=10, call_s=5, cpu_s=10)
LOOP = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
"""For the cost of a trace: a visit of the loop's block per number."""
VISITS = 400


async def checked(sandbox: Sandbox, problem: dict[str, Any], mode: str) -> RunResult:
    """One problem in one mode, with the tests that the peers get."""
    prompt, entry = problem["prompt"], problem["entry_point"]
    program = Program(code=prompt + problem["completion"], entry=entry, setup=setup_of_prompt(prompt))
    if mode == "io":
        cases = [Case(args=args, expected=expected) for args, expected in zip(problem["inputs"], problem["expected"], strict=True)]
        return await sandbox.run(program, cases=cases, mode="io", limits=LIMITS)
    tests = [whole_check(problem["test"], entry)]
    return await sandbox.run(program, tests=tests, mode="bundle" if mode == "bundle" else "split", limits=LIMITS)


async def timed(runs: Sequence[Callable[[], Awaitable[RunResult]]]) -> dict[str, Any]:
    """Milliseconds of each run, one after the other, and how many passed."""
    took, passed = list[float](), 0
    for run in runs:
        start = time.perf_counter()
        passed += (await run()).outcome == "passed"
        took.append(1000 * (time.perf_counter() - start))
    return {"ms": took, "passed": passed}


async def suite(sandbox: Sandbox, problems: Sequence[dict[str, Any]], workers: int, mode: str) -> dict[str, Any]:
    """All problems with ``workers`` runs at a time."""
    waiting, passed = list(reversed(problems)), 0

    async def work() -> None:
        nonlocal passed
        while waiting:
            found = await checked(sandbox, waiting.pop(), mode)
            passed += found.outcome == "passed"

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(workers)))
    return {"seconds": time.perf_counter() - start, "passed": passed}


async def matrix(sandbox: Sandbox, what: str, size: int) -> dict[str, Any]:
    """``io``, ``split``, and ``judge`` (``split`` with tests that are more than data): one program on ``size`` inputs. ``bundle``: ``size``
    programs on one test. Pairs per second.
    """
    program = Program(code="def f(n):\n    return n * n + 1\n", entry="f")
    start = time.perf_counter()
    if what == "bundle":
        programs = [Program(code=f"def f(n):\n    return n + {number}\n", entry="f") for number in range(size)]
        found = await sandbox.run_matrix(programs, [Test(code=f"assert f(1) > {-size}")], mode="bundle", limits=LIMITS)
        passed = sum(row == ["passed"] for row in found.outcomes)
    elif what == "io":
        cases = [Case(args=[n], expected=n * n + 1) for n in range(size)]
        passed = sum(test.outcome == "passed" for test in (await sandbox.run(program, cases=cases, mode="io", limits=LIMITS)).tests)
    else:
        said = "n = {}\nassert f(n) == {}" if what == "judge" else "assert f({}) == {}"
        tests = [Test(code=said.format(n, n * n + 1)) for n in range(size)]
        passed = sum(test.outcome == "passed" for test in (await sandbox.run(program, tests, limits=LIMITS)).tests)
    return {"per_s": size / (time.perf_counter() - start), "passed": passed}


async def answer(sandbox: Sandbox, asked: dict[str, Any]) -> dict[str, Any]:
    match asked["op"]:
        case "suite":
            return await suite(sandbox, asked["problems"], asked["workers"], asked["mode"])
        case "matrix":
            return await matrix(sandbox, asked["what"], asked["size"])
        case "trace":
            program, test = Program(code=LOOP, entry="f"), Test(code=f"assert f({VISITS}) == -1")
            plain = await timed([lambda: sandbox.run(program, [test])] * asked["count"])
            traced = await timed([lambda: sandbox.run(program, [test], trace="blocks")] * asked["count"])
            return {"plain_ms": plain["ms"], "traced_ms": traced["ms"]}
    return await timed([lambda: checked(sandbox, asked["problems"][0], asked["mode"])] * asked["count"])


async def main() -> None:
    sandbox = await Sandbox.open(SandboxSettings(slots=int(sys.argv[1])))
    try:
        report = sandbox.report()
        print(json.dumps({"ready": f"{report.backend}, {report.level}"}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await answer(sandbox, json.loads(line))), flush=True)
    finally:
        await sandbox.aclose()


if __name__ == "__main__":
    asyncio.run(main())
