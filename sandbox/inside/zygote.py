"""The pre-forking server of a jail: it locks itself down, and each of its children runs one job.

It never reads code or tests. Spare children wait on the socket of jobs, and whichever takes a job gets its descriptors straight from the
harness: what to run is in a memory file that only this child opens, so that no later child finds anything of it in inherited memory.
"""

from __future__ import annotations

import errno
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from array import array
from contextlib import suppress
from resource import RLIM_INFINITY, RLIMIT_STACK, getrlimit, setrlimit
from typing import Any, Final, NamedTuple, NoReturn

from eudoxus.sandbox import lockdown
from eudoxus.sandbox.inside import bundle, candidate, judge
from eudoxus.sandbox.inside.rehearsal import rehearse

JOB: Final = struct.Struct("<QQQIIBB")
"""To a spare child: job, bytes of memory, bytes per file, seconds of processor time, processes of its user, role, threads."""
KILL: Final = struct.Struct("<Q")
"""To the zygote: the job whose child is to be killed."""
ENDED: Final = struct.Struct("<QIi2dQ")
"""From the zygote: job, whether its child was confined, wait status, user and system seconds, KiB of memory."""
_TAKEN: Final = struct.Struct("<QII")
"""From a child to the zygote: job, process id, whether it is confined."""
HELLO: Final = b"hello"
GO: Final = b"go"
MOST_DESCRIPTORS: Final = 5

CANDIDATE, JUDGE, BUNDLE = range(3)
"""Roles. Their descriptors, in order: payload, stdout, stderr, then channel, channel and report, or report."""
_ROLES: Final = {CANDIDATE: candidate.serve, JUDGE: judge.judge, BUNDLE: bundle.run}
_FAILED: Final = 70
_UNCONFINED: Final = 71
_MOST_LOST_SPARES: Final = 3
_exit = os._exit  # bound here: a program may replace the module's own


class _Child(NamedTuple):
    pid: int
    handle: int


def main(config: dict[str, Any], jobs: int, control: int) -> NoReturn:
    """Serve until the harness closes its end. Tells the harness, and ends, where the jail cannot be closed."""
    os.write(control, HELLO)
    if os.read(control, 16) != GO:
        _exit(_FAILED)
    try:
        ruleset = _confine(config)
    except (OSError, ValueError, ImportError) as error:
        os.write(control, json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
        _exit(_FAILED)
    told = {
        "abi": ruleset.abi if ruleset else 0,
        "version": list(sys.version_info[:3]),
        "uid": os.getuid(),
        "numpy": "numpy" in sys.modules,
    }
    zygote = Zygote(ruleset, jobs, control, config["spares"])
    os.write(control, json.dumps(told).encode())
    zygote.serve()
    _exit(0)


def _confine(config: dict[str, Any]) -> lockdown.Ruleset | None:
    """Give up all that children must not have, load what they need, and prepare what they are confined by. Raises OSError."""
    confined = config["confined"]
    if confined:
        if config["uid"] is None:
            lockdown.drop_capabilities()
        else:
            lockdown.leave_root(config["uid"], config["uid"])
        if 0 in os.getresuid():  # limits on processes do not hold for root
            raise lockdown.NotConfined("user id", errno.EPERM)
        lockdown.no_new_privileges()
        lockdown.not_dumpable()
    lockdown.die_with_parent()
    _enlarge_stack()
    sys.path.extend(config["site"])
    for module in config["preload"]:
        with suppress(ImportError):
            importlib.import_module(module)
    sys.argv = [""]
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    sys.stderr.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    rehearse()
    if not confined:
        return None
    architecture = lockdown.architecture()
    if architecture is None:
        raise lockdown.NotConfined("architecture", errno.ENOTSUP)
    for threads in (False, True):
        lockdown.child_filter(architecture, os.getpid(), threads)
    ruleset = lockdown.Ruleset.open(config["read"], config["files"], ["/dev/null"], None)
    lockdown.install(lockdown.long_filter(architecture))
    return ruleset


def _enlarge_stack() -> None:
    """Room for deep recursion, which children inherit; they may not change limits."""
    most = getrlimit(RLIMIT_STACK)[1]
    wanted = candidate.STACK_BYTES if most == RLIM_INFINITY else min(candidate.STACK_BYTES, most)
    with suppress(OSError, ValueError):
        setrlimit(RLIMIT_STACK, (wanted, wanted))


class Zygote:
    """Keeps spare children, and reports each that ends."""

    def __init__(self, ruleset: lockdown.Ruleset | None, jobs: int, control: int, spares: int) -> None:
        self._ruleset = ruleset
        self._jobs = socket.socket(fileno=jobs)
        self._control = control
        self._pid = os.getpid()
        self._taken, self._take = os.pipe()
        os.set_blocking(self._taken, False)
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._children: dict[int, _Child] = {}
        self._running: dict[int, tuple[int, int]] = {}
        """Job and whether confined, by process id."""
        self._doomed: set[int] = set()
        self._lost = 0
        gc.collect()
        gc.freeze()
        gc.disable()
        for _ in range(spares):
            self._fork()

    def serve(self) -> None:
        """Until the harness is gone."""
        while True:
            for handle, _ in self._poll.poll(1 if self._doomed else None):
                if handle != self._control:
                    self._reap(self._children.pop(handle))
                elif not self._obey():
                    return
            if self._doomed:
                self._kill_doomed()

    def _obey(self) -> bool:
        asked = os.read(self._control, 64)
        if len(asked) == KILL.size:
            self._doomed.add(KILL.unpack(asked)[0])
        return bool(asked)

    def _kill_doomed(self) -> None:
        """Kill children whose jobs are to end. A job that no child has taken yet stays doomed."""
        self._note_taken()
        for child in self._children.values():
            job, _ = self._running.get(child.pid, (0, 0))
            if job in self._doomed:
                self._doomed.remove(job)
                signal.pidfd_send_signal(child.handle, signal.SIGKILL)

    def _note_taken(self) -> None:
        with suppress(BlockingIOError):
            while True:
                job, pid, confined = _TAKEN.unpack(os.read(self._taken, _TAKEN.size))
                self._running[pid] = (job, confined)

    def _reap(self, child: _Child) -> None:
        """Report a child that ended, and have another in its place."""
        self._poll.unregister(child.handle)
        os.close(child.handle)
        _, status, used = os.wait4(child.pid, 0)
        self._note_taken()
        job, confined = self._running.pop(child.pid, (0, 0))
        self._doomed.discard(job)
        self._lost = self._lost + 1 if not job else 0
        os.write(self._control, ENDED.pack(job, confined, status, used.ru_utime, used.ru_stime, used.ru_maxrss))
        if self._lost >= _MOST_LOST_SPARES:
            _exit(_FAILED)
        self._fork()

    def _fork(self) -> None:
        pid = os.fork()
        if pid == 0:
            self._spare()
        child = _Child(pid, os.pidfd_open(pid))
        self._children[child.handle] = child
        self._poll.register(child.handle, select.POLLIN)

    def _spare(self) -> NoReturn:
        """In the child: confine it as far as possible, wait for a job, confine it wholly, do the job."""
        try:
            lockdown.die_with_parent(self._pid)
            if self._ruleset is not None:
                self._ruleset.restrict()
            packet, ancillary, _, _ = self._jobs.recvmsg(JOB.size, socket.CMSG_SPACE(4 * MOST_DESCRIPTORS))
            if len(packet) != JOB.size:
                _exit(0)
            job, memory, file, cpu_s, processes, role, threads = JOB.unpack(packet)
            descriptors = array("i")
            for _, _, held in ancillary:
                descriptors.frombytes(held)
        except BaseException:  # noqa: BLE001  (whatever it is, nothing may run)
            _exit(_UNCONFINED)
        payload, stdout, stderr, *channels = descriptors
        confined = False
        try:
            # A file of its own: flags and locks of one that the zygote holds would be there for the next program.
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            lockdown.close_all_but((0, 1, 2, payload, self._take, *channels))
            limits = lockdown.LimitsStruct(memory, file, cpu_s, processes)
            self._lock(limits, bool(threads))
            confined = True
        finally:
            os.write(self._take, _TAKEN.pack(job, os.getpid(), confined))
            if not confined:
                _exit(_UNCONFINED)
        os.close(self._take)
        _do(role, payload, channels)

    def _lock(self, limits: lockdown.LimitsStruct, threads: bool) -> None:
        if self._ruleset is None:
            with suppress(lockdown.NotConfined):
                lockdown.set_limits(limits._replace(processes=1 << 20))
            return
        architecture = lockdown.architecture()
        assert architecture is not None
        lockdown.set_limits(limits)
        lockdown.install(lockdown.child_filter(architecture, os.getpid(), threads))


def _do(role: int, payload: int, channels: list[int]) -> NoReturn:
    try:
        size = os.fstat(payload).st_size
        text = b""
        while len(text) < size:
            text += os.pread(payload, size - len(text), len(text))
        os.close(payload)
        work = _ROLES[role]
        order = json.loads(text)
        del text
        gc.enable()
        work(order, *channels)  # type: ignore[operator]
    except BaseException:  # noqa: BLE001  (an exit status tells the harness nothing)
        _exit(_FAILED)
    _exit(0)
