"""What the official client makes of the same bytes."""

from __future__ import annotations

import pytest

from eudoxus.runtime import ChatRequest
from eudoxus.runtime.endpoints import Call
from eudoxus.runtime.endpoints.wire import response_of

from .conftest import Client
from .mock import KEY, Server, completion

openai = pytest.importorskip("openai", reason="needs the extra: pip install 'eudoxus[openai]'")


def test_the_sdk_and_we_read_the_same_answer(question: ChatRequest):
    calls = [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}]
    body = completion(["four", "4"], tool_calls=calls, reasoning_content="hm")
    theirs, ours = openai.types.chat.ChatCompletion.model_validate(body), response_of(body, question, "m")
    for choice, completed in zip(theirs.choices, ours.completions, strict=True):
        assert (choice.message.content, choice.finish_reason) == (completed.text, completed.finish_reason)
        assert [call.model_dump(exclude_none=True) for call in choice.message.tool_calls] == completed.tool_calls
        assert choice.message.model_extra == completed.extra
    assert (theirs.id, theirs.model) == (ours.upstream_ids[0], ours.model)
    assert (theirs.usage.prompt_tokens, theirs.usage.completion_tokens) == (ours.usage.prompt_tokens, ours.usage.completion_tokens)
    assert theirs.usage.prompt_tokens_details.cached_tokens == ours.usage.cached_tokens
    assert theirs.usage.completion_tokens_details.reasoning_tokens == ours.usage.reasoning_tokens


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_sdk_sends_what_we_send_and_gets_what_we_get(client: Client, server: Server, question: ChatRequest, streamed: bool):
    asked = question.model_copy(update={"temperature": 0.5, "max_tokens": 7, "seed": 1})
    ours = await client().complete("m", asked, 1, Call(on_delta=(lambda text: None) if streamed else None))
    async with openai.AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0) as sdk:
        said = {"model": "m", "messages": [{"role": "user", "content": "What is 2 + 2?"}], "temperature": 0.5, "max_tokens": 7, "seed": 1}
        if streamed:
            arriving = await sdk.chat.completions.create(**said, stream=True, stream_options={"include_usage": True})
            chunks = [chunk async for chunk in arriving]
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
            usage = chunks[-1].usage
        else:
            answer = await sdk.chat.completions.create(**said)
            text, usage = answer.choices[0].message.content, answer.usage
    assert server.bodies[0] == server.bodies[1]
    assert (text, usage.completion_tokens) == (ours.completions[0].text, ours.usage.completion_tokens)
