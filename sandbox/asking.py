"""The harness itself asks the candidate, question by question, and compares what comes back with what must: mode ``io``."""

from __future__ import annotations

import asyncio
import builtins
import json
import os
import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

from eudoxus.sandbox.codec import CodecError, decode, equal, short
from eudoxus.sandbox.inside.wire import Inbox, Malformed, pack
from eudoxus.sandbox.model import CallRecord, Case, Outcome, Raised
from eudoxus.sandbox.verdict import Judgement, raised, traced
from eudoxus.sandbox.zygotes import monotonic

AHEAD_BYTES = 32 << 10
"""Questions that are sent before they are answered: one system call for many, and never more than the socket holds."""
FRAME_BYTES = 4 << 20
"""The most bytes of an answer."""
SHOWN = 200
MOST_SHOWN = 20
"""Cases that did not pass whose call is kept."""
_PIECE = 256 << 10
_PASSED = Judgement("passed")
_END = pack({"end": 1})


class Question(NamedTuple):
    """A case, ready to be asked of any program."""

    case: Case
    rest: bytes
    """The frame's JSON after its number."""
    expected: Any


def prepared(entry: str, cases: Sequence[Case]) -> list[Question]:
    """The questions that ask ``entry`` for each case."""
    found = []
    for case in cases:
        body: dict[str, Any] = {"f": entry, "a": case.args}
        if case.kwargs:
            body["k"] = case.kwargs
        found.append(Question(case, json.dumps(body, separators=(",", ":"))[1:].encode(), decode(case.expected)))
    return found


class Asking:
    """The conversation with one candidate. ``done`` is done when there is no more to ask, or nothing more will be."""

    def __init__(
        self, channel: socket.socket, rests: Sequence[bytes], call_s: float, *, trace: bool = False, frame_bytes: int = FRAME_BYTES
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
        self._ended = False
        self._tracing: int | None = None
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

    def _hear(self) -> None:
        try:
            piece = self._channel.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        try:
            self._inbox.feed(piece)
            while not self.done.done() and (frame := self._inbox.take()) is not None:
                self._take(frame)
        except (Malformed, CodecError, LookupError, TypeError) as error:
            self._stop("protocol_error", str(error) or type(error).__name__)
        if not piece:
            self._stop("protocol_error", "the program ended")
        elif not self.done.done():
            self._ask()

    def judge(self, at: int, frame: dict[str, Any]) -> Judgement:
        """The verdict on an answer to a question. Raises ``Malformed`` or ``CodecError`` for what is no answer."""
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

    def _take(self, frame: dict[str, Any]) -> None:
        """One frame that arrived. Raises ``Malformed`` for one that was not asked for."""
        self._since = monotonic()
        if not self.greeted:
            self.greeted = True
            if "load" in frame:
                self.load = raised(frame["load"])
                self._finish()
            elif "hello" not in frame:
                raise Malformed("no hello")
            elif not self._rests:
                self._finish()
            else:
                self._watch()
            return
        if self._tracing is not None:
            self._take_trace(frame)
        else:
            at = len(self.tests)
            if at >= self._sent or type(frame.get("s")) is not int or frame["s"] != self._numbers[at]:
                raise Malformed("an answer to another question")
            self._ahead -= len(self._rests[at])
            self.tests.append(self.judge(at, frame))
            while len(self.tests) == self._sent < len(self._rests) and self.skips(self._sent):
                self.tests.append(self.tests[-1])
                self._sent += 1
            if self._trace:
                self._tracing = self._numbers[at] ^ 1
                self._send(pack({"s": self._tracing, "trace": 1}))
        if len(self.tests) == len(self._rests) and self._tracing is None:
            if len(self._inbox):
                raise Malformed("data that nobody asked for")
            self._finish()

    def _take_trace(self, frame: dict[str, Any]) -> None:
        if frame.get("s") != self._tracing:
            raise Malformed("an answer to another question")
        self._tracing = None
        self.tests[-1] = self.tests[-1]._replace(trace=traced(frame.get("trace")))

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
        late = monotonic() - self._since
        if late >= self._call_s:
            self._stop("timeout", "no answer in time")
            return
        self._timer = self._loop.call_later(self._call_s - late, self._watch)

    def _stop(self, outcome: Outcome, message: str) -> None:
        if not self.done.done():
            self.fault = (outcome, message)
            self.close()

    def _finish(self) -> None:
        if not self._ended:
            self._send(_END)
        self.close()


class Cases(Asking):
    """Compares the answers with what the cases expect."""

    def __init__(self, channel: socket.socket, questions: Sequence[Question], entry: str, call_s: float, *, trace: bool) -> None:
        self._questions = questions
        self._entry = entry
        self._shown = 0
        super().__init__(channel, [question.rest for question in questions], call_s, trace=trace)

    def judge(self, at: int, frame: dict[str, Any]) -> Judgement:
        question = self._questions[at]
        case = question.case
        if "x" in frame:
            error = raised(frame["x"])
            if case.raises is not None and is_a(error.type, case.raises):
                return _PASSED
            return Judgement("error", error, calls=self._kept(case, None, f"{error.type}: {error.msg}"))
        if "v" not in frame:
            raise Malformed("an answer without a value")
        try:
            value = decode(frame["v"])
        except CodecError as error:
            raise Malformed(f"an answer of another form: {error}") from None
        if case.raises is None and equal(value, question.expected):
            return _PASSED
        return Judgement("failed", calls=self._kept(case, short(value, SHOWN), None))

    def _kept(self, case: Case, value: str | None, error: str | None) -> list[CallRecord]:
        self._shown += 1
        if self._shown > MOST_SHOWN:
            return []
        args = [*(short(decode(arg), SHOWN) for arg in case.args), *(f"{k}={short(decode(v), SHOWN)}" for k, v in case.kwargs.items())]
        return [CallRecord(function=self._entry, args=", ".join(args), value=value, raised=error and error[:SHOWN])]


def _numbers(count: int) -> list[int]:
    """48 random bits for each question."""
    bits = os.urandom(6 * count)
    return [int.from_bytes(bits[at : at + 6], "big") for at in range(0, 6 * count, 6)]


def is_a(name: str, wanted: str) -> bool:
    """Whether the built-in exception ``name`` is ``wanted``, or a subclass of it."""
    found, base = getattr(builtins, name, None), getattr(builtins, wanted, None)
    return isinstance(found, type) and isinstance(base, type) and issubclass(found, base)
