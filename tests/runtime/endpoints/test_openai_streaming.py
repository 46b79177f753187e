"""Answers that arrive in pieces, over both transports."""

from __future__ import annotations

import pytest

from eudoxus.runtime import ChatRequest
from eudoxus.runtime.endpoints import Call
from eudoxus.runtime.errors import EndpointError, EndpointUnavailable

from .conftest import Client
from .mock import USAGE, Server, answering, chunk, completion, event, in_json, refusing, stream


async def test_text_is_passed_on_as_it_arrives(client: Client, question: ChatRequest):
    pieces: list[str] = []
    response = await client().complete("m", question, 1, Call(on_delta=pieces.append))
    assert pieces == ["fo", "ur"]
    assert response.completions[0].text == "four"
    assert (response.usage.completion_tokens, response.usage.estimated) == (2, False)


async def test_streamed_tool_calls_reasoning_and_logprobs_are_put_together(client: Client, server: Server, question: ChatRequest):
    def call(**function: str):
        return [{"index": 0, "id": "c1" if "name" in function else None, "function": function}]

    with_logprobs = chunk(content="x")
    with_logprobs["choices"][0]["logprobs"] = {"content": [{"token": "x", "bytes": [120], "logprob": -1.0, "top_logprobs": []}]}
    server.script = [answering(lambda: stream(
        b": keepalive\n\n", event(chunk(role="assistant", reasoning_content="let ")), event(chunk(reasoning_content="me")),
        event(with_logprobs), event(chunk(tool_calls=call(name="add", arguments='{"a"'))), event(chunk(tool_calls=call(arguments=": 1}"))),
        event(chunk(finish="tool_calls")), event(USAGE), event("[DONE]"),
    ))]
    answer = (await client().complete("m", question, 1, Call(on_delta=lambda text: None))).completions[0]
    assert (answer.text, answer.finish_reason, answer.extra) == ("x", "tool_calls", {"reasoning_content": "let me"})
    assert answer.tool_calls == [{"id": "c1", "function": {"name": "add", "arguments": '{"a": 1}'}}]
    assert answer.logprobs == [{"token": "x", "bytes": [120], "logprob": -1.0, "top": []}]


async def test_half_a_stream_is_tried_again_without_repeating_what_was_passed_on(client: Client, server: Server, question: ChatRequest):
    server.script = [answering(lambda: stream(event(chunk(content="fo"))))]
    pieces: list[str] = []
    response = await client().complete("m", question, 1, Call(on_delta=pieces.append))
    assert (pieces, response.completions[0].text, response.tries) == (["fo", "ur"], "four", 2)


async def test_another_text_on_the_second_try_is_not_mixed_with_the_first(client: Client, server: Server, question: ChatRequest):
    server.script = [answering(lambda: stream(event(chunk(content="si"))))]
    pieces: list[str] = []
    response = await client().complete("m", question, 1, Call(on_delta=pieces.append))
    assert (pieces, response.completions[0].text) == (["si"], "four")


async def test_a_stream_that_is_always_cut_is_unavailable(client: Client, server: Server, question: ChatRequest):
    server.script = [answering(lambda: stream(event(chunk(content="fo"))))] * 6
    with pytest.raises(EndpointUnavailable, match="broke its answer off"):
        await client().complete("m", question, 1, Call(on_delta=lambda text: None))


async def test_an_error_in_the_middle_of_a_stream_is_an_error(client: Client, server: Server, question: ChatRequest):
    server.script = [answering(lambda: stream(event(chunk(content="fo")), event({"error": {"message": "out of memory"}})))]
    with pytest.raises(EndpointError, match="out of memory"):
        await client().complete("m", question, 1, Call(on_delta=lambda text: None))


async def test_a_server_that_does_not_stream_or_count_is_read_all_the_same(client: Client, server: Server, question: ChatRequest):
    pieces: list[str] = []
    server.script = [refusing(400, "unknown field stream_options"), in_json(completion(["four"]))]
    endpoint = client()
    await endpoint.complete("m", question, 1, Call(on_delta=pieces.append))
    assert pieces == ["four"]
    await endpoint.complete("m", question, 1, Call(on_delta=pieces.append))
    assert ["stream_options" in body for body in server.bodies] == [True, False, False]
