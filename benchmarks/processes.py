"""Child processes of a benchmark: started with a time limit, weighed through ``/proc``, and ended with it whatever happens (Linux)."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
END_SECONDS = 5.0
"""What a process gets to end by itself before it is killed."""


class DidNotStart(Exception):
    """A server gave no answer within its time limit, or ended; the message holds the end of its log."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cores() -> tuple[set[int], set[int]]:
    """A core for the server that is measured, and one for the load and the mock server; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return {usable[0]}, {usable[-1]}


@dataclass(frozen=True)
class Weight:
    """What a process tree has taken so far."""

    cpu_seconds: float
    """User and system time, also of children that have ended and were waited for."""
    peak_mib: float
    """The sum of the processes' peaks of resident memory."""


class Children:
    """The processes of one benchmark. Leaving the context ends them, each with all its descendants."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes:
            _signal(process, signal.SIGTERM)
        until = time.monotonic() + END_SECONDS
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            _signal(process, signal.SIGKILL)
            process.wait()

    def start(self, name: str, command: Sequence[str | Path], *, environment: Mapping[str, str], on: set[int]) -> subprocess.Popen[bytes]:
        """Start a process on the cores ``on``, in a session of its own; its output goes to ``NAME.log``."""
        with open(self._logs / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                [str(part) for part in command],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)
        os.sched_setaffinity(process.pid, on)
        return process

    def await_answer(self, name: str, process: subprocess.Popen[bytes], port: int, body: bytes, *, seconds: float) -> None:
        """Return once the server answers a chat request with 200. Raises :class:`DidNotStart`."""
        until, last = time.monotonic() + seconds, "no answer"
        while time.monotonic() < until:
            if process.poll() is not None:
                raise DidNotStart(f"{name} ended with status {process.returncode}: {self._tail(name)}")
            try:
                status, said = asked(port, "POST", "/v1/chat/completions", body)
            except (OSError, http.client.HTTPException) as error:
                last = f"{type(error).__name__}: {error}"
            else:
                if status == 200:
                    return
                last = f"HTTP {status}: {said[:300].decode('utf-8', 'replace')}"
            time.sleep(0.1)
        raise DidNotStart(f"{name} gave no answer in {seconds:.0f} s ({last}): {self._tail(name)}")

    def _tail(self, name: str) -> str:
        return (self._logs / f"{name}.log").read_text(errors="replace")[-600:].strip()


def asked(port: int, method: str, path: str, body: bytes | None = None, *, seconds: float = 10.0) -> tuple[int, bytes]:
    """Status and body of one request to the loopback address. Raises :class:`OSError`, :class:`http.client.HTTPException`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, body, {"content-type": "application/json", "authorization": "Bearer sk-test"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def weight(pid: int) -> Weight:
    """What the process and its descendants have taken; processes that end while they are looked at count as nothing."""
    ticks, peak = 0, 0
    for member in _tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            # proc(5): utime, stime, cutime, cstime are fields 14 to 17; the rest after the name begins with field 3.
            ticks += sum(map(int, fields[11:15]))
            status = Path(f"/proc/{member}/status").read_text()
            peak += next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    return Weight(ticks / TICKS, peak / 1024)


def _tree(pid: int) -> list[int]:
    members, found = [], [pid]
    while found:
        member = found.pop()
        members.append(member)
        with contextlib.suppress(OSError):
            for children in Path(f"/proc/{member}/task").glob("*/children"):
                found += map(int, children.read_text().split())
    return members


def _signal(process: subprocess.Popen[bytes], what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, what)
