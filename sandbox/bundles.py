"""Mode ``bundle``: hearing of many programs that run in one child, one after another."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

from eudoxus.sandbox.inside.wire import Inbox, Malformed
from eudoxus.sandbox.model import Outcome
from eudoxus.sandbox.verdict import Circumstances, Judgement, Verdict, broken, raised, summary

_OUTCOMES = frozenset(get_args(Outcome)) - {"infra_error"}
_PIECE = 256 << 10
_FRAME_BYTES, _TEST_BYTES = 65536, 32
"""The most bytes of a program's report: so many, and so many more for each test."""


class Bundled(NamedTuple):
    """Verdicts on the programs up to the first that the child did not survive, that one included."""

    verdicts: list[Verdict]
    complete: bool


class Collecting:
    """Takes the reports of a bundle from a pipe. ``done`` is done at the end record, at the pipe's end, or when a report is overdue."""

    def __init__(self, report: int, tests: Sequence[int], each_s: float) -> None:
        """``tests`` has how many tests each program has, ``each_s`` the seconds that a program may take."""
        self._loop = asyncio.get_running_loop()
        self._report = report
        self._tests = tests
        self._each_s = each_s
        self._inbox = Inbox(_FRAME_BYTES + _TEST_BYTES * max(tests, default=0))
        self._verdicts: list[Verdict] = []
        self.complete = False
        self.overdue = False
        self.done: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(report, False)
        self._loop.add_reader(report, self._hear)
        self._timer = self._loop.call_later(each_s, self._expire)

    def close(self) -> None:
        """Stop, whatever is still open."""
        self._timer.cancel()
        if self._report >= 0:
            self._loop.remove_reader(self._report)
            os.close(self._report)
            self._report = -1
        if not self.done.done():
            self.done.set_result(None)

    def found(self, seen: Circumstances) -> Bundled:
        """The verdicts, which are provisional."""
        verdicts = self._verdicts[:]
        if len(verdicts) < len(self._tests) and not self.complete:
            cause: Outcome = "timeout" if self.overdue else "protocol_error"
            verdicts.append(broken(self._tests[len(verdicts)], [], cause, seen))
        return Bundled(verdicts, self.complete)

    def _hear(self) -> None:
        try:
            piece = os.read(self._report, _PIECE)
        except BlockingIOError:
            return
        self._inbox.feed(piece)
        before = len(self._verdicts)
        try:
            while (frame := self._inbox.take()) is not None:
                done = len(self._verdicts)
                if frame.get("p") == done < len(self._tests):
                    self._verdicts.append(_verdict(frame, self._tests[done]))
                else:
                    self.complete = frame.get("end") == done == len(self._tests)
                    self.close()
                    return
        except Malformed:
            piece = b""
        if not piece:
            self.close()
        elif len(self._verdicts) > before:
            self._timer.cancel()
            self._timer = self._loop.call_later(self._each_s, self._expire)

    def _expire(self) -> None:
        self.overdue = True
        self.close()


def _verdict(frame: dict[str, Any], count: int) -> Verdict:
    outcomes = frame.get("o")
    exc = raised(frame["x"]) if "x" in frame else None
    if type(outcomes) is not list or len(outcomes) != count or not all(type(o) is str and o in _OUTCOMES for o in outcomes):
        return Verdict("protocol_error", [Judgement("protocol_error")] * count, count)
    first = next((i for i, outcome in enumerate(outcomes) if outcome != "passed"), -1)
    tests = [Judgement(outcome, exc if i == first else None) for i, outcome in enumerate(outcomes)]
    return Verdict(summary(tests) if tests else "load_error" if exc else "passed", tests, count, exc)
