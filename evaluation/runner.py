"""The batch runner: every task of a data set, some samples of each, until all have a grade. It may be killed at any time.

A sample is a run with a journal of its own, so that a resumed evaluation has what was answered before for nothing, also within a sample.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from eudoxus.evaluation.dataset import DataSet, Item
from eudoxus.evaluation.grading import GradingFault
from eudoxus.evaluation.records import FaultLine, Folder, GradeLine, Key, Plan, Recorded, RecordFile, SampleLine, now, run_id
from eudoxus.evaluation.side_by_side import side_by_side
from eudoxus.evaluation.spending import PaidEndpoints, Purse
from eudoxus.runtime import Order, Result, Runtime, Usage, parse_spec
from eudoxus.runtime.chat import NOTHING
from eudoxus.runtime.errors import BudgetSpent, EffectFailed, EndpointError, EudoxusError, InvalidRequest, JournalError, error_record
from eudoxus.runtime.journal import EffectRecord, FileJournal, read_journal
from eudoxus.runtime.journal.records import usage_from
from eudoxus.runtime.run import package_version
from eudoxus.sandbox import SandboxBusy, SandboxUnavailable

MOST_FAULTS = 5
"""So many faults in a row end the batch: nothing is learnt from asking a dead endpoint a thousand times."""
FAULTS = (EndpointError, EffectFailed, JournalError, SandboxUnavailable, SandboxBusy, GradingFault)
"""What says nothing about the answer."""

Ended = Literal["complete", "capped", "faults"]
Watch = Callable[["State"], None]


@dataclass(slots=True)
class State:
    """How far an evaluation is."""

    total: int
    recorded: Recorded
    purse: Purse
    before: int
    """Samples that were graded before this process began."""
    started: float = field(default_factory=time.monotonic)
    faults: int = 0
    """In a row."""

    @property
    def done(self) -> int:
        return len(self.recorded.grades)

    @property
    def rate(self) -> float | None:
        """Samples per second of this process."""
        now = time.monotonic() - self.started
        return (self.done - self.before) / now if self.done > self.before and now > 0 else None

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.rate if self.rate else None

    @property
    def solved(self) -> int:
        return sum(grade.solved for grade in self.recorded.grades.values())


@dataclass(frozen=True, slots=True)
class Finished:
    """How a process ended its work on an evaluation."""

    ended: Ended
    why: str
    left: int
    """Samples without a grade."""


def seed_of(plan: Plan, key: Key) -> int:
    """The seed of a sample: the same whatever else is run, and in which order."""
    text = f"{plan.seed}\n{key[0]}\n{key[1]}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])


class Runner:
    """Works on the evaluation in a folder."""

    def __init__(self, folder: Folder, dataset: DataSet, runtime: Runtime, purse: Purse | None = None, *, concurrency: int = 4,
                 watch: Watch | None = None) -> None:
        """``dataset`` must hold the tasks of the plan. Raises :class:`InvalidRequest` when it is another one than was begun with."""
        self.folder, self.plan = folder, folder.plan()
        check_same(self.plan, dataset)
        self._items = {item.id: item for item in dataset.items}
        self._purse = purse or Purse()
        self._runtime = Runtime(runtime.registry, PaidEndpoints(runtime.endpoints, self._purse), runtime.prompt_hash)
        self._spec = parse_spec(self.plan.spec, runtime.registry)
        self._concurrency, self._watch = concurrency, watch
        self._running: dict[str, asyncio.Task[object]] = {}
        self._purse.on_stop = self._cancel

    @property
    def keys(self) -> list[Key]:
        """All samples, first those with index 0: a batch that is cut short has seen many tasks rather than many samples of few."""
        return [(task, sample) for sample in range(self.plan.samples) for task in self.plan.tasks]

    async def run(self) -> Finished:
        """Ask and grade whatever has no grade yet.

        Raises :class:`JournalError` when records cannot be written or another process works, and what keeps the strategy from taking the
        first task.
        """
        file = await _taken(self.folder)
        try:
            recorded = file.recorded
            todo = deque(key for key in self.keys if key not in recorded.grades)
            self._runtime.check(Order(self._spec, self._items[self.plan.tasks[0]].task))
            self._purse.spent = recorded.usage + await asyncio.to_thread(self._unfinished, todo, recorded)
            state = State(len(self.keys), recorded, self._purse, before=len(recorded.grades))
            await self._work(todo, file, state)
            left = sum(key not in recorded.grades for key in self.keys)
            if self._purse.refusal is not None:
                raise self._purse.refusal
            if self._purse.reached and left:
                return Finished("capped", self._purse.why, left)
            return Finished("faults" if left else "complete", _said(recorded) if left else "", left)
        finally:
            file.close()

    async def _work(self, todo: deque[Key], file: RecordFile, state: State) -> None:
        """Until nothing is left to do. A cap stops the samples that would pass it; those that need no more calls come to their end."""
        workers = [asyncio.create_task(self._worker(todo, file, state)) for _ in range(min(self._concurrency, len(todo)))]
        try:
            for worker in workers:
                await asyncio.wait([worker])
            for worker in workers:
                if not worker.cancelled():
                    worker.result()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _worker(self, todo: deque[Key], file: RecordFile, state: State) -> None:
        me = asyncio.current_task()
        assert me is not None
        while todo and state.faults < MOST_FAULTS and not self._purse.reached:
            key = todo.popleft()
            item, run = self._items[key[0]], run_id(self.plan, key)
            self._running[run] = me
            try:
                if key not in state.recorded.samples:
                    file.append(await self._sample(key, item))
                grade = await item.grader.grade(state.recorded.samples[key].answer)
                file.append(GradeLine(task=key[0], sample=key[1], grade=grade, pkg=package_version()))
                state.faults = 0
            except FAULTS as fault:
                state.faults += 1
                usage = self._set_aside(key, fault) if key not in state.recorded.samples else NOTHING
                file.append(FaultLine(task=key[0], sample=key[1], code=fault.code, message=str(fault)[:2000], usage=usage))
            finally:
                del self._running[run]
            if self._watch is not None:
                self._watch(state)

    def _cancel(self, run: str) -> None:
        if (worker := self._running.get(run)) is not None:
            worker.cancel()

    async def _sample(self, key: Key, item: Item) -> SampleLine:
        """One run of the strategy. Raises what is in :data:`FAULTS`; every other error of the strategy is an outcome."""
        order = Order(self._spec, item.task, seed_of(self.plan, key), self.plan.limits)
        start = time.monotonic()
        journal = FileJournal(self.folder.journal(key))
        try:
            result = await self._runtime.execute(order, journal, run_id=run_id(self.plan, key))
        except FAULTS:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a strategy does wrong is an outcome of this sample
            return self._errored(key, error, journal, time.monotonic() - start)
        finally:
            await journal.aclose()
        return self._answered(key, result, time.monotonic() - start)

    def _answered(self, key: Key, result: Result, seconds: float) -> SampleLine:
        status = "limit" if result.outcome == "limit" else "failed" if result.outcome == "failed" or result.answer is None else "answered"
        return SampleLine(
            task=key[0], sample=key[1], status=status, answer=result.answer, outcome=result.outcome, authority=result.authority,
            detail=result.detail[:2000], usage=result.usage, seconds=round(seconds, 3), ended=now())

    def _errored(self, key: Key, error: Exception, journal: FileJournal, seconds: float) -> SampleLine:
        internal = {"code": "internal", "message": f"{type(error).__name__}: {error}"}
        record = error_record(error) if isinstance(error, EudoxusError) else internal
        usage = _spent_in(journal.recorded.effects.values())
        status: Literal["limit", "error"] = "limit" if isinstance(error, BudgetSpent) else "error"
        return SampleLine(
            task=key[0], sample=key[1], status=status, error=record, usage=usage, seconds=round(seconds, 3), ended=now())

    def _set_aside(self, key: Key, fault: EudoxusError) -> Usage:
        """Where a journal holds a failure that would be replayed for ever, keep it under another name; what it cost."""
        journal = self.folder.journal(key)
        if fault.retryable or not journal.exists():
            return NOTHING
        cost = NOTHING
        with suppress(JournalError):
            cost = _spent_in(record for record in read_journal(journal) if isinstance(record, EffectRecord))
        number = 1
        while (aside := journal.with_suffix(f".fault{number}.jsonl")).exists():
            number += 1
        journal.rename(aside)
        return cost

    def _unfinished(self, todo: deque[Key], recorded: Recorded) -> Usage:
        """What samples have cost that were begun and are not recorded yet."""
        total = NOTHING
        for key in todo:
            journal = self.folder.journal(key)
            if key not in recorded.samples and journal.exists():
                total = total + _spent_in(record for record in read_journal(journal) if isinstance(record, EffectRecord))
        return total


async def _taken(folder: Folder) -> RecordFile:
    """The records, which are no other process's then, read off the event loop; given back where nobody waits for them any more."""
    reading = asyncio.ensure_future(asyncio.to_thread(RecordFile, folder))

    def given_back(done: asyncio.Future[RecordFile]) -> None:
        if done.exception() is None:
            done.result().close()

    try:
        return await asyncio.shield(reading)
    except asyncio.CancelledError:
        reading.add_done_callback(given_back)
        raise


async def rescore(folder: Folder, dataset: DataSet, *, concurrency: int = 4) -> int:
    """Grade every recorded answer again, without asking a model; how many grades changed. Raises what graders raise."""
    check_same(folder.plan(), dataset, content=False)
    items = {item.id: item for item in dataset.items}
    file = RecordFile(folder)
    changed = 0
    try:
        todo = deque(file.recorded.samples.values())

        async def work() -> None:
            nonlocal changed
            while todo:
                line = todo.popleft()
                grade = await items[line.task].grader.grade(line.answer)
                if file.recorded.grades.get(line.key) != grade:
                    changed += 1
                    file.append(GradeLine(task=line.task, sample=line.sample, grade=grade, pkg=package_version()))

        await side_by_side(work, concurrency)
    finally:
        file.close()
    return changed


def check_same(plan: Plan, dataset: DataSet, *, content: bool = True) -> None:
    """Raise :class:`InvalidRequest` unless ``dataset`` is the one of ``plan`` and has its tasks."""
    if dataset.name != plan.dataset or (content and dataset.digest != plan.digest):
        raise InvalidRequest(
            f"this evaluation was begun with {plan.dataset} ({plan.digest[:12]}…), this is {dataset.name} ({dataset.digest[:12]}…)",
            param="dataset")
    missing = set(plan.tasks) - {item.id for item in dataset.items}
    if missing:
        raise InvalidRequest(f"{dataset.name} has no task {min(missing)!r} any more", param="dataset")


def _spent_in(effects: object) -> Usage:
    total = NOTHING
    for effect in effects:  # type: ignore[attr-defined]
        total = total + usage_from(effect.usage)
    return total


def _said(recorded: Recorded) -> str:
    last = next(reversed(recorded.faults.values()), None)
    return f"{last.code}: {last.message}" if last else "some samples could not be asked"
