"""A planner's processes and all that they start, wherever it goes: found, weighed and ended together (Linux, by /proc).

unified-planning starts engines in sessions of their own, so that ending a process group is not enough. A process belongs to the family when
its session is the root's, its parent belongs to it, or the folder of the run stands in its environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Weight:
    """What a family uses at a moment."""

    cpu_seconds: float
    """Processor time so far, of ended members too as far as their parents waited for them."""
    resident_mb: float
    """Memory in MiB; pages that members share count for each."""


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    session: int
    started: int
    ticks: int
    pages: int
    ended: bool


@dataclass(slots=True)
class Family:
    """The processes of one run. ``root`` leads a session; ``folder`` is the run's own."""

    root: int
    folder: Path
    _known: dict[tuple[int, int], bool] = field(default_factory=dict)

    def weight(self) -> Weight:
        members = self._members()
        return Weight(sum(m.ticks for m in members) / _TICKS, sum(m.pages for m in members) * _PAGE / (1 << 20))

    def end(self) -> None:
        """Kill every member; looks again until none is left, because one may start another in between."""
        for _ in range(_ROUNDS):
            living = [member for member in self._members() if not member.ended]
            if not living:
                return
            for member in living:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(member.pid, signal.SIGKILL)
            time.sleep(0.002)

    def _members(self) -> list[_Process]:
        processes = [found for name in _numbers() if (found := _read(name))]
        belong = {process.pid for process in processes if self._marked(process)}
        while more := {p.pid for p in processes if p.parent in belong and p.pid not in belong}:
            belong |= more
        return [process for process in processes if process.pid in belong]

    def _marked(self, process: _Process) -> bool:
        if self.root in (process.session, process.pid):
            return True
        key = (process.pid, process.started)
        if key not in self._known:
            self._known[key] = self._names_the_folder(process.pid)
        return self._known[key]

    def _names_the_folder(self, pid: int) -> bool:
        try:
            return os.fsencode(self.folder) in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False


def _numbers() -> list[str]:
    try:
        return [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _read(name: str) -> _Process | None:
    """See proc(5), /proc/pid/stat; the fields after the command's name, which may hold anything."""
    try:
        with open(f"/proc/{name}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    ticks = sum(map(int, fields[11:15]))
    return _Process(int(name), int(fields[1]), int(fields[3]), int(fields[19]), ticks, int(fields[21]), fields[0] in (b"Z", b"X"))
