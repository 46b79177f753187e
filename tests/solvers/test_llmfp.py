"""LLMFP over a model that answers what it is told."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from eudoxus.planners.domains import shipped
from eudoxus.prompts import load
from eudoxus.runtime import ChatTask, Completion, Message
from eudoxus.runtime.endpoints.base import Capabilities
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import InvalidTask
from eudoxus.solvers.attempts import Draft
from eudoxus.solvers.edits import edited
from eudoxus.solvers.solving import Solve
from eudoxus.solvers.task import FormulationTask
from tests.solvers.formulating import BUSES, FORMULATION, defined, drafted, rated, run, said

FEWER: dict[str, Any] = {"kind": "set_param", "name": "drivers", "value": 3}
ASKING = BUSES.model_copy(update={"query": "What if there are 3 drivers only?"})
NO_SEATS = FORMULATION | {"constraints": FORMULATION["constraints"][1:]}


async def test_it_defines_formulates_solves_and_has_itself_assessed():
    result, endpoint = await run("llmfp", BUSES, [defined(), drafted(), rated()])
    assert endpoint.calls == 3
    assert (result.outcome, result.authority) == ("best_effort", "solver")
    assert result.answer == "The optimum is 620.\nn[coach] = 2\nn[minibus] = 2"
    assert "was judged by the model alone" in result.detail and "highs found the optimum" in result.detail
    assert result.artifacts["solution"]["objective"] == 620
    assert result.artifacts["formulation"]["params"]["pupils"] == 100
    assert result.artifacts["assessments"][0]["formulate"]["right"] is True


async def test_the_definer_sees_no_question_and_its_reasoning_is_not_handed_on():
    _, endpoint = await run("llmfp", ASKING, [defined(), drafted(), rated()])
    assert "3 drivers only" not in said(endpoint, 0)
    assert "3 drivers only" in said(endpoint, 1)
    assert "All pupils have a seat." in said(endpoint, 1)
    assert "SECRET" not in said(endpoint, 1)
    assert 'seats = {"coach": 40, "minibus": 12}' in said(endpoint, 1)


async def test_lean_takes_one_completion_before_the_assessment():
    result, endpoint = await run("llmfp(lean=true,max_iters=0)", BUSES, [drafted()])
    assert (endpoint.calls, result.artifacts["solution"]["objective"]) == (1, 620)
    assert endpoint.requests[0][1].prompt.startswith("llmfp/lean@")
    assert "was not checked" in result.detail


async def test_a_question_is_an_edit_and_both_optima_are_told():
    result, _ = await run("llmfp", ASKING, [defined(), drafted(FEWER), rated()])
    assert result.answer.startswith("The optimum changes by +40: 620 before, 660 with the change.")
    assert (result.artifacts["difference"], result.artifacts["edits"]) == (40, [FEWER])


async def test_a_change_without_a_solution_is_told_by_the_constraints_that_contradict_each_other():
    result, endpoint = await run("llmfp", ASKING, [defined(), drafted(FEWER | {"value": 2}), rated()])
    assert result.outcome == "best_effort"
    assert "There is no solution: seats for all, a driver each cannot all hold together." in result.answer
    assert "change the limit of a driver each from 2 to 3" in result.answer
    assert "seats for all, a driver each cannot all hold together" in said(endpoint, 2)


async def test_with_a_given_formulation_only_edits_are_asked_for():
    given = ASKING.model_copy(update={"formulation": Draft.read(drafted(), BUSES).formulation})
    forged = {"edits": [FEWER], "formulation": NO_SEATS}
    result, endpoint = await run("llmfp(max_iters=0)", given, [json.dumps(forged)])
    assert endpoint.requests[0][1].prompt.startswith("llmfp/edit@")
    assert result.artifacts["difference"] == 40
    assert len(result.artifacts["formulation"]["constraints"]) == 2


@pytest.mark.parametrize(("wrong", "reason"), [
    ("I am sorry.", "the answer is not one JSON object"),
    (drafted().replace('"int"', '"integer"'), "formulation.variables.n.type: Input should be 'bool', 'int' or 'real'"),
    (drafted().replace(">= pupils", ">= pupil"), "constraints.seats for all.expr, column 40: 'pupil' means nothing here"),
    (drafted(params={"pupils": 15}), "params.pupils: pupils is given in the data with other values"),
    (drafted(sets={"TYPES": ["coach"]}), "sets.TYPES: TYPES is given in the data with other members"),
    (drafted({"kind": "drop_constraint", "name": "nothing"}), "there is no constraint 'nothing'"),
    (drafted(FEWER | {"value": "four"}), "with the edits: constraints.a driver each.expr"),
    (Completion(text=drafted(), finish_reason="length"), "the answer was cut off"),
])
async def test_what_is_wrong_with_an_answer_goes_back_to_the_model(wrong: str | Completion, reason: str):
    result, endpoint = await run("llmfp(lean=true,max_iters=0)", BUSES, [wrong, drafted()])
    assert (endpoint.calls, result.artifacts["solution"]["objective"]) == (2, 620)
    assert reason in said(endpoint, 1)
    assert endpoint.requests[1][1].prompt.startswith("formulation/again@")


async def test_answers_that_stay_unusable_end_in_a_failure_that_says_why():
    result, endpoint = await run("llmfp(lean=true)", BUSES, ["no", "nay", "never", drafted()])
    assert (endpoint.calls, result.outcome, result.answer, result.authority) == (3, "failed", None, "none")
    assert result.detail.startswith("the model's answer cannot be used: the answer is not one JSON object")


async def test_the_same_wrong_answer_again_ends_it():
    result, endpoint = await run("llmfp(lean=true)", BUSES, ["no", "no", drafted()])
    assert (endpoint.calls, result.outcome) == (2, "failed")


async def test_a_modified_formulation_is_solved_and_assessed_again():
    result, endpoint = await run("llmfp", BUSES, [
        defined(), json.dumps({"formulation": NO_SEATS}), rated(formulate=False, modified={"formulation": FORMULATION}), rated()])
    assert (endpoint.calls, result.artifacts["solution"]["objective"]) == (4, 620)
    assert "The optimum is 0." in said(endpoint, 2)
    assert [one["formulate"]["right"] for one in result.artifacts["assessments"]] == [False, True]


async def test_a_modified_definition_is_formulated_anew():
    again = json.loads(defined(constraints=["Nobody stands."]))
    result, endpoint = await run("llmfp", BUSES, [defined(), json.dumps({"formulation": NO_SEATS}), rated(define=False, modified=again),
                                                  drafted(), rated()])
    assert (endpoint.calls, result.artifacts["solution"]["objective"]) == (5, 620)
    assert "Nobody stands." in said(endpoint, 3)
    assert result.artifacts["definition"]["constraints"] == ["Nobody stands."]


async def test_a_modification_that_makes_no_sense_is_corrected_and_else_leaves_the_attempt_as_it_is():
    broken = rated(formulate=False, modified={"formulation": FORMULATION | {"objective": {"sense": "min", "expr": "price"}}})
    result, endpoint = await run("llmfp", BUSES, [defined(), drafted(), broken, rated()])
    assert "objective.expr, column 1: 'price' means nothing here" in said(endpoint, 3)
    assert result.artifacts["solution"]["objective"] == 620
    result, endpoint = await run("llmfp", BUSES, [defined(), drafted(), "hm", "hum", "hem"])
    assert (endpoint.calls, result.artifacts["solution"]["objective"]) == (5, 620)
    assert "the assessment cannot be used" in result.detail


async def test_the_model_is_asked_for_assessments_no_more_often_than_allowed():
    worse = [rated(formulate=False, modified={"formulation": NO_SEATS | {"outputs": {f"o{i}": "1"}}}) for i in range(9)]
    result, endpoint = await run("llmfp(max_iters=2)", BUSES, [defined(), drafted(), *worse])
    assert (endpoint.calls, len(result.artifacts["assessments"])) == (4, 2)
    assert "its last objection: because" in result.detail


async def test_an_objective_without_limit_is_a_failure_unless_it_is_modified():
    endless = drafted(objective={"sense": "max", "expr": "n['coach']"}, constraints=[])
    result, _ = await run("llmfp(lean=true,max_iters=0)", BUSES, [endless])
    assert (result.outcome, result.answer) == ("failed", None)
    assert "A constraint is missing" in result.detail
    limit = {"kind": "add_constraint", "constraint": {"name": "few", "expr": "n['coach'] <= 3"}}
    limited = json.dumps(json.loads(endless) | {"edits": [limit]})
    result, _ = await run("llmfp(lean=true,max_iters=0)", BUSES, [limited])
    assert result.outcome == "failed" and "A constraint is missing" in result.detail
    mended = rated(formulate=False, modified={"formulation": FORMULATION})
    result, endpoint = await run("llmfp(lean=true)", BUSES, [endless, mended, rated()])
    assert result.artifacts["solution"]["objective"] == 620
    assert "The objective has no limit" in said(endpoint, 1)


async def test_the_published_stages_tell_by_the_model_and_allow_five_of_each():
    answers = ["1", "2", "3", "4", "5", defined(), drafted(), rated(), "Hire them."]
    result, endpoint = await run("llmfp(preset=paper,max_iters=1)", BUSES, answers)
    assert (endpoint.calls, result.answer.splitlines()[0]) == (9, "Hire them.")
    assert "The optimum is 620." in result.answer


async def test_a_spent_budget_gives_the_solution_so_far_and_without_one_nothing():
    result, _ = await run("llmfp", BUSES, [defined(), drafted(), rated()], requests=2)
    assert (result.outcome, result.authority) == ("limit", "solver")
    assert "The optimum is 620." in result.answer and result.artifacts["formulation"]
    result, _ = await run("llmfp", BUSES, [defined(), drafted()], requests=1)
    assert (result.outcome, result.answer) == ("limit", None)


async def test_a_budget_without_room_for_the_telling_keeps_the_answer():
    result, _ = await run("llmfp(lean=true,max_iters=0,prose=model)", BUSES, [drafted()], requests=1)
    assert result.answer.startswith("The optimum is 620.")


async def test_answers_are_held_to_a_schema_where_the_endpoint_can():
    _, endpoint = await run("llmfp(lean=true,max_iters=0)", BUSES, [drafted()])
    form = endpoint.requests[0][1].response_format
    assert form["type"] == "json_schema" and "formulation" in form["json_schema"]["schema"]["properties"]
    plain = SimulatedEndpoint([drafted()], name="sim", capabilities=Capabilities(json_schema=False))
    result, _ = await run("llmfp(lean=true,max_iters=0)", BUSES, plain)
    assert plain.requests[0][1].response_format is None
    assert result.artifacts["solution"]["objective"] == 620


async def test_a_task_of_planning_goes_to_the_planner():
    blocks = shipped()["blocksworld"]
    task = FormulationTask(description=f"```pddl\n{blocks.pddl}\n```\n{blocks.example_description}")
    result, endpoint = await run("llmfp", task, [defined(kind="planning"), f"```pddl\n{blocks.example_problem}```"])
    assert result.answer.startswith("The plan has 6 steps:") and result.authority == "solver"
    assert endpoint.requests[1][1].prompt.startswith("llm_plus_p/problem")
    world = FormulationTask(description="A lamp can be switched on.", query="Switch it on.")
    _, endpoint = await run("llmfp", world, [defined(kind="planning"), "no", "no"])
    assert endpoint.requests[1][1].prompt.startswith("text_to_domain/outline@")


async def test_it_reads_its_task_from_a_chat_message():
    words = f"{BUSES.description}\n```json\n{json.dumps(BUSES.data)}\n```\nQuery: What if there are 3 drivers only?"
    task = ChatTask(messages=(Message(role="user", content=words),))
    result, _ = await run("llmfp(lean=true,max_iters=0)", task, [drafted(FEWER)])
    assert result.artifacts["difference"] == 40
    assert FormulationTask.from_chat(task) == ASKING


@pytest.mark.parametrize(("words", "reason"), [
    ('Bolts.\n```json\n{"a-b": 1}\n```', "'a-b' cannot name a constant"), ('```json\n{"a": 1\n```\nx', "not one JSON object"),
    ("Data: atlantis\nWhere to?", "no data are called 'atlantis'"), ("Query: why?", "at least 1 character"),
    ('x\n```json\n{"sum": 1}\n```', "no function of expressions"),
])
def test_a_message_that_is_no_task_is_refused_with_one_that_would_work(words: str, reason: str):
    with pytest.raises(InvalidTask, match=reason) as refused:
        FormulationTask.from_chat(ChatTask(messages=(Message(role="user", content=words),)))
    example = str(refused.value).partition("This message would work:\n\n")[2]
    assert FormulationTask.from_chat(ChatTask(messages=(Message(role="user", content=example),))).query == "What if b makes 80?"


def test_a_formulation_that_says_something_else_than_the_data_is_refused():
    other = {"params": {"drivers": 9}, **FORMULATION}
    with pytest.raises(ValidationError, match="do not agree: params.drivers: drivers is given in the data with other values"):
        FormulationTask.model_validate({"description": "x", "data": BUSES.data, "formulation": other})


async def test_a_task_that_is_too_long_for_the_planner_is_a_failure():
    task = FormulationTask(description="Go.", data={"table": ["x" * 90] * 1500})
    result, _ = await run("llmfp", task, [defined(kind="planning")])
    assert result.outcome == "failed" and "cannot be read as one" in result.detail


@pytest.mark.parametrize("name", ["llmfp/lean", "llmfp/formulate"])
async def test_the_worked_example_of_the_prompt_can_be_solved(name: str):
    text = load(name).text
    example = text[text.index("Example."):]
    data = {found[1]: json.loads(found[2]) for found in re.finditer(r"(\w+) = (\{(?:[^{}]|\{[^{}]*\})*\})", example)}
    assert list(data) == ["per_hour", "hours", "orders", "cost"]
    draft = Draft.read(example[example.index('{"formulation"'):example.index("--- user ---")],
                       FormulationTask(description="bread", data=data))
    costs = [(await Solve(formulation=one).run()).objective for one in (draft.formulation, edited(draft.formulation, draft.edits))]
    assert costs[0] == costs[1] == pytest.approx(60 * 2.5 + 48 * 2 + 2 * 2.2)
