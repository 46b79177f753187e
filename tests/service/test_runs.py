"""Native runs: durable, watchable, cancellable, replayable."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eudoxus.runtime import MemoryJournal, Runtime, read_journal
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from tests.service.conftest import Running
from tests.service.strategies import registry
from tests.service.upstream import Upstream
from tests.waiting import until

TASK: dict[str, Any] = {"kind": "chat", "messages": [{"role": "user", "content": "2 + 2?"}]}


def start(http: httpx2.Client, strategy: Any = "steps(count=2)/up:m", wait: float = 0, **more: Any) -> httpx2.Response:
    headers = more.pop("headers", None)
    return http.post(f"/v1/runs?wait={wait}", json={"strategy": strategy, "task": TASK, **more}, headers=headers)


def events(response: httpx2.Response) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line.startswith("data: ")]


def test_a_run_is_accepted_with_its_place_and_ends_with_a_result(http: httpx2.Client) -> None:
    accepted = start(http, metadata={"who": "me"})
    assert accepted.status_code == 202 and accepted.headers["location"] == f"/v1/runs/{accepted.json()['id']}"
    run = http.get(accepted.headers["location"], params={"wait": 20}).json()
    assert run["status"] == "completed" and run["result"]["answer"] == "four four" and run["usage"]["requests"] == 2
    assert run["task"]["messages"] == TASK["messages"] and run["metadata"] == {"who": "me"}


def test_waiting_gives_200_when_the_run_ends_in_time_and_202_when_not(http: httpx2.Client, upstream: Upstream) -> None:
    assert start(http, wait=20).status_code == 200
    upstream.delay = 1
    assert start(http, wait=0.1).status_code == 202


def test_a_strategy_can_be_given_as_json_with_the_model_beside_it(http: httpx2.Client) -> None:
    run = start(http, {"strategy": "steps", "params": {"count": 1}}, wait=20, model="up:m").json()
    assert run["strategy"] == "steps(count=1)/up:m" and run["result"]["answer"] == "four"


def test_a_spent_budget_ends_the_run_as_incomplete_with_the_best_answer(http: httpx2.Client) -> None:
    run = start(http, "steps/up:m", wait=20, budget={"requests": 2}).json()
    assert run["status"] == "incomplete" and run["result"]["answer"] == "four four"


@pytest.mark.parametrize(
    "body, status, pointer",
    [
        ({"task": TASK}, 422, "#/strategy"),
        ({"strategy": "up:m"}, 422, "#/task"),
        ({"strategy": "up:m", "task": TASK, "colour": 1}, 422, "#/colour"),
        ({"strategy": "up:m", "task": {"kind": "wish"}}, 400, "#/task/kind"),
        ({"strategy": "up:m", "task": {"messages": []}}, 400, "#/task/messages"),
        ({"strategy": "up:m", "task": TASK, "budget": {"seconds": -1}}, 422, "#/budget/seconds"),
        ({"strategy": "nix/up:m", "task": TASK}, 404, "#/model"),
        ({"strategy": "nowhere:m", "task": TASK}, 404, "#/model"),
    ],
)
def test_what_is_wrong_is_pointed_at(http: httpx2.Client, body: dict[str, Any], status: int, pointer: str) -> None:
    response = http.post("/v1/runs", json=body)
    assert response.status_code == status and response.json()["errors"][0]["pointer"] == pointer, response.text
    assert http.get("/v1/runs").json()["data"] == []


def test_the_key_of_a_deleted_run_begins_another_one(http: httpx2.Client) -> None:
    first = start(http, "up:m", wait=10, headers={"idempotency-key": "gone"}).json()["id"]
    assert http.delete(f"/v1/runs/{first}").status_code == 204
    again = start(http, "up:m", wait=10, headers={"idempotency-key": "gone"})
    assert again.status_code == 200 and again.json()["id"] != first


def test_the_value_at_fault_is_shown_and_broken_json_is_called_so(http: httpx2.Client) -> None:
    wrong = http.post("/v1/runs", json={"strategy": "up:m", "task": TASK, "budget": {"seconds": -1}}).json()
    assert wrong["detail"].endswith("(got -1)"), wrong
    broken = http.post("/v1/runs", content='{"strategy"', headers={"content-type": "application/json"}).json()
    assert broken["detail"] == "#/: the body is not JSON: Expecting ':' delimiter, at character 11"


def test_an_idempotency_key_makes_one_run_also_when_requests_are_simultaneous(http: httpx2.Client, service: Running) -> None:
    ids: list[str] = []

    def ask() -> None:
        with service.http() as own:
            ids.append(start(own, headers={"idempotency-key": "once"}).json()["id"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8 and len(set(ids)) == 1 and len(http.get("/v1/runs").json()["data"]) == 1
    other = start(http, "up:m", headers={"idempotency-key": "once"})
    assert other.status_code == 422 and other.json()["code"] == "idempotency_mismatch"


def test_events_tell_the_run_and_a_client_that_comes_back_misses_nothing(http: httpx2.Client) -> None:
    run = start(http, wait=20).json()
    told = events(http.get(f"/v1/runs/{run['id']}/events"))
    assert [e["type"] for e in told] == [
        "run.in_progress", "call.completed", "candidate.best", "call.completed", "candidate.best", "run.completed",
    ]  # fmt: skip
    rest = events(http.get(f"/v1/runs/{run['id']}/events", headers={"last-event-id": str(told[2]["seq"])}))
    assert [e["seq"] for e in rest] == [e["seq"] for e in told[3:]]
    assert events(http.get(f"/v1/runs/{run['id']}/events", params={"after": told[-1]["seq"]})) == []


def test_events_arrive_while_the_run_goes_on_as_lines_of_json_too(http: httpx2.Client, upstream: Upstream) -> None:
    upstream.delay = 0.3
    run = start(http).json()
    with http.stream("GET", f"/v1/runs/{run['id']}/events", headers={"accept": "application/x-ndjson"}) as response:
        told = [json.loads(line) for line in response.iter_lines() if line]
    types = [e["type"] for e in told]
    assert types[-1] == "run.completed" and "call.started" in types
    assert all("seq" not in e for e in told if e["type"] == "call.started")
    numbers = [e["seq"] for e in told if "seq" in e]
    assert numbers == sorted(set(numbers))


async def test_a_cancelled_run_stops_asking_and_keeps_what_it_had(http: httpx2.Client, upstream: Upstream) -> None:
    upstream.delay = 0.4
    run = start(http, "steps(count=50)/up:m").json()
    await until(lambda: upstream.answered >= 1)
    cancelled = http.post(f"/v1/runs/{run['id']}/cancel", json={"reason": "changed my mind"})
    assert cancelled.status_code == 202 and cancelled.json()["status"] == "cancelled"
    assert cancelled.json()["error"]["message"] == "changed my mind" and cancelled.json()["usage"]["requests"] >= 1
    asked = len(upstream.bodies)
    again = http.post(f"/v1/runs/{run['id']}/cancel")
    assert again.status_code == 200 and again.json()["error"]["message"] == "changed my mind"
    assert len(upstream.bodies) <= asked + 1


async def test_the_downloaded_journal_replays_without_a_call(http: httpx2.Client, tmp_path: Path) -> None:
    run = start(http, wait=20).json()
    file = tmp_path / "run.jsonl"
    file.write_bytes(http.get(f"/v1/runs/{run['id']}/journal").content)
    silent = Endpoints({"up": SimulatedEndpoint([], name="up")})
    result = await Runtime(registry(), silent).replay(MemoryJournal(read_journal(file)))
    assert result.answer == "four four"


def test_lists_page_by_cursor_and_filter_by_status_and_metadata(http: httpx2.Client) -> None:
    ids = [start(http, "up:m", wait=20, metadata={"n": str(i)}).json()["id"] for i in range(5)]
    first = http.get("/v1/runs", params={"limit": 2}).json()
    assert [run["id"] for run in first["data"]] == ids[:2:-1] and first["has_more"]
    second = http.get("/v1/runs", params={"limit": 5, "after": first["last_id"]}).json()
    assert [run["id"] for run in second["data"]] == ids[2::-1] and not second["has_more"]
    assert [run["id"] for run in http.get("/v1/runs", params={"metadata.n": "3"}).json()["data"]] == [ids[3]]
    assert http.get("/v1/runs", params={"status": "failed"}).json()["data"] == []


async def test_a_run_is_deleted_only_after_its_end(http: httpx2.Client, upstream: Upstream) -> None:
    upstream.delay = 0.5
    run = start(http, "steps(count=50)/up:m").json()
    assert http.delete(f"/v1/runs/{run['id']}").status_code == 409
    http.post(f"/v1/runs/{run['id']}/cancel")
    assert http.delete(f"/v1/runs/{run['id']}").status_code == 204
    for path in ("", "/events", "/journal"):
        assert http.get(f"/v1/runs/{run['id']}{path}").status_code == 404


async def test_a_person_answers_what_a_manual_endpoint_asks(http: httpx2.Client) -> None:
    run = start(http, "hand:person").json()
    await until(lambda: bool(http.get("/v1/manual").json()["data"]))
    [asked] = http.get("/v1/manual").json()["data"]
    assert asked["run_id"] == run["id"] and asked["request"]["messages"] == TASK["messages"]
    assert http.post(f"/v1/manual/{asked['id']}", json={"text": "a", "refuse": "b"}).status_code == 422
    assert http.post("/v1/manual/m99", json={"text": "a"}).status_code == 404
    assert http.post(f"/v1/manual/{asked['id']}", json={"text": "by hand"}).status_code == 200
    assert http.get(f"/v1/runs/{run['id']}", params={"wait": 20}).json()["result"]["answer"] == "by hand"


def test_strategies_publish_the_schema_of_their_parameters(http: httpx2.Client) -> None:
    assert "steps" in {s["name"] for s in http.get("/v1/strategies").json()["data"]}
    schema = http.get("/v1/strategies/steps").json()["params_schema"]
    assert schema["properties"]["count"]["description"] == "Questions asked one after the other."
    assert http.get("/v1/strategies/nix").status_code == 404


def test_endpoints_show_no_address(http: httpx2.Client, upstream: Upstream) -> None:
    response = http.get("/v1/endpoints")
    assert [e["name"] for e in response.json()["data"]] == ["up", "hand"] and upstream.url not in response.text


def test_the_operators_routes_answer(http: httpx2.Client) -> None:
    start(http, wait=20)
    assert http.get("/healthz").status_code == http.get("/readyz").status_code == http.get("/version").status_code == 200
    metrics = http.get("/metrics").text
    for line in (
        'eudoxus_runs_total{status="completed",strategy="steps"} 1.0',
        'eudoxus_calls_total{endpoint="up",outcome="completed"} 2.0',
    ):
        assert line in metrics


@pytest.mark.parametrize("path", ["/nowhere", "/v1/runs/run_nope", "/v1/runs/%00", "/v1/runs/..%2f..%2fetc", "/v1/models/%00"])
def test_what_is_not_there_is_a_404_problem(http: httpx2.Client, path: str) -> None:
    response = http.get(path)
    assert response.status_code == 404 and response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"]


def test_a_wrong_method_is_a_405_problem(http: httpx2.Client) -> None:
    response = http.put("/v1/chat/completions", json={})
    assert response.status_code == 405 and response.json()["code"] == "method_not_allowed"


async def test_a_run_that_is_just_beginning_is_not_taken_for_an_orphan(
    service: Running, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others see it in the store before this process has begun to work on it."""
    executor = service.app.state.services.executor
    queue = executor.store.queue

    async def queued(*given: Any) -> Any:
        journal = await queue(*given)
        await executor.adopt()
        return journal

    monkeypatch.setattr(executor.store, "queue", queued)
    with service.http() as http:
        assert start(http, wait=20).json()["status"] == "completed"
    assert len(upstream.bodies) == 2
