"""Many programs with their tests in one process: fast, and provisional, for a program can pass here by more than answering right."""

from __future__ import annotations

import builtins
import random
import signal
import sys
from types import FrameType
from typing import Any

from eudoxus.sandbox.inside.candidate import described, flush, recursion_limit
from eudoxus.sandbox.inside.wire import Channel

FILENAME = "candidate.py"
_AGAIN_S = 0.05
"""Between interruptions of a program that catches the first one."""
_WATCHED = (
    "builtins", "collections", "copy", "datetime", "functools", "heapq", "io", "itertools", "json", "math", "operator", "os", "random",
    "re", "string", "sys", "time", "typing",
)


class Late(BaseException):
    """The program's time is over."""


def run(payload: dict[str, Any], report: int) -> None:
    """Run every program and its tests, and report each program as it is done."""
    out = Channel(report, deadlines=False)
    programs = payload["programs"]
    sys.setrecursionlimit(recursion_limit())
    clock = _Clock(float(payload["each_s"]))
    state = _State()
    for p, program in enumerate(programs):
        random.seed(payload.get("seed", 0))
        found = _outcomes(program, clock)
        state.restore()
        out.write({"p": p, **found})
    flush()
    out.write({"end": len(programs)})


class _Clock:
    """Raises ``Late`` in the program, by a timer. Only a courtesy: one that swallows it or hangs in C code is killed from outside."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running = False

    def start(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)  # each time: a program may have taken the signal
        self._running = True
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _AGAIN_S)

    def stop(self) -> None:
        self._running = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if self._running:
            raise Late(f"took longer than {self._seconds:g} s")


class _State:
    """What programs most often break for those after them."""

    def __init__(self) -> None:
        self._builtins = dict(vars(builtins))
        self._ids = list(map(id, self._builtins.values()))
        self._modules = {name: sys.modules[name] for name in _WATCHED if name in sys.modules}
        self._limit = sys.getrecursionlimit()
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._path = list(sys.path)

    def restore(self) -> None:
        names = vars(builtins)
        if list(map(id, names.values())) != self._ids:
            names.clear()
            names.update(self._builtins)
        sys.modules.update(self._modules)
        if sys.getrecursionlimit() != self._limit:
            sys.setrecursionlimit(self._limit)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if sys.path != self._path:
            sys.path[:] = self._path
        sys.settrace(None)
        sys.setprofile(None)


def _outcomes(program: dict[str, Any], clock: _Clock) -> dict[str, Any]:
    """The outcome of each test, and the first exception that was raised."""
    outcomes: list[str] = []
    first: BaseException | None = None
    tests = program["tests"]
    names: dict[str, Any] = {"__name__": "candidate", "__file__": FILENAME}
    error: BaseException | None
    try:
        clock.start()
        try:
            # Before the program, whose functions take the place of those that the set-up only sketches.
            error = _executed(program["setup"], "<setup>", names) if program.get("setup") else None
            error = error or _executed(program["code"], FILENAME, names)
            if error is not None:
                outcome = "timeout" if isinstance(error, Late) else "load_error"
                return {"o": [outcome] * len(tests), "x": described(error, FILENAME)}
            for i, test in enumerate(tests):
                error = _executed(test, f"<test {i}>", dict(names))
                outcomes.append(_outcome(error))
                first = first or error
                if isinstance(error, Late):
                    break
        finally:
            clock.stop()
    except Late as late:  # it rang between two tests
        first = first or late
    outcomes += ["timeout"] * (len(tests) - len(outcomes))
    return {"o": outcomes} if first is None else {"o": outcomes, "x": described(first, FILENAME)}


def _executed(code: str, filename: str, names: dict[str, Any]) -> BaseException | None:
    """What running the code raised."""
    try:
        exec(compile(code, filename, "exec", dont_inherit=True), names)  # noqa: S102  (in the jail)
    except BaseException as error:  # noqa: BLE001  (anything may come out)
        return error
    return None


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "passed"
    if isinstance(error, Late):
        return "timeout"
    if isinstance(error, AssertionError):
        return "failed"
    return "invalid_test" if isinstance(error, SyntaxError) and error.filename != FILENAME else "error"
