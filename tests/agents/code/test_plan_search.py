"""PlanSearch: different observations lead to different plans, and these to different programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.code.plan_search import listed
from tests.agents.code.running import LARGEST, RIGHT, WRONG, Player, fenced, run

OBSERVED = "1. The list may hold negative numbers.\n2. max does it.\n3. It is not empty."


def player(**answers: object) -> Player:
    said = {
        "plan_search__observations": OBSERVED, "plan_search__derive": "1. Begin with the first.", "plan_search__plan": "Keep the best.",
        "plan_search__criticise": "Take the first for the best.", "plan_search__pseudocode": "for each: keep the larger",
        "plan_search__program": [fenced(WRONG), fenced(RIGHT)],
    }
    return Player(**said | answers)


async def test_a_plan_goes_from_observations_by_way_of_pseudocode_to_a_program():
    playing = player(plan_search__program=fenced(RIGHT))
    result, _ = await run("plan_search(plans=1,criticise=false)", LARGEST, playing)
    assert result.verified and result.answer == RIGHT
    assert [p.partition("/")[2] for p in playing.prompts] == ["observations", "derive", "plan", "pseudocode", "program"]
    planned = playing.said("plan_search/plan")[0]
    assert "Begin with the first." in planned and any(one in planned for one in result.artifacts["plans"][0])
    assert "Keep the best." in playing.said("plan_search/pseudocode")[0]
    assert "keep the larger" in playing.said("plan_search/program")[0]


async def test_the_mended_plan_becomes_a_program_of_its_own_and_the_selector_chooses():
    playing = player()
    result, _ = await run("plan_search(plans=1,derived=0)", LARGEST, playing)
    assert result.verified and result.answer == RIGHT and result.artifacts["candidates"] == 2
    assert "Take the first for the best." in playing.said("plan_search/pseudocode")[1]


async def test_plans_come_from_different_sets_of_at_most_two_observations():
    result, _ = await run("plan_search(plans=6,criticise=false,derived=0)", LARGEST, player(plan_search__program=fenced(RIGHT)))
    plans = [tuple(plan) for plan in result.artifacts["plans"]]
    assert len(set(plans)) == 6 and sorted(map(len, plans)) == [1, 1, 1, 2, 2, 2]
    result, _ = await run("plan_search(plans=20,criticise=false,derived=0)", LARGEST, player(plan_search__program=fenced(RIGHT)))
    assert len(result.artifacts["plans"]) == 6


async def test_without_observations_there_is_one_plan():
    playing = player(plan_search__observations="", plan_search__program=fenced(RIGHT))
    result, _ = await run("plan_search(plans=3,criticise=false)", LARGEST, playing)
    assert result.verified and result.artifacts["plans"] == [[]] and "plan_search/derive" not in playing.prompts


async def test_where_the_budget_ends_the_programs_written_by_then_are_chosen_from():
    playing = player(plan_search__program=fenced(RIGHT))
    result, _ = await run("plan_search(plans=1,derived=0)", LARGEST, playing, requests=5)
    assert result.verified and result.artifacts["candidates"] == 1
    result, _ = await run("plan_search(plans=1,derived=0)", LARGEST, player(), requests=2)
    assert (result.answer, result.outcome) == (None, "limit")


@pytest.mark.parametrize("reply", [
    "1. One is odd.\n2. Two is even.", "Observations:\n- One is odd.\n- Two is even.\n", "One is odd.\n\nTwo is even.",
    "<think>1. no</think>\n1) One is odd.\n2) Two is even.",
])
def test_lists_are_read_as_models_write_them(reply: str):
    assert listed(reply) == ["One is odd.", "Two is even."]


@given(st.text(max_size=300))
def test_any_reply_is_read(reply: str):
    assert all(item.strip() for item in listed(reply))
