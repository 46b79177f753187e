"""Solving over HTTP and on the command line, without a model endpoint."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

KNAPSACK: dict[str, Any] = {
    "sets": {"I": ["tent", "stove", "rope"]},
    "params": {"worth": {"tent": 9, "stove": 6, "rope": 5}, "weight": {"tent": 6, "stove": 4, "rope": 3}},
    "variables": {"take": {"type": "bool", "index": ["I"]}},
    "constraints": [{"name": "weight limit", "expr": "sum(weight[i] * take[i] for i in I) <= 8"}],
    "objective": {"sense": "max", "expr": "sum(worth[i] * take[i] for i in I)"},
}
BOTH = [{"name": "tent", "expr": "take['tent']"}, {"name": "stove", "expr": "take['stove']"}]
IMPOSSIBLE = {**KNAPSACK, "constraints": [*KNAPSACK["constraints"], *BOTH]}


def test_a_formulation_is_solved(http: httpx2.Client):
    said = http.post("/v1/solve", json={"formulation": KNAPSACK}).json()
    assert (said["object"], said["status"], said["objective"]) == ("solution", "optimal", 11)
    assert said["values"] == {"take": {"tent": False, "stove": True, "rope": True}}


def test_an_impossible_one_tells_why_and_what_would_help(http: httpx2.Client):
    said = http.post("/v1/solve/explain", json={"formulation": IMPOSSIBLE}).json()
    assert said["sentences"][0] == "There is no solution: weight limit, tent, stove cannot all hold together."
    assert "It would help to change the limit of weight limit from 8 to 10." in said["sentences"]


def test_what_if_tells_the_difference(http: httpx2.Client):
    edits = [{"kind": "set_param", "name": "worth", "key": "tent", "times": 2}, {"kind": "change_constraint", "name": "weight limit",
                                                                                 "expr": "sum(weight[i] * take[i] for i in I) <= 9"}]
    said = http.post("/v1/solve/explain", json={"formulation": KNAPSACK, "edits": edits}).json()
    assert said["difference"] == 12
    assert said["sentences"][0] == "The optimum changes by +12: 11 before, 23 with the change."


def test_smt_lib_passes_the_gate_or_is_refused(http: httpx2.Client):
    said = http.post("/v1/solve", json={"smtlib": "(declare-const x Int)(assert (> (* x x) 48))(assert (< 0 x 8))"}).json()
    assert (said["object"], said["status"], said["model"]) == ("solution.smtlib", "sat", {"x": "7"})
    refused = http.post("/v1/solve", json={"smtlib": '(include "/etc/passwd")'})
    assert refused.status_code == 400 and "the command include is not allowed" in refused.json()["detail"]


@pytest.mark.parametrize(("body", "status", "said"), [
    ({}, 400, "give either formulation or smtlib"),
    ({"formulation": KNAPSACK, "smtlib": "(assert true)"}, 400, "give either formulation or smtlib"),
    ({"formulation": {**KNAPSACK, "constraints": [{"name": "c", "expr": "take['axe']"}]}}, 400, "there is no take['axe']"),
    ({"formulation": {**KNAPSACK, "colour": "red"}}, 422, "colour"),
    ({"formulation": {"variables": {"x": {"type": "real"}}, "constraints": [{"name": "c", "expr": "x * x <= 2"}]}, "backend": "highs"}, 400,
     "highs takes linear formulations"),
    ({"formulation": KNAPSACK, "seconds": 0}, 422, "seconds"),
])
def test_what_makes_no_sense_is_refused_by_name(http: httpx2.Client, body: dict[str, Any], status: int, said: str):
    refused = http.post("/v1/solve", json=body)
    assert refused.status_code == status
    assert said in refused.text


@pytest.mark.parametrize(("edit", "said"), [
    ({"kind": "set_param", "name": "wort", "value": 1}, "there is no parameter 'wort'"),
    ({"kind": "set_param", "name": "worth", "key": "axe", "value": 1}, "worth has nothing at 'axe'"),
    ({"kind": "drop_constraint", "name": "size"}, "there is no constraint 'size'"),
    ({"kind": "add_constraint", "constraint": {"name": "weight limit", "expr": "True"}}, "there is a constraint 'weight limit' already"),
    ({"kind": "set_bounds", "variable": "x", "lb": 0}, "there is no variable 'x'"),
])
def test_an_edit_that_is_about_nothing_is_refused(http: httpx2.Client, edit: dict[str, Any], said: str):
    refused = http.post("/v1/solve/explain", json={"formulation": KNAPSACK, "edits": [edit]})
    assert refused.status_code == 400 and said in refused.json()["detail"]


def test_a_large_body_loses_no_worker(http: httpx2.Client):
    big = {**KNAPSACK, "params": {"worth": {str(n): n for n in range(400_000)}}}
    assert http.post("/v1/solve", json={"formulation": big}).status_code in (400, 413)
    assert http.post("/v1/solve", json={"formulation": KNAPSACK}).json()["status"] == "optimal"


def command(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    asked = [sys.executable, "-m", "eudoxus.service.cli", "solve", *arguments]
    return subprocess.run(asked, input=given, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_tells_the_optimum_in_words(tmp_path: Path):
    edits = tmp_path / "edits.json"
    edits.write_text(json.dumps([{"kind": "add_constraint", "constraint": {"name": "no rope", "expr": "not take['rope']"}}]))
    done = command("-", given=json.dumps(KNAPSACK))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "The optimum is 11.")
    done = command("-", "--edits", str(edits), given=json.dumps(KNAPSACK))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "The optimum changes by -2: 11 before, 9 with the change.")


@pytest.mark.parametrize(("name", "text", "said"), [
    ("include.smt2", '(include "secret.txt")(assert true)', "the command include is not allowed"),
    ("channel.smt2", '(set-option :regular-output-channel "new.txt")(eval 1)', "the command eval is not allowed"),
    ("long.smt2", "(assert true)\n" * 400_000, "at most 256000"),
    ("long.json", json.dumps(KNAPSACK | {"objective": {"sense": "max", "expr": "1" + " + 1" * 1_300_000}}), "at most 4096"),
    ("chain.json", json.dumps(KNAPSACK | {"objective": {"sense": "max", "expr": "take.__class__.__base__"}}), "no attributes"),
])
def test_hostile_files_are_refused_on_the_command_line_too(tmp_path: Path, name: str, text: str, said: str):
    (tmp_path / name).write_text(text)
    (tmp_path / "secret.txt").write_text("(assert false)")
    done = command(str(tmp_path / name), "--seconds", "2")
    assert done.returncode == 2 and said in done.stderr and len(done.stderr) < 1000 and "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {name, "secret.txt"}


def test_exit_codes_tell_what_happened():
    assert command("-", given=json.dumps(IMPOSSIBLE)).returncode == 1
    bad = command("-", given='{"variables": {"x": {"type": "integer"}}}')
    assert bad.returncode == 2 and "variables.x.type" in bad.stderr and "Traceback" not in bad.stderr
    assert command("-", given="{").returncode == 2
    assert command("/nowhere.json").returncode == 2
