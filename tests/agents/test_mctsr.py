"""MCT Self-Refine: critique, rewrite, judge, back up."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.agents.mctsr import Attempt, backup, select
from eudoxus.runtime import ChatRequest, Completion
from tests.agents.running import Guess, chat, run


def model(model: str, request: ChatRequest, number: int) -> str:
    """Improves from draft to draft, and judges by length."""
    asked = request.messages[-1].text
    if asked.endswith("Examine the answer."):
        answer = asked.split("the answer\n")[1].split("\n[")[0]
        return f"It has flaws.\nSCORE: {10 * len(answer)}"
    if asked.endswith("Review the answer."):
        return "VERDICT: revise\n1. Say more."
    return "a" * (len(request.messages[-2].text) + 1) if len(request.messages) > 1 else "a"


async def test_rewrites_that_the_judge_prefers_win() -> None:
    result, _ = await run("mctsr(rollouts=4)", chat("Say a."), model)
    assert result.outcome == "best_effort" and result.authority == "model"
    assert result.answer is not None and len(result.answer) >= 3 and result.artifacts["answers"] == 5


async def test_it_stops_at_an_answer_that_the_verifier_accepts_and_asks_no_critic() -> None:
    def guessing(model: str, request: ChatRequest, number: int) -> str:
        asked = request.messages[-1].text
        if asked.endswith("Examine the answer."):
            return "SCORE: 0"
        assert "Review the answer" not in asked
        return "7" if "too high" in asked else "9"

    result, endpoint = await run("mctsr", Guess(number=7), guessing)
    assert (result.answer, result.outcome) == ("7", "verified") and len(endpoint.requests) == 4
    result, endpoint = await run("mctsr", Guess(number=9), guessing)
    assert (result.answer, result.outcome) == ("9", "verified") and len(endpoint.requests) == 1, "nobody judges what is verified"


async def test_a_budget_for_one_request_still_gives_the_answer_that_it_paid_for() -> None:
    result, _ = await run("mctsr", chat("Say a."), model, requests=1)
    assert (result.answer, result.outcome) == ("a", "limit")


@pytest.mark.parametrize(("said", "value"), [("SCORE: 99", 50), ("score = -120", -100), ("nothing", 0), ("SCORE: 10\nSCORE: 20", 20)])
async def test_the_judges_word_is_read_and_limited(said: str, value: float) -> None:
    def answering(model: str, request: ChatRequest, number: int) -> str:
        return said if request.messages[-1].text.endswith("Examine the answer.") else "VERDICT: revise\nx"

    result, _ = await run("mctsr(rollouts=1)", chat("?"), answering)
    assert result.artifacts["value"] == value


async def test_an_answer_without_objection_is_not_rewritten_and_ends_the_search_when_nothing_else_is_left() -> None:
    def content(model: str, request: ChatRequest, number: int) -> str:
        asked = request.messages[-1].text
        if asked.endswith("Review the answer."):
            return "VERDICT: done"
        return "SCORE: 40" if asked.endswith("Examine the answer.") else "a"

    result, endpoint = await run("mctsr(rollouts=8)", chat("Say a."), content)
    assert (result.answer, result.artifacts["answers"], result.detail) == ("a", 1, "the critic has no objection")
    assert len(endpoint.requests) == 4, "answer, score, score again, critique"


async def test_other_answers_are_rewritten_when_one_is_settled() -> None:
    def particular(model: str, request: ChatRequest, number: int) -> str:
        asked = request.messages[-1].text
        answer = asked.split("the answer\n")[1].split("\n[")[0] if "[" in asked else ""
        if asked.endswith("Examine the answer."):
            return f"SCORE: {10 * len(answer)}"
        if asked.endswith("Review the answer."):
            return "VERDICT: done" if len(answer) > 1 else "VERDICT: revise\n1. Say more."
        return "a" * (len(request.messages[-2].text) + number % 2 + 1) if len(request.messages) > 1 else "a"

    result, endpoint = await run("mctsr(rollouts=4)", chat("Say a."), particular)
    rewrites = [r for _, r, _ in endpoint.requests if len(r.messages) > 1 and "Write a new answer" in r.messages[-1].text]
    assert rewrites and all(r.messages[-2].text == "a" for r in rewrites) and len(result.answer or "") > 1


async def test_from_a_dummy_no_answer_is_asked_for_and_the_dummy_is_never_returned() -> None:
    result, endpoint = await run("mctsr(root=dummy,rollouts=1)", chat("Say a."), model)
    assert result.answer and "know" not in result.answer and len(endpoint.requests) == 5
    judged_low = await run("mctsr(root=dummy,rollouts=1)", chat("Say a."), lambda _, r, n: f"SCORE: {-50 if n else 90}\nVERDICT: revise\nx")
    assert judged_low[0].answer != "I don't know."


async def test_a_judge_without_a_score_is_asked_once_more() -> None:
    def hesitant(model: str, request: ChatRequest, number: int) -> str:
        asked = request.messages[-1].text
        if asked.startswith("I cannot read"):
            return "SCORE: 70"
        return "It is good." if asked.endswith("Examine the answer.") else "VERDICT: done"

    result, _ = await run("mctsr(rollouts=1)", chat("?"), hesitant)
    assert result.artifacts["value"] == 70


async def test_a_spent_budget_gives_the_best_so_far() -> None:
    result, _ = await run("mctsr", chat("Say a."), model, requests=4)
    assert result.outcome == "limit" and result.answer == "a"


def attempt(number: int, *scores: float, parent: Attempt | None = None) -> Attempt:
    made = Attempt(number, Completion(text=str(number)), None, parent, scores=list(scores), visits=1)
    made.value = made.own
    if parent is not None:
        parent.children.append(made)
    return made


def test_what_a_child_teaches_reaches_the_root() -> None:
    root = attempt(0, 0.0)
    child = attempt(1, 80.0, 40.0, parent=root)
    backup(child)
    assert child.value == 50.0 and root.value == 25.0 and root.visits == 2


def test_an_answer_with_three_children_and_a_better_one_is_left_alone() -> None:
    root = attempt(0, 10.0)
    children: list[Any] = [attempt(number, score, parent=root) for number, score in ((1, 5.0), (2, 60.0), (3, 0.0))]
    for child in children:
        backup(child)
    root.value = 10.0
    assert select([root, *children], 0.0) is children[1]
