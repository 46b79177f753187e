"""LLMOPT over a model that answers what it is told."""

from __future__ import annotations

import json
import re

from eudoxus.prompts import load
from eudoxus.solvers.attempts import Draft
from eudoxus.solvers.solving import Solve
from eudoxus.solvers.task import FormulationTask
from tests.solvers.formulating import BUSES, FORMULATION, drafted, run, said

ELEMENTS = "**Sets**\nTYPES\n## Parameters\nas given\nVariables: n[t]\nObjective:\nminimize cost\nConstraints:\nseats for all"
RIGHT = json.dumps({"elements": True, "formulation": True, "analysis": ""})


def wrong(elements: bool, formulation: bool) -> str:
    return json.dumps({"elements": elements, "formulation": formulation, "analysis": "the drivers are missing"})


async def test_five_elements_become_a_formulation_that_is_solved_and_judged():
    result, endpoint = await run("llmopt", BUSES, [ELEMENTS, drafted(), RIGHT])
    assert (endpoint.calls, result.outcome, result.authority) == (3, "best_effort", "solver")
    assert result.answer.startswith("The optimum is 620.")
    assert "## Parameters\nas given" in said(endpoint, 1)
    assert result.artifacts["elements"] == ELEMENTS
    assert result.artifacts["corrections"] == [{"elements": True, "formulation": True, "analysis": ""}]


async def test_the_question_is_part_of_the_problem_and_edits_are_not_taken():
    task = BUSES.model_copy(update={"query": "Only 3 drivers are there."})
    edit = {"kind": "set_param", "name": "drivers", "value": 2}
    result, endpoint = await run("llmopt(corrections=0)", task, [ELEMENTS, drafted(edit)])
    assert "Only 3 drivers are there." in said(endpoint, 0) and "Only 3 drivers are there." in said(endpoint, 1)
    assert result.artifacts["edits"] == [] and "was not checked" in result.detail


async def test_a_wrong_formulation_is_written_anew_with_what_is_wrong():
    lax = drafted(constraints=FORMULATION["constraints"][1:])
    result, endpoint = await run("llmopt", BUSES, [ELEMENTS, lax, wrong(True, False), drafted(), RIGHT])
    assert (endpoint.calls, result.artifacts["solution"]["objective"]) == (5, 620)
    assert "What is wrong with it: the drivers are missing" in said(endpoint, 3)
    assert "a driver each" in said(endpoint, 3)


async def test_wrong_elements_are_written_anew_and_formulated_anew():
    again = ELEMENTS.replace("seats for all", "seats for all and a driver each")
    result, endpoint = await run("llmopt", BUSES, [ELEMENTS, drafted(), wrong(False, True), again, drafted(), RIGHT])
    assert (endpoint.calls, result.artifacts["elements"]) == (6, again)
    assert "What is wrong with it" in said(endpoint, 3) and "and a driver each" in said(endpoint, 4)


async def test_the_model_corrects_itself_no_more_often_than_allowed():
    answers = [ELEMENTS, drafted(), *[wrong(True, False), drafted()] * 5]
    result, endpoint = await run("llmopt(corrections=2)", BUSES, answers)
    assert (endpoint.calls, len(result.artifacts["corrections"])) == (6, 2)
    assert "its last objection: the drivers are missing" in result.detail


async def test_missing_headings_and_bad_formulations_are_asked_for_again():
    result, endpoint = await run("llmopt", BUSES, [ELEMENTS.replace("Objective", "Goal"), ELEMENTS, "Hm.", drafted(), RIGHT])
    assert (endpoint.calls, result.artifacts["solution"]["objective"]) == (5, 620)
    assert "the heading Objective is missing" in said(endpoint, 1)


async def test_what_stays_unusable_is_a_failure_and_after_a_solution_a_doubt():
    result, endpoint = await run("llmopt(retries=1)", BUSES, ["a", "b"])
    assert (endpoint.calls, result.outcome, result.answer) == (2, "failed", None)
    result, _ = await run("llmopt(retries=1)", BUSES, [ELEMENTS, drafted(), "a", "b"])
    assert result.answer.startswith("The optimum is 620.")
    assert "its last correction cannot be used" in result.detail


async def test_a_spent_budget_gives_the_solution_so_far():
    result, _ = await run("llmopt", BUSES, [ELEMENTS, drafted()], requests=2)
    assert (result.outcome, result.authority) == ("limit", "solver")
    assert result.answer.startswith("The optimum is 620.")
    result, _ = await run("llmopt", BUSES, [ELEMENTS], requests=1)
    assert (result.outcome, result.answer) == ("limit", None)


async def test_the_worked_example_of_the_prompt_can_be_solved():
    text = load("llmopt/formulate").text
    shown = re.search(r'\{"formulation".*?\}\}\}', text[text.index("Example."):], re.DOTALL)
    assert shown
    draft = Draft.read(shown[0], FormulationTask(description="buses"))
    assert (await Solve(formulation=draft.formulation).run()).objective == 880
