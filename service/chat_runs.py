"""The runs behind one chat request: started together, shared with the client's own retries, cancelled when nobody waits any more."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from eudoxus.runtime.journal.database import Statement
from eudoxus.runtime.run import Order
from eudoxus.runtime.spec import StrategySpec
from eudoxus.service.chat_request import ChatCall
from eudoxus.service.executor import Executor, Job

ATTACH_SECONDS = 600.0
"""How long after its start a request can be joined by its own retry."""
GRACE_SECONDS = 5.0
"""How long runs go on after the client went away, so that its retry can attach."""
REMEMBERED = 1024


@dataclass(slots=True)
class ChatRuns:
    """``n`` runs for one request."""

    spec: StrategySpec
    call: ChatCall
    jobs: list[Job]
    digest: bytes
    created: float = field(default_factory=time.time)
    started: float = field(default_factory=time.perf_counter)
    waiting: int = 0
    """Clients that wait for these runs."""

    @property
    def id(self) -> str:
        return self.jobs[0].id

    @property
    def path(self) -> str:
        return self.jobs[0].row.path

    @property
    def ended(self) -> bool:
        return all(job.task is None or job.task.done() for job in self.jobs)

    async def done(self) -> None:
        """Wait for all; they go on when the waiting task is cancelled."""
        tasks = [job.task for job in self.jobs if job.task is not None]
        await asyncio.wait(tasks)

    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self.started

    def overhead(self) -> float:
        """Seconds since the start that were not spent waiting for models."""
        return max(0.0, self.seconds() - max(job.stopwatch.seconds for job in self.jobs))


class ChatDesk:
    """Starts the runs of chat requests and knows the recent ones."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._recent: OrderedDict[tuple[str | None, bytes], ChatRuns] = OrderedDict()
        self._farewells: set[asyncio.Task[None]] = set()

    def start(self, spec: StrategySpec, call: ChatCall, digest: bytes, key_id: str | None, also: Sequence[Statement] = ()) -> ChatRuns:
        """Start ``call.n`` independent runs, each with a seed of its own."""
        watched = call.stream
        jobs = [
            self._executor.start_chat(
                _order(spec, call, number), key_id=key_id, watched=watched, cache=call.options.cache, also=also if number == 0 else ()
            )
            for number in range(call.n)
        ]
        runs = ChatRuns(spec, call, jobs, digest)
        self._recent[key_id, digest] = runs
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        return runs

    def running(self, key_id: str | None, digest: bytes) -> ChatRuns | None:
        """The runs of the same request of the same client, if it began in the last ten minutes and was not cancelled."""
        runs = self._recent.get((key_id, digest))
        if runs is None or time.time() - runs.created > ATTACH_SECONDS or any(job.cancel_reason for job in runs.jobs):
            return None
        return runs

    def leave(self, runs: ChatRuns) -> None:
        """The client went away: cancel the runs in a moment, unless it comes back."""
        runs.waiting -= 1
        if runs.waiting <= 0 and not runs.ended:
            task = asyncio.create_task(self._farewell(runs))
            self._farewells.add(task)
            task.add_done_callback(self._farewells.discard)

    async def _farewell(self, runs: ChatRuns) -> None:
        await asyncio.wait([job.task for job in runs.jobs if job.task], timeout=GRACE_SECONDS)
        if runs.waiting <= 0 and not runs.ended:
            await asyncio.gather(*(self._executor.cancel(job.id, "the client disconnected") for job in runs.jobs))


def body_digest(body: bytes) -> bytes:
    """Tells equal bodies; a client's retry sends the same bytes."""
    return hashlib.blake2b(body, digest_size=16).digest()


def _order(spec: StrategySpec, call: ChatCall, number: int) -> Order:
    options, task = call.options, call.task
    if number and task.seed is not None:
        # The same seed would draw the same answer again; OpenAI's n gives different ones.
        task = task.model_copy(update={"seed": task.seed + number})
    return Order(spec, task, options.seed + number, options.budget, options.metadata or None)
