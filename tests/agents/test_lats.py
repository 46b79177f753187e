"""LATS: outside feedback decides, failed attempts are noted, and nothing is told of right answers."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.agents.environments import AgentTask
from eudoxus.agents.environments.registry import settings
from eudoxus.agents.search.environment import NOT_DONE
from eudoxus.runtime import ChatRequest
from tests.agents.running import JSON, chat
from tests.agents.search.worlds import Stairs, Walked, climber, stacker
from tests.agents.test_agent_tree_search import TOWERS, climb, solved


@pytest.fixture(autouse=True)
def stairs(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {**settings(), "stairs": Stairs}
    monkeypatch.setattr("eudoxus.agents.environments.registry.settings", lambda: kinds)


@pytest.mark.parametrize("params", ["", "children=2,depth=9", "judge_weight=1", "c=0,nodes=60"])
async def test_the_wanted_towers_are_built_and_the_environment_verifies_it(params: str) -> None:
    result, _ = await solved(f"lats({params})", TOWERS, stacker)
    assert (result.outcome, result.authority) == ("verified", "exact")
    assert result.answer == "\n".join(turn["action"] for turn in result.artifacts["turns"])


async def test_siblings_are_scored_in_one_request_and_mixed_with_their_share_of_the_samples() -> None:
    """The judge is of two minds, so the action that most samples chose is followed: the first simulation goes straight up."""
    before = len(Walked.performed)
    result, _ = await solved("lats(children=3,depth=4,enough=0.5)", climb(4), climber("-1", "+1", "+1"))
    assert result.answer == "+1\n+1\n+1\n+1"
    assert result.artifacts["expanded"] == 4 and len(Walked.performed) > before


async def test_a_refused_answer_is_reflected_on_and_the_note_is_read_by_the_next_attempt() -> None:
    prompts: list[str] = []

    def answering(model: str, request: ChatRequest, number: int) -> str:
        text = request.messages[-1].text
        prompts.append(text)
        if "You failed" in request.messages[0].text:
            assert "not JSON" in text and "stop[12]" not in text.split("What is known")[1]
            return "The answer must be a JSON object."
        if "You score" in request.messages[0].text:
            return f'{{"scores": {[8] * text.count("end of candidate")}}}'
        if "must be a JSON object" in text:
            return 'Action: stop[{"n": 12}]'
        return "Action: stop[twelve]" if number else "Action: calculator[3 * 4]"

    result, _ = await solved("lats(children=2)", chat("How much is 3 * 4?", response_format=JSON), answering)
    assert (result.answer, result.outcome, result.authority) == ('{"n": 12}', "verified", "exact")
    assert result.artifacts["notes"] == ["The answer must be a JSON object."]


async def test_where_nothing_verifies_a_well_judged_end_is_taken_and_a_bad_one_is_searched_on_from() -> None:
    def answering(model: str, request: ChatRequest, number: int) -> str:
        text = request.messages[-1].text
        if "You score" in request.messages[0].text:
            scores = [2 if "stop[13]" in part else 9 for part in text.split("] candidate")[1:]]
            return f'{{"scores": {scores}}}'
        if "You failed" in request.messages[0].text:
            assert "a judge gave the attempt" in text
            return "I guessed. Next time I calculate."
        return "Action: " + ("stop[12]" if "Observation 1: 12" in text else "stop[13]" if number % 3 == 0 else "calculator[3 * 4]")

    result, _ = await solved("lats(children=3)", chat("How much is 3 * 4?"), answering)
    assert (result.answer, result.outcome, result.authority) == ("12", "best_effort", "model")
    assert result.artifacts["notes"] == ["I guessed. Next time I calculate."]


@pytest.mark.parametrize("reflections", [0, 1])
async def test_no_more_notes_are_written_than_allowed(reflections: int) -> None:
    result, _ = await solved(f"lats(children=2,depth=2,nodes=12,reflections={reflections})", climb(50), climber("+1", "-1"))
    assert len(result.artifacts["notes"]) == reflections
    assert result.outcome in ("failed", "limit") and result.answer is None and result.artifacts["turns"] == []


async def test_the_nodes_are_limited() -> None:
    result, _ = await solved("lats(children=2,nodes=3)", climb(50), climber("+1", "-1"))
    assert result.outcome == "limit" and result.artifacts["expanded"] == 3


async def test_what_cannot_be_undone_is_done_once_after_the_search_which_then_goes_on_from_there() -> None:
    def jumper(model: str, request: ChatRequest, number: int) -> str:
        text = request.messages[-1].text
        if "You score" in request.messages[0].text:
            return f'{{"scores": {[9 if NOT_DONE in part else 3 for part in text.split("] candidate")[1:]]}}}'
        if "You failed" in request.messages[0].text:
            return "I did not jump."
        return f"Action: {['+1', '+9', '+9'][number % 3]}"

    before = len(Walked.performed)
    result, _ = await solved("lats(children=3,depth=3,nodes=6)", climb(9), jumper)
    assert (result.answer, [turn["action"] for turn in result.artifacts["turns"]]) == ("+9", ["+9"])
    assert [way for way in Walked.performed[before:] if "+9" in way] == [("+9",)]


async def test_of_the_goal_only_what_is_public_reaches_the_model() -> None:
    asked: list[str] = []

    def watching(model: str, request: ChatRequest, number: int) -> str:
        asked.append("\n".join(message.text for message in request.messages))
        return climber("click[6]", "goto[/cart]")(model, request, number)

    task = AgentTask(environment="shop", parameters={"seed": 2}, goal="Put the cheapest clock into the cart.")
    result: Any = (await solved("lats(children=2,nodes=4,depth=2)", task, watching))[0]
    assert result.outcome in ("failed", "limit") and all("wanted=" not in text and "Visit(" not in text for text in asked)
