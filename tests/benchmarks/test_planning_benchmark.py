"""The planning benchmark: its problems, its ratios, and the line that it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import planning
from eudoxus.planners.engines import ENGINES
from eudoxus.planners.pddl import lint, parse_domain, parse_problem

ROOT = Path(__file__).resolve().parents[2]


def test_without_recorded_problems_twenty_sound_ones_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("EUDOXUS_DATA", raising=False)
    cases = planning.problems(tmp_path)
    assert len(cases) == 20
    assert not any(finding.severity == "error" for case in cases[:3]
                   for finding in lint(parse_problem(case.problem), parse_domain(case.domain)))


def test_ratios_are_of_problems_that_both_solved():
    seconds = {"a": {"eudoxus": 1.0, "driver": 2.0}, "b": {"eudoxus": 1.0, "driver": float("nan")}}
    found = {"seconds": seconds, "import_seconds": 0.9, "absent": {}}
    assert planning.ratio(found, "eudoxus", "driver") == 0.5
    assert planning.ratio(found, "unified-planning", "driver") is None
    [goal] = planning.line(found, quick=True)["goals"]
    assert (goal["measured"], goal["met"]) == (0.5, True)


@pytest.mark.slow
@pytest.mark.skipif(ENGINES["fast-downward"].available() is not None, reason="Fast Downward is not installed")
def test_a_tiny_run_ends_with_one_json_object():
    program = ("import orjson; from benchmarks.planning import line, measured, table; found = measured(rounds=1, most=2);"
               "print(table(found)); print(orjson.dumps(line(found, quick=True)).decode())")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["benchmark"] == "planning" and len(said["figures"]["cpu_ms"]) == 2
    assert said["goals"][0]["measured"] > 0
