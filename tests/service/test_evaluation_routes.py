"""Evaluations over HTTP: begin, watch, cap, cancel, go on, compare, and what is refused."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eudoxus.service.settings import Settings
from tests.service.conftest import Running
from tests.service.upstream import Upstream

TASKS = ["examples/apples", "examples/order", "examples/words"]
PLAN: dict[str, Any] = {"strategy": "direct/up:m", "dataset": "examples", "tasks": TASKS, "concurrency": 1}


def right(body: dict[str, Any]) -> str:
    """Right on the first two tasks."""
    asked = body["messages"][-1]["content"]
    return "Answer: 115" if "apples" in asked else "Answer: (A)" if "oldest" in asked else "Answer: fig"


def begun(http: httpx2.Client, wait: float = 30, **changed: Any) -> Any:
    answer = http.post("/v1/evaluations", params={"wait": wait}, json=PLAN | changed)
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def test_an_evaluation_ends_with_a_score_and_its_interval(http: httpx2.Client, upstream: Upstream) -> None:
    upstream.answer = right
    made = http.post("/v1/evaluations", json=PLAN | {"samples": 2, "metadata": {"of": "us"}})
    assert made.status_code == 202 and made.headers["location"] == f"/v1/evaluations/{made.json()['id']}"
    assert made.json()["progress"]["total"] == 6
    found = http.get(made.headers["location"], params={"wait": 30}).json()
    assert found["status"] == "completed" and found["strategy"] == "direct/up:m" and found["error"] is None
    assert found["progress"] | {"tokens": 0} == {
        "total": 6, "graded": 6, "solved": 4, "faults": 0, "requests": 6, "tokens": 0, "cost": None, "seconds_left": None}
    score = found["summary"]["score"]
    assert score["mean"] == pytest.approx(2 / 3) and score["low"] < score["mean"] < score["high"]
    assert "by_task" not in found["summary"] and len(upstream.bodies) == 6


def test_records_results_report_and_journals_can_be_read(http: httpx2.Client, upstream: Upstream) -> None:
    upstream.answer = right
    found = begun(http)
    links = found["links"]
    records = [json.loads(line) for line in http.get(links["records"]).text.splitlines()]
    assert [line["t"] for line in records] == ["sample", "grade"] * 3 and records[1]["grade"]["solved"]
    report = http.get(links["report"])
    assert report.headers["content-type"].startswith("text/html") and "95 % interval" in report.text
    assert "default-src 'none'" in report.headers["content-security-policy"]
    [link, *_] = re.findall(r'href="([^"]+)"', report.text)
    journal = http.get(f"{links['self']}/{link}")
    assert journal.status_code == 200 and "Answer: 115" in journal.text
    refused = http.get(links["results"], params={"format": "evalplus"})
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "format"


def test_no_other_file_can_be_read_as_a_journal(http: httpx2.Client, upstream: Upstream) -> None:
    here = begun(http)["links"]["self"]
    for name in ("plan.json", "..%2Fplan.json", "%2Fetc%2Fpasswd", "examples%252Fapples.1.jsonl", "x"):
        answer = http.get(f"{here}/journals/{name}")
        assert answer.status_code == 404 and "root:" not in answer.text, name


def test_two_evaluations_are_compared_task_by_task(http: httpx2.Client, upstream: Upstream) -> None:
    a = begun(http)
    upstream.answer = right
    b = begun(http)
    found = http.get(f"/v1/evaluations/{b['id']}/compare", params={"against": a["id"]}).json()
    assert found["difference"]["mean"] == pytest.approx(2 / 3) and found["better"] == TASKS[:2] and found["tasks"] == 3
    page = http.get(f"/v1/evaluations/{b['id']}/report", params={"against": a["id"]})
    assert "better on 2" in page.text
    one = begun(http, tasks=TASKS[:1])
    assert http.get(f"/v1/evaluations/{one['id']}/compare", params={"against": a["id"]}).status_code == 400


def test_a_cap_ends_it_as_incomplete_and_it_can_be_gone_on_with(http: httpx2.Client, upstream: Upstream) -> None:
    upstream.answer = right
    found = begun(http, max_requests=2)
    assert found["status"] == "incomplete" and found["error"]["code"] == "budget_exceeded" and len(upstream.bodies) == 2
    again = http.post(f"/v1/evaluations/{found['id']}/resume", json={"max_requests": 3})
    assert again.status_code == 202 and again.json()["status"] in ("queued", "in_progress")
    done = http.get(found["links"]["self"], params={"wait": 30}).json()
    assert done["status"] == "completed" and len(upstream.bodies) == 3 and done["progress"]["requests"] == 3
    assert http.post(f"/v1/evaluations/{found['id']}/resume").status_code == 409


def test_faults_of_the_endpoint_leave_it_incomplete(http: httpx2.Client, upstream: Upstream) -> None:
    upstream.status = 401
    found = begun(http)
    assert found["status"] == "incomplete" and found["error"]["code"] == "faults" and found["progress"]["graded"] == 0


def test_a_cancelled_evaluation_keeps_what_was_graded(http: httpx2.Client, upstream: Upstream) -> None:
    upstream.answer, upstream.delay = right, 0.4
    found = begun(http, wait=0, samples=20)
    deadline = time.monotonic() + 20
    while http.get(found["links"]["self"]).json()["progress"]["graded"] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    cancelled = http.post(found["links"]["cancel"], json={"reason": "enough"})
    assert cancelled.status_code == 202 and cancelled.json()["status"] == "cancelled"
    assert cancelled.json()["error"]["message"] == "enough" and cancelled.json()["progress"]["graded"] >= 2
    assert http.post(found["links"]["cancel"]).status_code == 200
    asked = len(upstream.bodies)
    time.sleep(0.6)
    assert len(upstream.bodies) == asked


def test_an_evaluation_that_waits_for_its_turn_can_be_cancelled(settings: Settings, upstream: Upstream) -> None:
    upstream.delay = 1.0
    running = Running(settings.model_copy(update={"evaluation_slots": 1}))
    try:
        with running.http() as http:
            begun(http, wait=0)
            waiting = begun(http, wait=0)
            assert http.get(waiting["links"]["self"]).json()["status"] == "queued"
            assert http.post(waiting["links"]["cancel"]).json()["status"] == "cancelled"
            assert http.post(f"{waiting['links']['self']}/resume").json()["status"] == "queued"
    finally:
        running.stop()


def test_lists_have_cursors_and_filters(http: httpx2.Client, upstream: Upstream) -> None:
    made = [begun(http, tasks=TASKS[:1], metadata={"n": str(number)})["id"] for number in range(3)]
    first = http.get("/v1/evaluations", params={"limit": 2}).json()
    assert [one["id"] for one in first["data"]] == made[:0:-1] and first["has_more"]
    rest = http.get("/v1/evaluations", params={"limit": 2, "after": first["last_id"]}).json()
    assert [one["id"] for one in rest["data"]] == made[:1] and not rest["has_more"]
    assert [one["id"] for one in http.get("/v1/evaluations", params={"metadata.n": "1"}).json()["data"]] == made[1:2]
    assert not http.get("/v1/evaluations", params={"status": "failed"}).json()["data"]


def test_a_repeated_request_with_its_key_makes_one_evaluation(http: httpx2.Client, upstream: Upstream) -> None:
    headers = {"idempotency-key": "once"}
    first = http.post("/v1/evaluations", json=PLAN, headers=headers).json()
    again = http.post("/v1/evaluations", json=PLAN, headers=headers)
    assert again.json()["id"] == first["id"] and again.headers["idempotent-replayed"] == "true"
    other = http.post("/v1/evaluations", json=PLAN | {"seed": 1}, headers=headers)
    assert other.status_code == 422 and other.json()["code"] == "idempotency_mismatch"


def test_the_key_of_a_deleted_evaluation_begins_another_one(http: httpx2.Client, upstream: Upstream) -> None:
    made = [http.post("/v1/evaluations", params={"wait": 30}, json=PLAN, headers={"idempotency-key": "once"}) for _ in range(2)]
    first = made[0].json()["id"]
    assert [one.json()["id"] for one in made] == [first, first]
    assert http.delete(f"/v1/evaluations/{first}").status_code == 204
    again = http.post("/v1/evaluations", params={"wait": 30}, json=PLAN, headers={"idempotency-key": "once"})
    assert again.status_code == 200 and again.json()["id"] != first


def test_a_deleted_evaluation_leaves_nothing(http: httpx2.Client, upstream: Upstream, settings: Settings) -> None:
    found = begun(http)
    assert http.delete(found["links"]["self"]).status_code == 204
    assert http.get(found["links"]["self"]).status_code == 404
    assert not list((settings.data_dir / "evaluations").iterdir())


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"dataset": "/etc/passwd"}, 400, "invalid_request", "dataset"),
    ({"dataset": "https://example.org/x.jsonl"}, 400, "invalid_request", "dataset"),
    ({"dataset": "gsm8k"}, 404, "data_set_missing", "dataset"),
    ({"dataset": "ifeval"}, 404, "data_set_missing", "dataset"),
    ({"data": "/etc/passwd"}, 422, "validation_error", "data"),
    ({"tasks": ["examples/none"]}, 400, "invalid_request", "tasks"),
    ({"samples": 0}, 422, "validation_error", "samples"),
    ({"concurrency": 64}, 400, "invalid_request", "concurrency"),
    ({"strategy": "nothing/up:m"}, 404, "model_not_found", "model"),
    ({"strategy": "direct/nowhere:m"}, 404, "model_not_found", "model"),
]


def test_what_cannot_be_begun_is_refused_and_says_why(
    http: httpx2.Client, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:
    monkeypatch.setenv("EUDOXUS_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for changed, status, code, param in REFUSED:
        answer = http.post("/v1/evaluations", json=PLAN | changed)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.json()["error"]["param"] == param and str(tmp_path) not in answer.text
        assert "fetch ifeval" not in answer.text, "what cannot be fetched is not advised"
    assert not http.get("/v1/evaluations").json()["data"]


def test_more_evaluations_than_may_wait_are_refused(settings: Settings, upstream: Upstream) -> None:
    upstream.delay = 2.0
    running = Running(settings.model_copy(update={"evaluation_slots": 1, "evaluation_queue": 0}))
    try:
        with running.http() as http:
            begun(http, wait=0)
            refused = http.post("/v1/evaluations", json=PLAN)
            assert len(list((settings.data_dir / "evaluations").iterdir())) == 1
            assert refused.status_code == 429 and refused.json()["code"] == "queue_full" and "retry-after" in refused.headers
    finally:
        running.stop()


def test_keys_see_their_own_evaluations_only(service: Running, upstream: Upstream) -> None:
    import asyncio

    async def keys() -> list[str]:
        ring = service.app.state.services.keys
        scopes = (frozenset({"runs:read", "runs:write"}), frozenset({"runs:read", "runs:write"}), frozenset({"runs:read"}))
        return [(await ring.create(f"k{number}", scope))[0] for number, scope in enumerate(scopes)]

    one, other, reader = asyncio.run(keys())
    with service.http() as http:
        http.headers["authorization"] = f"Bearer {one}"
        found = begun(http)
        http.headers["authorization"] = f"Bearer {other}"
        for way in ("", "/records", "/report", "/results", f"/compare?against={found['id']}", "/journals/x"):
            assert http.get(found["links"]["self"] + way).status_code == 404
        assert http.post(found["links"]["cancel"]).status_code == 404 and http.delete(found["links"]["self"]).status_code == 404
        assert not http.get("/v1/evaluations").json()["data"]
        http.headers["authorization"] = f"Bearer {reader}"
        assert http.post("/v1/evaluations", json=PLAN).status_code == 403
        del http.headers["authorization"]
        assert http.get("/v1/evaluations").status_code == 401


def test_data_sets_are_listed_by_name(http: httpx2.Client) -> None:
    found = {one["name"]: one for one in http.get("/v1/datasets").json()["data"]}
    assert found["examples"]["here"] and not found["humaneval_plus"]["here"] and "humaneval" in found
