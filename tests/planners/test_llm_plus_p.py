"""LLM+P over a model that answers what it is told."""

from __future__ import annotations

import pytest

from eudoxus.planners.domains import shipped
from eudoxus.planners.task import PlanningTask
from eudoxus.runtime import ChatTask, Completion, Message
from tests.planners.worlds import plan

BLOCKS = shipped()["blocksworld"]
RIGHT = f"```pddl\n{BLOCKS.example_problem}\n```"
TASK = PlanningTask(description=BLOCKS.example_description, domain="blocksworld")


async def test_the_plan_is_validated_and_told_in_words_and_in_pddl():
    result, endpoint = await plan(TASK, [RIGHT])
    assert endpoint.calls == 1
    assert (result.outcome, result.authority) == ("verified", "solver")
    assert "validated step by step against the problem that the model wrote" in result.detail
    assert result.answer is not None
    assert result.answer.startswith("The plan has 6 steps:\n\n1. Lift green off red.\n2. Put green down on the table.\n")
    steps = "\n".join(result.artifacts["plan"])
    assert result.answer.endswith(f"```pddl\n{steps}\n```")
    assert result.artifacts["cost"] == 6
    assert result.artifacts["engine"] == "fast-downward"
    assert result.artifacts["problem"] == BLOCKS.example_problem + "\n"
    assert result.artifacts["findings"] == result.artifacts["changes"] == []


async def test_it_reads_its_task_from_a_chat_message():
    result, endpoint = await plan(ChatTask(messages=(Message(role="user", content=f"Domain: blocksworld\n\n{TASK.description}"),)), [RIGHT])
    assert result.verified
    asked = endpoint.requests[0][1].messages[-1].text
    assert f"<task>\n{TASK.description}\n</task>" in asked
    assert endpoint.requests[0][1].temperature == 0


async def test_a_task_without_an_example_is_shown_one_of_another_domain():
    switch = "(define (domain switch) (:predicates (lit)) (:action press-it :parameters () :effect (lit)))"
    problem = "(define (problem p) (:domain switch) (:init) (:goal (lit)))"
    result, endpoint = await plan(PlanningTask(description="Light!", domain=switch), [problem])
    asked = endpoint.requests[0][1].messages[-1].text
    assert "a different domain" in asked
    assert "(define (problem red-yellow-blue)" in asked
    assert result.answer == "The plan has 1 step:\n\n1. Press it.\n\n```pddl\n(press-it)\n```"


@pytest.mark.parametrize(("wrong", "said"), [
    ("I am sorry, I cannot do that.", "1. the file: the answer holds no PDDL"),
    (RIGHT.replace("(on green red)", "(above green red)"), "1. init: (above green red): the domain has no predicate above"),
    (RIGHT.replace("(on blue yellow)", "..."), "expected a condition in parentheses, found '...'"),
    (Completion(text=RIGHT, finish_reason="length"), "1. end: the answer was cut off"),
])
async def test_an_unusable_problem_is_asked_for_once_more_with_what_is_wrong(wrong: str | Completion, said: str):
    result, endpoint = await plan(TASK, [wrong, RIGHT])
    assert result.verified
    assert endpoint.calls == 2
    asked = endpoint.requests[1][1].messages[-1].text
    assert said in asked
    assert TASK.description in asked


async def test_a_problem_that_stays_unusable_is_a_failure_that_says_why():
    result, endpoint = await plan(TASK, ["no", "no"])
    assert endpoint.calls == 2
    assert (result.outcome, result.answer, result.authority) == ("failed", None, "none")
    assert result.detail == "the model's problem cannot be used: the file: the answer holds no PDDL: expected (define (problem …) …)"


async def test_without_repairs_the_model_is_asked_once():
    result, endpoint = await plan(TASK, ["no"], "llm_plus_p(repairs=0)")
    assert (endpoint.calls, result.outcome) == (1, "failed")


async def test_what_was_put_right_is_told():
    careless = RIGHT.replace("(:domain blocksworld)", "(:domain Blocks)").replace("(arm-empty))", "(arm-empty) (clear blue)")
    result, _ = await plan(TASK, [careless])
    assert result.verified
    assert result.artifacts["changes"] == [
        "added 1 missing ')'", "wrote names in lower case", "named the domain blocksworld instead of blocks",
        "dropped 1 initial facts that were listed twice"]


async def test_a_problem_without_a_plan_is_a_failure_that_says_so():
    result, _ = await plan(TASK, [RIGHT.replace("(arm-empty)", "")])
    assert result.outcome == "failed"
    assert "proved that the problem which the model wrote has no plan" in result.detail
    assert result.artifacts["status"] == "unsolvable"
    assert result.artifacts["plan"] is None


async def test_a_goal_that_holds_already_needs_no_steps():
    result, _ = await plan(TASK, [RIGHT.replace("(on yellow red)", "(clear blue)").replace("(on blue yellow)", "(on green red)")])
    assert result.verified
    assert result.answer is not None
    assert result.answer.startswith("Nothing needs to be done")


async def test_the_parameters_come_before_the_task():
    result, _ = await plan(TASK, [RIGHT], "llm_plus_p(engine=pyperplan,seconds=5)")
    assert result.artifacts["engine"] == "pyperplan"
