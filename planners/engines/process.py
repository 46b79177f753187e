"""A planner's process: in a group and a folder of its own, with limits, and gone whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

MOST_OUTPUT = 1_000_000
"""Bytes of output that are kept: the last ones, where planners say what went wrong."""
LARGEST_FILE = 1 << 30
"""Bytes a planner may write into one file."""

_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. ``code`` is None when the wall-clock guard ended it, and negative after a signal."""

    code: int | None
    output: str
    seconds: float


@asynccontextmanager
async def workplace(domain: str, problem: str) -> AsyncIterator[Path]:
    """A folder with ``domain.pddl`` and ``problem.pddl`` that is removed afterwards, once a processor core is free for a planner."""
    loop = asyncio.get_running_loop()
    slots = _slots.setdefault(loop, asyncio.Semaphore(_cores()))
    async with slots:
        with tempfile.TemporaryDirectory(prefix="eudoxus-plan-", ignore_cleanup_errors=True) as folder:
            place = Path(folder)
            place.joinpath("domain.pddl").write_text(domain, "utf-8")
            place.joinpath("problem.pddl").write_text(problem, "utf-8")
            yield place


async def run(command: Sequence[str], folder: Path, *, wall_seconds: float) -> Ended:
    """Run ``command`` in ``folder`` for at most ``wall_seconds``. It and all its children are dead when this returns or raises."""
    start = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=_environment(folder), start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    output = bytearray()
    code: int | None = None
    try:
        _limit(process.pid)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wall_seconds):
                assert process.stdout is not None
                while piece := await process.stdout.read(65536):
                    output += piece
                    if len(output) > 2 * MOST_OUTPUT:
                        del output[:-MOST_OUTPUT]
                code = await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
    return Ended(code, output[-MOST_OUTPUT:].decode("utf-8", "replace"), time.monotonic() - start)


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours but the path: no keys reach a planner, and its hash order is the same every time."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "TMPDIR": str(folder), "HOME": str(folder)}


def _limit(pid: int) -> None:
    """Bound what the process and its later children may write, without code between fork and exec (which threads make unsafe)."""
    try:
        from resource import RLIMIT_CORE, RLIMIT_FSIZE, prlimit  # Linux only
    except ImportError:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        prlimit(pid, RLIMIT_CORE, (0, 0))
        prlimit(pid, RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
