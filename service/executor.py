"""The embedded executor: runs are tasks of this process, their truth is the journal, and whoever starts next goes on with what is open."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eudoxus.runtime.budget import Limits
from eudoxus.runtime.cache import Cache, MemoryCacheStore
from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import EudoxusError, Fenced, JournalError, error_record
from eudoxus.runtime.journal import EffectRecord, EndRecord, Record
from eudoxus.runtime.journal.database import Statement
from eudoxus.runtime.result import Result
from eudoxus.runtime.run import Order, Runtime, directed, task_line
from eudoxus.runtime.spec import parse_spec
from eudoxus.service.logs import log
from eudoxus.service.metered import Gate, Stopwatch
from eudoxus.service.metrics import Metrics
from eudoxus.service.ownership import Ownership
from eudoxus.service.problems import QueueFull, RunCancelled, ShuttingDown
from eudoxus.service.settings import Settings
from eudoxus.service.store import (
    Face,
    RunJournal,
    RunRow,
    RunStore,
    Status,
    iso,
    new_run_id,
)

SCAN_SECONDS = 5.0
"""How often runs of processes that died are looked for."""

Watch = Callable[[str, str, Json], None]


@dataclass(slots=True)
class Job:
    """A run in this process."""

    row: RunRow
    order: Order
    journal: RunJournal
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    watched: bool = True
    """Whether passing events (pieces of text, started calls) are wanted at all."""
    watchers: list[Watch] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    """Pieces of the final answer so far, for those who begin to watch later."""
    pending: set[str] = field(default_factory=set)
    """Paths of the calls that were started and are not in the journal yet."""
    cancel_reason: str | None = None
    task: asyncio.Task[None] | None = None
    result: Result | None = None
    error: EudoxusError | None = None

    @property
    def id(self) -> str:
        return self.row.id

    def watch(self, watcher: Watch) -> Callable[[], None]:
        """Call ``watcher`` with passing events; returns a function that ends it."""
        self.watchers.append(watcher)
        return lambda: self.watchers.remove(watcher)

    def tell(self, type: str, path: str, data: Json) -> None:
        if type == "call.started":
            self.pending.add(path)
        elif type == "output_text.delta":
            self.text.append(data["text"])
        for watcher in list(self.watchers):
            watcher(type, path, data)

    def recorded(self, record: Record) -> None:
        if isinstance(record, EffectRecord):
            self.pending.discard(record.path)

    async def done(self) -> None:
        """Wait for the end. The run goes on when the waiting task is cancelled."""
        if self.task is not None:
            await asyncio.wait([self.task])


class Executor:
    """Starts, resumes, cancels and drains runs."""

    def __init__(
        self,
        runtime: Runtime,
        store: RunStore,
        ownership: Ownership,
        settings: Settings,
        metrics: Metrics,
        gate: Gate,
        stopwatches: dict[str, Stopwatch],
    ) -> None:
        self.runtime, self.store, self.ownership, self.metrics, self.gate = runtime, store, ownership, metrics, gate
        self.jobs: dict[str, Job] = {}
        self._entering: set[str] = set()
        self.draining = asyncio.Event()
        self._settings, self._stopwatches = settings, stopwatches
        self._cache = Cache(MemoryCacheStore())
        self._slots = asyncio.Semaphore(settings.slots)
        self._waiting = 0
        self._deadline = 0.0
        self._drain_listeners: list[Callable[[], None]] = []
        metrics.runs_in_progress.set_function(lambda: len(self.jobs) - self._waiting)
        metrics.queue_depth.set_function(lambda: self._waiting)
        gate.passes = lambda run_id: run_id in self.jobs and self.jobs[run_id].row.face == "chat"

    # -- starting ----------------------------------------------------------------------------------------------------

    def start_chat(self, order: Order, *, key_id: str | None, watched: bool, cache: bool, also: Sequence[Statement] = ()) -> Job:
        """Start a run that a client waits for, at once. Its row is durable with its first recorded answer."""
        row = self._row(order, "chat", "in_progress", key_id, cache)
        row.started = row.created
        return self._launch(Job(row, order, self.store.create(row, *also), watched=watched))

    async def start(
        self, order: Order, *, key_id: str | None, cache: bool, remember: Callable[[str], Sequence[Statement]] | None = None
    ) -> Job:
        """Queue a run; it is durable when this returns. ``remember`` gives statements committed with it.

        Raises :class:`QueueFull`, :class:`ShuttingDown`, and ``sqlite3.IntegrityError`` from ``remember``'s statements.
        """
        if self.draining.is_set():
            raise ShuttingDown("the service is shutting down; ask again in a few seconds")
        if self._waiting >= self._settings.queue_depth:
            raise QueueFull(f"{self._waiting} runs are waiting, as many as allowed (queue_depth)")
        row = self._row(order, "native", "queued", key_id, cache)
        self._entering.add(row.id)  # it is seen as open before this coroutine goes on
        try:
            journal = await self.store.queue(row, *(remember(row.id) if remember else ()))
            return self._launch(Job(row, order, journal))
        finally:
            self._entering.discard(row.id)

    def _row(self, order: Order, face: Face, status: Status, key_id: str | None, cache: bool) -> RunRow:
        prepared = self.runtime.prepare(order.spec)
        return RunRow(
            id=new_run_id(),
            face=face,
            status=status,
            path=prepared.path,
            spec=prepared.spec,
            task=task_line(order.task),
            seed=order.seed,
            budget=order.limits.model_dump(exclude_none=True) or None,
            cache=cache,
            metadata=order.metadata,
            key_id=key_id,
            owner=self.ownership.me,
            created=time.time(),
        )

    def _launch(self, job: Job) -> Job:
        self.jobs[job.id] = job
        self._stopwatches[job.id] = job.stopwatch
        job.journal.listen(job.recorded)
        job.task = asyncio.create_task(self._work(job), name=job.id)
        return job

    # -- working -----------------------------------------------------------------------------------------------------

    async def _work(self, job: Job) -> None:
        try:
            if job.row.face == "chat":
                await self._run(job)
            else:
                await self._run_in_slot(job)
        except asyncio.CancelledError:
            if job.cancel_reason is None:
                return  # the service stops: the run stays open for the next start
            await self._end(job, "cancelled", {"code": RunCancelled.code, "message": job.cancel_reason, "retryable": False})
            job.error = RunCancelled(job.cancel_reason)
        finally:
            self.jobs.pop(job.id, None)
            self._stopwatches.pop(job.id, None)

    async def _run_in_slot(self, job: Job) -> None:
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            await self.store.started(job.id, self.ownership.me)
            job.row.status, job.row.started = "in_progress", job.row.started or time.time()
            await self._run(job)
        finally:
            self._slots.release()

    async def _run(self, job: Job) -> None:
        """One attempt. Every way it can end is in the journal afterwards, except being stopped or fenced off."""
        start, status = time.perf_counter(), "failed"
        try:
            job.result = await self.runtime.execute(
                job.order, job.journal, run_id=job.id, watcher=job.tell if job.watched else None, cache=self._cache_for(job.row)
            )
            status = "incomplete" if job.result.outcome == "limit" else "completed"
        except Fenced as error:
            status, job.error = "fenced", error
            log.warning("another worker has taken the run over", run_id=job.id)
        except EudoxusError as error:
            job.error = error
            if isinstance(error, JournalError):
                log.error("journal trouble", run_id=job.id, code=error.code, detail=str(error)[:2000])
            await self._ended_by(job, error)
        except asyncio.CancelledError:
            status = "cancelled" if job.cancel_reason is not None else "suspended"
            raise
        except Exception as error:  # noqa: BLE001
            # The outermost floor of a run: a bug in a strategy fails this run, is logged with its id, and tells the client nothing.
            log.exception("a run failed by a bug", run_id=job.id, strategy=job.row.path)
            job.error = InternalFailure("an internal error; the log has it under the run id")
            await self._end(job, "failed", {"code": "internal", "message": f"internal error ({type(error).__name__})", "retryable": False})
        finally:
            head = directed(job.order.spec).strategy
            self.metrics.runs.labels(head, status).inc()
            self.metrics.run_seconds.labels(head).observe(time.perf_counter() - start)

    def _cache_for(self, row: RunRow) -> Cache | None:
        """Callers with different keys do not see each other's answers."""
        return self._cache.in_namespace(row.key_id or "") if row.cache else None

    async def _ended_by(self, job: Job, error: EudoxusError) -> None:
        """The runtime writes the end of a failed run, except where it stopped before beginning or could not write."""
        if job.journal.recorded.end is None and error.code != "journal_full":
            await self._end(job, "failed", error_record(error))

    async def _end(self, job: Job, status: str, error: Json) -> None:
        with contextlib.suppress(JournalError):
            await job.journal.append(EndRecord(status=status, error=error, ts=_now()))

    # -- cancelling --------------------------------------------------------------------------------------------------

    async def cancel(self, run_id: str, reason: str) -> None:
        """End the run as cancelled; what it recorded is kept. Does nothing to a run that has ended."""
        job = self.jobs.get(run_id)
        if job is not None and job.task is not None:
            if job.cancel_reason is None:
                job.cancel_reason = reason
                job.task.cancel()
            await job.done()
            return
        row = await self.store.get(run_id)
        if row is not None and not row.terminal:
            # Another process works on it: taking the journal over fences that process off.
            await self._close(run_id, reason)

    async def _close(self, run_id: str, reason: str) -> None:
        journal = await self.store.take_over(run_id)
        await journal.append(
            EndRecord(status="cancelled", error={"code": RunCancelled.code, "message": reason, "retryable": False}, ts=_now())
        )

    # -- after a crash -----------------------------------------------------------------------------------------------

    async def adopt_forever(self) -> None:
        """Look for runs whose process died, now and again."""
        while True:
            try:
                await self.adopt()
            except JournalError as error:
                log.error("cannot look for open runs", detail=str(error))
            before = time.monotonic()
            await asyncio.sleep(SCAN_SECONDS)
            self.metrics.loop_lag.set(max(0.0, time.monotonic() - before - SCAN_SECONDS))

    async def adopt(self) -> None:
        """Go on with open native runs that nobody works on; mark chat runs, whose client is gone, as cancelled."""
        for row in await self.store.open_runs():
            mine = row.owner == self.ownership.me
            if row.id in self.jobs or row.id in self._entering or (row.owner is not None and not mine and self.ownership.alive(row.owner)):
                continue
            if self.draining.is_set() or not await self.store.claim(row, self.ownership.me):
                continue
            if row.face == "chat":
                await self._close(row.id, "the service was restarted while the client waited")
                continue
            await self._resume(row)

    async def _resume(self, row: RunRow) -> None:
        journal = await self.store.take_over(row.id)
        try:
            registry = self.runtime.registry
            order = Order(
                parse_spec(row.spec, registry), registry.task(row.task), row.seed, Limits.model_validate(row.budget or {}), row.metadata
            )
        except EudoxusError as error:
            await journal.append(EndRecord(status="failed", error=error_record(error), ts=_now()))
            return
        log.info("resuming", run_id=row.id, records=len(journal.recorded.effects), strategy=row.path)
        self._launch(Job(row, order, journal))

    # -- shutting down -----------------------------------------------------------------------------------------------

    def when_draining(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when the service begins to shut down; returns a function that ends it."""
        self._drain_listeners.append(listener)
        return lambda: self._drain_listeners.remove(listener)

    def begin_drain(self) -> None:
        """Let nothing new begin. Calls in flight go on; see :meth:`drain`."""
        if not self.draining.is_set():
            self.draining.set()
            self.gate.closed = True
            self._deadline = time.monotonic() + self._settings.shutdown_grace
            for listener in list(self._drain_listeners):
                listener()

    async def drain(self) -> None:
        """Wait, up to the grace, until no call is in flight; then stop all runs. Native ones stay open for the next start."""
        self.begin_drain()
        while self._busy() and time.monotonic() < self._deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # what ends the wait happens in several places; looking is simpler than telling
        left = list(self.jobs.values())
        for job in left:
            if job.row.face == "chat":
                job.cancel_reason = "the service was shut down"
            if job.task is not None:
                job.task.cancel()
        await asyncio.gather(*(job.done() for job in left))
        with contextlib.suppress(JournalError):
            await self.store.release([job.id for job in left if job.row.face == "native"])

    def _busy(self) -> bool:
        held = self.gate.held
        return any(job.row.face == "chat" or any(f"{job.id} {path}" not in held for path in job.pending) for job in self.jobs.values())


class InternalFailure(EudoxusError):
    """A bug ended the run."""

    code = "internal"


def _now() -> str:
    return iso(time.time()) or ""
