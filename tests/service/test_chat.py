"""Any OpenAI client works by changing its base URL and the model name."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest

from tests.service.conftest import Running
from tests.service.upstream import Upstream
from tests.waiting import until

HELLO: Any = [{"role": "user", "content": "2 + 2?"}]


def test_a_plain_model_name_is_passed_through_with_usage_and_run_id(client: openai.OpenAI, upstream: Upstream) -> None:
    answer = client.chat.completions.create(model="up:some/model", messages=HELLO, temperature=0.5, extra_body={"top_k": 3})
    assert answer.choices[0].message.content == "four" and answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None and answer.usage.total_tokens == 15
    assert answer.id == f"chatcmpl-{answer.eudoxus['run_id']}"  # type: ignore[attr-defined]
    [sent] = upstream.bodies
    assert sent["model"] == "some/model" and sent["temperature"] == 0.5 and sent["top_k"] == 3
    assert "stream" not in sent or sent["stream"] is False


def test_a_strategy_in_the_model_name_answers_by_several_calls(client: openai.OpenAI, upstream: Upstream) -> None:
    answer = client.chat.completions.create(model="steps(count=3)/up:m", messages=HELLO)
    assert answer.choices[0].message.content == "four four four" and len(upstream.bodies) == 3
    assert answer.usage is not None and answer.usage.completion_tokens == 15


def test_n_gives_as_many_independent_runs_and_adds_up_their_usage(client: openai.OpenAI, upstream: Upstream) -> None:
    answer = client.chat.completions.create(model="up:m", messages=HELLO, n=3, seed=7)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage is not None and answer.usage.prompt_tokens == 30
    assert sorted(body["seed"] for body in upstream.bodies) == [7, 8, 9]
    assert len({run["run_id"] for run in answer.eudoxus["runs"]}) == 3  # type: ignore[attr-defined]


def test_a_stream_arrives_piece_by_piece_and_ends_with_usage(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.answer = lambda body: "four it is"
    chunks = list(client.chat.completions.create(model="up:m", messages=HELLO, stream=True, stream_options={"include_usage": True}))
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert texts == ["four ", "it ", "is "]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == [] and chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 15


def test_the_stream_keeps_the_rules_that_openai_clients_depend_on(http: httpx2.Client) -> None:
    body = {"model": "up:m", "messages": HELLO, "stream": True}
    with http.stream("POST", "/v1/chat/completions", json=body) as response:
        lines = list(response.iter_lines())
    assert lines[0].startswith(":"), "a comment at once, so that the headers leave"
    assert not any(line.startswith(("id:", "retry:", "event:")) for line in lines)
    assert [line for line in lines if line][-1] == "data: [DONE]"
    assert not any('"choices":[]' in line for line in lines), "an empty choice list only for usage that was asked for"


def test_progress_comes_in_chunks_that_other_clients_take_for_empty_text(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="steps(count=2)/up:m", messages=HELLO, stream=True, extra_body={"eudoxus": {"stream_events": True}}
        )
    )
    told = [chunk.model_extra["eudoxus"]["type"] for chunk in chunks if "eudoxus" in (chunk.model_extra or {})]
    assert told.count("call.completed") == 2 and "candidate.best" in told
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "four four"


def test_a_stream_of_n_choices_keeps_them_apart(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="up:m", messages=HELLO, n=2, stream=True))
    texts = ["".join(c.choices[0].delta.content or "" for c in chunks if c.choices[0].index == i) for i in (0, 1)]
    assert texts == ["four ", "four "]


def test_tool_calls_pass_through_unchanged(client: openai.OpenAI, upstream: Upstream) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    upstream.more = {"tool_calls": [call], "reasoning_content": "hm"}
    tools: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    answer = client.chat.completions.create(model="up:m", messages=HELLO, tools=tools)
    message = answer.choices[0].message
    assert message.tool_calls is not None and message.tool_calls[0].to_dict() == call
    assert message.model_extra == {"reasoning_content": "hm"}
    assert upstream.bodies[0]["tools"] == tools


@pytest.mark.parametrize("field, value", [("functions", []), ("modalities", ["audio"]), ("frobnicate", 1)])
def test_a_field_that_is_not_supported_is_refused_by_name(client: openai.OpenAI, field: str, value: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(model="up:m", messages=HELLO, extra_body={field: value})
    assert refusal.value.code == "unsupported_parameter" and refusal.value.param == field and field in str(refusal.value)


@pytest.mark.parametrize(
    "body, param",
    [
        ({"model": "up:m"}, "messages"),
        ({"model": "up:m", "messages": []}, "messages"),
        ({"messages": HELLO}, "model"),
        ({"model": "up:m", "messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role"),
        ({"model": "up:m", "messages": HELLO, "temperature": 9}, "temperature"),
        ({"model": "up:m", "messages": HELLO, "n": 0}, "n"),
        ({"model": "up:m", "messages": HELLO, "stream": "yes"}, "stream"),
        ({"model": "up:m", "messages": HELLO, "eudoxus": {"budget": {"requests": -1}}}, "eudoxus.budget.requests"),
        ({"model": "up:m", "messages": HELLO, "eudoxus": {"sed": 1}}, "eudoxus.sed"),
        ({"model": "steps(count=x)/up:m", "messages": HELLO}, "params.count"),
    ],
)
def test_what_is_wrong_is_named(http: httpx2.Client, body: dict[str, Any], param: str) -> None:
    response = http.post("/v1/chat/completions", json=body)
    said = response.json()
    assert response.status_code == 400 and said["error"]["param"] == param, said
    assert response.headers["content-type"] == "application/problem+json" and said["detail"] == said["error"]["message"]


def test_an_unknown_strategy_is_a_model_that_is_not_found_and_shown_with_a_caret(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refusal:
        client.chat.completions.create(model="best_of/up:m", messages=HELLO)
    assert refusal.value.code == "model_not_found" and "^^^^^^^" in str(refusal.value) and "best_of_n" in str(refusal.value)


def test_the_body_can_name_strategy_and_params_beside_the_model(client: openai.OpenAI, upstream: Upstream) -> None:
    extra = {"eudoxus": {"strategy": "steps", "params": {"count": 2}}}
    answer = client.chat.completions.create(model="up:m", messages=HELLO, extra_body=extra)
    assert answer.choices[0].message.content == "four four"


def test_a_limit_gives_the_best_answer_so_far(client: openai.OpenAI) -> None:
    extra = {"eudoxus": {"budget": {"requests": 2}}}
    answer = client.chat.completions.create(model="steps/up:m", messages=HELLO, extra_body=extra)
    assert answer.choices[0].message.content == "four four" and answer.eudoxus["outcome"] == "limit"  # type: ignore[attr-defined]


def test_a_limit_without_any_answer_is_said_and_not_repeated(service: Running, upstream: Upstream) -> None:
    with pytest.raises(openai.APIStatusError) as refusal:
        service.client(max_retries=2).chat.completions.create(
            model="up:m", messages=HELLO, extra_body={"eudoxus": {"budget": {"requests": 0}}}
        )
    assert refusal.value.status_code == 402 and refusal.value.code == "budget_exceeded" and upstream.bodies == []


def test_a_failing_endpoint_is_a_502_that_the_client_does_not_repeat(service: Running, upstream: Upstream) -> None:
    upstream.status = 400
    with pytest.raises(openai.InternalServerError) as failure:
        service.client(max_retries=2).chat.completions.create(model="up:m", messages=HELLO)
    assert failure.value.status_code == 502 and failure.value.code == "upstream_error" and "no luck" in str(failure.value)
    assert len(upstream.bodies) == 1


def test_a_stream_that_fails_says_so_in_the_stream(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.status = 400
    with pytest.raises(openai.APIError, match="no luck"):
        list(client.chat.completions.create(model="up:m", messages=HELLO, stream=True))


def test_a_stream_that_the_model_breaks_off_goes_on_where_it_was(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.answer, upstream.cuts = lambda body: "four it is", 1
    chunks = client.chat.completions.create(model="up:m", messages=HELLO, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).strip() == "four it is" and len(upstream.bodies) == 2


def test_a_stream_whose_second_try_says_something_else_ends_with_an_error(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.cuts = 1
    upstream.answer = lambda body: "four it is" if len(upstream.bodies) > 1 else "perhaps five"
    with pytest.raises(openai.APIError, match="answered differently when asked again"):
        list(client.chat.completions.create(model="up:m", messages=HELLO, stream=True))


def test_a_strategy_that_finds_nothing_is_an_error_with_its_reason(client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="nothing to be found"):
        client.chat.completions.create(model="clueless/up:m", messages=HELLO)


def test_a_bug_shows_nothing_of_the_inside(http: httpx2.Client) -> None:
    response = http.post("/v1/chat/completions", json={"model": "buggy/up:m", "messages": HELLO})
    said = response.json()
    assert response.status_code == 500 and said["code"] == "internal" and said["run_id"].startswith("run_")
    assert "secret" not in response.text and "Traceback" not in response.text and response.headers["x-should-retry"] == "false"
    run = http.get(f"/v1/runs/{said['run_id']}")
    assert run.json()["status"] == "failed" and "secret" not in run.text


def test_a_full_disk_is_a_503_and_everything_recorded_is_kept(service: Running, http: httpx2.Client, upstream: Upstream) -> None:
    before = http.post("/v1/chat/completions", json={"model": "up:m", "messages": HELLO}).json()["eudoxus"]["run_id"]
    writer = service.app.state.services.store.database._writer
    [[pages]] = writer.execute("PRAGMA page_count").fetchall()
    writer.execute(f"PRAGMA max_page_count = {pages}")
    upstream.answer = lambda body: "x" * 100_000
    full = http.post("/v1/chat/completions", json={"model": "steps(count=9)/up:m", "messages": HELLO})
    assert full.status_code == 503 and full.json()["code"] == "journal_full" and full.headers["retry-after"]
    assert len(upstream.bodies) <= 3, "no call whose answer could not be kept"
    writer.execute("PRAGMA max_page_count = 1073741823")
    assert http.get(f"/v1/runs/{before}").json()["status"] == "completed"
    assert http.post("/v1/chat/completions", json={"model": "up:m", "messages": HELLO}).status_code == 200


async def test_when_the_client_goes_away_the_run_is_cancelled(
    service: Running, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eudoxus.service.chat_runs.GRACE_SECONDS", 0.1)
    upstream.delay = 3
    with pytest.raises(openai.APITimeoutError):
        service.client(timeout=0.3).chat.completions.create(model="steps(count=9)/up:m", messages=HELLO)
    with service.http() as http:
        await until(lambda: http.get("/v1/runs").json()["data"][0]["status"] == "cancelled")
        assert "disconnected" in http.get("/v1/runs").json()["data"][0]["error"]["message"]
    assert len(upstream.bodies) == 1


def test_a_clients_own_retry_joins_the_run_under_way(service: Running, upstream: Upstream) -> None:
    upstream.delay = 1.2
    answer = service.client(timeout=0.8, max_retries=3).chat.completions.create(model="up:m", messages=HELLO)
    assert answer.choices[0].message.content == "four" and len(upstream.bodies) == 1


def test_an_idempotency_key_gives_the_same_answer_without_a_second_run(http: httpx2.Client, upstream: Upstream) -> None:
    body, headers = {"model": "up:m", "messages": HELLO}, {"idempotency-key": "k1"}
    first = http.post("/v1/chat/completions", json=body, headers=headers)
    again = http.post("/v1/chat/completions", json=body, headers=headers)
    assert first.json()["id"] == again.json()["id"] and again.headers["idempotent-replayed"] == "true" and len(upstream.bodies) == 1
    other = http.post("/v1/chat/completions", json={**body, "temperature": 1}, headers=headers)
    assert other.status_code == 422 and other.json()["code"] == "idempotency_mismatch" and other.headers["x-should-retry"] == "false"


def test_nul_bytes_and_any_unicode_survive_the_way_there_and_back(client: openai.OpenAI, upstream: Upstream) -> None:
    odd = "a\x00b \u2028 \U0001f9ee {{x}} --- user --- \ufeff"
    upstream.answer = lambda body: body["messages"][-1]["content"]
    answer = client.chat.completions.create(model="up:m", messages=[{"role": "user", "content": odd}])
    assert answer.choices[0].message.content == odd


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"model": "\\ud800"}', b"[" * 100_000, b"nan"])
def test_what_is_no_request_is_a_400(http: httpx2.Client, body: bytes) -> None:
    response = http.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400 and response.json()["code"] == "invalid_request"


def test_a_deeply_nested_value_is_refused_not_a_crash(http: httpx2.Client) -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    body = json.dumps({"model": "up:m", "messages": HELLO, "guided_json": deep})
    response = http.post("/v1/chat/completions", content=body)
    assert response.status_code == 400, response.text


def test_a_body_too_large_is_a_413_whether_its_length_is_announced_or_not(http: httpx2.Client) -> None:
    large = b" " * (20 * 1024 * 1024)
    announced = http.post("/v1/chat/completions", content=large)
    chunked = http.post("/v1/chat/completions", content=(large[i : i + 65536] for i in range(0, len(large), 65536)))
    assert [announced.status_code, chunked.status_code] == [413, 413] and announced.json()["code"] == "body_too_large"


def test_models_lists_endpoints_models_and_presets_and_describes_combinations(client: openai.OpenAI) -> None:
    assert {"up:m", "hand:person", "careful"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("best_of_n(n=3)/up:m").owned_by == "up"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nix(n=3)/up:m")
