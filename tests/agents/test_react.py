"""ReAct: turns are read as models write them, tools are used, and the loop ends."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.agents.react import FINISH, Unreadable, read_turn
from eudoxus.agents.tools.calculator import CannotCalculate, calculate, shown
from eudoxus.runtime import ChatRequest
from eudoxus.runtime.errors import InvalidParams
from tests.agents.running import JSON, chat, run

QUESTION = chat("How much is 17 * 23 + 1?")


async def test_a_tool_is_used_and_its_observation_is_read() -> None:
    turns = ["Thought: multiply\nAction: calculator[17 * 23 + 1]", "Thought: done\nAction: Finish[392]"]
    result, endpoint = await run("react", QUESTION, turns)
    assert (result.answer, result.outcome) == ("392", "best_effort")
    assert result.artifacts["turns"] == [{"thought": "multiply", "action": "calculator[17 * 23 + 1]", "observation": "392"}]
    assert "Observation: 392" in endpoint.requests[1][1].messages[-1].text


async def test_a_wrong_input_is_an_observation_and_the_work_goes_on() -> None:
    turns = ["Thought: x\nAction: calculator[seventeen]", "Thought: y\nAction: Finish[?]"]
    result, _ = await run("react", QUESTION, turns)
    assert result.artifacts["turns"][0]["observation"].startswith("error: 'seventeen' is nothing")


async def test_an_unreadable_turn_is_asked_for_once_more() -> None:
    result, endpoint = await run("react", QUESTION, ["I would rather talk.", "Thought: ok\nAction: Finish[392]"])
    assert result.answer == "392" and "could not be carried out" in endpoint.requests[1][1].messages[-1].text
    result, endpoint = await run("react", QUESTION, lambda *_: "I would rather talk.")
    assert result.outcome == "failed" and "could not be read" in result.detail and len(endpoint.requests) == 2


async def test_what_the_model_makes_up_after_its_action_does_not_count() -> None:
    made_up = "Thought: go\nAction: calculator[2 + 2]\nObservation: 5\nThought: so\nAction: Finish[5]"
    result, _ = await run("react", QUESTION, [made_up, "Action: Finish[4]"])
    assert result.answer == "4" and result.artifacts["turns"][0]["observation"] == "4"


async def test_the_same_action_again_and_again_ends_the_work() -> None:
    result, endpoint = await run("react", QUESTION, lambda *_: "Thought: hm\nAction: calculator[1]")
    assert result.outcome == "failed" and "was repeated" in result.detail and len(endpoint.requests) == 3


async def test_without_an_answer_it_ends_after_its_turns() -> None:
    def counting(model: str, request: ChatRequest, number: int) -> str:
        return f"Thought: on\nAction: calculator[{request.messages[-1].text.count('Observation:')}]"

    result, endpoint = await run("react(steps=5)", QUESTION, counting)
    assert result.outcome == "failed" and "after 5 turns" in result.detail and len(endpoint.requests) == 5


async def test_the_tasks_verifier_decides() -> None:
    result, _ = await run("react", chat("JSON", response_format=JSON), ['Action: Finish[{"n": 1}]'])
    assert (result.answer, result.outcome) == ('{"n": 1}', "verified")


async def test_an_unknown_tool_is_refused_by_name() -> None:
    with pytest.raises(InvalidParams, match="no tool is called shell; there are calculator"):
        await run("react(tools=[shell])", QUESTION, [""])


@pytest.mark.parametrize(("reply", "action", "text"), [
    ("Thought: a\nAction: calculator[1 + (2)]", "calculator", "1 + (2)"), ("Action 2: Finish[yes]", FINISH, "yes"),
    ("finish[ok]", FINISH, "ok"),
    ("**Thought:** a\n**Action:** calculator[2]", "calculator", "2"), ("Action: `calculator[x[0]]`", "calculator", "x[0]"),
    ("<think>Action: Finish[no]</think>Action: Finish[yes]", FINISH, "yes"),
    ("Action: Finish[line one\nline two]", FINISH, "line one\nline two"),
])
def test_actions_are_read_as_models_write_them(reply: str, action: str, text: str) -> None:
    turn = read_turn(reply, ["calculator"])
    assert (turn.action, turn.text) == (action, text)


@pytest.mark.parametrize("reply", ["", "Thought: a", "Action: shell[rm -rf /]", "Action: calculator", "Observation: 4"])
def test_what_is_no_action_is_unreadable(reply: str) -> None:
    with pytest.raises(Unreadable, match="calculator, Finish"):
        read_turn(reply, ["calculator"])


@pytest.mark.parametrize(("text", "value"), [
    ("1/3 + 1/6", "1/2 = 0.5"), ("2**10", "1024"), ("2^0.5", "1.41421356237"), ("sqrt(16)", "4"),
    ("1,234,567 * 2", "2469134"), ("0.1 + 0.2", "3/10 = 0.3"),
    ("max(1, 2, 3)", "3"), ("gcd(12, 18)", "6"), ("-7 % 3", "2"), ("pi", "3.14159265359"), ("7 × 6 =", "42"), ("round(2.5)", "2"),
])
def test_the_calculator_is_exact_where_it_can_be(text: str, value: str) -> None:
    assert shown(calculate(text)) == value


@pytest.mark.parametrize(("text", "said"), [
    ("1/0", "division by zero"), ("9**9**9**9", "too large"), ("10**10000 * 10**10000", "too large"),
    ("__import__('os')", "nothing to calculate"),
    ("().__class__", "nothing to calculate"), ("1 +", "no expression"), ("sqrt(-1)", "math domain|nonneg"),
    ("(-8)**0.5", "no real number"), ("x", "nothing to calculate"),
    ("gcd(1.5, 2)", "whole numbers"), ("1" * 2000, "characters"), ("exp(1000)", "too large"),
    ("[1] * 9", "nothing"), ("'a' * 9", "nothing"), ("(" * 500, "no expression|too large"),
])
def test_what_cannot_be_calculated_says_why(text: str, said: Any) -> None:
    with pytest.raises(CannotCalculate, match=said):
        calculate(text)
