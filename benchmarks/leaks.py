"""What a process holds, so that it can be told whether work left anything behind: processes, descriptors, tasks, files, memory (Linux)."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
_SET_CHILD_SUBREAPER = 36
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Held:
    """What this process holds at a time."""

    processes: int
    """Descendants that run."""
    strays: int
    """Processes of the given users that do not descend from this one."""
    descriptors: int
    tasks: int
    """Of the event loop."""
    files: int
    """Of the given users, where everybody may write, and their shared memory."""


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that they are counted. Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def held(users: Collection[int]) -> Held:
    """Now. ``users`` are ids under which nothing else runs."""
    parents: dict[int, int] = {}
    of_users: set[int] = set()
    for pid, parent, user, ended in _processes():
        if ended:
            if parent == os.getpid():
                with suppress(ChildProcessError):  # it was adopted
                    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
            continue
        parents[pid] = parent
        if user in users:
            of_users.add(pid)
    ours = _descendants(os.getpid(), parents)
    return Held(len(ours), len(of_users - ours), len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()), _files(users))


async def settled(users: Collection[int], wanted: Held, within_s: float = 10.0) -> Held:
    """What is held as soon as it is ``wanted``, or when the time is over: processes take a moment to end and to be replaced."""
    end = time.monotonic() + within_s
    while (found := held(users)) != wanted and time.monotonic() < end:
        await asyncio.sleep(0.05)
    return found


async def stable(users: Collection[int], for_s: float = 0.5, within_s: float = 10.0) -> Held:
    """What is held as soon as it has stayed the same for a while."""
    end, last = time.monotonic() + within_s, held(users)
    since = time.monotonic()
    while time.monotonic() < min(end, since + for_s):
        await asyncio.sleep(0.05)
        if (found := held(users)) != last:
            last, since = found, time.monotonic()
    return last


def resident_mb() -> float:
    """Memory of this process, without garbage."""
    gc.collect()
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE_KB / 1024


def _processes() -> Iterator[tuple[int, int, int, bool]]:
    """Process id, parent and user of each, and whether it has ended."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                lines = dict(line.split(":\t", 1) for line in Path(entry.path, "status").read_text().splitlines() if ":\t" in line)
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield int(entry.name), int(lines["PPid"]), int(lines["Uid"].split()[0]), lines["State"].startswith("Z")


def _descendants(root: int, parents: dict[int, int]) -> set[int]:
    found = {root}
    while grown := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - {root}


def _files(users: Collection[int]) -> int:
    count = 0
    for folder in filter(os.path.isdir, FOLDERS):
        for entry in os.scandir(folder):
            try:
                count += entry.stat(follow_symlinks=False).st_uid in users
            except FileNotFoundError:
                continue
    for kind in ("shm", "sem", "msg"):
        try:
            lines = Path("/proc/sysvipc", kind).read_text().splitlines()
        except FileNotFoundError:
            continue
        column = lines[0].split().index("uid")
        count += sum(int(line.split()[column]) in users for line in lines[1:])
    return count
