"""Reflexion: lessons of failed attempts reach the next one."""

from __future__ import annotations

from typing import Any

from eudoxus.runtime import ChatRequest
from tests.agents.running import JSON, Guess, chat, run


async def test_the_first_right_attempt_is_returned_at_once() -> None:
    result, endpoint = await run("reflexion", Guess(number=7), ["7"])
    assert (result.answer, result.outcome, len(endpoint.requests)) == ("7", "verified", 1)


async def test_a_failure_becomes_a_note_that_the_next_attempt_reads() -> None:
    result, endpoint = await run("reflexion", Guess(number=7), ["9", "I guessed too high; go lower.", "7"])
    assert (result.answer, result.outcome, result.artifacts["trials"]) == ("7", "verified", 2)
    reflected, again = endpoint.requests[1][1].messages[-1].text, endpoint.requests[2][1].messages[-1].text
    assert "too high" in reflected and "go lower" in again and "9" not in again.replace("<notes>", "")


async def test_only_the_last_notes_are_read() -> None:
    asked: list[str] = []

    def answering(model: str, request: ChatRequest, number: int) -> str:
        asked.append(request.messages[-1].text)
        return f"lesson {len(asked)}" if "Write the note" in asked[-1] else "9"

    result, _ = await run("reflexion(trials=4,memory=1)", Guess(number=7), answering)
    assert result.outcome == "best_effort" and "no attempt was accepted" not in asked[-1]
    assert "lesson 6" in asked[-1] and "lesson 4" not in asked[-1]


async def test_of_failed_attempts_the_one_that_verified_best_is_returned() -> None:
    def answering(model: str, request: ChatRequest, number: int) -> str:
        text = request.messages[-1].text
        return "a lesson" if "Write the note" in text else "8" if "a lesson" not in text else "70"

    result, _ = await run("reflexion", Guess(number=7), answering)
    assert result.answer == "8" and "not verified: too high" in result.detail


async def test_without_a_verifier_a_critic_decides() -> None:
    result, endpoint = await run("reflexion", chat("2 + 2?"), ["5", "VERDICT: revise\n1. wrong", "Count again.", "4", "VERDICT: done"])
    assert (result.answer, result.authority, len(endpoint.requests)) == ("4", "model", 5)


async def test_a_spent_budget_gives_the_best_attempt_so_far() -> None:
    result, _ = await run("reflexion", chat("JSON", response_format=JSON), lambda *_: "no", requests=2)
    assert (result.answer, result.outcome) == ("no", "limit")


async def test_no_thinking_aloud_gets_into_a_note() -> None:
    answers: Any = ["9", "<think>hm</think>Go lower.", "7"]
    _, endpoint = await run("reflexion", Guess(number=7), answers)
    assert "hm" not in endpoint.requests[2][1].messages[-1].text
