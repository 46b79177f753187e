"""The sandbox over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eudoxus.service.keys import KeyRing
from eudoxus.service.settings import Settings
from eudoxus.service.store import RunStore
from tests.service.conftest import Running

DOUBLE = "def double(n):\n    return n + n\n"
ENDLESS = "def double(n):\n    while True: pass\n"
RIGHT, WRONG = {"code": "assert double(2) == 4"}, {"code": "assert double(2) == 5"}


def run(http: httpx2.Client, **body: Any) -> httpx2.Response:
    return http.post("/v1/sandbox/run", json=body)


def test_each_test_gets_its_own_verdict(http: httpx2.Client):
    said = run(http, code=DOUBLE, tests=[RIGHT, WRONG, {"code": "assert double(None) == 0"}])
    assert said.status_code == 200, said.text
    body = said.json()
    assert [test["outcome"] for test in body["tests"]] == ["passed", "failed", "error"]
    assert body["tests"][2]["exc"]["type"] == "TypeError"
    assert body["verdict"] == "final"
    assert body["outcome"] != "passed"
    assert body["isolation"]["level"]


def test_cases_are_inputs_and_expected_values(http: httpx2.Client):
    cases = [{"args": [2], "expected": 4}, {"args": [{"$tuple": [1]}], "expected": {"$tuple": [1, 1]}}, {"args": [1], "expected": 3}]
    body = run(http, code=DOUBLE, entry="double", cases=cases).json()
    assert [test["outcome"] for test in body["tests"]] == ["passed", "passed", "failed"]


def test_bundled_verdicts_say_that_they_are_provisional(http: httpx2.Client):
    body = run(http, code=DOUBLE, tests=[RIGHT], mode="bundle").json()
    assert (body["outcome"], body["verdict"]) == ("passed", "provisional")


def test_the_setup_is_there_for_the_tests(http: httpx2.Client):
    body = run(http, code=DOUBLE, setup="def four():\n    return 4\n", tests=[{"code": "assert double(2) == four()"}]).json()
    assert body["outcome"] == "passed"


def test_a_program_that_cannot_be_loaded_is_a_result_and_not_an_error(http: httpx2.Client):
    said = run(http, code="def double(n: return", tests=[RIGHT])
    assert (said.status_code, said.json()["outcome"]) == (200, "load_error")


def test_a_program_without_end_is_ended(http: httpx2.Client):
    body = run(http, code=ENDLESS, tests=[RIGHT], limits={"wall_s": 1, "call_s": 0.3}).json()
    assert body["outcome"] == "timeout"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"code": DOUBLE, "tests": [{"cod": "x"}]}, "tests/0/cod"),
        ({"code": DOUBLE, "tests": [RIGHT], "limits": {"wall_s": -1}}, "limits/wall_s"),
        ({"code": DOUBLE, "tests": [RIGHT], "limits": {"wall_s": 1e9}}, "limits/wall_s"),
        ({"code": DOUBLE, "tests": [RIGHT], "limits": {"memory_mb": 10**9}}, "limits/memory_mb"),
        ({"code": DOUBLE, "tests": [RIGHT], "mode": "io"}, "mode"),
        ({"code": DOUBLE, "cases": [{"args": [1]}], "entry": "double", "mode": "split"}, "mode"),
        ({"code": DOUBLE, "cases": [{"args": [1]}]}, "entry"),
        ({"code": DOUBLE, "tests": [RIGHT], "cases": [{"args": [1]}]}, "cases"),
        ({"code": DOUBLE, "tests": [RIGHT], "trace": "everything"}, "trace"),
        ({"code": DOUBLE, "tests": [RIGHT], "wishes": 1}, "wishes"),
    ],
)
def test_a_field_that_is_wrong_is_named(http: httpx2.Client, body: dict[str, Any], field: str):
    said = http.post("/v1/sandbox/run", json=body)
    assert said.status_code == 422, said.text
    assert field in [error["pointer"].removeprefix("#/") for error in said.json()["errors"]]


def test_a_value_that_cannot_be_read_is_named(http: httpx2.Client):
    said = run(http, code=DOUBLE, entry="double", cases=[{"args": [{"$bytes": 7}], "expected": 4}])
    assert said.status_code in (400, 422)
    assert "cases" in said.json()["detail"]


@pytest.mark.parametrize(("body", "status"), [(b"{", 422), (b'{"code": "", "seed": 1, "cases": [{"args": [NaN]}]}', 400)])
def test_what_is_not_json_is_refused(http: httpx2.Client, body: bytes, status: int):
    said = http.post("/v1/sandbox/run", content=body, headers={"content-type": "application/json"})
    assert (said.status_code, said.json()["error"]["type"]) == (status, "invalid_request_error")


def test_the_level_and_the_self_test_are_shown(http: httpx2.Client):
    said = http.get("/v1/sandbox")
    assert said.status_code == 200, said.text
    body = said.json()
    assert body["backend"] in ("bwrap", "lockdown")
    assert body["level"] != "none"
    assert len(body["table"]) > 5


def test_space_to_write_is_neither_offered_nor_silently_refused(http: httpx2.Client):
    assert "scratch_mb" not in http.get("/openapi.json").text
    said = run(http, code=DOUBLE, tests=[RIGHT], limits={"scratch_mb": 5})
    assert said.status_code == 422, said.text
    assert "scratch_mb" in said.text


# -- load ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def narrow(settings: Settings) -> Iterator[Running]:
    """One slot, and nobody may wait."""
    running = Running(settings.model_copy(update={"sandbox_slots": 1, "sandbox_queue": 0}))
    yield running
    running.stop()


def test_beyond_the_queue_the_answer_is_429_with_the_seconds_to_wait(narrow: Running):
    with narrow.http() as http, ThreadPoolExecutor(1) as other:
        assert run(http, code=DOUBLE, tests=[RIGHT]).json()["outcome"] == "passed"
        first = other.submit(run, http, code=ENDLESS, tests=[RIGHT], limits={"wall_s": 4, "call_s": 4})
        time.sleep(0.5)
        said = run(http, code=DOUBLE, tests=[RIGHT])
        assert (said.status_code, said.json()["code"]) == (429, "sandbox_busy"), said.text
        assert int(said.headers["retry-after"]) >= 1
        assert first.result().json()["outcome"] == "timeout"
        assert run(http, code=DOUBLE, tests=[RIGHT]).json()["outcome"] == "passed"


def test_a_client_that_leaves_frees_its_slot(narrow: Running):
    with narrow.http() as http:
        run(http, code=DOUBLE, tests=[RIGHT])
        with httpx2.Client(base_url=narrow.url, timeout=0.5) as hasty, pytest.raises(httpx2.TimeoutException):
            run(hasty, code=ENDLESS, tests=[RIGHT], limits={"wall_s": 60, "call_s": 60, "cpu_s": 60})
        start = time.monotonic()
        while run(http, code=DOUBLE, tests=[RIGHT]).status_code == 429:
            assert time.monotonic() - start < 30, "the slot was not freed"
            time.sleep(0.05)


# -- who may ---------------------------------------------------------------------------------------------------------------


def key(settings: Settings, *scopes: str) -> dict[str, str]:
    async def made() -> str:
        store = RunStore(settings.database)
        text, _ = await KeyRing(store.database).create("test", frozenset(scopes))
        await store.aclose()
        return text

    return {"authorization": f"Bearer {asyncio.run(made())}"}


def test_programs_need_the_scope_to_write_and_the_level_the_scope_to_read(settings: Settings):
    reads, writes = key(settings, "runs:read"), key(settings, "runs:write")
    running = Running(settings)
    try:
        with running.http() as http:
            body = {"code": DOUBLE, "tests": [RIGHT]}
            assert http.post("/v1/sandbox/run", json=body).status_code == 401
            refused = http.post("/v1/sandbox/run", json=body, headers=reads)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
            assert http.post("/v1/sandbox/run", json=body, headers=writes).status_code == 200
            assert http.get("/v1/sandbox", headers=reads).status_code == 200
    finally:
        running.stop()


# -- without isolation -----------------------------------------------------------------------------------------------------


@pytest.fixture
def without(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A service that is told to use the unsafe backend, by somebody who does not say that they know what that means."""
    running = Running(settings.model_copy(update={"sandbox_backend": "unsafe"}))
    yield running
    running.stop()


def test_without_isolation_nothing_is_run_and_the_answer_says_what_to_do(without: Running):
    with without.http() as http:
        start = time.monotonic()
        for said in (run(http, code=DOUBLE, tests=[RIGHT]), http.get("/v1/sandbox")):
            assert (said.status_code, said.json()["code"]) == (503, "sandbox_unavailable"), said.text
            (missing,) = said.json()["missing"]
            assert "sandbox_i_understand" in missing["fix"].lower()
        assert time.monotonic() - start < 20


def test_the_unsafe_backend_says_so_in_every_result(settings: Settings, tmp_path: Path):
    running = Running(settings.model_copy(update={"sandbox_backend": "unsafe", "sandbox_i_understand": True}))
    try:
        with running.http() as http:
            body = run(http, code=DOUBLE, tests=[RIGHT]).json()
            assert (body["outcome"], body["isolation"]["level"]) == ("passed", "none")
    finally:
        running.stop()
