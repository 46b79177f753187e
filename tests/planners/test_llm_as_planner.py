"""Asking the model for the plan itself."""

from __future__ import annotations

import pytest

from eudoxus.planners.domains import shipped
from eudoxus.planners.pddl import PddlError
from eudoxus.planners.spoken import misfit, read_plan
from eudoxus.planners.task import PlanningTask, WorkedExample
from eudoxus.runtime import Completion
from tests.planners.worlds import plan

BLOCKS = shipped()["blocksworld"]
TASK = PlanningTask(description=BLOCKS.example_description, domain="blocksworld")
PLAN = ["(unstack green red)", "(put-down green)", "(pick-up yellow)", "(stack yellow red)", "(pick-up blue)", "(stack blue yellow)"]
RIGHT = "```\n" + "\n".join(PLAN) + "\n```"


async def test_the_plan_is_told_but_never_called_verified():
    result, endpoint = await plan(TASK, [RIGHT], "llm_as_planner")
    assert endpoint.calls == 1
    assert (result.outcome, result.authority) == ("best_effort", "model")
    assert result.artifacts["plan"] == PLAN
    assert "1. Lift green off red." in result.answer
    assert "was not checked" in result.detail
    asked = endpoint.requests[0][1]
    assert asked.temperature == 0
    assert "example" not in asked.messages[-1].text


async def test_with_context_a_planner_finds_the_plan_of_the_example():
    _, endpoint = await plan(TASK, [RIGHT], "llm_as_planner(way=context)")
    asked = endpoint.requests[0][1].messages[-1].text
    assert "<example_plan>\n(unstack green red)\n" in asked


async def test_the_plan_that_an_example_brings_is_shown_as_it_is():
    example = WorkedExample(description="Like before.", problem=BLOCKS.example_problem, plan="(pick-up a)\n(stack a b)")
    _, endpoint = await plan(TASK.model_copy(update={"example": example}), [RIGHT], "llm_as_planner(way=context)")
    assert "<example_plan>\n(pick-up a)\n(stack a b)\n</example_plan>" in endpoint.requests[0][1].messages[-1].text


async def test_step_by_step_the_last_block_counts():
    thought = "First I try\n```\n(pick-up red)\n```\nbut red is not clear. So:\n" + RIGHT
    result, endpoint = await plan(TASK, [thought], "llm_as_planner(way=steps)")
    assert result.artifacts["plan"] == PLAN
    assert endpoint.requests[0][1].prompt.startswith("llm_as_planner/steps@")


@pytest.mark.parametrize(("wrong", "said"), [
    ("I cannot.", "the answer holds no plan"),
    ("```\n(fly red blue)\n```", "step 1, (fly red blue): the domain has no action fly; it has: pick-up, put-down, unstack, stack"),
    ("```\n(stack green)\n```", "stack takes 2 objects, found 1: (stack ?block ?below)"),
    ("```\nput green down\n```", "expected a step such as"),
    (Completion(text=RIGHT, finish_reason="length"), "cut off"),
])
async def test_a_plan_that_cannot_be_used_is_asked_for_once_more(wrong: str | Completion, said: str):
    result, endpoint = await plan(TASK, [wrong, RIGHT], "llm_as_planner")
    assert result.artifacts["plan"] == PLAN
    assert said in endpoint.requests[1][1].messages[-1].text
    result, _ = await plan(TASK, [wrong, wrong], "llm_as_planner")
    assert (result.outcome, result.answer) == ("failed", None)
    assert said in result.detail


async def test_an_empty_block_says_that_nothing_needs_to_be_done():
    result, _ = await plan(TASK, ["```\n```"], "llm_as_planner")
    assert (result.outcome, result.artifacts["plan"]) == ("best_effort", [])


async def test_a_spent_budget_is_a_limit():
    result, _ = await plan(TASK, ["no"], "llm_as_planner", requests=1)
    assert (result.outcome, result.answer) == ("limit", None)


def test_steps_are_read_from_numbered_lines_without_a_block():
    assert read_plan("<think>(a b)</think>\nThe plan:\n1. (Pick-Up  Green)\n2) (stack green red), which is all") \
        == ["(pick-up green)", "(stack green red)"]
    with pytest.raises(PddlError):
        read_plan("(in passing) nothing" [13:])


def test_a_plan_of_known_actions_fits():
    assert misfit(PLAN, TASK.parsed) == ""
