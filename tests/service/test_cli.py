"""The command line: answers on standard output, everything else on standard error, exit codes that say what happened."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import Running
from tests.service.upstream import Upstream
from tests.waiting import until


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Where a shell started these tests in the background, they and their children ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def eudoxus(tmp_path: Path, upstream: Upstream) -> Any:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EUDOXUS", "OPENAI"))}
    environment |= {"XDG_DATA_HOME": str(tmp_path / "share"), "OPENAI_BASE_URL": upstream.url}

    def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "eudoxus.service.cli", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=tmp_path, env=environment | more, text=True, stdin=pipe, stdout=pipe, stderr=pipe)

    def run(*arguments: str, input: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        process = start(*arguments, **more)
        out, err = process.communicate(input, timeout=60)
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    run.start = start  # type: ignore[attr-defined]
    (tmp_path / "task.txt").write_text("2 + 2?")
    return run


def test_help_comes_at_once(eudoxus: Any) -> None:
    start = time.monotonic()
    assert "serve" in eudoxus("--help").stdout
    assert time.monotonic() - start < 10, "half a second on an idle machine"


def test_the_answer_goes_to_standard_output_and_its_cost_to_standard_error(eudoxus: Any) -> None:
    done = eudoxus("run", "direct/openai:m", "--task", "task.txt")
    assert done.returncode == 0 and done.stdout.strip() == "four"
    assert "1 model call, 15 tokens" in done.stderr and "journal: " in done.stderr


def test_a_task_can_come_from_standard_input_as_json(eudoxus: Any, upstream: Upstream) -> None:
    task = {"kind": "chat", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}
    done = eudoxus("run", "openai:m", "--task", "-", "--json", input=json.dumps(task))
    assert json.loads(done.stdout)["result"]["answer"].strip() == "four" and len(upstream.bodies[0]["messages"]) == 2


def test_a_problem_in_a_file_is_verified_and_a_bad_one_is_refused_by_field(eudoxus: Any, tmp_path: Path) -> None:
    task = {"kind": "problem", "messages": [{"role": "user", "content": "2 + 2?"}], "verifier": {"kind": "number", "value": 4}}
    (tmp_path / "problem.json").write_text(json.dumps(task))
    done = eudoxus("run", "refine(rounds=0)/openai:m", "--task", "problem.json", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["result"]["outcome"] == "verified", done.stderr
    (tmp_path / "problem.json").write_text(json.dumps({**task, "verifier": {"kind": "regex", "pattern": "("}}))
    done = eudoxus("run", "direct/openai:m", "--task", "problem.json")
    assert done.returncode == 2 and "task.verifier.pattern: not a regular expression of RE2" in done.stderr


def test_a_recorded_run_replays_without_a_call(eudoxus: Any, upstream: Upstream) -> None:
    assert eudoxus("run", "self_consistency(n=3)/openai:m", "--task", "task.txt", "--journal", "run.jsonl").returncode == 0
    asked = len(upstream.bodies)
    again = eudoxus("replay", "run.jsonl", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert again.returncode == 0 and again.stdout.strip() == "four" and len(upstream.bodies) == asked


def test_a_run_that_a_local_model_refused_replays_as_refused(eudoxus: Any, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * 2000)
    local = {"EUDOXUS_ENDPOINTS": '{"local": {"type": "local"}}'}
    refused = eudoxus("run", "direct/local:tiny", "--task", "long.txt", "--journal", "run.jsonl", **local)
    again = eudoxus("replay", "run.jsonl", **local)
    assert (refused.returncode, again.returncode) == (2, 2) and "context is 1024 tokens" in again.stderr


def test_an_edited_journal_is_noticed_at_its_line(eudoxus: Any, tmp_path: Path) -> None:
    eudoxus("run", "openai:m", "--task", "task.txt", "--journal", "run.jsonl")
    file = tmp_path / "run.jsonl"
    file.write_text(file.read_text().replace("four", "five"))
    done = eudoxus("replay", "run.jsonl")
    assert done.returncode == 5 and "line 2" in done.stderr


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["run", "best_of/openai:m", "--task", "task.txt"], "\nbest_of/openai:m\n^^^^^^^ no strategy"),
        (["run", "nowhere:m", "--task", "task.txt"], "no endpoint is called 'nowhere'"),
        (["run", "best_of_n(n=x)/openai:m", "--task", "task.txt"], "n="),
        (["run", "openai:m", "--task", "missing.txt"], "cannot read the task missing.txt"),
        (["run", "openai:m", "--task", "task.txt", "--budget", "wishes=3"], "budget: wishes"),
        (["run", "openai:m"], "--task"),
        (["strategies", "nix"], "no strategy is called 'nix'"),
        (["keys", "revoke", "zzzzzzzz"], "no key in force"),
        (["serve", "--host", "0.0.0.0"], "keys create"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_what_was_typed_wrong_is_said_with_exit_status_2(eudoxus: Any, arguments: list[str], said: str) -> None:
    done = eudoxus(*arguments)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


def test_a_limit_gives_exit_status_3_and_the_best_answer(eudoxus: Any, upstream: Upstream) -> None:
    numbers = iter(range(100))
    upstream.answer = lambda body: f"answer {next(numbers)}"
    done = eudoxus("run", "best_of_n(n=4)/openai:m", "--task", "task.txt", "--budget", "requests=2", "--json")
    assert done.returncode == 3 and json.loads(done.stdout)["result"]["outcome"] == "limit"


def test_an_endpoint_that_is_not_there_gives_exit_status_4(eudoxus: Any) -> None:
    done = eudoxus("endpoints", "check", "--json", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 4 and json.loads(done.stdout)["data"][0]["ok"] is False


@pytest.mark.usefixtures("interruptible")
async def test_an_interrupted_run_says_how_to_go_on_and_does_not_pay_twice(eudoxus: Any, upstream: Upstream, tmp_path: Path) -> None:
    upstream.held_from = 2
    process = eudoxus.start("run", "repeat(times=6)/openai:m", "--task", "task.txt", "--journal", "run.jsonl")
    await until(lambda: len(upstream.bodies) == 3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    upstream.held_from = None
    assert process.returncode == 130 and "Traceback" not in said
    command = re.search(r"eudoxus (replay .+ --extend)", said)
    assert command is not None
    done = eudoxus(*command.group(1).split())
    assert done.returncode == 0 and len(upstream.bodies) == 7, "six, and the one in flight again"


def test_keys_are_made_listed_and_revoked(eudoxus: Any) -> None:
    key = eudoxus("keys", "create", "ci", "--scope", "chat", "--days", "2").stdout.strip()
    [listed] = json.loads(eudoxus("keys", "list", "--json").stdout)["data"]
    assert listed["name"] == "ci" and listed["scopes"] == ["chat"] and listed["usable"] and key.split("_")[1] == listed["id"]
    assert eudoxus("keys", "revoke", listed["id"]).returncode == 0
    assert not json.loads(eudoxus("keys", "list", "--json").stdout)["data"][0]["usable"]


def test_lists_are_for_people_and_programs(eudoxus: Any) -> None:
    assert "best_of_n" in eudoxus("strategies").stdout
    assert json.loads(eudoxus("strategies", "best_of_n", "--json").stdout)["params_schema"]["properties"]["n"]
    assert json.loads(eudoxus("openapi").stdout)["paths"]["/v1/chat/completions"]["post"]["operationId"] == "createChatCompletion"
    assert re.match(r"\d+\.\d+", eudoxus("version").stdout)
    assert eudoxus("--version").stdout == eudoxus("version").stdout


def test_a_table_shows_brackets_as_they_stand(eudoxus: Any) -> None:
    found = eudoxus("endpoints", "check", EUDOXUS_ENDPOINTS='{"m": {"type": "local", "model": "/no[bold]/[/x]"}}')
    assert found.returncode == 4 and "'/no[bold]/[/x]'" in found.stdout


async def test_a_person_answers_from_the_command_line(eudoxus: Any, service: Running) -> None:
    with service.http() as http:
        run = http.post("/v1/runs", json={"strategy": "hand:person", "task": {"messages": [{"role": "user", "content": "Who?"}]}}).json()
        await until(lambda: bool(http.get("/v1/manual").json()["data"]))
        shown = eudoxus("manual", "list", "--url", service.url)
        assert "Who?" in shown.stdout and "hand:m1" in shown.stdout
        assert eudoxus("manual", "answer", "hand:m1", "-", "--url", service.url, input="Eudoxus").returncode == 0
        assert http.get(f"/v1/runs/{run['id']}", params={"wait": 20}).json()["result"]["answer"] == "Eudoxus"
    assert eudoxus("manual", "list", "--url", "http://127.0.0.1:9").returncode == 4


def test_a_bad_configuration_is_one_sentence(eudoxus: Any, tmp_path: Path) -> None:
    (tmp_path / "eudoxus.toml").write_text("prot = 1")
    done = eudoxus("endpoints", "list")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "prot is no setting" in done.stderr
