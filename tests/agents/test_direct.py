"""The model as it is."""

from __future__ import annotations

import pytest

from eudoxus.runtime import Completion

from .running import JSON, Guess, chat, run


async def test_it_asks_once_and_returns_the_answer():
    result, endpoint = await run("direct", chat("Hello"), ["Hi"])
    assert (result.answer, result.outcome, result.authority, endpoint.completions) == ("Hi", "best_effort", "none", 1)
    assert endpoint.requests[0][1].messages[0].text == "Hello"


async def test_tool_calls_and_finish_reason_survive():
    calls = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    said = Completion(text="", finish_reason="tool_calls", tool_calls=calls)
    result, _ = await run("direct", chat("Hello", response_format=JSON), [said])
    assert result.completion == said
    assert result.detail == ""


async def test_an_answer_that_fits_its_schema_is_verified():
    result, _ = await run("direct", chat("n?", response_format=JSON), ['{"n": 3}'])
    assert (result.outcome, result.authority) == ("verified", "exact")


async def test_an_answer_that_breaks_its_schema_says_why():
    result, _ = await run("direct", chat("n?", response_format=JSON), ['{"m": 3}'])
    assert result.outcome == "best_effort"
    assert result.detail.startswith("not verified: the answer breaks its JSON schema")


async def test_any_task_with_a_verifier_is_verified():
    result, _ = await run("direct", Guess(number=7), ["7"])
    assert result.verified


async def test_an_empty_answer_says_so():
    result, _ = await run("direct", chat("Hello"), [Completion(text="", finish_reason="content_filter")])
    assert result.detail == "the model gave no text (finish reason: content_filter)"


@pytest.mark.parametrize("path", ["direct", "refine(rounds=0)"])
async def test_the_answer_is_streamed(path: str):
    pieces: list[str] = []

    def watch(type: str, path: str, data: dict[str, str]) -> None:
        if type == "output_text.delta":
            pieces.append(data["text"])

    await run(path, chat("Hello"), ["one two"], watcher=watch)
    assert "".join(pieces) == "one two"
