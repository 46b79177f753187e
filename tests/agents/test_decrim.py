"""DeCRIM: constraints out of a request, judged one by one, and revisions for those that fail."""

from __future__ import annotations

import json

import pytest

from eudoxus.agents.code.asking import Unreadable
from eudoxus.agents.decrim import MOST_CONSTRAINTS, read_constraints, read_judgements
from eudoxus.agents.problem import ProblemTask
from eudoxus.runtime import Completion, Message

from .running import JSON, chat, run

NO_COMMA = '[{"id": "punctuation:no_comma"}]'
FEW = '[{"id": "punctuation:no_comma"}, {"id": "length_constraints:number_words", "kwargs": {"num_words": 4, "relation": "less than"}}]'


def constraints(*texts: str) -> str:
    return json.dumps({"constraints": texts})


def judgements(*met: bool) -> str:
    return json.dumps({"judgements": [{"constraint": n, "reason": f"r{n}", "met": one} for n, one in enumerate(met, start=1)]})


async def test_a_draft_that_meets_everything_is_the_answer():
    result, endpoint = await run("decrim", chat("Q"), ["draft", constraints("One.", "Two."), judgements(True, True)])
    assert (result.answer, result.outcome, result.authority, endpoint.calls) == ("draft", "best_effort", "model", 3)
    assert result.artifacts["rounds"] == 0
    assert [one["met"] for one in result.artifacts["constraints"]] == [True, True]


async def test_what_fails_is_told_with_its_reason_and_what_holds_is_to_be_kept():
    said = ["draft", constraints("One.", "Two."), judgements(True, False), "better", judgements(True, True)]
    result, endpoint = await run("decrim", chat("Q"), said)
    assert (result.answer, result.artifacts["rounds"], endpoint.calls) == ("better", 1, 5)
    asked = endpoint.requests[3][1]
    assert [m.text for m in asked.messages[:2]] == ["Q", "draft"]
    failed, _, met = asked.messages[2].text.partition("It meets these")
    assert "Two. (r2)" in failed
    assert "One." not in failed
    assert "One." in met
    assert (endpoint.requests[1][1].temperature, asked.temperature) == (0.0, 0.7)


async def test_programs_judge_before_the_critic_and_alone_say_verified():
    said = ["a, b", constraints("One."), judgements(True), "a b", judgements(True)]
    result, endpoint = await run(f"decrim(instructions={NO_COMMA})", chat("Q"), said)
    assert (result.answer, result.outcome, result.authority) == ("a b", "verified", "exact")
    assert "no commas" in endpoint.requests[0][1].messages[0].text, "the instruction is told with the draft"
    assert "no commas" in endpoint.requests[1][1].messages[-1].text, "and is not decomposed again"
    assert "there are 1 commas" in endpoint.requests[3][1].messages[-1].text


async def test_without_a_critic_only_programs_are_asked():
    result, endpoint = await run(f"decrim(critic=false, instructions={FEW})", chat("Q"), ["a, b c d e", "a, b c", "a b c"])
    assert (result.answer, result.verified, result.artifacts["rounds"], endpoint.calls) == ("a b c", True, 2, 3)


async def test_a_worse_revision_never_replaces_a_better_answer():
    result, endpoint = await run(f"decrim(critic=false, rounds=2, instructions={FEW})", chat("Q"), ["a, b", "a, b c d e", "a, b, c d e f"])
    assert (result.answer, result.outcome, endpoint.calls) == ("a, b", "best_effort", 3)
    assert "there are 1 commas" in result.detail


async def test_of_equally_good_answers_the_earliest_stays():
    result, _ = await run(f"decrim(critic=false, rounds=2, instructions={FEW})", chat("Q"), ["a, b", "a b c d e", "a, c"])
    assert result.answer == "a, b"


async def test_rounds_are_bounded_and_a_revision_that_changes_nothing_ends_them():
    result, endpoint = await run(f"decrim(critic=false, rounds=1, instructions={NO_COMMA})", chat("Q"), ["a, b", "c, d"])
    assert (result.answer, endpoint.calls) == ("a, b", 2)
    result, endpoint = await run(f"decrim(critic=false, rounds=9, instructions={NO_COMMA})", chat("Q"), ["a, b", "a, b\n"])
    assert (result.answer, endpoint.calls, result.artifacts["rounds"]) == ("a, b", 2, 1)


async def test_the_instructions_of_the_tasks_verifier_are_judged_one_by_one():
    verifier = {"kind": "instructions", "instructions": [{"id": "punctuation:no_comma"}, {"id": "startend:quotation"}]}
    task = ProblemTask.model_validate({"messages": [Message(role="user", content="Q")], "verifier": verifier})
    result, endpoint = await run("decrim(critic=false)", task, ['"a, b"', '"a b"'])
    assert (result.answer, result.verified) == ('"a b"', True)
    failed, _, met = endpoint.requests[1][1].messages[-1].text.partition("It meets these")
    assert "commas" in failed
    assert "quotation marks" in met


async def test_another_verifier_of_the_task_counts_as_one_constraint():
    result, endpoint = await run("decrim(critic=false)", chat("n?", response_format=JSON), ["{}", '{"n": 1}'])
    assert (result.answer, result.verified, endpoint.calls) == ('{"n": 1}', True, 2)


async def test_both_the_verifier_and_the_instructions_must_accept():
    told = '[{"id": "detectable_format:title"}]'
    result, _ = await run(f"decrim(critic=false, rounds=0, instructions={told})", chat("n?", response_format=JSON), ['{"n": 1}'])
    assert (result.verified, result.outcome) == (False, "best_effort")
    assert "title" in result.detail


async def test_replies_that_cannot_be_read_are_asked_for_once_more():
    said = ["draft", "well…", constraints("One."), "[]", judgements(True)]
    result, endpoint = await run("decrim", chat("Q"), said)
    assert (result.authority, endpoint.calls) == ("model", 5)
    assert "cannot be used" in endpoint.requests[4][1].messages[-1].text


async def test_a_critic_that_cannot_be_read_vouches_for_nothing():
    result, endpoint = await run("decrim", chat("Q"), ["draft", constraints("One."), "hm", "hm"])
    assert (result.answer, result.authority, endpoint.calls) == ("draft", "none", 4)


async def test_calls_of_tools_are_returned_as_they_are_and_a_limit_keeps_the_draft():
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    call = Completion(text="", finish_reason="tool_calls", tool_calls=calls)
    result, endpoint = await run("decrim", chat("Q"), [call])
    assert (result.completion, endpoint.calls) == (call, 1)
    result, _ = await run("decrim", chat("Q"), ["draft", constraints("One.")], requests=2)
    assert (result.outcome, result.answer) == ("limit", "draft")


def test_constraints_are_read_tolerantly_and_bounded():
    assert read_constraints('Sure:\n```json\n{"constraints": ["a ", "a", "", "b"]}\n```') == ("a", "b")
    assert read_constraints('["a"]') == ("a",)
    assert read_constraints('{"constraints": []}') == ()
    assert len(read_constraints(constraints(*map(str, range(50))))) == MOST_CONSTRAINTS
    with pytest.raises(Unreadable):
        read_constraints('{"constraints": [1]}')


def test_judgements_are_read_tolerantly():
    assert read_judgements('[{"met": "yes"}, {"constraint": "2.", "met": false, "reason": "x"}]', 2) == [(True, ""), (False, "x")]
    turned = '{"judgements": [{"constraint": 2, "met": true}, {"constraint": 1, "met": "No"}]}'
    assert read_judgements(turned, 2) == [(False, ""), (True, "")]
    for bad in (judgements(True), '{"judgements": [{"constraint": 1, "met": 1}, {"constraint": 2, "met": true}]}', "none"):
        with pytest.raises(Unreadable):
            read_judgements(bad, 2)
