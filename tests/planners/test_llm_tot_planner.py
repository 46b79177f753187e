"""Best-first search over plans that the model proposes and judges."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from eudoxus.planners.llm_tot_planner import read_judgement
from eudoxus.planners.task import PlanningTask
from eudoxus.runtime import ChatRequest
from tests.planners.worlds import plan

SWITCHES = """(define (domain switches) (:predicates (on ?x))
  (:action press :parameters (?x) :effect (on ?x)))"""
TASK = PlanningTask(description="Switch on a, b and c.", domain=SWITCHES)


def model(proposals: dict[str, str], judgements: dict[str, str]) -> Callable[[str, ChatRequest, int], str]:
    """Proposes and judges by the actions so far: the letters of the switches pressed."""
    def answer(name: str, request: ChatRequest, k: int) -> str:
        said = request.messages[-1].text
        done = "".join(re.findall(r"\(press (\w)\)", said.partition("<taken")[2].partition("</taken")[0]))
        return proposals.get(done, "none") if "<taken_so_far>" in said else f"So so.\njudgement: {judgements[done]}"
    return answer


async def test_the_most_promising_beginning_is_continued_until_the_goal_is_reached():
    answers = model({"": "(press a) -> a is on\n(press b) -> b is on", "b": "(press c) -> b and c are on", "bc": "1. (press a) -> all on"},
                    {"a": "0.1", "b": "0.9", "bc": "0.9", "bca": "reached"})
    result, endpoint = await plan(TASK, answers, "llm_tot_planner")
    assert result.artifacts == {"plan": ["(press b)", "(press c)", "(press a)"], "expanded": 3}
    assert (result.outcome, result.authority) == ("best_effort", "model")
    assert endpoint.calls == 3 + 4


async def test_impossible_and_unreadable_judgements_end_a_branch():
    result, _ = await plan(TASK, model({"": "(press a)\n(press b)"}, {"a": "impossible", "b": "perhaps"}), "llm_tot_planner")
    assert result.outcome == "failed"
    assert result.detail == "no plan was judged to reach the goal of at most 10 steps, and nothing is left to try"


async def test_the_sum_along_the_plan_decides_so_that_short_plans_are_looked_at_first():
    answers = model({"": "(press a)\n(press b)", "a": "(press c)", "b": "(press c)", "ac": "(press b)"},
                    {"a": "0.5", "b": "0.4", "ac": "1", "bc": "reached"})
    result, _ = await plan(TASK, answers, "llm_tot_planner")
    assert result.artifacts["plan"] == ["(press b)", "(press c)"]


async def test_what_is_no_action_of_the_domain_is_not_judged():
    result, endpoint = await plan(TASK, model({"": "(press a b)\n(smash a)\nnone"}, {}), "llm_tot_planner")
    assert (result.outcome, endpoint.calls) == ("failed", 1)


@pytest.mark.parametrize(("params", "expanded", "calls"), [
    ("width=1", 10, 20), ("depth=2", 3, 9), ("expansions=1", 1, 3), ("expansions=2,width=1", 2, 4), ("expansions=7", 7, 21),
])
async def test_width_depth_and_expansions_are_bounds(params: str, expanded: int, calls: int):
    def endless(name: str, request: ChatRequest, k: int) -> str:
        return "(press a)\n(press b)" if "<taken_so_far>" in request.messages[-1].text else "judgement: 0.5"

    result, endpoint = await plan(TASK, endless, f"llm_tot_planner({params})")
    assert (result.outcome, result.artifacts["expanded"], endpoint.calls) == ("failed", expanded, calls)


async def test_a_spent_budget_gives_the_best_beginning():
    answers = model({"": "(press a)\n(press b)", "b": "(press c)"}, {"a": "0.3", "b": "0.8", "bc": "0.9"})
    result, _ = await plan(TASK, answers, "llm_tot_planner", requests=3)
    assert result.outcome == "limit"
    assert result.answer.startswith("This is the beginning of a plan; it is not finished.")
    assert "(press b)" in result.answer
    result, _ = await plan(TASK, answers, "llm_tot_planner", nodes=2)
    assert result.outcome == "limit"


@pytest.mark.parametrize(("said", "judgement"), [
    ("judgement: reached", "reached"), ("**Judgement:** 0.4", 0.4), ("judgement: 1", 1.0), ("Judgment: .5", 0.5),
    ("judgement: impossible", None), ("judgement: 0", None), ("no idea", None), ("", None),
    ("judgement: 0.9\nNo:\njudgement: impossible", None), ("<think>judgement: reached</think>judgement: 0.1", 0.1),
])
def test_the_last_judgement_counts(said: str, judgement: object):
    assert read_judgement(said) == judgement
