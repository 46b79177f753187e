"""The backend ``monty``: programs in pydantic-monty, an interpreter of a subset of Python that reaches nothing outside itself.

For machines without Linux, and for first looks: every verdict is provisional, and what monty does not know yet is told apart from what is
wrong, as an exception of the type ``Unsupported``: run that program in CPython.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import pydantic_monty
from pydantic_monty import Monty, MontyError, MontySession, OSPolicy, ResourceLimits

from eudoxus.sandbox.asking import ANSWER_BYTES, crowded
from eudoxus.sandbox.codec import decode
from eudoxus.sandbox.comparing import Comparing, Question, is_a
from eudoxus.sandbox.inside.wire import Malformed, unpack
from eudoxus.sandbox.launch import Interpreter, Jail
from eudoxus.sandbox.model import Limits, Outcome, Program, Raised, Test, Trace, Tried
from eudoxus.sandbox.monty_subset import COUNTING, bound, called, counting, defined, unsupported
from eudoxus.sandbox.one_by_one import OneByOne
from eudoxus.sandbox.slot import Finding
from eudoxus.sandbox.verdict import Judgement, Verdict, summary
from eudoxus.sandbox.zygotes import ZygoteFailed, monotonic

UNSUPPORTED = "Unsupported"
"""Type of the exception in a result where monty lacks what the program needs."""
GRACE_S = 0.2
"""That monty has to stop by itself before its process is killed."""
_DEPTH = 5000
_SESSIONS = 1000
"""After as many, a process is replaced."""
_MOST_TEXT = 1000
_ENDING = frozenset(("timeout", "memory", "output_limit", "crashed"))
"""After these the interpreter's state means nothing, and the run ends."""

# Values leave as text of the codec's form, so that the harness never builds sets and dicts that it has not looked at.
_TAGGED = """
def __tagged(value):
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -9007199254740992 <= value <= 9007199254740992 else {'$int': hex(value)}
    if kind is float:
        return value if value - value == 0 else {'$float': 'nan' if value != value else 'inf' if value > 0 else '-inf'}
    if kind is list:
        return [__tagged(item) for item in value]
    if kind is tuple:
        return {'$tuple': [__tagged(item) for item in value]}
    if kind is dict:
        return {'$dict': [[__tagged(key), __tagged(value[key])] for key in value]}
    if kind is set:
        return {'$set': [__tagged(item) for item in value]}
    if kind is frozenset:
        return {'$frozenset': [__tagged(item) for item in value]}
    if kind is range:
        return {'$range': [value.start, value.stop, value.step]}
    return {'$opaque': kind.__name__}
from json import dumps as __dumps
"""
_ACTS = {
    "read a file": "open('/etc/passwd').read()",
    "write a file": "open('/tmp/eudoxus-sandbox', 'w').write('x')",
    "list a folder": "import os\nos.listdir('/')",
    "read the environment": "import os\nos.environ['PATH']",
    "import subprocess": "import subprocess",
    "import socket": "import socket",
    "import ctypes": "import ctypes",
    "sleep past the time limit": "import time\nwhile True: time.sleep(10 ** 6)",
    "use more memory than allowed": "x = [0]\nwhile True: x = x + x",
    "recurse without end": "def f(n): return f(n + 1)\nf(0)",
}
_ACT_LIMITS = Limits(wall_s=0.5, call_s=0.5, memory_mb=64)


def jail() -> Jail:
    """What the report says of this backend."""
    return Jail("monty", Interpreter(f"pydantic-monty {pydantic_monty.__version__}", "", (), ()), None)


def slot() -> MontySlot:
    """The first slot, not started."""
    return MontySlot(0)


class _Stopped(NamedTuple):
    """Why a piece of code did not come to its end."""

    outcome: Outcome
    exc: Raised


class MontySlot(OneByOne):
    """Runs one program at a time, in a worker process of its own."""

    def __init__(self, index: int) -> None:
        super().__init__(jail(), index)
        self._pool: Monty | None = None
        self._thread = ThreadPoolExecutor(1, "monty")  # monty's own asyncio face aborts Python at its end now and then (1.4.0)

    def another(self, index: int) -> MontySlot:
        return MontySlot(index)

    async def start(self) -> None:
        """Start the process. Raises :class:`ZygoteFailed`."""
        if self._pool is None:
            pool = Monty(min_processes=1, max_processes=1, max_checkouts_per_worker=_SESSIONS, feed_duration_limit_grace=GRACE_S)
            try:
                self._pool = await asyncio.get_running_loop().run_in_executor(self._thread, pool.__enter__)
            except (MontyError, OSError, RuntimeError) as error:
                raise ZygoteFailed(f"monty does not start: {error}") from None

    async def tried(self) -> list[Tried]:
        """What monty does about forbidden acts. Raises :class:`ZygoteFailed`."""
        table = []
        for what, code in _ACTS.items():
            found = await self.split(Program(code=code), (), _ACT_LIMITS, trace=None, seed=0, wall_s=_ACT_LIMITS.wall_s)
            exc = found.verdict.exc
            table.append(Tried(what=what, outcome=f"{exc.type}: {exc.msg}" if exc else "done", ok=exc is not None))
        return table

    async def split(
        self, program: Program, tests: Sequence[Test], limits: Limits, *, trace: Trace | None, seed: int, wall_s: float
    ) -> Finding:
        """Run tests in the same interpreter as the program. Raises :class:`ZygoteFailed`."""
        return await self._within(_Run(program, limits, wall_s, seed, limits.wall_s), tests, ())

    async def ask(
        self, program: Program, questions: Sequence[Question], limits: Limits, *, trace: Trace | None, seed: int, wall_s: float
    ) -> Finding:
        """Ask the program's entry the questions and compare here. Raises :class:`ZygoteFailed`."""
        return await self._within(_Run(program, limits, wall_s, seed, limits.call_s), (), questions)

    @property
    def ready(self) -> bool:
        return True

    async def quiet(self, within_s: float = 0.1) -> None:
        """Nothing is ever left of a run: its process is handed back, or killed."""
        await self.start()

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            with suppress(MontyError, RuntimeError):
                await asyncio.get_running_loop().run_in_executor(self._thread, pool.__exit__, None, None, None)
        self._thread.shutdown(wait=False)

    async def _within(self, run: _Run, tests: Sequence[Test], questions: Sequence[Question]) -> Finding:
        await self.start()
        assert self._pool is not None
        loop, start = asyncio.get_running_loop(), monotonic()
        work = loop.run_in_executor(self._thread, run.within, self._pool, tests, questions)
        alarm = loop.call_later(run.left() + GRACE_S, run.kill)
        try:
            verdict = await asyncio.shield(work)
        except asyncio.CancelledError:
            run.kill()
            await asyncio.wait([work])
            work.exception()  # looked at, so that nobody misses it
            raise
        except MontyError as error:  # the worker could not be had; a program's own errors are in the verdict
            raise ZygoteFailed(f"monty: {error}") from None
        finally:
            alarm.cancel()
        return run.found(verdict, 1000 * (monotonic() - start))


class _Run:
    """One program in one session. Nothing of the machine is ever mounted, and no call to the host is answered."""

    def __init__(self, program: Program, limits: Limits, wall_s: float, seed: int, piece_s: float) -> None:
        self._program = program
        self._limits = limits
        self._deadline = monotonic() + wall_s
        self._piece_s = min(piece_s, wall_s)
        self._seed = seed
        self._comparing = Comparing(program.entry or "")
        functions, self._classes = defined(program.code)
        self._functions = functions | {program.entry or "candidate", "candidate"} - self._classes
        self._own = -1
        """Number of the piece that is the program."""
        self._printed: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._sizes = {"stdout": 0, "stderr": 0}
        self._most = max(1 << 20, 16 * limits.output_bytes)
        self._overflowed = False
        self._killed = False
        self._worker: int | None = None

    def left(self) -> float:
        """Seconds until the run must be over."""
        return self._deadline - monotonic()

    def kill(self) -> None:
        """End the worker, from any thread; what it is at fails."""
        self._killed = True
        if self._worker is not None:
            with suppress(OSError):
                os.kill(self._worker, getattr(signal, "SIGKILL", signal.SIGTERM))

    def within(self, pool: Monty, tests: Sequence[Test], questions: Sequence[Question]) -> Verdict:
        """Run in a fresh session of the pool. Raises ``MontyError`` when there is none."""
        with pool.checkout(
            script_name="candidate.py", limits=self.resources(), os_policy=self.policy(), assert_message_annotations=False
        ) as session:
            self._worker = session.worker_pid
            try:
                return self.run(session, tests, questions)
            finally:
                self._worker = None

    def resources(self) -> ResourceLimits:
        memory = self._limits.memory_mb << 20
        return ResourceLimits(max_feed_duration_secs=self._piece_s, max_memory=memory, max_recursion_depth=_DEPTH)

    def policy(self) -> OSPolicy:
        """Sleeping would take place on the host, outside all limits: it takes no time instead."""
        return OSPolicy(sleep="zero", random_start={"seed": self._seed})

    def found(self, verdict: Verdict, wall_ms: float) -> Finding:
        stdout, stderr = (self._text(name) for name in self._printed)
        return Finding(verdict, stdout, stderr, any(size > self._limits.output_bytes for size in self._sizes.values()), 0.0, wall_ms, 0)

    def run(self, session: MontySession, tests: Sequence[Test], questions: Sequence[Question]) -> Verdict:
        """The verdict; after a test that ends the interpreter, those that follow end alike."""
        count = len(tests) or len(questions)
        stopped = self._load(session)
        if stopped is not None:
            outcome: Outcome = "load_error" if stopped.outcome == "error" and stopped.exc.type != UNSUPPORTED else stopped.outcome
            return Verdict(outcome, [Judgement(outcome, stopped.exc)] * count, min(1, count), stopped.exc)
        done: list[Judgement] = []
        pieces: Sequence[Test | Question] = [*tests, *questions]
        for piece in pieces:
            start = monotonic()
            found = self._test(session, piece) if isinstance(piece, Test) else self._case(session, piece)
            done.append(found._replace(ms=1000 * (monotonic() - start)))
            if found.outcome in _ENDING:
                rest = [Judgement(found.outcome, found.exc)] * (count - len(done))
                return Verdict(found.outcome, done + rest, len(done), found.exc)
        return Verdict(summary(done), done, count)

    def _load(self, session: MontySession) -> _Stopped | None:
        pieces = [self._program.setup] if self._program.setup else []
        self._own = len(pieces)
        for code in (*pieces, self._program.code):
            _, stopped = self._feed(session, code)
            if stopped is not None:
                return stopped
        entry = self._program.entry
        names = f"candidate = {entry}\n" if entry and entry.isidentifier() and entry != "candidate" else ""
        return self._feed(session, names + _TAGGED + COUNTING)[1]

    def _test(self, session: MontySession, test: Test) -> Judgement:
        code = called(test.code, self._program.entry)
        borrowed = sorted(bound(code) & (self._functions | self._classes))
        names = "".join(f"{name}, " for name in borrowed)
        self._feed(session, "__calls.clear()" + f"\n__borrowed = ({names})" * bool(names))
        _, stopped = self._feed(session, counting(code, self._functions, self._classes))
        if stopped is not None and (stopped.outcome in _ENDING or stopped.exc.type == UNSUPPORTED):
            return Judgement(stopped.outcome, stopped.exc)
        calls, _ = self._feed(session, f"({names}) = __borrowed\n" * bool(names) + "len(__calls)")
        if calls == 0:
            return Judgement("invalid_test", stopped.exc if stopped else _UNCALLED)
        if stopped is None:
            return Judgement("passed")
        return Judgement("failed" if stopped.exc.type == "AssertionError" else stopped.outcome, stopped.exc)

    def _case(self, session: MontySession, question: Question) -> Judgement:
        case, entry = question.case, self._program.entry or ""
        args, kwargs = [decode(arg) for arg in case.args], {name: decode(value) for name, value in case.kwargs.items()}
        call = f"f'{{__dumps(__tagged({entry}(*__args, **__kwargs)))}}'[:{ANSWER_BYTES}]"  # text, whatever the program made of its names
        text, stopped = self._feed(session, call, {"__args": args, "__kwargs": kwargs})
        if stopped is not None:
            if case.raises is not None and stopped.outcome == "error" and is_a(stopped.exc.type, case.raises):
                return Judgement("passed")
            told = f"{stopped.exc.type}: {stopped.exc.msg}"
            return Judgement(stopped.outcome, stopped.exc, calls=self._comparing.kept(case, None, told))
        body = b'{"v":' + text.encode("utf-8", "surrogatepass") + b"}"
        try:
            return crowded(body) or self._comparing.judged(question, unpack(body))
        except Malformed as error:
            return Judgement("error", Raised(type="ValueError", msg=f"an answer that cannot be read: {error}"[:_MOST_TEXT]))

    def _feed(self, session: MontySession, code: str, inputs: dict[str, Any] | None = None) -> tuple[Any, _Stopped | None]:
        """What a piece of code gives, or why it did not come to its end."""
        if self._killed or self.left() <= 0:
            return None, _TIMEOUT
        try:
            value = session.feed_run(code, inputs=inputs, print_callback=self._print)
        except MontyError as error:
            return None, self._stopped(error, code)
        if self._overflowed:
            return None, _FLOODED
        return (value, None) if self.left() > 0 else (None, _TIMEOUT)

    def _stopped(self, error: MontyError, code: str) -> _Stopped:
        if self._overflowed:
            return _FLOODED
        if isinstance(error, pydantic_monty.MontyCrashedError):
            return _TIMEOUT if error.timed_out or self._killed else _Stopped("crashed", Raised(type="Crashed", msg=str(error)[:_MOST_TEXT]))
        found = error.exception()
        exc = self._raised(error, type(found).__name__, str(found))
        if exc.type == "TimeoutError" and exc.msg.startswith("feed time limit exceeded"):
            return _Stopped("timeout", exc)
        if exc.type == "MemoryError":
            return _Stopped("memory", exc)
        if unsupported(error, code):
            return _Stopped("error", exc.model_copy(update={"type": UNSUPPORTED, "msg": f"{exc.type}: {exc.msg}"}))
        return _Stopped("error", exc)

    def _raised(self, error: MontyError, kind: str, message: str) -> Raised:
        trace = error.traceback() if isinstance(error, pydantic_monty.MontyRuntimeError | pydantic_monty.MontySyntaxError) else []
        own = [(frame.line, frame.function_name or "<module>") for frame in trace if frame.filename == f"<python-input-{self._own}>"]
        return Raised(type=kind, msg=message[:_MOST_TEXT], line=own[-1][0] if own else None, frames=own[-10:])

    def _print(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        """Keeps what may be kept."""
        if self._sizes[stream] <= self._limits.output_bytes:
            self._printed[stream].append(text)
        self._sizes[stream] += len(text.encode("utf-8", "replace"))
        if self._sizes[stream] > self._most and not self._overflowed:
            self._overflowed = True
            self.kill()

    def _text(self, stream: str) -> str:
        return "".join(self._printed[stream]).encode("utf-8", "replace")[: self._limits.output_bytes].decode("utf-8", "ignore")


_TIMEOUT = _Stopped("timeout", Raised(type="TimeoutError", msg="no end in time"))
_UNCALLED = Raised(type="InvalidTest", msg="the test never calls the candidate")
_FLOODED = _Stopped("output_limit", Raised(type="OSError", msg="too much output"))
