"""A planner's process: in a session and a folder of its own, with limits, and gone whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from weakref import WeakKeyDictionary

from eudoxus.planners.engines.family import Family

MOST_OUTPUT = 1_000_000
"""Bytes of output that are kept: the last ones, where planners say what went wrong."""
LARGEST_FILE = 1 << 30
"""Bytes a planner may write into one file."""

LOOK_EVERY = 0.1
"""Seconds between two looks at what a planner uses that does not keep limits itself."""

_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. ``code`` is None when a limit of ours ended it (``stopped`` says which), and negative after a signal."""

    code: int | None
    output: str
    seconds: float
    stopped: Literal["time", "memory"] | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a process and all that it starts may use together, for planners that keep no limits themselves."""

    cpu_seconds: float
    memory_mb: float


@asynccontextmanager
async def folder(prefix: str) -> AsyncIterator[Path]:
    """An empty folder that is removed afterwards, once a processor core is free for a process."""
    loop = asyncio.get_running_loop()
    slots = _slots.setdefault(loop, asyncio.Semaphore(_cores()))
    async with slots:
        with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as place:
            yield Path(place)


@asynccontextmanager
async def workplace(domain: str, problem: str) -> AsyncIterator[Path]:
    """Such a folder with ``domain.pddl`` and ``problem.pddl``."""
    async with folder("eudoxus-plan-") as place:
        place.joinpath("domain.pddl").write_text(domain, "utf-8")
        place.joinpath("problem.pddl").write_text(problem, "utf-8")
        yield place


async def run(command: Sequence[str], folder: Path, *, wall_seconds: float, bounds: Bounds | None = None,
              environment: Mapping[str, str] | None = None) -> Ended:
    """Run ``command`` in ``folder`` for at most ``wall_seconds`` and within ``bounds``, with ``environment`` besides our own.

    It and its group are dead when this returns or raises; with ``bounds``, so is all that it started in other groups.
    """
    start = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=_environment(folder) | dict(environment or {}), start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    family = Family(process.pid, folder) if bounds else None
    output = bytearray()
    code: int | None = None
    stopped: Literal["time", "memory"] | None = None
    try:
        _limit(process.pid, bounds)
        ending = asyncio.ensure_future(_ended(process, output))
        watching = asyncio.ensure_future(_exceeded(process, family, bounds)) if family and bounds else None
        try:
            await asyncio.wait([ending, *([watching] if watching else [])], timeout=wall_seconds, return_when=asyncio.FIRST_COMPLETED)
            code = ending.result() if ending.done() else None
            stopped = None if ending.done() else watching.result() if watching and watching.done() else "time"
        finally:
            for task in filter(None, (ending, watching)):
                task.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if family:
            await asyncio.shield(asyncio.to_thread(family.end))
        await asyncio.shield(process.wait())
    return Ended(code, output[-MOST_OUTPUT:].decode("utf-8", "replace"), time.monotonic() - start, stopped)


async def _ended(process: asyncio.subprocess.Process, output: bytearray) -> int:
    """The exit code, once the process has ended; meanwhile the end of what it writes is kept in ``output``."""
    assert process.stdout is not None
    while piece := await process.stdout.read(65536):
        output += piece
        if len(output) > 2 * MOST_OUTPUT:
            del output[:-MOST_OUTPUT]
    return await process.wait()


async def _exceeded(process: asyncio.subprocess.Process, family: Family, bounds: Bounds) -> Literal["time", "memory"]:
    """The bound that is crossed, as soon as one is. What the process leaves behind is ended, since it may keep the output open."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        if process.returncode is not None:
            await asyncio.to_thread(family.end)
            continue
        used = await asyncio.to_thread(family.weight)
        if used.resident_mb > bounds.memory_mb:
            return "memory"
        if used.cpu_seconds > bounds.cpu_seconds:
            return "time"


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours but the path: no keys reach a planner, and its hash order is the same every time."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "TMPDIR": str(folder), "HOME": str(folder)}


def _limit(pid: int, bounds: Bounds | None) -> None:
    """Bound what the process and its later children may write, without code between fork and exec (which threads make unsafe)."""
    try:
        from resource import RLIMIT_AS, RLIMIT_CORE, RLIMIT_FSIZE, prlimit  # Linux only
    except ImportError:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        prlimit(pid, RLIMIT_CORE, (0, 0))
        prlimit(pid, RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        if bounds:
            # Against one that takes memory faster than we look; wide, because Java and threads reserve far more than they use.
            most = int(2 * bounds.memory_mb + 4096) << 20
            prlimit(pid, RLIMIT_AS, (most, most))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
