"""``eudoxus plan`` and ``eudoxus planners``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eudoxus.planners.contracts import BLOCKS, counter
from eudoxus.planners.engines import ENGINES

Eudoxus = Callable[..., "subprocess.CompletedProcess[str]"]
needs_planner = pytest.mark.skipif(ENGINES["fast-downward"].available() is not None, reason="Fast Downward is not installed")


@pytest.fixture
def eudoxus(tmp_path: Path) -> Eudoxus:
    tmp_path.joinpath("problem.pddl").write_text(BLOCKS.example_problem)
    tmp_path.joinpath("wrong.pddl").write_text(BLOCKS.example_problem.replace("(on-table red)", "(on-table purple)"))

    def run(*arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "eudoxus.service.cli", *arguments]
        done = subprocess.run(command, cwd=tmp_path, input=input, text=True, capture_output=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@needs_planner
def test_the_plan_goes_to_standard_output_and_can_be_validated_from_there(eudoxus: Eudoxus):
    found = eudoxus("plan", "solve", "blocksworld", "problem.pddl", "--mode", "optimal")
    assert (found.returncode, len(found.stdout.splitlines())) == (0, 6)
    assert "6 steps, cost 6, and none is cheaper" in found.stderr and "validated" in found.stderr
    judged = eudoxus("plan", "validate", "blocksworld", "problem.pddl", "-", input=found.stdout)
    assert (judged.returncode, judged.stdout) == (0, "valid: every step can be taken and the goal holds in the end (6 steps and cost 6)\n")
    short = eudoxus("plan", "validate", "blocksworld", "problem.pddl", "-", "--json", input="\n".join(found.stdout.splitlines()[:-1]))
    assert (short.returncode, json.loads(short.stdout)["valid"]) == (1, False)


@needs_planner
def test_too_little_time_has_exit_status_3(eudoxus: Eudoxus, tmp_path: Path):
    domain, problem = counter(28)
    tmp_path.joinpath("domain.pddl").write_text(domain)
    found = eudoxus("plan", "solve", "domain.pddl", "-", "--seconds", "0.5", "--engine", "fast-downward", "--json", input=problem)
    assert (found.returncode, json.loads(found.stdout)["status"]) == (3, "timeout")


def test_findings_are_printed_one_a_line(eudoxus: Eudoxus):
    found = eudoxus("plan", "lint", "blocksworld", "wrong.pddl")
    assert found.returncode == 1
    assert found.stdout.startswith("error: init: (on-table purple): the object purple is not declared in :objects [undeclared_object]\n")
    assert eudoxus("plan", "lint", "blocksworld", "problem.pddl").returncode == 0
    assert json.loads(eudoxus("plan", "lint", "gripper", "--json").stdout)["usable"]


def test_problems_are_compared(eudoxus: Eudoxus):
    assert eudoxus("plan", "equivalent", "blocksworld", "problem.pddl", "problem.pddl").returncode == 0
    differs = eudoxus("plan", "equivalent", "blocksworld", "problem.pddl", "-", "--json",
                      input=BLOCKS.example_problem.replace("(arm-empty)", ""))
    assert (differs.returncode, json.loads(differs.stdout)["answer"]) == (1, "no")


@pytest.mark.parametrize(("arguments", "said"), [
    (["solve", "chess", "problem.pddl"], "cannot read the domain chess"),
    (["solve", "blocksworld", "nowhere.pddl"], "cannot read the problem nowhere.pddl"),
    (["solve", "blocksworld", "problem.pddl", "--engine", "deep-blue"], "no planner is called 'deep-blue'"),
    (["solve", "blocksworld", "problem.pddl", "--mode", "perfect"], "there is no mode 'perfect': expected fast, anytime, optimal"),
    (["solve", "blocksworld", "problem.pddl", "--seconds", "0"], "seconds: Input should be greater than 0"),
    (["solve", "blocksworld", "wrong.pddl"], "the object purple is not declared"),
    (["validate", "blocksworld", "-", "-"], "the problem cannot be read"),
])
def test_what_is_typed_wrong_is_said_with_exit_status_2(eudoxus: Eudoxus, arguments: list[str], said: str):
    done = eudoxus("plan", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@needs_planner
@pytest.mark.slow
def test_the_planners_are_tried(eudoxus: Eudoxus):
    done = eudoxus("planners", "check", "--json")
    assert done.returncode == 0
    rows = {row["name"]: row for row in json.loads(done.stdout)["data"]}
    assert rows["fast-downward"]["state"] == "ok" and rows["fast-downward"]["seconds"] > 0
    assert all(row["state"] in ("ok", "absent") and row["licence"] for row in rows.values())
    assert eudoxus("planners", "check").stdout.count("\n") == len(rows) + 1
