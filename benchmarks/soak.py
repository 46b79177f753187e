"""Whether the sandbox stands ten thousand runs: ``python -m benchmarks.soak [--runs N | --quick] [--backend NAME]…``.

A third of the runs is hostile, modes and callers are mixed, and some are cancelled in the middle. Afterwards every slot must be alive,
every control must pass, and nothing may be left: no process, descriptor, task, file or memory. ``--quick`` makes a thousand runs. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from random import Random
from typing import Any, Literal, NamedTuple

import orjson

from benchmarks.leaks import adopt_orphans, resident_mb, settled, stable
from benchmarks.soak_programs import AMPLE, BREAKS, CASES, CONTROLS, HONEST, HOSTILE, NUMPY, SHORT, TESTS, WRONG, program
from eudoxus.sandbox import Program, RunResult, Sandbox, SandboxSettings, SandboxUnavailable, Test

RUNS, QUICK_RUNS = 10_000, 1_000
BACKENDS = ("bwrap", "lockdown")
CALLERS = 6
WARM_UP = 0.1
"""Of all runs, before memory is measured for the first time."""
MOST_GROWTH_MB = 20.0
PARTS = 10
SLEEPY = "import time\ntime.sleep(0.5)\n" + HONEST["plain"]
USERS = 16
"""User ids kept for one backend's processes."""
Mode = Literal["split", "io", "bundle", "matrix"]
MODES: tuple[Mode, ...] = ("split", "split", "io", "io", "bundle", "matrix")


class Ask(NamedTuple):
    """One run: a program by its kind, and when it is cancelled, if it is."""

    kind: str
    code: str
    mode: Mode
    right: bool
    hostile: bool
    cancel_after: float | None


def plan(runs: int, random: Random, *, numpy: bool) -> Iterator[Ask]:
    """A third hostile, a twelfth cancelled."""
    honest = {**HONEST, **({"numpy": NUMPY} if numpy else {})}
    for _ in range(runs):
        kinds = random.choice((HOSTILE, honest, {**honest, **WRONG}))
        kind, code = random.choice(sorted(kinds.items()))
        cancel_after = random.uniform(0, 0.05) if random.random() < 1 / 12 else None
        yield Ask(kind, code, random.choice(MODES), kind in honest, kind in HOSTILE, cancel_after)


class Soak:
    """All runs of one backend, and what was wrong with them."""

    def __init__(self, sandbox: Sandbox, seed: int) -> None:
        self._sandbox = sandbox
        self._seed = seed
        self.counts: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def run(self, asks: Iterator[Ask]) -> None:
        """All of them, by a few callers at a time."""

        async def call(caller: str) -> None:
            for ask in asks:
                await self._one(ask, caller)

        async with asyncio.TaskGroup() as callers:
            for number in range(CALLERS):
                callers.create_task(call(f"caller {number}"))

    async def _one(self, ask: Ask, caller: str) -> None:
        self.counts["runs"] += 1
        self.counts["hostile"] += ask.hostile
        work = asyncio.ensure_future(self._matrix(ask, caller) if ask.mode == "matrix" else self._run(ask, caller))
        if ask.cancel_after is not None:
            await asyncio.wait([work], timeout=ask.cancel_after)
            self.counts["cancelled"] += work.cancel()
            await asyncio.wait([work])
        if not work.cancelled():
            await work

    async def _run(self, ask: Ask, caller: str) -> None:
        asked: dict[str, Any] = {"cases": CASES, "mode": "io"} if ask.mode == "io" else {"tests": TESTS, "mode": ask.mode}
        limits = SHORT if ask.hostile else AMPLE
        found = await self._sandbox.run(program(ask.code), **asked, limits=limits, seed=self._seed, caller=caller)
        self.outcomes[found.outcome] += 1
        self.counts["retried"] += found.retried
        if not _fair(ask, found):
            exc = found.exc or next((test.exc for test in found.tests if test.exc), None)
            self.wrong.append(f"{ask.kind} ({ask.mode}): {found.outcome}, {exc}")

    async def _matrix(self, ask: Ask, caller: str) -> None:
        """The program between two honest ones, in one child as long as it survives."""
        around = [Program(code=HONEST["plain"] + f"# {n}\n", entry="solve") for n in (0, 1)]
        programs = [around[0], program(ask.code), around[1]]
        limits = SHORT.model_copy(update={"wall_s": 1.0}) if ask.hostile else AMPLE
        found = await self._sandbox.run_matrix(programs, TESTS, mode="bundle", limits=limits, seed=self._seed, caller=caller)
        self.outcomes["a matrix"] += 1
        first, _, last = found.outcomes
        if first != ["passed"] * 2 or (last != ["passed"] * 2 and (not ask.hostile or ask.kind in BREAKS)):
            self.wrong.append(f"{ask.kind} (matrix): {found.outcomes}")


def _fair(ask: Ask, found: RunResult) -> bool:
    if ask.right:
        return found.outcome == "passed"
    if ask.hostile:
        return found.outcome not in ("infra_error", "invalid_test") and (found.verdict == "provisional" or found.outcome != "passed")
    return found.outcome in ("failed", "error")


async def alive(sandbox: Sandbox, within_s: float = 30.0) -> int:
    """How many slots can be had at the same time."""
    had = []
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            for _ in sandbox.slots:
                had.append(await sandbox.acquire("alive"))
    for slot in had:
        sandbox.release(slot)
    return len({id(slot) for slot in had})


async def everywhere(sandbox: Sandbox, code: str, tests: Sequence[Test] = TESTS, **more: Any) -> list[RunResult]:
    """The program on every slot: as many at the same time."""
    return await asyncio.gather(*(sandbox.run(program(code), tests, **more) for _ in sandbox.slots))


async def controls(sandbox: Sandbox) -> list[str]:
    """Which controls do not pass on each slot, and how they end."""
    bad = []
    for control in CONTROLS:
        for mode in ("split",) if any(test.mutates for test in control.tests) else ("split", "bundle"):
            for found in await everywhere(sandbox, control.code, control.tests, mode=mode, limits=control.limits):
                if found.outcome != "passed" or found.retried:
                    bad.append(f"{control.name} ({mode}): {found.outcome} {found.exc or found.tests}")
    for name, code in HONEST.items():
        for found in await everywhere(sandbox, code, (), cases=CASES, mode="io", limits=AMPLE):
            if found.outcome != "passed" or found.retried:
                bad.append(f"{name} (io): {found.outcome} {found.exc or found.tests}")
    return bad


async def soak(backend: str, runs: int, seed: int) -> dict[str, Any]:
    """Figures of one backend. Raises :class:`SandboxUnavailable`."""
    first_user = 100_000 + USERS * (2 * (os.getpid() % 100_000) + (backend == "bwrap"))
    users = range(first_user, first_user + USERS)
    settings = SandboxSettings(backend=backend, slots=2, uid=first_user)  # type: ignore[arg-type]
    sandbox = await Sandbox.open(settings)
    await sandbox.run(program(HONEST["plain"]), TESTS)  # some things a process opens only once
    await sandbox.aclose()
    empty = await stable(users)
    start = time.monotonic()
    sandbox = await Sandbox.open(settings)
    try:
        numpy = sandbox.slots[0].jail.interpreter.numpy
        for code in (SLEEPY, *([NUMPY + SLEEPY] if numpy else [])):
            await everywhere(sandbox, code)  # so that all zygotes are there
        first_alive, before = await alive(sandbox), await stable(users)
        work = Soak(sandbox, seed)
        asks = plan(runs, Random(seed), numpy=numpy)
        warm = int(runs * WARM_UP)
        await work.run(islice(asks, warm))
        first_mb = resident_mb()
        for part in range(1, PARTS + 1):
            await work.run(islice(asks, warm + (runs - warm) * part // PARTS - work.counts["runs"]))
            _say(f"{backend}: {work.counts['runs']} of {runs}, {len(work.wrong)} wrong, {resident_mb() - first_mb:+.1f} MB")
        seconds = time.monotonic() - start
        still_alive = await alive(sandbox)
        bad = await controls(sandbox)
        after = await settled(users, before)
        growth = resident_mb() - first_mb
    finally:
        await sandbox.aclose()
    closed = await settled(users, empty)
    return {
        "seconds": seconds, **work.counts, "wrong": work.wrong, "outcomes": dict(work.outcomes), "slots": [first_alive, still_alive],
        "controls": bad, "growth_mb": growth,
        "before": asdict(before), "after": asdict(after), "empty": asdict(empty), "closed": asdict(closed),
    }


def goals(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What must hold of each backend."""
    promised = []
    for backend, one in found.items():
        before, after, empty, closed = (one[name] for name in ("before", "after", "empty", "closed"))
        promised += [
            (f"{backend}: wrong verdicts", 0, len(one["wrong"])),
            (f"{backend}: runs that had to be repeated", 0, one["retried"]),
            (f"{backend}: slots lost", 0, one["slots"][0] - one["slots"][1]),
            (f"{backend}: controls that do not pass", 0, len(one["controls"])),
            *((f"{backend}: more {what} than before", 0, max(0, after[what] - before[what])) for what in before),
            *((f"{backend}: {what} left when closed", 0, max(0, closed[what] - empty[what])) for what in empty),
            (f"{backend}: growth of memory, MB", MOST_GROWTH_MB, round(one["growth_mb"], 2)),
        ]
    return [{"what": what, "goal": goal, "measured": measured, "met": measured <= goal} for what, goal, measured in promised]


def table(found: dict[str, dict[str, Any]]) -> str:
    """A column for each backend, and what is not met."""
    rows: list[tuple[str, list[str]]] = []
    for name in ("runs", "hostile", "cancelled", "retried"):
        rows.append((name, [str(one[name]) for one in found.values()]))
    rows.append(("runs per second", [f"{one['runs'] / one['seconds']:.0f}" for one in found.values()]))
    rows.append(("slots before, after", [", ".join(map(str, one["slots"])) for one in found.values()]))
    for name in next(iter(found.values()))["before"]:
        times = ("empty", "before", "after", "closed")
        rows.append((f"{name}: {', '.join(times)}", [", ".join(str(one[at][name]) for at in times) for one in found.values()]))
    rows.append(("growth of memory, MB", [f"{one['growth_mb']:.1f}" for one in found.values()]))
    lines = [f"{'':44}" + "".join(f"{name:>18}" for name in found)]
    lines += [f"{name:44}" + "".join(f"{cell:>18}" for cell in cells) for name, cells in rows]
    for name, one in found.items():
        outcomes = ", ".join(f"{outcome} {count}" for outcome, count in sorted(one["outcomes"].items()))
        lines += ["", f"{name}: {outcomes}", *(f"  wrong: {text}"[:300] for text in [*one["wrong"], *one["controls"]][:20])]
    met = [("met" if goal["met"] else "NOT MET", goal) for goal in goals(found)]
    return "\n".join([*lines, "", *(f"{word:9}{goal['what']}: {goal['measured']} (at most {goal['goal']:g})" for word, goal in met)])


def main() -> int:
    """Print figures; exit status 0 when all goals are met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS:,} runs")
    parser.add_argument("--runs", type=int, help=f"runs on each backend (default {RUNS:,})")
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="may be repeated (default: all that this machine has)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    runs = given.runs or (QUICK_RUNS if given.quick else RUNS)
    adopt_orphans()
    found: dict[str, dict[str, Any]] = {}
    for backend in given.backend or BACKENDS:
        try:
            found[backend] = asyncio.run(soak(backend, runs, given.seed))
        except SandboxUnavailable as error:
            print(f"absent: {backend}: {error}", file=sys.stderr)
    if not found:
        return 1
    print(table(found))
    met = goals(found)
    print(orjson.dumps({"benchmark": "soak", "quick": given.quick, "figures": found, "goals": met}).decode())
    return 0 if all(goal["met"] for goal in met) else 1


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
