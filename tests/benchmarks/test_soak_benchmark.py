"""The soak: what it counts, what it takes for a fault, and a short one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from benchmarks.leaks import Held, held, resident_mb, settled, stable
from benchmarks.soak import goals, plan, table
from benchmarks.soak_programs import CONTROLS, HOSTILE

ROOT = Path(__file__).resolve().parents[2]
NOBODY = (987_654_321,)


def figures(**more: object) -> dict:
    nothing = {"processes": 1, "strays": 0, "descriptors": 5, "tasks": 1, "files": 0}
    found = {
        "seconds": 1.0, "runs": 10, "hostile": 3, "cancelled": 1, "retried": 0, "wrong": [], "outcomes": {"passed": 10}, "slots": [2, 2],
        "controls": [], "growth_mb": 1.0, **dict.fromkeys(("before", "after", "empty", "closed"), nothing),
    }
    return {"lockdown": {**found, **more}}


def missed(**more: object) -> list[str]:
    return [goal["what"] for goal in goals(figures(**more)) if not goal["met"]]


def test_a_soak_without_fault_meets_all_goals_and_each_fault_misses_its_own():
    assert missed() == []
    assert missed(slots=[2, 1]) == ["lockdown: slots lost"]
    assert missed(wrong=["exits (split): passed, None"]) == ["lockdown: wrong verdicts"]
    assert missed(controls=["plain (io): failed"]) == ["lockdown: controls that do not pass"]
    assert missed(growth_mb=21.0) == ["lockdown: growth of memory, MB"]
    left = {"processes": 2, "strays": 1, "descriptors": 6, "tasks": 2, "files": 1}
    assert len(missed(after=left)) == len(missed(closed=left)) == len(left)
    assert "NOT MET  lockdown: slots lost: 1" in table(figures(slots=[2, 1]))


def test_a_third_of_the_plan_is_hostile_and_the_same_seed_gives_the_same_plan():
    asks = list(plan(3000, Random(1), numpy=True))
    assert 900 < sum(ask.hostile for ask in asks) < 1100
    assert {ask.kind for ask in asks if ask.hostile} == set(HOSTILE)
    assert 150 < sum(ask.cancel_after is not None for ask in asks) < 350
    assert asks == list(plan(3000, Random(1), numpy=True))


def test_hostile_programs_and_controls_are_python():
    for code in (*HOSTILE.values(), *(control.code for control in CONTROLS)):
        compile(code, "<program>", "exec")


async def test_what_is_left_behind_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = await stable(NOBODY)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    waiting = asyncio.ensure_future(asyncio.sleep(60))
    with open(os.devnull):
        found = held(NOBODY)
    assert (found.processes, found.tasks) == (before.processes + 1, before.tasks + 1)
    assert found.descriptors > before.descriptors
    child.kill()
    child.wait()
    waiting.cancel()
    assert await settled(NOBODY, before) == before
    monkeypatch.setattr("benchmarks.leaks.FOLDERS", (str(tmp_path),))
    (tmp_path / "left").touch()
    assert held((os.getuid(),)).files - held(NOBODY).files >= 1
    assert isinstance(before, Held)


def test_memory_is_that_of_this_process():
    before = resident_mb()
    ballast = bytearray(os.urandom(1)) * (40 << 20)
    assert 30 < resident_mb() - before < 60, len(ballast)


@pytest.mark.slow
def test_a_short_soak_leaves_nothing_behind():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--runs", "300"], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )
    if "absent: lockdown" in done.stderr:
        pytest.skip(done.stderr)
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["benchmark"] == "soak"
    assert [goal for goal in last["goals"] if not goal["met"]] == [], done.stdout
    assert done.returncode == 0
