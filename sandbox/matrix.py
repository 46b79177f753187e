"""Many programs on the same tests: equal programs once, a fresh child after each test that ends one, and a budget."""

from __future__ import annotations

import ast
import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from eudoxus.sandbox.comparing import Question, prepared
from eudoxus.sandbox.model import Case, Limits, MatrixResult, Mode, Outcome, Program, Test
from eudoxus.sandbox.slot import Slot
from eudoxus.sandbox.verdict import Verdict, infra_error
from eudoxus.sandbox.zygotes import ZygoteFailed

if TYPE_CHECKING:
    from eudoxus.sandbox.pool import Sandbox

MOST_ENDS = 3
"""After as many tests that ended it, a program's other tests end alike."""
MOST_PARSED = 20_000
"""Characters of a program that are parsed in the event loop to find out whether another one is equal."""
BUNDLED = 100
"""Programs in one child."""


class Matrix:
    """One matrix under way."""

    def __init__(
        self, sandbox: Sandbox, programs: Sequence[Program], tests: Sequence[Test], cases: Sequence[Case], mode: Mode, limits: Limits,
        seed: int, caller: str,
    ) -> None:
        self._sandbox = sandbox
        self._tests = tests
        self._mode = mode
        self._limits = limits
        self._seed = seed
        self._caller = caller
        self._width = len(cases) if mode == "io" else len(tests)
        # Where programs are bundled, finding out that two are equal takes longer than running both.
        same = str if mode == "bundle" else normalised
        keys = [(same(program.code), program.entry, program.setup) for program in programs]
        first = dict(zip(reversed(keys), reversed(range(len(keys))), strict=True))
        self._same_as = [first[key] for key in keys]
        self._programs = programs
        self._questions: dict[str, list[Question]] = {}
        if mode == "io":
            self._questions = {entry: prepared(entry, cases) for entry in {program.entry or "" for program in programs}}
        self._rows: list[list[Outcome | None]] = [[None] * self._width for _ in programs]

    async def run(self, budget_s: float) -> MatrixResult:
        """The outcomes, as far as the budget went."""
        start = time.monotonic()
        self._deadline = start + budget_s
        distinct = [p for p, same in enumerate(self._same_as) if p == same]
        size = BUNDLED if self._mode == "bundle" else 1
        todo = [distinct[at : at + size] for at in range(0, len(distinct), size)]
        work = iter(todo)
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(len(self._sandbox.slots), len(todo))):
                workers.create_task(self._work(work))
        rows = [list(self._rows[same]) for same in self._same_as]
        return MatrixResult(
            outcomes=rows, complete=all(None not in row for row in rows), verdict=self._sandbox.standing(self._mode),
            wall_ms=1000 * (time.monotonic() - start), isolation=self._sandbox.isolation,
        )

    async def _work(self, work: Iterator[list[int]]) -> None:
        """Take programs until there are no more, or no time."""
        for todo in work:
            if time.monotonic() >= self._deadline:
                return
            slot = await self._sandbox.acquire(self._caller, patient=True)
            try:
                await (self._bundle(slot, todo) if self._mode == "bundle" else self._row(slot, todo[0]))
            finally:
                self._sandbox.release(slot)

    async def _row(self, slot: Slot, p: int) -> None:
        """All tests of one program, in as many children as it takes."""
        row = self._rows[p]
        at = ends = 0
        retried = False
        while at < self._width or (self._width == 0 and not ends):
            wall_s = self._left()
            if wall_s <= 0:
                return
            verdict = await self._once(slot, self._programs[p], at, wall_s)
            if verdict.outcome == "infra_error" and not retried:
                retried = True
                await _quieted(slot)
                continue
            reached = verdict.reached
            if verdict.outcome == "timeout" and self._left() <= 0:
                reached -= 1  # ended by the budget, not by its own fault
            row[at : at + reached] = [test.outcome for test in verdict.tests[:reached]]
            at += reached
            ends += 1
            if ends == MOST_ENDS:
                row[at:] = [verdict.outcome] * (self._width - at)
                return

    async def _once(self, slot: Slot, program: Program, at: int, wall_s: float) -> Verdict:
        try:
            if self._mode == "io":
                questions = self._questions[program.entry or ""][at:]
                return (await slot.ask(program, questions, self._limits, trace=None, seed=self._seed, wall_s=wall_s)).verdict
            return (await slot.split(program, self._tests[at:], self._limits, trace=None, seed=self._seed, wall_s=wall_s)).verdict
        except ZygoteFailed:
            return infra_error(self._width - at, "no process for it")

    async def _bundle(self, slot: Slot, todo: list[int]) -> None:
        at = 0
        retried = False
        while at < len(todo):
            rest = todo[at:]
            wall_s = min(self._limits.wall_s * len(rest), self._deadline - time.monotonic())
            if wall_s <= 0:
                return
            try:
                pairs = [(self._programs[p], self._tests) for p in rest]
                verdicts = (await slot.bundle(pairs, self._limits, seed=self._seed, wall_s=wall_s))[0].verdicts
            except ZygoteFailed:
                verdicts = [infra_error(self._width, "no process for it")]
            if verdicts[-1].outcome == "infra_error" and not retried:
                retried = True
                await _quieted(slot)
                verdicts.pop()
            elif self._deadline <= time.monotonic() and verdicts[-1].outcome == "timeout":
                verdicts.pop()
            for p, verdict in zip(rest, verdicts, strict=False):
                self._rows[p] = [test.outcome for test in verdict.tests]
            at += len(verdicts)

    def _left(self) -> float:
        """Seconds that a child may take now."""
        return min(self._limits.wall_s, self._deadline - time.monotonic())


def normalised(code: str) -> str:
    """The same text for programs that differ in layout and comments only; for long ones, whose parsing takes long, as they are."""
    if len(code) > MOST_PARSED:
        return code
    try:
        return ast.dump(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code


async def _quieted(slot: Slot) -> None:
    with suppress(ZygoteFailed):
        await slot.quiet()
