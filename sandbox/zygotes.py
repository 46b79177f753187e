"""The harness's end of a zygote: starting it, handing it jobs, hearing how they ended, ending it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

from eudoxus.sandbox.inside.zygote import ENDED, GO, HELLO, JOB, KILL
from eudoxus.sandbox.launch import Jail, Launched, launch, shared_namespaces
from eudoxus.sandbox.model import Limits, Program, Test
from eudoxus.sandbox.verdict import LOST, Ended

START_S = 10.0
"""Seconds that a zygote has to lock itself down."""
DEAF_S = 1.0
"""Seconds that a zygote has to kill a child and report it."""
JUDGE_MEMORY_MB = 512
REPORT_BYTES = 32 << 20
"""Of the judge's report, whose limit on files this is."""
_OTHERS = 32
"""Processes of its user that do not count as a program's threads: the zygote, its spares, and those of other services on this machine."""
_CREDENTIALS = struct.Struct("3i")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024

log = logging.getLogger(__name__)


class ZygoteFailed(Exception):
    """A zygote did not start, or not as isolated as it must be."""


class Zygote:
    """A running zygote. ``broken`` once it cannot run anything more."""

    def __init__(self, jail: Jail, launched: Launched) -> None:
        self._jail = jail
        self._launched = launched
        self._loop = asyncio.get_running_loop()
        self._jobs: dict[int, asyncio.Future[Ended]] = {}
        self._next = 0
        self._pid: int | None = None
        self._handle: int | None = None
        self.info: dict[str, Any] = {}
        self.forks = 0
        self.broken = False
        self.gone: asyncio.Future[None] = self._loop.create_future()
        """Done when its process is no more."""
        self._exit = os.pidfd_open(launched.process.pid)
        self._loop.add_reader(self._exit, self._reap)
        launched.jobs.setblocking(False)
        launched.control.setblocking(False)

    @classmethod
    async def start(cls, jail: Jail, *, uid: int | None, numpy: bool = False) -> Self:
        """Start one and wait until it is locked down and has spare children. Raises :class:`ZygoteFailed`."""
        try:
            zygote = cls(jail, launch(jail, uid=uid, numpy=numpy))
        except OSError as error:
            raise ZygoteFailed(str(error)) from None
        try:
            async with asyncio.timeout(START_S):
                await zygote._greet()
        except BaseException as error:
            zygote.end()
            await zygote.gone
            if isinstance(error, TimeoutError | OSError):
                raise ZygoteFailed(f"no answer: {error}") from None
            raise
        return zygote

    async def _greet(self) -> None:
        control = self._launched.control
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        await self._readable()
        hello, ancillary, _, _ = control.recvmsg(64, socket.CMSG_SPACE(_CREDENTIALS.size))
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        if hello != HELLO or not ancillary:
            raise ZygoteFailed(f"it ended at its start with {await self._status()}")
        self._pid = _CREDENTIALS.unpack(ancillary[0][2][: _CREDENTIALS.size])[0]
        self._handle = os.pidfd_open(self._pid)
        shared = shared_namespaces(self._pid, self._jail.private)
        if shared:
            raise ZygoteFailed(f"bubblewrap left these namespaces shared: {', '.join(shared)}")
        control.send(GO)
        await self._readable()
        answer = control.recv(65536)
        if not answer:
            raise ZygoteFailed(f"it ended while it locked itself down, with {await self._status()}")
        self.info = json.loads(answer)
        if "failed" in self.info:
            raise ZygoteFailed(str(self.info["failed"]))
        self.first_kb = self.resident_kb()
        self._loop.add_reader(control.fileno(), self._hear)

    async def _readable(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        descriptor = self._launched.control.fileno()
        self._loop.add_reader(descriptor, _done, ready)
        try:
            await ready
        finally:
            self._loop.remove_reader(descriptor)

    async def _status(self) -> str:
        """Exit status and last words."""
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.gone), 1)
        said = os.pread(self._launched.errors.fileno(), 65536, 0).decode("utf-8", "replace").strip()[-300:]
        return f"exit status {self._launched.process.returncode}" + (f": {said}" if said else "")

    def run(self, role: int, limits: Limits, descriptors: Sequence[int], *, memory_mb: int, file_bytes: int) -> Job:
        """Hand a job to a spare child. The caller closes the descriptors, of which the child then has its own."""
        self._next += 1
        self.forks += 1
        ended: asyncio.Future[Ended] = self._loop.create_future()
        job = Job(self, self._next, ended)
        cpu_s = -int(-limits.cpu_s // 1)
        processes = 0 if not limits.threads else limits.threads + _OTHERS if self._jail.dedicated_user else 1 << 16
        order = JOB.pack(self._next, memory_mb << 20, file_bytes, cpu_s, processes, role, bool(limits.threads))
        try:
            socket.send_fds(self._launched.jobs, [order], list(descriptors))
        except OSError as error:
            log.warning("sandbox: a zygote takes no jobs: %s", error)
            self.broken = True
            ended.set_result(LOST)
            return job
        self._jobs[self._next] = ended
        return job

    def kill(self, job: int) -> None:
        """Kill the child of a job, which is then reported as ended."""
        if job in self._jobs:
            try:
                self._launched.control.send(KILL.pack(job))
            except OSError:
                self._lose_all()

    def resident_kb(self) -> int:
        """Memory of the zygote itself."""
        try:
            with open(f"/proc/{self._pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * _PAGE_KB
        except (OSError, IndexError, ValueError):
            return 0

    def end(self) -> None:
        """Kill it with all its children; ``gone`` is done when it is no more."""
        self._lose_all()
        for act in (self._kill_group, self._kill_inner):
            with suppress(ProcessLookupError, PermissionError):
                act()
        for end in (self._launched.jobs, self._launched.control):
            if end.fileno() >= 0:
                self._loop.remove_reader(end.fileno())
                end.close()
        self._launched.errors.close()

    def _kill_group(self) -> None:
        """Until it is told of its namespaces, bubblewrap's second process waits in the group of the first, for ever if that one dies."""
        if self._launched.process.returncode is None:  # not reaped: the number is still that of our group
            os.killpg(self._launched.process.pid, signal.SIGKILL)

    def _kill_inner(self) -> None:
        if self._handle is not None:
            handle, self._handle = self._handle, None
            try:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)

    def _hear(self) -> None:
        """Take the reports that have arrived."""
        try:
            packet = self._launched.control.recv(256)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if len(packet) != ENDED.size:
            self._loop.remove_reader(self._launched.control.fileno())
            self._lose_all()
            return
        number, confined, status, user, system, memory = ENDED.unpack(packet)
        if number == 0:
            log.warning("sandbox: a spare child ended before it had a job (wait status %d)", status)
            return
        ended = self._jobs.pop(number, None)
        if ended is not None and not ended.done():
            ended.set_result(Ended(bool(confined), status, 1000 * (user + system), memory))

    def _lose_all(self) -> None:
        self.broken = True
        for ended in self._jobs.values():
            if not ended.done():
                ended.set_result(LOST)
        self._jobs.clear()

    def _reap(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            self._kill_group()
        self._launched.process.poll()
        self._loop.remove_reader(self._exit)
        os.close(self._exit)
        self._lose_all()
        _done(self.gone)


class Job:
    """A job of a zygote. ``ended`` is done when its child is no more."""

    __slots__ = ("_number", "_zygote", "ended", "killed")

    def __init__(self, zygote: Zygote, number: int, ended: asyncio.Future[Ended]) -> None:
        self._zygote = zygote
        self._number = number
        self.ended = ended
        self.killed = False

    def kill(self) -> None:
        """Kill its child, if it is still there; and the zygote, if it does not report that."""
        if not self.ended.done() and not self.killed:
            self.killed = True
            self._zygote.kill(self._number)
            asyncio.get_running_loop().call_later(DEAF_S, self._insist)

    def _insist(self) -> None:
        if not self.ended.done():
            self._zygote.end()


def needs_numpy(program: Program, tests: Sequence[Test]) -> bool:
    """Whether the program seems to import numpy, or the tests speak of it. It is only slower to be wrong, and the code may be long."""
    if any("numpy" in text for text in (program.setup, *(test.code for test in tests))):
        return True
    return "numpy" in program.code and any(map(_imports_numpy, program.code.splitlines()))


def _imports_numpy(line: str) -> bool:
    return "numpy" in line and ("import" in line or "from" in line)


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def monotonic() -> float:
    """The clock that harness and children share, in seconds."""
    return time.monotonic()
