"""Planning over HTTP, without a model."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from pathlib import Path

import httpx2
import pytest

from eudoxus.planners.contracts import BLOCKS, counter, working_in
from eudoxus.planners.engines import ENGINES
from eudoxus.service import while_wanted
from eudoxus.service.settings import Settings
from tests.service.conftest import Running
from tests.service.test_keys import make_key
from tests.waiting import until

PROBLEM = BLOCKS.example_problem
TWO = ("(define (problem p) (:domain blocksworld) (:objects {0} {1} - block) (:init (on {0} {1}) (on-table {1}) (clear {0}) (arm-empty))"
       " (:goal (on {1} {0})))")
PLAN = ["(unstack a b)", "(put-down a)", "(pick-up b)", "(stack b a)"]
needs_planner = pytest.mark.skipif(ENGINES["fast-downward"].available() is not None, reason="Fast Downward is not installed")


@needs_planner
def test_a_problem_gives_a_validated_plan(http: httpx2.Client):
    said = http.post("/v1/plan", json={"domain": "blocksworld", "problem": TWO.format("a", "b")}).json()
    assert (said["object"], said["status"], said["plan"], said["cost"]) == ("plan", "solved", PLAN, 4)
    assert said["verdict"]["valid"] and said["second"] is None and said["engine"] == "fast-downward"


@needs_planner
def test_an_optimal_plan_is_said_to_be_one_and_can_be_validated_twice(http: httpx2.Client):
    asked = {"domain": BLOCKS.pddl, "problem": PROBLEM, "mode": "optimal", "confirm": True}
    said = http.post("/v1/plan", json=asked).json()
    assert said["optimal"] and len(said["plan"]) == 6
    assert said["second"]["status"] in ("valid", "unavailable")


@needs_planner
def test_what_can_only_be_meant_one_way_is_put_right_and_told(http: httpx2.Client):
    problem = TWO.format("a", "b").replace(":domain blocksworld", ":domain x")
    said = http.post("/v1/plan", json={"domain": "blocksworld", "problem": problem}).json()
    assert said["status"] == "solved"
    assert said["changes"] == ["named the domain blocksworld instead of x"]


def test_findings_come_instead_of_a_plan_when_the_problem_is_wrong(http: httpx2.Client):
    response = http.post("/v1/plan", json={"domain": "blocksworld", "problem": PROBLEM.replace("(on-table red)", "(on-table purple)")})
    assert response.status_code == 200
    said = response.json()
    assert (said["status"], said["plan"], said["findings"][0]["rule"]) == ("input_error", [], "undeclared_object")
    assert "purple" in said["message"]


def test_a_goal_out_of_reach_is_unsolvable_without_any_planner(http: httpx2.Client):
    said = http.post("/v1/plan", json={"domain": "blocksworld", "problem": PROBLEM.replace("(arm-empty)", "")}).json()
    assert (said["status"], said["findings"][0]["rule"]) == ("unsolvable", "unreachable_goal")


@pytest.mark.parametrize(("change", "status", "pointer", "said"), [
    ({"problem": "(define (problem p)"}, 400, "#/problem", "the problem cannot be read: line 1"),
    ({"domain": "(define (domain d) (:nonsense))"}, 400, "#/domain", "a domain has no section"),
    ({"domain": "chess"}, 400, "#/domain", "no domain is called 'chess'"),
    ({"engine": "deep-blue"}, 422, "#/engine", "no planner is called 'deep-blue'"),
    ({"mode": "perfect"}, 422, "#/mode", "'fast', 'anytime' or 'optimal'"),
    ({"seconds": 0}, 422, "#/seconds", "greater than 0"),
    ({"seconds": 1e9}, 422, "#/seconds", "less than or equal to 300"),
    ({"memory": 1}, 422, "#/memory", "Extra inputs"),
])
def test_what_is_asked_wrongly_is_said_with_its_field(http: httpx2.Client, change: dict, status: int, pointer: str, said: str):
    response = http.post("/v1/plan", json={"domain": "blocksworld", "problem": PROBLEM} | change)
    problem = response.json()
    assert (response.status_code, problem["errors"][0]["pointer"]) == (status, pointer)
    assert said in problem["detail"]


@pytest.mark.parametrize("plan", [PLAN, "\n".join(PLAN)])
def test_a_plan_is_validated_as_text_and_as_a_list(http: httpx2.Client, plan: object):
    said = http.post("/v1/plan/validate", json={"domain": "blocksworld", "problem": TWO.format("a", "b"), "plan": plan}).json()
    assert (said["valid"], said["cost"], said["length"]) == (True, 4, 4)


def test_a_plan_that_fails_is_told_with_its_step(http: httpx2.Client):
    asked = {"domain": "blocksworld", "problem": TWO.format("a", "b"), "plan": PLAN[1:], "confirm": True}
    said = http.post("/v1/plan/validate", json=asked).json()
    assert (said["valid"], said["failed_step"]) == (False, 1)
    assert "(holding a)" in said["message"]
    assert said["second"]["status"] in ("invalid", "unavailable")
    response = http.post("/v1/plan/validate", json=asked | {"plan": "put it down"})
    assert response.status_code == 400 and response.json()["errors"][0]["pointer"] == "#/plan"


def test_lint_finds_what_is_wrong_with_texts_that_cannot_even_be_read(http: httpx2.Client):
    said = http.post("/v1/plan/lint", json={"domain": "blocksworld", "problem": "(define"}).json()
    assert (said["usable"], said["findings"][0]["rule"]) == (False, "syntax")
    assert http.post("/v1/plan/lint", json={"domain": "blocksworld"}).json() == {
        "object": "plan.lint", "usable": True, "findings": [], "changes": []}


def test_problems_are_compared_up_to_the_names_of_objects(http: httpx2.Client):
    asked = {"domain": "blocksworld", "a": TWO.format("a", "b"), "b": TWO.format("x", "y")}
    assert http.post("/v1/plan/equivalent", json=asked).json()["answer"] == "yes"
    assert http.post("/v1/plan/equivalent", json=asked | {"b": PROBLEM}).json()["answer"] == "no"


def test_the_planners_are_listed_with_licence_and_remedy(http: httpx2.Client):
    listed = {said["name"]: said for said in http.get("/v1/plan/engines").json()["data"]}
    assert set(listed) == {"auto", *ENGINES}
    assert listed["fast-downward"]["licence"] == "GPL-3.0-only"
    assert all(said["available"] or said["detail"] for said in listed.values())


def test_planning_needs_the_scope_for_runs(settings: Settings, service: Running):
    reader, writer = make_key(settings, "runs:read"), make_key(settings, "runs:write")
    time.sleep(2.1)
    asked = {"domain": "blocksworld", "problem": TWO.format("a", "b"), "plan": PLAN}
    with service.http() as http:
        statuses = [http.post("/v1/plan/validate", json=asked, headers={"authorization": f"Bearer {key}"}).status_code
                    for key in ("wrong", reader, writer)]
    assert statuses == [401, 403, 200]


@needs_planner
async def test_the_planner_ends_when_the_client_goes_away(service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    domain, problem = counter(28)
    async with httpx2.AsyncClient(base_url=service.url, timeout=60) as http:
        asking = asyncio.ensure_future(http.post("/v1/plan", json={"domain": domain, "problem": problem, "seconds": 60}))
        await until(lambda: bool(working_in(folder)), 20)
        asking.cancel()
        await asyncio.wait([asking])
    await until(lambda: not working_in(folder), 10)
    assert not list(folder.iterdir())


@needs_planner
def test_too_many_at_once_are_refused_with_retry_after(service: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(while_wanted, "MOST_AT_ONCE", 1)
    domain, problem = counter(28)
    slow = {"domain": domain, "problem": problem, "seconds": 2}
    with service.http() as http:
        first = threading.Thread(target=lambda: service.http().post("/v1/plan", json=slow))
        first.start()
        while not getattr(service.app.state, "at_once", {}).get("planning"):
            time.sleep(0.01)
        refused = http.post("/v1/plan/lint", json={"domain": "blocksworld"})
        assert refused.status_code == 429 and "retry-after" in refused.headers
        first.join()
        assert http.post("/v1/plan/lint", json={"domain": "blocksworld"}).status_code == 200
