"""The client against a real server on loopback, over both transports."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response

from eudoxus.runtime import ChatRequest, Message
from eudoxus.runtime.endpoints import Call, OpenAIConfig, Price
from eudoxus.runtime.endpoints.openai import OpenAIEndpoint
from eudoxus.runtime.errors import (
    CapabilityMissing,
    EndpointAuthError,
    EndpointError,
    EndpointRateLimited,
    EndpointTimeout,
    EndpointUnavailable,
    InvalidRequest,
    MalformedAnswer,
)
from tests.waiting import until

from .conftest import Client, Pauses
from .mock import (
    KEY,
    Server,
    completion,
    good,
    ignoring_n,
    in_json,
    never,
    one_at_a_time,
    refusing,
    saying,
    serving_bytes,
)

OK = b"HTTP/1.1 200 OK\r\n"


async def test_an_answer_comes_with_its_usage_price_and_origin(client: Client, question: ChatRequest):
    response = await client(prices={"m": Price(input=1.0, output=2.0, cached=0.5)}).complete("m", question, 1, Call())
    assert [c.text for c in response.completions] == ["four"]
    assert (response.model, response.upstream_ids, response.tries) == ("m", ("chatcmpl-1",), 1)
    usage = response.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens) == (10, 3, 4, 1)
    assert usage.cost == pytest.approx((6 * 1.0 + 4 * 0.5 + 3 * 2.0) / 1e6)
    assert not usage.estimated


async def test_the_request_goes_out_unchanged_with_extra_merged_and_our_own_names_left_out(client: Client, server: Server):
    message = Message(role="assistant", content=None, tool_calls=[{"id": "1"}], extra={"reasoning_content": "hm"})
    asked = ChatRequest(
        messages=(Message(role="user", content=[{"type": "text", "text": "hi"}]), message), max_tokens=9, stop=("a",), temperature=0.0,
        extra={"top_k": 4, "model": "sneaky", "stream": True, "n": 7}, prompt="id@hash",
    )
    await client().complete("m", asked, 1, Call(idempotency_key="run_1/root/c0"))
    assert server.bodies == [{
        "model": "m", "max_tokens": 9, "stop": ["a"], "temperature": 0.0, "top_k": 4,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}], "reasoning_content": "hm"},
        ],
    }]
    assert server.headers[0]["idempotency-key"] == "run_1/root/c0"


async def test_max_tokens_has_the_name_that_the_server_wants(client: Client, server: Server, question: ChatRequest):
    await client(max_tokens_field="max_completion_tokens").complete("m", question.model_copy(update={"max_tokens": 5}), 1, Call())
    assert server.bodies[0]["max_completion_tokens"] == 5
    assert "max_tokens" not in server.bodies[0]
    assert OpenAIEndpoint(OpenAIConfig(base_url="https://api.openai.com/v1"))._max_tokens_field == "max_completion_tokens"


async def test_a_number_that_json_cannot_hold_is_an_invalid_request(client: Client, question: ChatRequest):
    with pytest.raises(InvalidRequest, match="JSON"):
        await client().complete("m", question.model_copy(update={"extra": {"x": 2**70}}), 1, Call())


async def test_a_refused_key_names_the_field_to_set_and_is_not_shown(client: Client, question: ChatRequest):
    endpoint = client(api_key="sk-wrong-key-0123456789")
    with pytest.raises(EndpointAuthError, match=r"endpoints\.mock\.api_key") as caught:
        await endpoint.complete("m", question, 1, Call())
    assert "Incorrect API key" in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__) + repr(endpoint) + repr(endpoint._config)
    assert "sk-wrong" not in shown


async def test_a_key_from_the_environment_is_named_by_its_variable(client: Client, question: ChatRequest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_KEY", "sk-wrong-key-0123456789")
    with pytest.raises(EndpointAuthError, match="environment variable MY_KEY"):
        await client(api_key=None, api_key_env="MY_KEY").complete("m", question, 1, Call())
    monkeypatch.delenv("MY_KEY")
    endpoint = client(api_key=None, api_key_env="MY_KEY")
    with pytest.raises(EndpointAuthError, match="has no key: set the environment variable MY_KEY"):
        await endpoint.complete("m", question, 1, Call())
    assert not (await endpoint.check()).ok


@pytest.mark.parametrize(
    "echo", [refusing(400, f"bad {KEY} header"), saying(f"<html>{KEY}</html>"), saying(f"broken {KEY}"), refusing(503, KEY)]
)
async def test_a_key_that_the_server_repeats_is_hidden(client: Client, server: Server, question: ChatRequest, echo):
    server.script = [echo] * 6
    with pytest.raises(EndpointError) as caught:
        await client().complete("m", question, 1, Call())
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert "[key]" in str(caught.value)


async def test_a_rate_limit_is_waited_for_as_long_as_it_says(client: Client, server: Server, question: ChatRequest, pauses: Pauses):
    server.script = [refusing(429, "slow down", retry_after="7"), refusing(429, "slow down", retry_after_ms="1500")]
    told: list[tuple[str, float]] = []
    response = await client().complete("m", question, 1, Call(on_retry=lambda reason, seconds: told.append((reason, seconds))))
    assert pauses.taken == [7.0, 1.5]
    assert told == [("429", 7.0), ("429", 1.5)]
    assert response.tries == 3


async def test_a_rate_limit_without_end_is_an_error_of_its_own(client: Client, server: Server, question: ChatRequest, pauses: Pauses):
    server.script = [refusing(429)] * 6
    with pytest.raises(EndpointRateLimited, match="after 6 tries"):
        await client().complete("m", question, 1, Call())
    assert len(pauses.taken) == 5


async def test_a_wait_beyond_two_minutes_fails_at_once(client: Client, server: Server, question: ChatRequest, pauses: Pauses):
    server.script = [refusing(429, retry_after="121")]
    with pytest.raises(EndpointRateLimited, match="asks to wait 121 s"):
        await client().complete("m", question, 1, Call())
    assert not pauses.taken


async def test_a_passing_failure_is_tried_again(client: Client, server: Server, question: ChatRequest):
    server.script = [refusing(500), refusing(529)]
    assert (await client().complete("m", question, 1, Call())).tries == 3


async def test_the_server_decides_whether_a_failure_passes(client: Client, server: Server, question: ChatRequest):
    server.script = [refusing(500, x_should_retry="false")]
    with pytest.raises(EndpointUnavailable):
        await client().complete("m", question, 1, Call())
    server.script = [refusing(400, x_should_retry="true")]
    assert (await client().complete("m", question, 1, Call())).tries == 2


async def test_a_failure_that_does_not_pass_is_unavailable_with_the_servers_words(client: Client, server: Server, question: ChatRequest):
    server.script = [saying("<html><body>Bad <b>gateway</b></body></html>", 502, "text/html")] * 6
    with pytest.raises(EndpointUnavailable, match="502: Bad gateway") as caught:
        await client().complete("m", question, 1, Call())
    assert caught.value.status == 502


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_refused_request_is_not_tried_again(client: Client, server: Server, question: ChatRequest, status: int):
    server.script = [refusing(status, "maximum context length is 10")]
    with pytest.raises(EndpointError, match="maximum context length") as caught:
        await client().complete("m", question, 1, Call())
    assert not caught.value.retryable
    assert len(server.bodies) == 1


async def test_an_unknown_model_is_told_which_there_are(client: Client, question: ChatRequest):
    with pytest.raises(EndpointError, match=r"has no model 'gpt'.*it has m, other"):
        await client().complete("gpt", question, 1, Call())


async def test_a_redirect_is_not_followed(client: Client, server: Server, question: ChatRequest):
    server.script = [refusing(307, location="http://127.0.0.1:1/")]
    with pytest.raises(EndpointError, match="redirects"):
        await client().complete("m", question, 1, Call())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<!doctype html><html><title>Welcome</title></html>", "Welcome.*right base_url"),
        ('{"choices": []}', "no choices"),
        ('{"choices": null, "usage": null}', "no choices"),
        ('{"choices": [{"index": 0}]}', "without a message"),
        ('{"choices": [7]}', "not an object"),
        ('{"choices": [{"message": {"content": "4", "tool_calls": [1]}}]}', "not what it should be"),
        ('{"choices": [{"message"', "not JSON"),
        ("[]", "not a JSON object"),
        ("", "not JSON"),
    ],
)
async def test_what_is_no_completion_is_malformed_and_shown(client: Client, server: Server, question: ChatRequest, body: str, reason: str):
    server.script = [saying(body)]
    with pytest.raises(MalformedAnswer, match=reason):
        await client().complete("m", question, 1, Call())
    assert len(server.bodies) == 1


async def test_an_error_inside_a_successful_answer_is_an_error(client: Client, server: Server, question: ChatRequest):
    server.script = [in_json({"error": {"message": "upstream is busy", "code": 429}})]
    assert (await client().complete("m", question, 1, Call())).tries == 2
    server.script = [in_json({"error": {"message": "upstream is sad"}})]
    with pytest.raises(EndpointError, match="upstream is sad"):
        await client().complete("m", question, 1, Call())


async def test_null_content_tool_calls_and_unknown_fields_survive(client: Client, server: Server, question: ChatRequest):
    calls = [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}]
    body = completion([""], content=None, tool_calls=calls, reasoning_content="let me see", annotations=[])
    body["choices"][0]["finish_reason"] = None
    server.script = [in_json(body)]
    answer = (await client().complete("m", question, 1, Call())).completions[0]
    assert (answer.text, answer.tool_calls, answer.finish_reason) == ("", calls, "tool_calls")
    assert answer.extra == {"reasoning_content": "let me see"}


async def test_logprobs_have_one_shape(client: Client, server: Server, question: ChatRequest):
    chat, older = completion(["4"]), completion(["4"])
    chat["choices"][0]["logprobs"] = {"content": [
        {"token": "4", "bytes": [52], "logprob": -0.1, "top_logprobs": [{"token": "4", "bytes": [52], "logprob": -0.1}]}
    ]}
    older["choices"][0]["logprobs"] = {"tokens": ["4"], "token_logprobs": [-0.1], "top_logprobs": [{"4": -0.1}]}
    server.script = [in_json(chat), in_json(older), in_json(completion(["4"]))]
    asked, endpoint = question.model_copy(update={"logprobs": True, "top_logprobs": 1}), client()
    found = [(await endpoint.complete("m", asked, 1, Call())).completions[0].logprobs for _ in range(2)]
    assert found[0] == [{"token": "4", "bytes": [52], "logprob": -0.1, "top": [{"token": "4", "bytes": [52], "logprob": -0.1}]}]
    assert found[1] == [{"token": "4", "bytes": None, "logprob": -0.1, "top": [{"token": "4", "bytes": None, "logprob": -0.1}]}]
    with pytest.raises(CapabilityMissing, match="gave no log-probabilities"):
        await endpoint.complete("m", asked, 1, Call())


async def test_usage_that_is_not_told_is_estimated(client: Client, server: Server, question: ChatRequest):
    server.script = [in_json(completion(["four!"]) | {"usage": None})]
    usage = (await client().complete("m", question, 1, Call())).usage
    assert usage.estimated
    assert (usage.prompt_tokens, usage.completion_tokens) == (4, 2)


async def test_n_is_asked_for_at_once_where_the_server_can(client: Client, server: Server, question: ChatRequest):
    response = await client().complete("m", question, 5, Call())
    assert len(response.completions) == 5
    assert [body["n"] for body in server.bodies] == [5]
    assert response.usage.prompt_tokens == 10


@pytest.mark.parametrize(("behaviour", "first"), [(one_at_a_time, 6), (ignoring_n, 5)])
async def test_n_is_emulated_and_the_lack_remembered(client: Client, server: Server, question: ChatRequest, behaviour, first: int):
    server.script = [behaviour] * 20
    endpoint = client()
    response = await endpoint.complete("m", question, 5, Call(idempotency_key="k"))
    assert len(response.completions) == len(response.upstream_ids) == 5
    assert response.usage.prompt_tokens == 50
    assert len(server.bodies) == first
    assert len({h["idempotency-key"] for h in server.headers}) == first
    await endpoint.complete("m", question, 5, Call())
    assert len(server.bodies) == first + 5
    assert all("n" not in body for body in server.bodies[-5:])


async def test_a_rate_limit_does_not_mean_that_n_is_unsupported(client: Client, server: Server, question: ChatRequest):
    server.script = [refusing(429, retry_after="0")]
    await client().complete("m", question, 3, Call())
    assert [body["n"] for body in server.bodies] == [3, 3]


async def test_a_bad_request_for_many_answers_is_still_a_bad_request(client: Client, server: Server, question: ChatRequest):
    server.script = [refusing(400, "context too long")] * 2 + [good]
    endpoint = client()
    with pytest.raises(EndpointError, match="context too long"):
        await endpoint.complete("m", question, 3, Call())
    await endpoint.complete("m", question, 3, Call())
    assert server.bodies[-1]["n"] == 3


async def test_missing_answers_are_topped_up(client: Client, server: Server, question: ChatRequest):
    server.script = [in_json(completion(["a", "b", "c"]))]
    response = await client().complete("m", question, 5, Call())
    assert [c.text for c in response.completions] == ["a", "b", "c", "four", "four"]


async def test_one_failing_answer_of_several_cancels_the_others(client: Client, server: Server, question: ChatRequest):
    async def refusing_at_last(server: Server, request: Request, body: dict[str, Any]) -> Response:
        await until(lambda: len(server.bodies) == 4)
        return await refusing(413, "too long")(server, request, body)

    server.script = [in_json(completion(["a"])), never, refusing_at_last, never]
    with pytest.raises(EndpointError, match="too long"):
        await client().complete("m", question, 4, Call())
    await until(lambda: server.closed_early == 2)


async def test_a_server_that_never_answers_is_left_in_time(client: Client, server: Server, question: ChatRequest):
    server.script = [never, never]
    with pytest.raises(EndpointTimeout, match=r"within 0\.6 s"):
        await client().complete("m", question, 1, Call(timeout=0.6))
    with pytest.raises(EndpointTimeout, match=r"silent for 0\.7 s"):
        await client(timeout_s=0.7).complete("m", question, 1, Call())
    await until(lambda: server.closed_early == 2)


async def test_a_cancelled_call_hangs_up_and_gives_its_slot_back(client: Client, server: Server, question: ChatRequest):
    server.script = [never]
    endpoint = client()
    call = asyncio.ensure_future(endpoint.complete("m", question, 1, Call()))
    await until(lambda: server.in_flight == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: server.closed_early == 1)
    assert endpoint.limiters()["m"].idle


async def test_a_refused_connection_is_tried_again_and_then_unavailable(client: Client, question: ChatRequest, pauses: Pauses):
    endpoint = client(base_url="http://127.0.0.1:1/v1")
    with pytest.raises(EndpointUnavailable, match=r"cannot connect .*127\.0\.0\.1:1/v1.*after 6 tries") as caught:
        await endpoint.complete("m", question, 1, Call())
    assert caught.value.retryable
    assert len(pauses.taken) == 5
    assert not (await endpoint.check()).ok
    assert await endpoint.models() == []


@pytest.mark.parametrize("cut", [b"", OK + b"Content-Length: 50\r\n\r\n{\"choices\"", OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"ch"])
async def test_an_answer_cut_short_is_unavailable(client: Client, question: ChatRequest, cut: bytes):
    async with serving_bytes(cut) as url:
        with pytest.raises(EndpointUnavailable, match="broke its answer off"):
            await client(base_url=url).complete("m", question, 1, Call())


async def test_what_is_not_http_is_malformed(client: Client, question: ChatRequest):
    async with serving_bytes(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as url:
        with pytest.raises(EndpointError, match=r"not understandable as HTTP|broke its answer off"):
            await client(base_url=url).complete("m", question, 1, Call())


async def test_an_endless_answer_is_not_read_to_the_end(
    client: Client, server: Server, question: ChatRequest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("eudoxus.runtime.endpoints.transport.LONGEST_ANSWER", 1 << 20)
    server.script = [saying(orjson.dumps({"x": "a" * (2 << 20)}))]
    with pytest.raises(MalformedAnswer, match="more than 1 MiB"):
        await client().complete("m", question, 1, Call())
