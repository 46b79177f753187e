"""Parallel branches of a scope, and the decisions that timing makes among them.

A decision (which branch failed first, whose results counted) is journaled with what the others had spent by then. Replay runs only the
branches that counted and charges that sum, so it needs no luck with timing and asks nothing that no longer matters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from eudoxus.runtime.budget import Budget, Limits, refuse
from eudoxus.runtime.chat import NOTHING
from eudoxus.runtime.errors import BudgetSpent, EudoxusError, JournalError, error_record, recorded_refusal
from eudoxus.runtime.journal.records import DecisionRecord, usage_from, usage_line

if TYPE_CHECKING:
    from eudoxus.runtime.context import Context

T = TypeVar("T")


class Branches(Generic[T]):
    """Branches ``name[0]``, ``name[1]``, … under a context, each in a task and a scope of its own."""

    def __init__(self, ctx: Context, name: str, work: Sequence[Callable[[Context], Awaitable[T]]]) -> None:
        self._ctx, self._work = ctx, work
        self._path = f"{ctx.path}/{name}"
        self._scopes = [ctx.scope(name, i) for i in range(len(work))]
        self._tasks: dict[asyncio.Task[T], int] = {}

    async def all(self) -> list[T]:
        """The results of all branches, in order; the first error ends the others."""
        decided = self._recorded()
        if decided is not None:
            self._charge_the_others(decided)
            _, errors = await self._run(decided.kept, lambda results, errors: False)
            raise errors[decided.kept[0]]
        results, errors = await self._run(range(len(self._work)), lambda results, errors: any(_ends_all(e) for e in errors.values()))
        if errors:
            failed = min((i for i, e in errors.items() if _ends_all(e)), default=min(errors))
            if _ends_all(errors[failed]):
                await self._decide([failed])
            raise errors[failed]
        return [results[i] for i in range(len(self._work))]

    async def until(self, enough: Callable[[dict[int, T]], bool]) -> dict[int, T]:
        """The results there are when ``enough`` is true of them, or all of them."""
        decided = self._recorded()
        if decided is not None:
            self._charge_the_others(decided)
            results, errors = await self._run(decided.kept, lambda results, errors: False)
        else:
            results, errors = await self._run(range(len(self._work)), lambda results, errors: enough(results))
            if results:
                await self._decide(sorted(results))
        if not results and errors:
            raise errors[min(errors)]
        return dict(sorted(results.items()))

    async def _run(self, which: Sequence[int] | range, stop: Callable[[dict[int, T], dict[int, EudoxusError]], bool],
                   ) -> tuple[dict[int, T], dict[int, EudoxusError]]:
        """Run the branches until all are done or ``stop``; results and errors by number. Bugs and journal faults are raised at once."""
        results: dict[int, T] = {}
        errors: dict[int, EudoxusError] = {}
        self._meters = {i: Budget(Limits(), self._ctx.session.clock) for i in which}
        self._tasks = {asyncio.create_task(self._branch(i)): i for i in which}
        waiting: set[asyncio.Task[T]] = set(self._tasks)
        try:
            while waiting and not stop(results, errors):
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in sorted(done, key=self._tasks.__getitem__):
                    number = self._tasks[task]
                    try:
                        results[number] = task.result()
                    except JournalError:
                        raise
                    except EudoxusError as error:
                        errors[number] = error
                    if stop(results, errors):
                        break
        finally:
            await _cancel(list(self._tasks))
        return results, errors

    async def _branch(self, number: int) -> T:
        scope = self._scopes[number]
        scope.begin_branch(self._meters[number])
        return await self._work[number](scope)

    def _recorded(self) -> DecisionRecord | None:
        session = self._ctx.session
        return None if session.mode == "off" else session.recorded.decisions.get(self._path)

    def _charge_the_others(self, decided: DecisionRecord) -> None:
        self._ctx.charge(usage_from(decided.spent), recorded_refusal(decided.refused))

    async def _decide(self, kept: list[int]) -> None:
        others = [meter for i, meter in self._meters.items() if i not in kept]
        spent = sum((meter.spent for meter in others), NOTHING)
        total = Budget(Limits(), self._ctx.session.clock)
        for meter in others:
            if meter.refusal is not None:
                refuse([total], meter.refusal)
        refused = error_record(total.refusal) if total.refusal is not None else None
        await self._ctx.session.journal.append(DecisionRecord(path=self._path, kept=kept, spent=usage_line(spent), refused=refused))


def _ends_all(error: EudoxusError) -> bool:
    """A spent budget lets branches that are under way finish; any other failure ends them."""
    return not isinstance(error, BudgetSpent)


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and wait for it, so that nothing goes on behind the back of the scope."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
    for task in tasks:
        if not task.cancelled():
            task.exception()
