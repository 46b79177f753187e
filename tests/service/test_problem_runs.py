"""Problems over HTTP: searched without code, refused by field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eudoxus.runtime import Registry
from eudoxus.service.settings import ConfigurationError, Settings, load_settings
from tests.service.conftest import Running
from tests.service.upstream import Upstream

GUIDE = Path(__file__).parents[2] / "docs" / "tasks.md"
QUESTION = [{"role": "user", "content": "A number times itself is 49. Which?"}]
SEVEN: dict[str, Any] = {"kind": "z3", "constraints": "(assert (= (* answer answer) 49))"}


@pytest.fixture
def http(settings: Settings) -> Iterator[httpx2.Client]:
    """A service with all strategies."""
    running = Running(settings, Registry.installed())
    with running.http() as found:
        yield found
    running.stop()


def player(body: dict[str, Any]) -> str:
    """Judges every state alike and answers every question for steps, or for an answer, with the same two."""
    if body["messages"][0]["content"].startswith("You judge"):
        return "\n".join(f"{n}. likely" for n in range(1, 33))
    return '1. ANSWER: {"a": 1, "b": 9, "c": 10}\n2. ANSWER: {"a": 3, "b": 5, "c": 6}'


def test_the_example_of_the_guide_is_searched_until_it_is_verified(http: httpx2.Client, upstream: Upstream) -> None:
    [said] = re.findall(r"-d '(\{.*?\n\})'\n```", GUIDE.read_text(), re.DOTALL)
    upstream.answer = player
    response = http.post("/v1/runs?wait=30", json={**json.loads(said), "strategy": "beam(size=2)/up:m"})
    run = response.json()
    assert response.status_code == 200 and run["status"] == "completed", response.text
    assert run["result"]["outcome"] == "verified" and run["result"]["authority"] == "solver"
    assert json.loads(run["result"]["artifacts"]["answer"]) == {"a": 3, "b": 5, "c": 6} and run["usage"]["requests"] == 1
    assert run["task"]["kind"] == "problem" and run["task"]["verifier"]["kind"] == "z3"


@pytest.mark.parametrize("strategy", ["refine(rounds=3)", "reflexion", "mctsr", "repeat/direct"])
def test_the_same_verifier_serves_other_strategies(http: httpx2.Client, upstream: Upstream, strategy: str) -> None:
    upstream.answer = lambda body: "7" if len(upstream.bodies) > 1 else "6"
    run = http.post("/v1/runs?wait=30", json={"strategy": f"{strategy}/up:m", "task": {"kind": "problem", "messages": QUESTION,
        "verifier": SEVEN}})
    assert run.json()["result"]["outcome"] == "verified" and run.json()["result"]["answer"] == "7"


@pytest.mark.parametrize(("more", "pointer"), [
    ({"verifier": {"kind": "regex", "pattern": "(?=a)"}}, "#/task/verifier/pattern"),
    ({"verifier": {"kind": "json_schema", "schema": {"type": 1}}}, "#/task/verifier/schema"),
    ({"verifier": {"kind": "pddl_plan", "domain": "nowhere", "problem": "(define)"}}, "#/task/verifier/domain"),
    ({"verifier": {"kind": "python_tests", "tests": ["assert"]}}, "#/task/verifier/tests/0"),
    ({"verifier": {**SEVEN, "constraints": "(get-proof)"}}, "#/task/verifier/constraints"),
    ({"verifier": {"kind": "guess"}}, "#/task/verifier"),
    ({"answer": {"kind": "regex", "pattern": "(a)(b)"}}, "#/task/answer/pattern"),
    ({"answer": {"kind": "json", "pointer": "a"}}, "#/task/answer/pointer"),
    ({"step_prompt": ""}, "#/task/step_prompt"),
])
def test_what_is_wrong_with_a_problem_is_pointed_at_before_anything_is_asked(
    http: httpx2.Client, upstream: Upstream, more: dict[str, Any], pointer: str
) -> None:
    response = http.post("/v1/runs", json={"strategy": "direct/up:m", "task": {"kind": "problem", "messages": QUESTION, **more}})
    assert response.status_code == 400 and response.json()["errors"][0]["pointer"] == pointer, response.text
    assert not upstream.bodies


def test_a_schema_of_a_chat_request_makes_the_service_fetch_nothing(http: httpx2.Client, upstream: Upstream) -> None:
    fetched = f"{upstream.url}/models"
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"$ref": fetched}}}
    upstream.answer = lambda body: "{}"
    run = http.post("/v1/runs?wait=30", json={"strategy": "best_of_n(n=1)/up:m", "task": {"messages": QUESTION,
        "response_format": form}}).json()
    assert run["status"] == "failed" and "not a JSON schema" in run["error"]["message"], run


def test_only_the_operator_decides_what_is_fetched(http: httpx2.Client, upstream: Upstream) -> None:
    turns = iter([f"Action: fetch[{upstream.url}/models]", "Action: Finish[done]"])
    upstream.answer = lambda body: next(turns)
    run = http.post("/v1/runs?wait=30", json={"strategy": "react(tools=[fetch])/up:m", "task": {"messages": QUESTION}}).json()
    assert run["result"]["artifacts"]["turns"][0]["observation"].startswith("error: fetching is off here")


def test_the_operators_list_reaches_the_tool(settings: Settings, upstream: Upstream) -> None:
    turns = iter([f"Action: fetch[{upstream.url}/models]", "Action: Finish[done]"])
    upstream.answer = lambda body: next(turns)
    listed = settings.model_copy(update={"fetch_allow": [f"{upstream.url}/"], "fetch_private": ["127.0.0.0/8"]})
    running = Running(listed, Registry.installed())
    with running.http() as http:
        run = http.post("/v1/runs?wait=30", json={"strategy": "react(tools=[fetch])/up:m", "task": {"messages": QUESTION}}).json()
    running.stop()
    assert '"data"' in run["result"]["artifacts"]["turns"][0]["observation"]


def test_a_list_that_is_not_clear_keeps_the_service_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EUDOXUS_FETCH_ALLOW", '["docs.python.org"]')
    with pytest.raises(ConfigurationError, match="fetch_allow.*expected the beginning of an address"):
        load_settings()
