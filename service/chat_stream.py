"""The streamed form of a chat answer: pieces of text as the models give them, progress if asked for, usage at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

from eudoxus.runtime.chat import NOTHING, Json
from eudoxus.runtime.errors import EudoxusError
from eudoxus.runtime.journal import Record
from eudoxus.runtime.result import Result
from eudoxus.service.chat_response import DONE, KEEPALIVE, Chunks, about
from eudoxus.service.chat_runs import ChatDesk, ChatRuns
from eudoxus.service.events import event_of
from eudoxus.service.executor import Job
from eudoxus.service.problems import StreamDiverged, problem_of

KEEPALIVE_SECONDS = 15.0
_END = "end"
_TEXT = "output_text.delta"


class ChatStream:
    """Chunks for one client. Several clients may stream the same runs (a retry that attached)."""

    def __init__(self, runs: ChatRuns, desk: ChatDesk, outcome: Callable[[ChatRuns, Job], Result], request_id: str) -> None:
        self._runs, self._desk, self._outcome, self._request_id = runs, desk, outcome, request_id
        self._chunks = Chunks(runs.id, runs.call.model, runs.created)
        self._queue: asyncio.Queue[tuple[int, str, Json]] = asyncio.Queue()
        self._sent = [""] * len(runs.jobs)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body. A client that goes away closes this iterator."""
        yield KEEPALIVE
        self._runs.waiting += 1
        stops = [stop for index, job in enumerate(self._runs.jobs) for stop in self._listen(index, job)]
        try:
            for index in range(len(self._runs.jobs)):
                yield self._chunks.role(index)
            async for piece in self._body():
                yield piece
            yield DONE
        finally:
            for stop in stops:
                stop()
            self._desk.leave(self._runs)

    def _listen(self, index: int, job: Job) -> list[Callable[[], None]]:
        """Tell the queue what the job says from now on, after what it has said already."""
        if job.text:
            self._queue.put_nowait((index, _TEXT, {"text": "".join(job.text)}))
        task = job.task
        if task is None or task.done():
            self._queue.put_nowait((index, _END, {}))
            return []
        task.add_done_callback(lambda _: self._queue.put_nowait((index, _END, {})))
        stops = [job.watch(partial(self._told, index))]
        if self._runs.call.options.stream_events:
            stops.append(job.journal.listen(partial(self._recorded, index)))
        return stops

    def _told(self, index: int, type: str, path: str, data: Json) -> None:
        if type == _TEXT or self._runs.call.options.stream_events:
            self._queue.put_nowait((index, type, {"path": path, **data}))

    def _recorded(self, index: int, record: Record) -> None:
        event = event_of(record)
        if event is not None:
            self._queue.put_nowait((index, event[1], event[2]))

    async def _body(self) -> AsyncIterator[bytes]:
        results: dict[int, Result] = {}
        while len(results) < len(self._runs.jobs):
            try:
                index, type, data = await asyncio.wait_for(self._queue.get(), KEEPALIVE_SECONDS)
            except TimeoutError:
                yield KEEPALIVE
                continue
            if type == _TEXT:
                self._sent[index] += data["text"]
                yield self._chunks.text(index, data["text"])
            elif type != _END:
                yield self._chunks.event(index, type, data)
            else:
                job = self._runs.jobs[index]
                try:
                    results[index] = self._outcome(self._runs, job)
                    ending = self._ending(index, results[index])
                except EudoxusError as error:
                    yield self._chunks.error(problem_of(error, run_id=job.id, request_id=self._request_id))
                    return
                for piece in ending:
                    yield piece
        if self._runs.call.include_usage:
            yield self._usage([(job.id, results[i]) for i, job in enumerate(self._runs.jobs)])

    def _ending(self, index: int, result: Result) -> list[bytes]:
        """What of the answer was not streamed yet, and the end of this choice. Raises :class:`StreamDiverged`."""
        answer, sent = result.answer or "", self._sent[index]
        if answer.startswith(sent):
            rest = [self._chunks.text(index, answer[len(sent) :])] if len(answer) > len(sent) else []
        elif answer.strip() == sent.strip():
            rest = []
        else:
            raise StreamDiverged("the model broke off and answered differently when asked again; ask again, or without `stream`")
        return [*rest, self._chunks.end(index, result)]

    def _usage(self, results: list[tuple[str, Result]]) -> bytes:
        usage = sum((result.usage for _, result in results), NOTHING)
        return self._chunks.usage(usage, about(results, usage, strategy=self._runs.path, seconds=self._runs.seconds()))
