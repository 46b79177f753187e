"""The pool of slots: a bounded queue with a fair share for each caller, modes, retries."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Literal
from weakref import WeakKeyDictionary

from eudoxus.runtime.errors import InvalidRequest
from eudoxus.sandbox import matrix
from eudoxus.sandbox.comparing import prepared, wanted
from eudoxus.sandbox.evaluating import evaluated
from eudoxus.sandbox.model import (
    TOTAL_BYTES,
    VALUE_BYTES,
    Backend,
    Call,
    Case,
    Isolation,
    Level,
    Limits,
    MatrixResult,
    Mode,
    Program,
    RunResult,
    SandboxBusy,
    SandboxReport,
    SandboxSettings,
    SandboxUnavailable,
    Test,
    TestResult,
    Trace,
)
from eudoxus.sandbox.selftest import Tested, choose
from eudoxus.sandbox.slot import Finding, Slot
from eudoxus.sandbox.values import Keeping
from eudoxus.sandbox.verdict import infra_error
from eudoxus.sandbox.zygotes import ZygoteFailed

DEFAULT_LIMITS = Limits()
MOST_TESTS = 100_000
_LEVELS: dict[Backend, Level] = {
    "bwrap": "bwrap+lockdown", "lockdown": "lockdown", "wasi": "interpreter", "monty": "interpreter", "unsafe": "none",
}
_START_S = 0.05
"""A first guess of what a run takes."""

log = logging.getLogger(__name__)


class Sandbox:
    """Runs programs on tests. It belongs to one event loop; open it with :meth:`open` and close it with :meth:`aclose`."""

    def __init__(self, tested: Tested, settings: SandboxSettings) -> None:
        self._tested = tested
        self._settings = settings
        jail = tested.jail
        self.isolation = Isolation(backend=jail.backend, level=_LEVELS[jail.backend], landlock_abi=tested.landlock_abi)
        count = settings.slots or _cores()
        self.slots = [tested.slot, *(tested.slot.another(index) for index in range(1, count))]
        self._idle = deque(self.slots[:1])
        self._waiting: dict[str, deque[asyncio.Future[Slot]]] = {}
        """By caller; whose turn is next stands first."""
        self._running: set[asyncio.Task[object]] = set()
        self._quieting: set[asyncio.Task[None]] = set()
        self._usual_s = _START_S
        self._closed = False
        for slot in self.slots[1:]:
            self._soon(slot.start, slot)

    @classmethod
    async def open(cls, settings: SandboxSettings | None = None) -> Sandbox:
        """Find out by trying how programs are isolated here. Raises :class:`SandboxUnavailable`."""
        settings = settings or SandboxSettings()
        return cls(await choose(settings), settings)

    async def run(
        self,
        program: Program,
        tests: Sequence[Test] = (),
        cases: Sequence[Case] = (),
        *,
        mode: Mode = "split",
        limits: Limits = DEFAULT_LIMITS,
        trace: Trace | None = None,
        seed: int = 0,
        caller: str = "",
        patient: bool = False,
    ) -> RunResult:
        """Run a program on tests or cases; whatever it does is a result. Without either, it passes when it loads.

        ``caller`` names who shares the slots fairly with others. Raises :class:`SandboxBusy` where too many wait, unless ``patient``, and
        :class:`InvalidRequest` for tests in mode ``io``, cases in another, or cases without an entry.
        """
        check(program, tests, cases, mode)
        questions = prepared(program.entry or "", cases) if mode == "io" else []
        count = len(tests) or len(cases)

        async def once(slot: Slot) -> Finding:
            match mode:
                case "io":
                    return await slot.ask(program, questions, limits, trace=trace, seed=seed, wall_s=limits.wall_s)
                case "bundle":
                    return (await slot.bundle([(program, tests)], limits, seed=seed, wall_s=limits.wall_s))[1]
            return await slot.split(program, tests, limits, trace=trace, seed=seed, wall_s=limits.wall_s)

        return await self._once_or_twice(once, count, mode, caller=caller, patient=patient)

    async def evaluate(
        self,
        program: Program,
        calls: Sequence[Call],
        *,
        limits: Limits = DEFAULT_LIMITS,
        value_bytes: int = VALUE_BYTES,
        total_bytes: int = TOTAL_BYTES,
        seed: int = 0,
        caller: str = "",
        patient: bool = False,
    ) -> RunResult:
        """Call the program's entry and have the values back: a test ``passed`` where its call gave a value that is plain and has room.

        After a call that ends the program it goes on with the next in a fresh child, up to three times. Raises as :meth:`run`.
        """
        check(program, (), calls, "io")

        async def once(slot: Slot) -> Finding:
            questions = wanted(program.entry or "", calls, Keeping(value_bytes, total_bytes))
            return await evaluated(slot, program, questions, limits, seed=seed)

        return await self._once_or_twice(once, len(calls), "io", caller=caller, patient=patient)

    async def _once_or_twice(
        self, once: Callable[[Slot], Awaitable[Finding]], count: int, mode: Mode, *, caller: str, patient: bool
    ) -> RunResult:
        """What comes of ``once`` in a slot, tried again where the sandbox itself failed. ``count`` verdicts are due."""
        slot = await self.acquire(caller, patient=patient)
        retried = False
        try:
            try:
                found = await once(slot)
            except ZygoteFailed as error:
                log.warning("sandbox: %s", error)
                found = Finding(infra_error(count, str(error)))
            if found.verdict.outcome == "infra_error":
                retried = True
                with suppress(ZygoteFailed):
                    await slot.quiet()
                    found = await once(slot)
            self._usual_s += 0.05 * (found.wall_ms / 1000 - self._usual_s)
        finally:
            self.release(slot)
        return self._result(found, mode, retried=retried)

    async def run_matrix(
        self,
        programs: Sequence[Program],
        tests: Sequence[Test] = (),
        cases: Sequence[Case] = (),
        *,
        mode: Mode = "io",
        limits: Limits = DEFAULT_LIMITS,
        budget_s: float = 60.0,
        seed: int = 0,
        caller: str = "",
        patient: bool = False,
    ) -> MatrixResult:
        """Run each program on all tests or cases, for at most ``budget_s`` seconds. Raises as :meth:`run`.

        Equal programs run once. After a test that ends the program it goes on with the next in a fresh child, up to three times.
        """
        for program in programs:
            check(program, tests, cases, mode)
        if not patient:
            self.admit()
        plan = matrix.Matrix(self, programs, tests, cases, mode, limits, seed, caller)
        return await plan.run(budget_s)

    def standing(self, mode: Mode) -> Literal["final", "provisional"]:
        """What a verdict counts for: in mode ``bundle`` a program may forge it, and beside CPython it may differ."""
        return "provisional" if mode == "bundle" or self.isolation.level == "interpreter" else "final"

    def report(self) -> SandboxReport:
        """The level, and the self-test's table."""
        return SandboxReport(
            backend=self.isolation.backend, level=self.isolation.level, landlock_abi=self.isolation.landlock_abi,
            interpreter=self._tested.jail.interpreter.program, slots=len(self.slots), table=self._tested.table,
        )

    async def aclose(self) -> None:
        """End everything; runs in flight are cancelled."""
        self._closed = True
        for task in list(self._running):
            task.cancel()
        for queue in self._waiting.values():
            for waiting in queue:
                waiting.cancel()
        self._waiting.clear()
        if self._running:
            await asyncio.wait(self._running)
        for quieting in self._quieting:
            quieting.cancel()
        if self._quieting:
            await asyncio.wait(self._quieting)
        await asyncio.gather(*(slot.aclose() for slot in self.slots))

    # -- slots -------------------------------------------------------------------------------------------------------------

    async def acquire(self, caller: str, *, patient: bool = False) -> Slot:
        """A slot, when it is this caller's turn; to be given back by :meth:`release`. Raises :class:`SandboxBusy` unless ``patient``."""
        if self._closed:
            raise SandboxUnavailable([("the sandbox is closed", "the service is about to end; try again when it is back")])
        task = asyncio.current_task()
        assert task is not None
        if not patient:
            self.admit()
        if self._idle:
            slot = self._idle.popleft()
        else:
            turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(caller, deque()).append(turn)
            try:
                slot = await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give(turn.result())
                elif turn in self._waiting.get(caller, ()):
                    self._waiting[caller].remove(turn)
                raise
        self._running.add(task)
        return slot

    def admit(self) -> None:
        """Raise :class:`SandboxBusy` when nobody else may wait."""
        waiting = sum(map(len, self._waiting.values()))
        if not self._idle and waiting >= self._settings.queue:
            raise SandboxBusy(max(1.0, (waiting + 1) * self._usual_s / len(self.slots)))

    def release(self, slot: Slot) -> None:
        """Give a slot back; it is free for the next as soon as nothing of the last run is left."""
        task = asyncio.current_task()
        if task is not None:
            self._running.discard(task)
        if slot.ready:
            self._give(slot)
        else:
            self._soon(slot.quiet, slot)

    def _soon(self, first: Callable[[], Coroutine[Any, Any, None]], slot: Slot) -> None:
        """Give the slot to the next when ``first`` is done."""

        async def then_give() -> None:
            try:
                await first()
            except ZygoteFailed as error:  # the next run tries again, and tells
                log.warning("sandbox: %s", error)
            self._give(slot)

        quieting = asyncio.ensure_future(then_give())
        self._quieting.add(quieting)
        quieting.add_done_callback(self._quieting.discard)

    def _give(self, slot: Slot) -> None:
        while self._waiting and not self._closed:
            caller, queue = next(iter(self._waiting.items()))
            del self._waiting[caller]
            turn = queue.popleft() if queue else None
            if queue:
                self._waiting[caller] = queue  # behind the others
            if turn is not None and not turn.done():
                turn.set_result(slot)
                return
        self._idle.append(slot)

    def _result(self, found: Finding, mode: Mode, *, retried: bool) -> RunResult:
        verdict = found.verdict
        tests = [TestResult(i=i, outcome=t.outcome, exc=t.exc, ms=t.ms, calls=t.calls, trace=t.trace, value=t.value)
                 for i, t in enumerate(verdict.tests)]
        shown = next((test for test in tests if test.outcome != "passed" and test.trace is not None), tests[-1] if tests else None)
        return RunResult(
            outcome=verdict.outcome, verdict=self.standing(mode), tests=tests, exc=verdict.exc,
            stdout=found.stdout, stderr=found.stderr, truncated=found.truncated, cpu_ms=found.cpu_ms, wall_ms=found.wall_ms,
            maxrss_kb=found.maxrss_kb, signal=verdict.signal, isolation=self.isolation, retried=retried,
            trace=shown.trace if shown else None,
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check(program: Program, tests: Sequence[Test], cases: Sequence[Call], mode: Mode) -> None:
    """Raise :class:`InvalidRequest` for what does not fit together."""
    if mode == "io":
        if tests:
            raise InvalidRequest("mode io takes cases, not tests", param="tests")
        if cases and not program.entry:
            raise InvalidRequest("name the function that the cases call", param="entry")
    elif cases:
        raise InvalidRequest(f"cases are for mode io, not {mode}", param="cases")
    if max(len(tests), len(cases)) > MOST_TESTS:
        raise InvalidRequest(f"at most {MOST_TESTS:,} tests or cases in one run", param="tests" if tests else "cases")


# -- the process's own ---------------------------------------------------------------------------------------------------------

_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Sandbox]] = WeakKeyDictionary()
_configured: WeakKeyDictionary[asyncio.AbstractEventLoop, SandboxSettings] = WeakKeyDictionary()


def configure_shared(settings: SandboxSettings) -> None:
    """The settings with which the sandbox of this event loop will be opened, whoever asks for it first."""
    _configured[asyncio.get_running_loop()] = settings


async def shared() -> Sandbox:
    """The sandbox of this event loop, opened by the first that asks. Raises :class:`SandboxUnavailable`."""
    loop = asyncio.get_running_loop()
    opening = _shared.get(loop)
    if opening is None:
        opening = _shared[loop] = loop.create_task(Sandbox.open(_configured.get(loop)))
    try:
        return await asyncio.shield(opening)
    except SandboxUnavailable:
        if _shared.get(loop) is opening:
            del _shared[loop]
        raise


async def close_shared() -> None:
    """Close the shared sandbox, if it is open; the next that asks opens it again."""
    opening = _shared.pop(asyncio.get_running_loop(), None)
    if opening is not None:
        with suppress(SandboxUnavailable):
            await (await opening).aclose()
