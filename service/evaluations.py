"""Evaluations in the service: tasks of this process over append-only folders, so that whoever starts next goes on where one died."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eudoxus.evaluation import catalogue
from eudoxus.evaluation.beginning import begin
from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.files import ChecksumMismatch, DataSetMissing
from eudoxus.evaluation.pools import PoolEndpoint
from eudoxus.evaluation.records import Folder
from eudoxus.evaluation.results import write_results
from eudoxus.evaluation.runner import Finished, Runner, State
from eudoxus.evaluation.selftest import self_test
from eudoxus.evaluation.spending import Purse
from eudoxus.evaluation.summary import Summary, summarise
from eudoxus.runtime import Limits
from eudoxus.runtime.chat import Json
from eudoxus.runtime.endpoints import Endpoint
from eudoxus.runtime.errors import EudoxusError, JournalError, error_record
from eudoxus.runtime.journal import Database
from eudoxus.runtime.journal.database import Statement
from eudoxus.runtime.model import Endpoints
from eudoxus.runtime.run import Runtime
from eudoxus.runtime.spec import StrategySpec
from eudoxus.service.evaluation_store import EvaluationRow, EvaluationStore, new_evaluation_id
from eudoxus.service.executor import SCAN_SECONDS, Executor
from eudoxus.service.logs import log
from eudoxus.service.models import Specs
from eudoxus.service.problems import Conflict, DataSetAbsent, QueueFull
from eudoxus.service.settings import Settings
from eudoxus.service.store import Status

POOL = "pool"
"""The endpoint of recorded completions, which evaluations have beside the configured ones."""
ENDING_SECONDS = 5.0
"""What an evaluation whose end is written down may still take."""


@dataclass(slots=True)
class Work:
    """An evaluation in this process."""

    row: EvaluationRow
    purse: Purse
    state: State | None = None
    task: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class WithPools:
    """The service's endpoints, and recorded pools under the name ``pool`` unless an endpoint is configured under it."""

    endpoints: Endpoints
    configured: Callable[[str], bool]
    pools: PoolEndpoint

    def get(self, name: str | None) -> Endpoint:
        """Raises :class:`UnknownEndpoint`."""
        return self.pools if name == POOL and not self.configured(POOL) else self.endpoints.get(name)


class EvaluationDesk:
    """Begins, resumes, cancels and drains evaluations."""

    def __init__(self, executor: Executor, database: Database, settings: Settings, configured: Callable[[str], bool]) -> None:
        runtime = executor.runtime
        self.runtime = Runtime(runtime.registry, WithPools(runtime.endpoints, configured, PoolEndpoint()), runtime.prompt_hash)
        self.specs, self.store = Specs(self.runtime), EvaluationStore(database)
        self.working: dict[str, Work] = {}
        self._executor, self._settings, self._home = executor, settings, settings.data_dir / "evaluations"
        self._slots = asyncio.Semaphore(settings.evaluation_slots)

    def folder(self, id: str) -> Folder:
        """Where an evaluation's plan and records are. ``id`` must be one of a row, never text of a request."""
        return Folder(self._home / id)

    # -- beginning ---------------------------------------------------------------------------------------------------

    def admit(self) -> None:
        """Raises :class:`QueueFull` where too many wait."""
        waiting = len(self.working) - self._settings.evaluation_slots
        if waiting >= self._settings.evaluation_queue:
            raise QueueFull(f"{max(waiting, 0)} evaluations are waiting, as many as allowed (evaluation_queue)")

    def prepare(self, row: EvaluationRow, spec: StrategySpec, dataset: DataSet, *, samples: int, seed: int, limits: Limits) -> None:
        """Make the folder and fill ``row``. Raises what the strategy or its first task is refused for. Takes the disk's time."""
        row.id, row.owner, row.created = new_evaluation_id(), self._executor.ownership.me, time.time()
        path = self.runtime.prepare(spec).path
        folder = begin(self._home / row.id, path, dataset, self.runtime, samples=samples, seed=seed, limits=limits, id=row.id)
        row.strategy, row.total = folder.plan().spec, len(dataset.items) * samples

    async def start(self, row: EvaluationRow, also: Sequence[Statement] = ()) -> None:
        """Queue what :meth:`prepare` made; durable when this returns.

        Raises :class:`QueueFull`, and ``sqlite3.IntegrityError`` from ``also``; then nothing of it is left.
        """
        try:
            self.admit()
            with self._entered(row) as work:
                await self.store.create(row, *also)
                self._launch(work)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, self.folder(row.id).path, ignore_errors=True)
            raise

    async def resume(self, row: EvaluationRow) -> None:
        """Go on with an evaluation that has ended before all samples had a grade. Raises :class:`Conflict` and :class:`QueueFull`."""
        self.admit()
        if row.terminal and (ending := self.working.get(row.id)) is not None and ending.task is not None:
            await asyncio.wait([ending.task], timeout=ENDING_SECONDS)
        if not row.terminal or row.status == "completed" or row.id in self.working:
            raise Conflict(f"the evaluation is {row.status}: there is nothing to go on with")
        with self._entered(row) as work:
            if not await self.store.reopen(row, self._executor.ownership.me):
                raise Conflict("another request was faster; look at the evaluation again")
            row.status, row.error, row.completed = "queued", None, None
            self._launch(work)

    @contextlib.contextmanager
    def _entered(self, row: EvaluationRow) -> Iterator[Work]:
        """A place among those at work, taken before others can see the row as open, and given back where it is not launched."""
        work = self.working[row.id] = Work(row, Purse(row.max_requests, row.max_cost))
        try:
            yield work
        finally:
            if work.task is None:
                del self.working[row.id]

    def _launch(self, work: Work) -> None:
        work.task = asyncio.create_task(self._work(work), name=work.row.id)
        work.task.add_done_callback(lambda _: self.working.pop(work.row.id, None))

    # -- working -----------------------------------------------------------------------------------------------------

    async def _work(self, work: Work) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # whoever cancels writes down why; else it stays open for the next start
            async with self._slots:
                if await self.store.started(work.row.id, self._executor.ownership.me):
                    work.row.status = "in_progress"
                    await self._run(work)

    async def _run(self, work: Work) -> None:
        """Every way it can end is in the row afterwards, except being stopped."""
        row, error, summary = work.row, None, None
        status: Status = "failed"
        try:
            finished, summary = await self._evaluate(work)
            status, error = _standing(finished)
        except EudoxusError as problem:
            error = error_record(problem)
            log.warning("an evaluation failed", evaluation=row.id, code=problem.code, detail=str(problem)[:2000])
        except Exception:  # noqa: BLE001
            # The outermost floor of an evaluation: a bug fails it, is logged with its id, and tells the client nothing.
            log.exception("an evaluation failed by a bug", evaluation=row.id, strategy=row.strategy)
            error = {"code": "internal", "message": "an internal error; the log has it under the evaluation's id", "retryable": False}
        await self._ended(row.id, status, error, summary)

    async def _evaluate(self, work: Work) -> tuple[Finished, Summary]:
        folder = self.folder(work.row.id)
        plan = await asyncio.to_thread(folder.plan)
        dataset = (await asyncio.to_thread(data_set, plan.dataset)).only(tasks=plan.tasks)
        await self_test(dataset, concurrency=work.row.concurrency)

        def watch(state: State) -> None:
            work.state = state

        runner = Runner(folder, dataset, self.runtime, work.purse, concurrency=work.row.concurrency, watch=watch)
        finished = await runner.run()
        return finished, await asyncio.to_thread(write_results, folder, dataset)

    async def _ended(self, id: str, status: Status, error: Json | None, summary: Summary | None = None) -> None:
        said = await self._summary(id) if summary is None else _brief(summary)
        with contextlib.suppress(JournalError):
            await self.store.ended(id, status, summary=said, error=error)

    async def _summary(self, id: str) -> Json | None:
        """What is recorded so far; None where that cannot be read."""
        with contextlib.suppress(EudoxusError):
            return _brief(await asyncio.to_thread(summarise, self.folder(id)))
        return None

    # -- cancelling --------------------------------------------------------------------------------------------------

    async def cancel(self, row: EvaluationRow, reason: str) -> None:
        """End it as cancelled; what it recorded is kept. A process that works on it sees that within seconds."""
        said = {"code": "run_cancelled", "message": reason, "retryable": False}
        await self.store.ended(row.id, "cancelled", summary=None, error=said)  # first, so that nobody takes it up again
        work = self.working.get(row.id)
        if work is not None and work.task is not None:
            work.task.cancel()
            await asyncio.wait([work.task])
        await self.store.summarised(row.id, await self._summary(row.id))

    async def delete(self, row: EvaluationRow) -> None:
        """Remove it with everything that it recorded. Raises :class:`Conflict` while it is worked on."""
        if not row.terminal:
            raise Conflict(f"the evaluation is {row.status}: cancel it first")
        await self.store.delete(row.id)
        await asyncio.to_thread(shutil.rmtree, self.folder(row.id).path, ignore_errors=True)

    # -- after a crash, and before an end ------------------------------------------------------------------------------

    async def adopt_forever(self) -> None:
        """Look for evaluations whose process died, and for own ones that another process has cancelled, now and again."""
        while True:
            try:
                await self.adopt()
            except JournalError as error:
                log.error("cannot look for open evaluations", detail=str(error))
            await asyncio.sleep(SCAN_SECONDS)

    async def adopt(self) -> None:
        """Go on with open evaluations that nobody works on."""
        rows = await self.store.open()
        theirs = self._executor.ownership
        for work in [work for id, work in self.working.items() if id not in {row.id for row in rows}]:
            found = await self.store.get(work.row.id)
            if work.task is not None and (found is None or found.status == "cancelled"):
                work.task.cancel()
        for row in rows:
            taken = row.owner is not None and row.owner != theirs.me and theirs.alive(row.owner)
            if row.id in self.working or taken or self._executor.draining.is_set() or not await self.store.claim(row, theirs.me):
                continue
            log.info("resuming", evaluation=row.id, strategy=row.strategy, dataset=row.dataset)
            with self._entered(row) as work:
                self._launch(work)

    async def drain(self, seconds: float) -> None:
        """Wait, up to ``seconds``, until no call is in flight, then stop. New calls are held back by the executor's gate meanwhile."""
        deadline = time.monotonic() + seconds
        while self._busy() and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # as the executor does: looking is simpler than telling
        left = {id: work.task for id, work in self.working.items() if work.task is not None}
        for task in left.values():
            task.cancel()
        await asyncio.gather(*left.values(), return_exceptions=True)
        with contextlib.suppress(JournalError):
            await self.store.release([*left])

    def _busy(self) -> bool:
        return any(work.purse.calls - self._executor.gate.held for work in self.working.values())


def data_set(name: str) -> DataSet:
    """The data set called ``name``, from this server's own files.

    Raises :class:`InvalidRequest` for an unknown name and :class:`DataSetAbsent` where the file is not here or is another one.
    """
    try:
        return catalogue.load(name)
    except (DataSetMissing, ChecksumMismatch) as problem:
        log.warning("a data set cannot be used", dataset=name, detail=str(problem))
        said = f"the data set {name} is not on this server; " + (
            f"its operator gets it by 'eudoxus datasets fetch {name}' or EUDOXUS_DATA" if catalogue.has_file(name)
            else "it is in no single published file, and only 'eudoxus eval run --data FILE' takes one")
        raise DataSetAbsent(said, param="dataset") from None


def _brief(summary: Summary) -> Json:
    return {name: value for name, value in summary.json().items() if name != "by_task"}


def _standing(finished: Finished) -> tuple[Status, Json | None]:
    if finished.ended == "complete":
        return "completed", None
    code = "budget_exceeded" if finished.ended == "capped" else "faults"
    return "incomplete", {"code": code, "message": f"{finished.why}; {finished.left} samples are left", "retryable": True}


def journal_of(folder: Folder, name: str) -> Path | None:
    """The journal file called ``name`` in ``folder``; None unless it belongs to a sample of the plan."""
    plan = folder.plan()
    known = {folder.journal((task, sample)).name for task in plan.tasks for sample in range(plan.samples)}
    path = folder.path / "journals" / name
    return path if name in known and path.is_file() else None
