"""The harness itself asks the candidate, question by question, and compares what comes back with what must: mode ``io``."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Any

from eudoxus.sandbox.codec import CodecError
from eudoxus.sandbox.comparing import Comparing, Question
from eudoxus.sandbox.inside.remote import TRACE_BYTES
from eudoxus.sandbox.inside.wire import Inbox, Malformed, pack, unpack
from eudoxus.sandbox.model import Outcome, Raised
from eudoxus.sandbox.verdict import Judgement, raised, traced
from eudoxus.sandbox.zygotes import monotonic

AHEAD_BYTES = 32 << 10
"""Questions that are sent before they are answered: one system call for many, and never more than the socket holds."""
ANSWER_BYTES = 4 << 20
"""The most bytes of an answer."""
MOST_CONTAINERS = 200_000
"""Brackets in the text of an answer: lists take a hundred times longer than numbers to be made."""
AT_ONCE_BYTES = 32 << 10
"""Of answers that are read in the event loop in one go; more are read in a thread, so that nobody else waits for them."""
_PIECE = 256 << 10
_UNREADABLE = (Malformed, CodecError, LookupError, TypeError)
_END = pack({"end": 1})


def crowded(body: bytes) -> Judgement | None:
    """The verdict on an answer of more lists than are made of an answer's text; None for any other."""
    if len(body) <= AT_ONCE_BYTES or body.count(b"[") + body.count(b"{") <= MOST_CONTAINERS:
        return None
    return Judgement("error", Raised(type="TooLarge", msg=f"an answer of more than {MOST_CONTAINERS:,} lists, dicts and the like"))


class Asking:
    """The conversation with one candidate. ``done`` is done when there is no more to ask, or nothing more will be."""

    def __init__(
        self, channel: socket.socket, rests: Sequence[bytes], call_s: float, *, trace: bool = False, frame_bytes: int = ANSWER_BYTES
    ) -> None:
        """``rests`` has the JSON of each question after its number."""
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._rests = rests
        self._call_s = call_s
        self._trace = trace
        self._inbox = Inbox(frame_bytes)
        self._numbers = _numbers(len(rests))
        self._sent = 0
        self._ahead = 0
        self._unsent = b""
        self.greeted = False
        self._gone = False
        self._ended = False
        self._tracing: int | None = None
        self._trace_room = TRACE_BYTES
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.tests: list[Judgement] = []
        self.load: Raised | None = None
        self.fault: tuple[Outcome, str] | None = None
        self.done: asyncio.Future[None] = self._loop.create_future()
        channel.setblocking(False)
        self._loop.add_reader(channel.fileno(), self._hear)
        self._ask()  # before the program is loaded: nobody waits for the other then

    def close(self) -> None:
        """Stop, whatever is still open."""
        if self._timer is not None:
            self._timer.cancel()
        if self._channel.fileno() >= 0:
            self._loop.remove_reader(self._channel.fileno())
            self._loop.remove_writer(self._channel.fileno())
            self._channel.close()
        if not self.done.done():
            self.done.set_result(None)

    def judge(self, at: int, frame: dict[str, Any]) -> Judgement:
        """The verdict on an answer to a question. Perhaps in a thread. Raises ``Malformed`` or ``CodecError`` for what is no answer."""
        raise NotImplementedError

    def verdicts(self) -> list[Judgement]:
        """What was judged so far."""
        return self.tests

    def waits(self, at: int) -> bool:
        """Whether a question is not to be sent before those ahead of it are answered."""
        return self._trace

    def skips(self, at: int) -> bool:
        """Whether a question is not to be sent at all, now that those ahead of it are answered: it shares the last one's verdict."""
        return False

    def enough(self) -> bool:
        """Whether the answers to the questions that are left do not matter any more."""
        return False

    def _hear(self) -> None:
        try:
            piece = self._channel.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self._inbox.feed(piece)
        self._gone = not piece
        self._take_all()

    def _take_all(self) -> None:
        """What has arrived, as far as it is read at once; what takes longer goes on from here when it is done."""
        taken = 0
        try:
            while not self.done.done() and (body := self._inbox.body()) is not None:
                taken += len(body)
                if taken > AT_ONCE_BYTES:
                    self._read_aside(body)
                    return
                self._take(self._read(body))
        except _UNREADABLE as error:
            self._stop_unreadable(error)
        if self._gone:
            self._stop("protocol_error", "the program ended")
        elif not self.done.done():
            self._ask()

    def _read_aside(self, body: bytes) -> None:
        """Read the frame in a thread, and hear nothing until it is done."""
        self._loop.remove_reader(self._channel.fileno())
        if self._timer is not None:  # the program has done its part
            self._timer.cancel()

        def go_on(reading: asyncio.Future[Any]) -> None:
            error = reading.exception()
            if self.done.done():
                return
            try:
                if error is not None:
                    raise error
                self._take(reading.result())
            except _UNREADABLE as unreadable:
                self._stop_unreadable(unreadable)
                return
            if self.done.done():
                return
            self._loop.add_reader(self._channel.fileno(), self._hear)
            self._watch()
            self._take_all()

        self._loop.run_in_executor(None, self._read, body).add_done_callback(go_on)

    def _read(self, body: bytes) -> Any:
        """What a frame comes to, for :meth:`_take`. Changes nothing that others look at. Raises ``Malformed`` for one not asked for."""
        refused = crowded(body)
        if refused is not None:
            if not self.greeted or self._tracing is not None:
                raise Malformed("too many lists")
            return refused
        frame = unpack(body)
        if not self.greeted:
            if "load" in frame:
                return raised(frame["load"])
            if "hello" not in frame:
                raise Malformed("no hello")
            return None
        if self._tracing is not None:
            if frame.get("s") != self._tracing:
                raise Malformed("an answer to another question")
            self._trace_room -= len(body)
            return traced(frame.get("trace")) if self._trace_room >= 0 else {}
        at = len(self.tests)
        if at >= self._sent or type(frame.get("s")) is not int or frame["s"] != self._numbers[at]:
            raise Malformed("an answer to another question")
        return self.judge(at, frame)

    def _take(self, found: Any) -> None:
        """What came of one frame that arrived. Raises ``Malformed`` for more than was asked for."""
        self._since = monotonic()
        if not self.greeted:
            self.greeted = True
            self.load = found
            if found is not None or not self._rests:
                self._finish()
            else:
                self._watch()
            return
        if self._tracing is not None:
            self._tracing = None
            self.tests[-1] = self.tests[-1]._replace(trace=found)
        else:
            at = len(self.tests)
            self._ahead -= len(self._rests[at])
            self.tests.append(found)
            while len(self.tests) == self._sent < len(self._rests) and self.skips(self._sent):
                self.tests.append(self.tests[-1])
                self._sent += 1
            if self._trace:
                self._tracing = self._numbers[at] ^ 1
                self._send(pack({"s": self._tracing, "trace": 1}))
        if self.enough():
            self._finish()
        elif len(self.tests) == len(self._rests) and self._tracing is None:
            if len(self._inbox):
                raise Malformed("data that nobody asked for")
            self._finish()

    def _ask(self) -> None:
        """Send as many questions as may be under way, when half of them are answered."""
        if self._ended or self._ahead > AHEAD_BYTES // 2 or self._tracing is not None:
            return
        batch = []
        while self._sent < len(self._rests) and self._ahead < AHEAD_BYTES:
            if self._ahead and self.waits(self._sent):
                break
            rest = self._rests[self._sent]
            body = b'{"s":%d,' % self._numbers[self._sent] + rest
            batch.append(len(body).to_bytes(4, "big") + body)
            self._ahead += len(rest)
            self._sent += 1
        if self._sent == len(self._rests) and not self._trace:
            self._ended = True
            batch.append(_END)
        self._send(b"".join(batch))

    def _send(self, data: bytes) -> None:
        self._unsent += data
        self._flush()

    def _flush(self) -> None:
        try:
            while self._unsent:
                sent = self._channel.send(self._unsent)
                self._unsent = self._unsent[sent:]
        except BlockingIOError:
            self._loop.add_writer(self._channel.fileno(), self._flush)
            return
        except OSError:
            pass  # the reader sees the end
        self._loop.remove_writer(self._channel.fileno())

    def _watch(self) -> None:
        """Stop when the answer that is due does not come in time."""
        if self._timer is not None:
            self._timer.cancel()
        late = monotonic() - self._since
        if late >= self._call_s:
            self._stop("timeout", "no answer in time")
            return
        self._timer = self._loop.call_later(self._call_s - late, self._watch)

    def _stop(self, outcome: Outcome, message: str) -> None:
        if not self.done.done():
            self.fault = (outcome, message)
            self.close()

    def _stop_unreadable(self, error: Exception) -> None:
        self._stop("protocol_error", str(error) or type(error).__name__)

    def _finish(self) -> None:
        if not self._ended:
            self._send(_END)
        self.close()


class Cases(Asking):
    """Compares the answers with what the cases expect; the first that are wrong are kept for people."""

    def __init__(self, channel: socket.socket, questions: Sequence[Question], entry: str, call_s: float, *, trace: bool) -> None:
        self._comparing = Comparing(entry)
        self._questions = questions
        super().__init__(channel, [question.rest for question in questions], call_s, trace=trace)

    def judge(self, at: int, frame: dict[str, Any]) -> Judgement:
        return self._comparing.judged(self._questions[at], frame)


def _numbers(count: int) -> list[int]:
    """48 random bits for each question."""
    bits = os.urandom(6 * count)
    return [int.from_bytes(bits[at : at + 6], "big") for at in range(0, 6 * count, 6)]
