"""Draft, feedback, revision, until somebody is satisfied."""

from __future__ import annotations

import pytest

from eudoxus.agents.refine import is_done
from eudoxus.runtime import Completion

from .running import JSON, Guess, chat, run


async def test_a_draft_that_the_critic_accepts_is_the_answer():
    result, endpoint = await run("refine", chat("Q"), ["draft", "VERDICT: done"])
    assert (result.answer, result.authority, result.detail, endpoint.calls) == ("draft", "model", "the critic has no objection", 2)


async def test_feedback_leads_to_a_revision_that_is_reviewed_again():
    result, endpoint = await run("refine", chat("Q"), ["draft", "VERDICT: revise\n1. wrong", "better", "VERDICT: done"])
    assert (result.answer, result.artifacts["rounds"], endpoint.calls) == ("better", 1, 4)
    reviewing, revising = endpoint.requests[1][1], endpoint.requests[2][1]
    assert (reviewing.temperature, revising.temperature) == (0.0, 0.7)
    assert [m.text for m in revising.messages[:2]] == ["Q", "draft"]
    assert "1. wrong" in revising.messages[2].text


async def test_a_revision_sees_all_earlier_answers_and_feedback():
    answers = ["one", "VERDICT: revise\nfirst fault", "two", "VERDICT: revise\nsecond fault", "three"]
    result, endpoint = await run("refine", chat("Q"), answers)
    assert (result.answer, result.authority, result.detail) == ("three", "none", "the last revision was not reviewed")
    said = [m.text for m in endpoint.requests[-1][1].messages]
    assert (said[1], said[3]) == ("one", "two")
    assert "first fault" in said[2]
    assert "second fault" in said[4]


async def test_no_rounds_is_a_draft():
    result, endpoint = await run("refine(rounds=0)", chat("Q"), ["draft"])
    assert (result.answer, endpoint.calls, result.detail) == ("draft", 1, "")


async def test_the_verifier_takes_the_place_of_the_critic():
    result, endpoint = await run("refine(rounds=4)", Guess(number=5), ["9", "3", "5"])
    assert (result.answer, result.outcome, result.authority, endpoint.calls) == ("5", "verified", "exact", 3)
    assert "too high" in endpoint.requests[1][1].messages[-1].text
    assert "too low" in endpoint.requests[2][1].messages[-1].text


async def test_a_draft_that_is_verified_is_not_reviewed():
    result, endpoint = await run("refine", chat("n?", response_format=JSON), ['{"n": 1}'])
    assert (result.verified, endpoint.calls) == (True, 1)


async def test_the_answer_that_verified_best_is_kept():
    result, _ = await run("refine(rounds=2)", Guess(number=5), ["1", "6", "50"])
    assert (result.answer, result.outcome, result.detail) == ("6", "best_effort", "not verified: too high")


async def test_a_verifier_cannot_say_done():
    result, endpoint = await run("refine(rounds=1)", chat("n?", response_format=JSON), ["VERDICT: done", '{"n": 1}'])
    assert (result.verified, endpoint.calls) == (True, 2)


@pytest.mark.parametrize("revision", ["draft\n", ""])
async def test_a_revision_that_changes_nothing_or_is_empty_ends_the_work(revision: str):
    result, endpoint = await run("refine(rounds=5)", chat("Q"), ["draft", "VERDICT: revise\n1. x", revision])
    assert (result.answer, result.detail, endpoint.calls) == ("draft", "the last revision changed nothing", 3)


async def test_calls_of_tools_are_returned_as_they_are():
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    call = Completion(text="", finish_reason="tool_calls", tool_calls=calls)
    result, endpoint = await run("refine", chat("Q"), [call])
    assert (result.completion, endpoint.calls) == (call, 1)


async def test_a_limit_keeps_the_last_answer():
    result, _ = await run("refine(rounds=3)", chat("Q"), ["draft", "VERDICT: revise\n1. x", "better"], requests=3)
    assert (result.outcome, result.answer) == ("limit", "better")


@pytest.mark.parametrize(("feedback", "done"), [
    ("VERDICT: done", True), ("**Verdict: Done**", True), ("VERDICT: done\nNothing to add.", True), ("Fine.\nVERDICT: done", True),
    ("", True),
    ("<think>VERDICT: revise</think>VERDICT: done", True), ("VERDICT: revise\nIt says 'VERDICT: done' itself", False),
    ("It is done.", False), ("VERDICT: donerly", False), ("VERDICT: revise\nVERDICT: done", False),
])
def test_only_the_exact_form_ends_the_review(feedback: str, done: bool):
    assert is_done(feedback) is done
