"""A run as a stream of events: what the journal holds, then what is added to it, then the end. Reconnecting clients miss nothing durable.

Durable events carry the number of their journal record as ``id``, so they are the same after a crash. Passing ones (pieces of text,
started calls, retries) are told to whoever watches at that moment and carry none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import orjson

from eudoxus.runtime.chat import Json
from eudoxus.runtime.journal import (
    EffectRecord,
    EndRecord,
    EventRecord,
    Header,
    LeaseRecord,
    Record,
)
from eudoxus.service.executor import Executor, Job
from eudoxus.service.store import RunStore, iso

KEEPALIVE_SECONDS = 15.0
POLL_SECONDS = 1.0
"""How often a run that another process works on is looked at; one of our own wakes its feeds itself."""
RETRY = b"retry: 2000\n\n"
TERMINAL = frozenset({"run.completed", "run.incomplete", "run.failed", "run.cancelled"})

Event = tuple[int | None, str, Json]
"""Number (None for a passing event), type, data."""


def event_of(record: Record) -> Event | None:
    """The event that a journal record is, or None for records that only replay needs."""
    match record:
        case Header():
            return record.seq, "run.in_progress", {"strategy": record.path, "seed": record.seed}
        case LeaseRecord():
            return record.seq, "run.resumed", {"epoch": record.ep}
        case EventRecord():
            return record.seq, record.type, {"path": record.path, **record.data}
        case EffectRecord():
            said: Json = {
                "path": record.path,
                "kind": record.kind,
                "ms": record.ms,
                "usage": record.usage,
                "source": record.src,
                "n": record.n,
            }
            if record.err is not None:
                return record.seq, "call.failed", {**said, "error": record.err}
            return record.seq, "call.completed", said
        case EndRecord():
            data = {"result": record.result} if record.result is not None else {"error": record.error}
            return record.seq, f"run.{record.status}", data
    return None


class EventFeed:
    """The events of one run, from after a number on."""

    def __init__(self, run_id: str, store: RunStore, executor: Executor, after: int = -1) -> None:
        self._run_id, self._store, self._executor, self._after = run_id, store, executor, after
        self._queue: asyncio.Queue[Record | Event | None] = asyncio.Queue()

    async def events(self) -> AsyncIterator[Event | None]:
        """Events in order; None where nothing happened for a while, and the caller may say that it is alive.

        Ends after the terminal event, when the run is deleted, and when the service shuts down.
        """
        job = self._executor.jobs.get(self._run_id)
        stops = self._listen(job) if job is not None else []
        stops.append(self._executor.when_draining(lambda: self._queue.put_nowait(None)))
        try:
            if job is not None and job.row.status == "queued":
                yield None, "run.queued", {}
            async for event in self._recorded():
                yield event
                if event[1] in TERMINAL:
                    return
            async for found in self._following(job):
                yield found
        finally:
            for stop in stops:
                stop()

    def _listen(self, job: Job) -> list[Callable[[], None]]:
        if job.task is not None:
            job.task.add_done_callback(lambda _: self._queue.put_nowait(None))
        return [
            job.journal.listen(self._queue.put_nowait),
            job.watch(lambda kind, path, data: self._queue.put_nowait((None, kind, {"path": path, **data}))),
        ]

    async def _recorded(self) -> AsyncIterator[Event]:
        for record in await self._store.journals.records(self._run_id, self._after):
            self._after = record.seq
            event = event_of(record)
            if event is not None:
                yield event

    async def _following(self, job: Job | None) -> AsyncIterator[Event | None]:
        quiet_since = time.monotonic()
        while True:
            event = await self._next(job)
            if event is not None:
                yield event
                quiet_since = time.monotonic()
                if event[1] in TERMINAL or event[1] == "run.heartbeat":
                    return
                continue
            if job is None or (job.task is not None and job.task.done() and self._queue.empty()):
                # Not, or no longer, a run of this process: the store has the news.
                async for found in self._recorded():
                    yield found
                    if found[1] in TERMINAL:
                        return
                row = await self._store.get(self._run_id)
                if row is None or row.terminal:
                    return
                job = self._executor.jobs.get(self._run_id) if job is None else job
            if time.monotonic() - quiet_since >= KEEPALIVE_SECONDS:
                quiet_since = time.monotonic()
                yield None

    async def _next(self, job: Job | None) -> Event | None:
        """The next event that was not told yet, or None after a while without one."""
        if self._executor.draining.is_set() and self._queue.empty():
            return None, "run.heartbeat", {"draining": True}
        try:
            item = await asyncio.wait_for(self._queue.get(), KEEPALIVE_SECONDS if job is not None else POLL_SECONDS)
        except TimeoutError:
            return None
        if item is None or isinstance(item, tuple):
            return item
        if item.seq <= self._after:
            return None
        self._after = item.seq
        return event_of(item)


async def as_sse(run_id: str, events: AsyncIterator[Event | None]) -> AsyncIterator[bytes]:
    """Server-sent events, as bytes."""
    yield RETRY
    async for event in events:
        if event is None:
            yield b": keepalive\n\n"
            continue
        number, type, _ = event
        head = b"id: %d\n" % number if number is not None else b""
        yield b"%bevent: %b\ndata: %b\n\n" % (head, type.encode(), _envelope(run_id, event))


async def as_ndjson(run_id: str, events: AsyncIterator[Event | None]) -> AsyncIterator[bytes]:
    """One JSON object a line; an empty line says that the stream is alive."""
    async for event in events:
        yield b"\n" if event is None else _envelope(run_id, event) + b"\n"


def _envelope(run_id: str, event: Event) -> bytes:
    number, type, data = event
    said: Json = {"type": type, "run_id": run_id, "ts": iso(time.time()), "data": data}
    path = data.get("path")
    if path is not None:
        said["path"] = path
    return orjson.dumps(said if number is None else {"seq": number, **said})
