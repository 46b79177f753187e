"""LLM+P over a model that answers what it is told."""

from __future__ import annotations

import pytest

from eudoxus.planners.domains import shipped
from eudoxus.planners.task import PlanningTask, WorkedExample
from eudoxus.runtime import ChatTask, Completion, Message
from eudoxus.runtime.errors import InvalidParams
from tests.planners.worlds import plan

BLOCKS = shipped()["blocksworld"]
RIGHT = f"```pddl\n{BLOCKS.example_problem}\n```"
IMPOSSIBLE = RIGHT.replace("(on blue yellow)", "(on red yellow)")
"""Red on yellow and yellow on red."""
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
    assert result.detail == ("the model's problem cannot be used: the file: the answer holds no PDDL: expected (define (problem …) …)"
                             "; asked to correct it, the model wrote the same again")


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
    result, endpoint = await plan(TASK, [IMPOSSIBLE], "llm_plus_p(repairs=0)")
    assert (result.outcome, endpoint.calls) == ("failed", 1)
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


async def test_what_the_planner_finds_wrong_goes_back_to_the_model():
    result, endpoint = await plan(TASK, [IMPOSSIBLE, RIGHT])
    assert result.verified
    asked = endpoint.requests[1][1]
    assert asked.prompt.startswith("llm_plus_p/repair@")
    assert "the planner proved that no sequence of actions leads from these initial facts to this goal" in asked.messages[-1].text
    assert [attempt["status"] for attempt in result.artifacts["attempts"]] == ["unsolvable", "solved"]


async def test_the_model_is_asked_again_until_its_repairs_are_used_up():
    wrong = [RIGHT.replace("(on green red)", f"({word} green red)") for word in ("above", "over", "upon", "atop", "near")]
    result, endpoint = await plan(TASK, wrong)
    assert (result.outcome, endpoint.calls, len(result.artifacts["attempts"])) == ("failed", 4, 4)
    assert "atop" in result.detail


async def test_the_same_problem_written_again_ends_the_repairs():
    wrong = RIGHT.replace("(on green red)", "(above green red)")
    result, endpoint = await plan(TASK, [wrong, wrong.replace("red-yellow-blue", "another-name"), RIGHT])
    assert (result.outcome, endpoint.calls) == ("failed", 2)
    assert result.detail.endswith("asked to correct it, the model wrote the same again")


async def test_five_findings_are_shown_at_once():
    wrong = RIGHT.replace("(clear ", "(bare ").replace("(on-table ", "(standing ")
    _, endpoint = await plan(TASK, [wrong, RIGHT])
    asked = endpoint.requests[1][1].messages[-1].text
    assert "5. init:" in asked
    assert "6. and 1 more, of the same kinds" in asked


async def test_the_translation_that_most_samples_agree_on_counts_whatever_they_call_the_objects():
    renamed = RIGHT.replace("green", "box-1").replace("yellow", "box-2")
    other = RIGHT.replace("(on yellow red)", "(on blue red)").replace("(on blue yellow)", "(on yellow blue)")
    result, endpoint = await plan(TASK, [other, RIGHT, renamed], "llm_plus_p(samples=3)")
    assert (result.verified, endpoint.calls, endpoint.completions) == (True, 1, 3)
    assert endpoint.requests[0][1].temperature == 0.7
    assert result.artifacts["problem"] == BLOCKS.example_problem + "\n"
    assert result.detail.endswith("2 of 3 translations say the same")


async def test_a_smaller_group_counts_when_the_largest_has_no_plan():
    result, endpoint = await plan(TASK, [IMPOSSIBLE, "no", RIGHT, IMPOSSIBLE], "llm_plus_p(samples=4)")
    assert (result.verified, endpoint.calls) == (True, 1)
    assert [attempt["status"] for attempt in result.artifacts["attempts"]] == ["unsolvable", "solved"]


async def test_of_several_samples_without_a_plan_the_nearest_one_is_repaired():
    wrong = RIGHT.replace("(on green red)", "(above green red)")
    result, endpoint = await plan(TASK, ["no", wrong, RIGHT], "llm_plus_p(samples=2,temperature=0.3)")
    assert (result.verified, endpoint.completions) == (True, 3)
    assert endpoint.requests[1][1].temperature == 0.3


async def test_a_spent_budget_gives_what_there_is():
    result, _ = await plan(TASK, ["no"], requests=1)
    assert (result.outcome, result.answer) == ("limit", None)
    assert result.artifacts["problem"] == "no"
    assert "requests" in result.detail


async def test_without_context_no_example_is_shown():
    _, endpoint = await plan(TASK, [RIGHT], "llm_plus_p(context=none)")
    asked = endpoint.requests[0][1].messages[-1].text
    assert "example" not in asked
    assert BLOCKS.pddl in asked


async def test_two_examples_are_shown_one_after_the_other():
    task = TASK.model_copy(update={"example": WorkedExample(description="First.", problem="(one)"),
                                   "second_example": WorkedExample(description="Second.", problem="(two)")})
    _, endpoint = await plan(task, [RIGHT])
    asked = endpoint.requests[0][1].messages[-1].text
    assert asked.index("First.") < asked.index("(one)") < asked.index("Second.") < asked.index("(two)") < asked.index(TASK.description)


async def test_the_model_may_tell_the_plan():
    sentences = "\n".join(f"{number}. Sentence {number}." for number in range(1, 7))
    result, endpoint = await plan(TASK, [RIGHT, sentences], "llm_plus_p(nl_plan=model)")
    assert (result.verified, endpoint.calls) == (True, 2)
    assert result.answer.startswith("The plan has 6 steps:\n\n1. Sentence 1.\n2. Sentence 2.")
    assert result.answer.endswith("\n".join(result.artifacts["plan"]) + "\n```")


@pytest.mark.parametrize("said", ["1. All at once.", "I would rather not.", ""])
async def test_words_that_do_not_fit_the_steps_give_way_to_the_templates(said: str):
    result, _ = await plan(TASK, [RIGHT, said], "llm_plus_p(nl_plan=model)")
    assert result.verified
    assert "1. Lift green off red." in result.answer


async def test_a_budget_without_room_for_the_telling_keeps_the_verified_plan():
    result, _ = await plan(TASK, [RIGHT], "llm_plus_p(nl_plan=model)", requests=1)
    assert result.verified
    assert "1. Lift green off red." in result.answer


async def test_an_optimal_plan_can_be_asked_for():
    result, _ = await plan(TASK, [RIGHT], "llm_plus_p(optimal=true)")
    assert (result.verified, result.artifacts["cost"]) == (True, 6)
    assert result.artifacts["engine"] == "fast-downward:optimal"


async def test_grammar_and_structure_exclude_each_other():
    with pytest.raises(InvalidParams, match="give grammar=true or structure=true, not both"):
        await plan(TASK, [RIGHT], "llm_plus_p(grammar=true,structure=true)")
