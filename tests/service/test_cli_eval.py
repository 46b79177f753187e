"""``eudoxus eval`` and ``eudoxus datasets`` as a user types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RIGHT = {
    "examples/second_largest":
        "def second_largest(numbers):\n    ranked = sorted(set(numbers))\n    return ranked[-2] if ranked[1:] else None\n",
    "examples/run_lengths": "def run_lengths(text):\n    return []\n",
    "examples/apples": "Answer: 115",
    "examples/order": "Answer: (A)",
    "examples/words": "Answer: apple fig pear",
    "examples/mirror": "[[[1, 0, 0, 5]], [[0, 7], [7, 7]]]",
}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Recorded answers to the examples: four right, a wrong program, one of two grids."""
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps({"task_id": task, "reply": reply}) + "\n" for task, reply in RIGHT.items()))
    return path


def eudoxus(*words: object, cwd: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("EUDOXUS_", "OPENAI_"))}
    env |= {"XDG_DATA_HOME": str(cwd / "data"), "XDG_CACHE_HOME": str(cwd / "cache")}
    command = [sys.executable, "-m", "eudoxus.service.cli", *map(str, words)]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, done.stderr
    return done


def told(*words: object, cwd: Path, status: int = 0) -> Any:
    return json.loads(eudoxus(*words, "--json", cwd=cwd, status=status).stdout)


def test_run_resume_rescore_compare_and_report(tmp_path: Path, recorded: Path):
    pool = ("--pool", f"mine={recorded}")
    capped = eudoxus("eval", "run", "direct/pool:mine", "examples", *pool, "--out", "a", "--max-requests", 2, cwd=tmp_path, status=3)
    assert "the limit of 2 requests is reached; 4 samples are left" in capped.stderr and "eval resume a" in capped.stderr
    assert "self-test: 6 references pass" in capped.stderr and "4 samples have no grade" in capped.stdout
    found = told("eval", "resume", "a", *pool, cwd=tmp_path)
    assert found["solved_tasks"] == 4 and found["requests"] == 6 and found["unscored"] == 0
    assert found["score"]["mean"] == pytest.approx(4.5 / 6) and found["solved"]["mean"] == pytest.approx(4 / 6)
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "journals", "plan.json", "records.jsonl", "report.html", "results.jsonl", "submission.json", "summary.json"}
    assert "0 of 6 grades are new or have changed" in eudoxus("eval", "rescore", "a", cwd=tmp_path).stderr

    other = tmp_path / "other.jsonl"
    other.write_text(recorded.read_text().replace("return []", "return [(c, 1) for c in text]").replace("115", "116"))
    eudoxus("eval", "run", "direct/pool:mine", "examples", "--pool", f"mine={other}", "--out", "b", cwd=tmp_path)
    compared = told("eval", "compare", "a", "b", cwd=tmp_path)
    assert compared["worse"] == ["examples/apples"] and compared["difference"]["low"] <= compared["difference"]["mean"] < 0
    assert "95 % interval" in eudoxus("eval", "compare", "a", "b", cwd=tmp_path).stdout
    assert eudoxus("eval", "report", "a", "b", "--out", "r.html", cwd=tmp_path).stdout == "r.html\n"
    assert "direct/pool:mine" in (tmp_path / "r.html").read_text()


def test_a_fault_has_its_own_exit_status_and_counts_neither_way(tmp_path: Path, recorded: Path):
    recorded.write_text("".join(recorded.read_text().splitlines(keepends=True)[1:]))
    done = eudoxus("eval", "run", "direct/pool:mine", "examples", "--pool", f"mine={recorded}", "--out", "a", cwd=tmp_path, status=4)
    assert "holds nothing for examples/second_largest" in done.stderr and "5 of 6 tasks" in done.stdout


@pytest.mark.parametrize(("words", "said"), [
    (("direct/pool:mine", "humaneval"), "eudoxus datasets fetch humaneval"),
    (("direct/pool:mine", "examples", "--tasks", "nothing"), "has no task 'nothing'"),
    (("drect/pool:mine", "examples"), "did you mean 'direct'"),
    (("parsel/pool:mine", "examples", "--tasks", "examples/apples"), "takes a Parsel program"),
    (("direct/pool:mine", "examples", "--pool", "mine"), "expected NAME=FILE"),
])
def test_what_cannot_be_run_is_refused_before_anything_is_asked(tmp_path: Path, words: tuple[str, ...], said: str):
    assert said in eudoxus("eval", "run", *words, cwd=tmp_path, status=2).stderr
    assert not (tmp_path / "data").exists()


def test_data_sets_are_listed_with_where_they_come_from(tmp_path: Path):
    found = {one["name"]: one for one in told("datasets", "list", cwd=tmp_path)}
    assert found["examples"]["here"] and not found["humaneval"]["here"] and "MIT" in found["humaneval"]["provenance"]
    assert "cannot be fetched" in eudoxus("datasets", "fetch", "arc1d", cwd=tmp_path, status=2).stderr
