"""rStar: typed moves, votes as rewards, and a second model that must agree."""

from __future__ import annotations

import re
from typing import Any

import pytest

from eudoxus.agents.search.parts import Rejected
from eudoxus.agents.search.traces import AFTER, Move, Traces, read_move, told
from eudoxus.runtime import ChatRequest
from tests.agents.running import Guess, chat, run

EGGS = chat("Tom has 3 boxes of 12 eggs; 7 break. How many are whole?")
KINDS = {"Write the next step": "step", "Finish the solution": "finish", "Write the next sub-question": "subquestion",
         "Answer the sub-question": "reanswer", "Restate the task": "rephrase"}


def kind_of(request: ChatRequest) -> str:
    asked = next(m.text for m in request.messages if m.role == "user")
    return next(kind for said, kind in KINDS.items() if said in asked)


def solver(wrong: str = "36", *, seen: list[tuple[str, str]] | None = None) -> Any:
    """Finds 29 mostly; every third way to the end forgets the broken eggs."""

    def answering(model: str, request: ChatRequest, number: int) -> str:
        kind = kind_of(request)
        if seen is not None:
            seen.append((kind, request.messages[-1].text))
        if kind == "finish":
            return f"Some work.\nMore work.\nANSWER: {wrong if number % 3 == 2 else '29'}"
        if kind == "step":
            return f"There are 3 * 12 = 36 eggs, said {number}." if "36 eggs" not in request.messages[-1].text else f"ANSWER: {wrong}"
        if kind == "rephrase":
            return "Condition 1: 3 boxes.\nQuestion: how many?"
        return f"QUESTION: How many in all ({number})?\nREPLY: 36 of them."

    return answering


async def test_the_answer_with_the_most_votes_that_survives_the_second_look_wins() -> None:
    result, _ = await run("rstar(rollouts=6)", EGGS, solver())
    assert (result.answer, result.outcome, result.authority) == ("29", "best_effort", "model")
    told = {row["answer"]: row for row in result.artifacts["answers"]}
    assert told["29"]["survived"] > 0 and told["29"]["reward"] > 0.5 and sum(row["reward"] for row in told.values()) == pytest.approx(1)


async def test_the_second_model_decides_against_a_majority_that_it_cannot_confirm() -> None:
    def split(model: str, request: ChatRequest, number: int) -> str:
        if model == "second":
            return "I see.\nANSWER: 29"
        kind = kind_of(request)
        return {"step": f"Step {number}.\nANSWER: 29", "finish": "One.\nTwo.\nANSWER: 36", "rephrase": "Question: how many?",
                }.get(kind, f"QUESTION: q{number}\nREPLY: r{number}")

    result, endpoint = await run("rstar(model2=direct/sim:second,rollouts=8,votes=2)", EGGS, split)
    checks = [request for model, request, _ in endpoint.requests if model == "second"]
    assert result.answer == "29" and checks and all(kind_of(request) == "finish" for request in checks)
    assert all(row["survived"] == (row["checked"] if row["answer"] == "29" else 0) for row in result.artifacts["answers"])


async def test_the_second_model_gets_only_the_beginning_of_a_solution() -> None:
    lines = "\n".join(f"line {number}" for number in range(10))

    def long(model: str, request: ChatRequest, number: int) -> str:
        if model == "second":
            return "ANSWER: 1"
        return f"{lines}\nANSWER: {number % 2}" if kind_of(request) == "finish" else "nothing to say" if kind_of(request) == "step" else ""

    _, endpoint = await run("rstar(model2=direct/sim:second,rollouts=5,depth=3)", chat("?"), long)
    given = [request.messages[-1].text for model, request, _ in endpoint.requests if model == "second"]
    kept = [len(re.findall(r"^line \d", text, re.MULTILINE)) for text in given]
    assert kept and max(kept) <= 8 and min(kept) >= 2


async def test_when_all_agree_nobody_is_asked_again() -> None:
    result, endpoint = await run("rstar(model2=direct/sim:second,rollouts=3)", EGGS, lambda *_: "A step.\nANSWER: 29")
    assert result.answer == "29" and {model for model, _, _ in endpoint.requests} == {"m"}


async def test_a_verifier_ends_the_search() -> None:
    result, _ = await run("rstar", Guess(number=7), lambda m, r, n: f"It is\nANSWER: {n + 5}")
    assert (result.answer, result.outcome, result.authority) == ("7", "verified", "exact")


async def test_what_cannot_be_read_is_asked_for_once_more_and_then_given_up() -> None:
    result, endpoint = await run("rstar(rollouts=1,width=1)", EGGS, lambda m, r, n: "No." if kind_of(r) != "step" else "")
    assert (result.outcome, result.answer) == ("failed", None) or result.answer is None
    again = [r for _, r, _ in endpoint.requests if r.messages[-1].text.startswith("That was not in the form")]
    assert again and len(endpoint.requests) < 40


@pytest.mark.parametrize("requests", [0, 1, 3, 9])
async def test_a_small_budget_ends_in_a_limit_with_what_there_is(requests: int) -> None:
    result, _ = await run("rstar", EGGS, solver(), requests=requests)
    assert result.outcome == "limit" and result.usage.requests <= requests


async def test_it_rephrases_only_at_the_beginning_and_answers_again_only_after_a_sub_question() -> None:
    seen: list[tuple[str, str]] = []
    await run("rstar(rollouts=10,depth=4)", EGGS, solver(seen=seen))
    assert sum(kind == "rephrase" for kind, _ in seen) <= 1, "the replay asks nothing"
    again = [text for kind, text in seen if kind == "reanswer"]
    assert all("How many in all" in text for text in again)


def test_a_move_that_may_not_follow_is_refused() -> None:
    traces, step = Traces(), Move("step", "one")
    assert isinstance(traces.apply((step,), Move("rephrase", "x")), Rejected)
    assert isinstance(traces.apply((step,), Move("reanswer", "x", "q")), Rejected)
    assert isinstance(traces.apply((step,), step), Rejected) and isinstance(traces.apply((), Move("step", "")), Rejected)
    assert "rephrase" not in {kind for before, kinds in AFTER.items() if before is not None for kind in kinds}


def test_a_new_reply_takes_the_place_of_the_old_one() -> None:
    asked = Move("subquestion", "36", "How many?")
    assert Traces().apply((asked,), Move("reanswer", "35", "How many?")) == (Move("reanswer", "35", "How many?"),)


@pytest.mark.parametrize(("kind", "said", "move"), [
    ("step", "3 * 12 = 36", ("3 * 12 = 36", "", None)), ("step", "**ANSWER:** 29", ("", "", "29")),
    ("step", "<think>ANSWER: 1</think>Go on.", ("Go on.", "", None)),
    ("finish", "So it is.\nAnswer: 29", ("So it is.", "", "29")), ("finish", "no end", None),
    ("subquestion", "QUESTION: How many?\nREPLY: 36.\nANSWER: 36", ("36.", "How many?", "36")), ("subquestion", "REPLY: 36", None),
    ("rephrase", "Condition 1: x", ("Condition 1: x", "", None)), ("rephrase", "", None), ("reanswer", "I do not know", None),
])
def test_moves_are_read_as_models_write_them(kind: Any, said: str, move: Any) -> None:
    found = read_move(kind, said)
    assert (None if found is None else (found.text, found.question, found.answer)) == move


def test_a_trace_is_told_without_its_answer() -> None:
    assert told((Move("step", "a"), Move("subquestion", "r", "q"), Move("finish", "b", answer="29"))) == "a\nq\nr\nb"
