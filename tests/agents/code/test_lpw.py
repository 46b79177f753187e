"""LPW and SLPW: plans are verified before there is a program, and programs repaired by the verification."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.lpw import all_right, lpw, sections_of
from tests.agents.code.running import LARGEST, RIGHT, WRONG, Player, fenced, run

PLAN = "Let me plan.\n\nPLAN\n1. Take the largest.\nEND PLAN\n"
GOOD = "TEST 1\n[Record: best = 3]\nVERDICT: correct\n\n**TEST 2**\n[Record: best = -2]\nVERDICT: correct"
BAD = "TEST 1\nVERDICT: correct\nTEST 2\nVERDICT: wrong: 0 is larger\n\nREVISED PLAN\n1. Begin with the first.\nEND PLAN"
RIGHT_CHECK = "TEST 1: right\nTEST 2: right"


def player(**said: Any) -> Player:
    answers: dict[str, Any] = {"lpw__plan": PLAN, "lpw__verify": GOOD, "lpw__check": RIGHT_CHECK, "lpw__code": fenced(RIGHT),
                               "lpw__analyse": "It begins at 0.\nFIX: begin with the first number", "lpw__correct": fenced(RIGHT)}
    return Player(**(answers | said))


async def test_a_plan_that_is_verified_and_checked_becomes_a_program() -> None:
    model = player()
    result, _ = await run("lpw", LARGEST, model, lpw)
    assert result.verified and model.prompts == ["lpw/plan", "lpw/verify", "lpw/check", "lpw/code"]
    assert result.artifacts["plan"] == "1. Take the largest." and len(result.artifacts["verification"]) == 2
    assert "[Record: best = -2]" in model.said("lpw/code")[0]


async def test_a_plan_that_goes_wrong_by_hand_is_revised_and_verified_again() -> None:
    model = player(lpw__verify=[BAD, GOOD])
    result, _ = await run("lpw", LARGEST, model, lpw)
    assert result.artifacts["plan"] == "1. Begin with the first." and "1. Begin with the first." in model.said("lpw/verify")[1]


@pytest.mark.parametrize(("said", "told"), [
    ({"lpw__verify": ["TEST 1\nVERDICT: correct", GOOD]}, "did not have exactly one section for each of the 2 tests"),
    ({"lpw__check": ["TEST 1: right\nTEST 2: wrong: -5 was skipped", RIGHT_CHECK]}, "-5 was skipped"),
])
async def test_a_verification_that_is_not_accepted_is_asked_for_again_with_the_reason(said: dict[str, Any], told: str) -> None:
    model = player(**said)
    result, _ = await run("lpw", LARGEST, model, lpw)
    assert result.verified and told in model.said("lpw/verify")[1] and len(result.artifacts["verification"]) == 2


async def test_a_plan_that_is_never_accepted_is_programmed_all_the_same() -> None:
    model = player(lpw__check="TEST 1: wrong")
    result, endpoint = await run("lpw(rounds=3)", LARGEST, model, lpw)
    assert result.verified and result.artifacts["verification"] == [] and endpoint.calls == 1 + 3 * 2 + 1


async def test_a_failing_program_is_compared_with_the_verification_of_the_failing_test_and_corrected() -> None:
    model = player(lpw__code=fenced(WRONG), lpw__correct=[fenced(WRONG), fenced(RIGHT)])
    result, endpoint = await run("lpw", LARGEST, model, lpw)
    assert result.verified and result.artifacts["repairs"] == 2 and endpoint.calls == 4 + 2 * 2
    analysed = model.said("lpw/analyse")[0]
    assert "[Record: best = -2]" in analysed and "[Record: best = 3]" not in analysed and "[BLOCK-1]" in analysed
    assert "1. begin with the first number" in model.said("lpw/correct")[1] and "(nothing)" in model.said("lpw/correct")[0]


async def test_repairs_end_and_the_best_program_comes_back() -> None:
    result, endpoint = await run("lpw(repairs=2)", LARGEST, player(lpw__code=fenced(WRONG), lpw__correct="I give up."), lpw)
    assert result.outcome == "best_effort" and endpoint.calls == 4 + 2 * 2 and "best = 0" in (result.answer or "")


async def test_of_several_plans_the_program_that_does_best_is_taken() -> None:
    def model(name: str, request: Any, number: int) -> str:
        prompt = (request.prompt or "").partition("@")[0]
        if prompt == "lpw/plan":
            return f"PLAN\n1. Way {number}.\nEND PLAN"
        if prompt == "lpw/code":
            return fenced(RIGHT if "Way 2" in request.messages[-1].text else WRONG)
        return {"lpw/verify": GOOD, "lpw/check": RIGHT_CHECK}[prompt]

    result, endpoint = await run("lpw(plans=3)", LARGEST, model, lpw)
    assert result.verified and result.artifacts["plan"] == "1. Way 2." and endpoint.calls == 3 * 4


async def test_tests_that_a_model_wrote_verify_nothing() -> None:
    bare = CodeTask(statement="Write largest(numbers).", entry_point="largest")
    model = player(code__tests=fenced("assert largest([1, 2]) == 2\nassert largest([3]) == 3\n"))
    result, _ = await run("lpw", bare, model, lpw)
    assert (result.outcome, result.authority) == ("best_effort", "model")


async def test_a_spent_budget_gives_the_best_so_far() -> None:
    nothing, _ = await run("lpw", LARGEST, player(), lpw, requests=2)
    assert (nothing.outcome, nothing.answer) == ("limit", None)
    some, _ = await run("lpw", LARGEST, player(lpw__code=fenced(WRONG)), lpw, requests=5)
    assert some.outcome == "limit" and "best = 0" in (some.answer or "")


@pytest.mark.parametrize("reply", ["", "VERDICT: correct", "TEST 1\nVERDICT: correct\nTEST 1\nVERDICT: correct",
                                   "TEST 1\nVERDICT: correct\nTEST 2\nVERDICT: wrong", "TEST 1\nTEST 2\nVERDICT: correct"])
def test_a_verification_needs_one_right_section_for_each_test(reply: str) -> None:
    assert sections_of(reply, 2) is None


@given(st.text())
def test_any_reply_is_read(reply: str) -> None:
    assert sections_of(reply, 3) is None or "TEST" in reply
    assert not all_right(reply, 3) or "right" in reply.lower()
