"""The demonstration on a machine where nothing is configured: a real model, a grammar, a planner, a validator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eudoxus.runtime import read_journal
from eudoxus.runtime.journal import EffectRecord

TASKS = Path(__file__).parents[2] / "planners/domains"


@pytest.fixture
def eudoxus(tmp_path: Path) -> Any:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EUDOXUS", "OPENAI"))}
    environment["XDG_DATA_HOME"] = str(tmp_path)

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([sys.executable, "-m", "eudoxus.service.cli", *arguments], cwd=tmp_path, env=environment | more,
                              capture_output=True, text=True, timeout=120, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def test_the_demonstration_plans_a_task_in_english_and_says_what_its_model_is(eudoxus: Any):
    done = eudoxus("demo", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 0, done.stderr
    assert "Turn the tower upside down" in done.stdout
    assert "The plan has 8 steps" in done.stdout
    assert "Put a on b." in done.stdout
    for said in ("a plan of 8 steps, cost 8", "verified (solver)", "1 model call", "journal: ", "serve",
                 "local:tiny, the model of 0.8 million", "nothing else", "OPENAI_BASE_URL", "OPENAI_API_KEY", "EUDOXUS_ENDPOINTS"):
        assert said in done.stderr


def test_its_journal_holds_the_grammar_and_replays(eudoxus: Any):
    said = json.loads(eudoxus("demo", "--json").stdout)
    acts = [record for record in read_journal(Path(said["journal"])) if isinstance(record, EffectRecord)]
    assert [act.kind for act in acts] == ["capability", "model", "planner"]
    assert 'start: "```pddl' in acts[1].req["request"]["grammar"]["lark"]
    again = eudoxus("replay", said["journal"], "--json")
    assert json.loads(again.stdout)["result"] == said["result"]


@pytest.mark.parametrize("spec", ["llm_plus_p(repairs=0,grammar=true)/local:tiny", "llm_plus_p(repairs=0)/local:tiny"])
def test_a_task_that_the_tiny_model_cannot_do_ends_with_how_to_point_at_another(eudoxus: Any, spec: str):
    done = eudoxus("run", spec, "--task", str(TASKS / "gripper/tasks/four_balls.json"))
    assert done.returncode != 0
    assert "cost" not in done.stderr.split("failed")[0], "no plan is shown"
    for said in ("failed", "can do nothing else", "OPENAI_BASE_URL", "EUDOXUS_ENDPOINTS"):
        assert said in done.stderr


def test_more_blocks_than_it_knows_do_not_hide_what_it_can_and_cannot(eudoxus: Any):
    done = eudoxus("run", "llm_plus_p(repairs=0,grammar=true)/local:tiny", "--task", str(TASKS / "blocksworld/tasks/six_blocks.json"))
    assert "3 to 5 blocks into PDDL and can do nothing else" in done.stderr


def test_without_a_configuration_the_tiny_model_is_the_endpoint_and_is_healthy(eudoxus: Any):
    said = json.loads(eudoxus("endpoints", "check", "--json").stdout)["data"]
    (row,) = said
    assert (row["name"], row["type"], row["default"], row["ok"], row["models"]) == ("local", "local", True, True, ["tiny"])
