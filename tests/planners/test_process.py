"""Planners that crash, hang, fork or eat memory are ended with everything that they started."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import pytest

from eudoxus.planners.contracts import BLOCKS, working_in
from eudoxus.planners.engines.process import MOST_OUTPUT, Bounds, Ended, run, workplace
from eudoxus.planners.solve import Solve

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found by /proc")
BOUNDS = Bounds(cpu_seconds=20, memory_mb=300)

FORKS = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(300)
    os._exit(0)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


async def ran(program: str, *, wall_seconds: float = 20, bounds: Bounds | None = BOUNDS) -> Ended:
    async with workplace("", "") as folder:
        return await run([sys.executable, "-c", program], folder, wall_seconds=wall_seconds, bounds=bounds)


async def test_children_in_sessions_of_their_own_end_with_their_parent(temporary: Path):
    ended = await ran(FORKS + "print('done', flush=True); os._exit(3)")
    assert (ended.code, ended.stopped, ended.output.split()) == (3, None, ["done"])
    assert ended.seconds < 10
    assert not working_in(temporary)
    assert not list(temporary.iterdir())


async def test_a_planner_that_hangs_is_ended_with_what_it_started(temporary: Path):
    start = time.monotonic()
    ended = await ran(FORKS + "time.sleep(300)", wall_seconds=1.5)
    assert (ended.code, ended.stopped) == (None, "time")
    assert time.monotonic() - start < 10
    assert not working_in(temporary)


def starts(count: int, program: str) -> str:
    """A program that starts ``count`` others in sessions of their own and waits."""
    return ("import subprocess, sys, time\n"
            f"for _ in range({count}): subprocess.Popen([sys.executable, '-c', {program!r}], start_new_session=True)\n"
            "time.sleep(60)")


async def test_memory_counts_for_the_whole_family(temporary: Path):
    eater = "import time; block = bytearray(80 << 20); block[::4096] = b'x' * len(block[::4096]); time.sleep(60)"
    ended = await ran(starts(6, eater), wall_seconds=40)
    assert ended.stopped == "memory"
    assert not working_in(temporary)


async def test_processor_time_counts_for_the_whole_family(temporary: Path):
    ended = await ran(starts(2, "while True: pass"), wall_seconds=40, bounds=Bounds(cpu_seconds=1, memory_mb=300))
    assert ended.stopped == "time"
    assert not working_in(temporary)


async def test_one_that_ignores_signals_is_ended_when_its_run_is_cancelled(temporary: Path):
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN);"
    running = asyncio.ensure_future(ran(stubborn + FORKS + "time.sleep(300)"))
    while len(working_in(temporary)) < 3:
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert not working_in(temporary)
    assert not list(temporary.iterdir())


async def test_a_planner_works_after_others_have_failed(temporary: Path):
    await asyncio.gather(*(ran("import os; os.abort()") for _ in range(4)))
    found = await Solve(domain=BLOCKS.pddl, problem=BLOCKS.example_problem).run()
    assert found.status == "solved"


async def test_a_planner_sees_none_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    ended = await run([sys.executable, "-c", "import os; print(sorted(os.environ))"], tmp_path, wall_seconds=10)
    assert "OPENAI" not in ended.output


async def test_endless_output_is_cut_to_its_end(tmp_path: Path):
    ended = await run([sys.executable, "-c", "print('x' * 5_000_000); print('last words')"], tmp_path, wall_seconds=20)
    assert len(ended.output) <= MOST_OUTPUT
    assert ended.output.endswith("last words\n")
