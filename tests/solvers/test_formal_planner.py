"""Formal planning over a model that answers what it is told, and the dialogue about wishes that contradict each other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eudoxus.prompts import load
from eudoxus.runtime.errors import InvalidTask
from eudoxus.solvers.attempts import Draft
from eudoxus.solvers.examples import example, examples
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.formulation.grounding import ground
from eudoxus.solvers.solving import Repair, Solve
from eudoxus.solvers.suggestions import edits_of
from eudoxus.solvers.task import FormulationTask, RepairTask
from tests.solvers.formulating import run, said

DINNER = FormulationTask(
    description="Plan a dinner for four: one starter, one main course.", query="No meat. At most 40 for all.",
    data={"STARTERS": ["soup", "ham"], "MAINS": ["risotto", "stew"], "meat": {"soup": 0, "ham": 1, "risotto": 0, "stew": 1},
          "price": {"soup": 3, "ham": 5, "risotto": 8, "stew": 6}})
STEPS = json.dumps({"steps": [{"section": "Dishes", "steps": ["Choose one starter.", "Choose one main course."]},
                              {"section": "Wishes", "steps": ["No meat.", "At most 40."]}]})
COST = "4 * sum(price[d] * starter[d] for d in STARTERS) + 4 * sum(price[d] * main[d] for d in MAINS)"
FORMULATION: dict[str, Any] = {
    "params": {"budget": 40},
    "variables": {"starter": {"type": "bool", "index": ["STARTERS"]}, "main": {"type": "bool", "index": ["MAINS"]}},
    "constraints": [
        {"name": "one starter", "expr": "sum(starter[d] for d in STARTERS) == 1", "firm": True},
        {"name": "one main course", "expr": "sum(main[d] for d in MAINS) == 1", "firm": True},
        {"name": "no meat", "expr": "sum(meat[d] * starter[d] for d in STARTERS) + sum(meat[d] * main[d] for d in MAINS) == 0"},
        {"name": "budget", "expr": f"{COST} <= budget"}],
    "objective": {"sense": "min", "expr": COST}}
DRAFT = json.dumps({"formulation": FORMULATION})


async def test_wishes_that_can_be_met_give_the_best_plan():
    rich = json.dumps({"formulation": FORMULATION | {"params": {"budget": 50}}})
    result, endpoint = await run("formal_planner", DINNER, [STEPS, rich])
    assert (endpoint.calls, result.outcome, result.authority) == (2, "best_effort", "solver")
    assert result.answer == "The optimum is 44.\nmain[risotto] = True\nstarter[soup] = True"
    assert "# Dishes\n- Choose one starter." in said(endpoint, 1)
    assert result.artifacts["steps"][1]["steps"] == ["No meat.", "At most 40."]


async def test_wishes_that_contradict_each_other_are_named_and_what_helps_is_suggested():
    result, _ = await run("formal_planner", DINNER, [STEPS, DRAFT])
    assert result.answer == ("There is no plan that meets all of these: no meat, budget.\n\n"
                             "It would help to do one of these:\n"
                             "1. change the limit of budget from 40 to 44; then the optimum is 44\n"
                             "2. drop no meat; then the optimum is 36")
    assert result.artifacts["suggestions"][0]["edits"] == [{"kind": "set_param", "name": "budget", "value": 44}]
    assert result.artifacts["suggestions"][1]["constraints"] == ["no meat"]


async def suggested(**answer: Any) -> Any:
    task = RepairTask.model_validate({"formulation": Draft.read(DRAFT, DINNER).shown["formulation"], **answer})
    result, endpoint = await run("formal_planner", task, [])
    assert endpoint.calls == 0
    return result


async def test_an_accepted_suggestion_is_solved_without_a_model():
    first, _ = await run("formal_planner", DINNER, [STEPS, DRAFT])
    assert first.artifacts["formulation"] == Draft.read(DRAFT, DINNER).shown["formulation"]
    result = await suggested(accept=first.artifacts["suggestions"][0]["edits"])
    assert result.answer.startswith("The optimum is 44.")
    assert result.artifacts["formulation"]["params"]["budget"] == 44


async def test_what_is_refused_stays_and_is_suggested_no_more():
    result = await suggested(refuse=["budget"])
    assert [one["words"] for one in result.artifacts["suggestions"]] == ["drop no meat; then the optimum is 36"]
    assert result.artifacts["formulation"]["constraints"][3]["firm"] is True
    result = await suggested(refuse=["budget", "no meat"])
    assert result.artifacts["suggestions"] == []
    assert result.answer.endswith("No change was found that helps and leaves firm what is firm.")


async def test_a_modified_suggestion_counts_as_it_is_modified():
    result = await suggested(modify=[{"kind": "set_param", "name": "budget", "value": 60}])
    assert result.answer.startswith("The optimum is 44.")
    result = await suggested(modify=[{"kind": "set_param", "name": "budget", "value": 42}])
    assert "change the limit of budget from 42 to 44" in result.answer


async def test_a_constant_that_stands_elsewhere_too_is_not_changed():
    shared = FORMULATION | {"outputs": {}, "variables": FORMULATION["variables"] | {"tip": {"type": "int", "lb": 0, "ub": "budget"}}}
    result, _ = await run("formal_planner", RepairTask.model_validate(
        {"formulation": Draft.read(json.dumps({"formulation": shared}), DINNER).formulation.model_dump(by_alias=True)}), [])
    first = result.artifacts["suggestions"][0]
    assert first["edits"][0]["kind"] == "change_constraint" and first["edits"][0]["expr"].endswith("<= budget + 4")


@pytest.mark.parametrize("path", ["formal_planner", "llmopt"])
async def test_a_given_formulation_is_refused_where_it_would_not_be_used(path: str):
    given = DINNER.model_copy(update={"formulation": Draft.read(DRAFT, DINNER).formulation})
    with pytest.raises(InvalidTask, match="writes the formulation itself"):
        await run(path, given, [])


@pytest.mark.parametrize(("answer", "reason"), [
    ({"refuse": ["wine"]}, "there is no constraint 'wine'; there are budget, no meat, one main course, one starter"),
    ({"accept": [{"kind": "set_param", "name": "wine", "value": 1}]}, r"edits\[0\]: there is no parameter 'wine'"),
    ({"modify": [{"kind": "change_constraint", "name": "budget", "expr": "wine <= 3"}]}, "'wine' means nothing here"),
])
async def test_an_answer_that_makes_no_sense_is_refused_by_name(answer: dict[str, Any], reason: str):
    with pytest.raises(InvalidTask, match=reason):
        await suggested(**answer)


async def test_wrong_answers_are_corrected_and_else_end_in_a_failure():
    result, endpoint = await run("formal_planner", DINNER, ["No.", STEPS, DRAFT.replace("<= budget", "<= purse"), DRAFT])
    assert endpoint.calls == 4 and result.artifacts["suggestions"]
    assert "'purse' means nothing here" in said(endpoint, 3)
    result, endpoint = await run("formal_planner(retries=1)", DINNER, ["No.", "Never."])
    assert (endpoint.calls, result.outcome, result.answer) == (2, "failed", None)
    result, _ = await run("formal_planner", DINNER, [STEPS, DRAFT], requests=1)
    assert (result.outcome, result.answer) == ("limit", None)


LOADS = {"sets": {"T": ["x", "y"], "K": [1, 2]}, "params": {"cap": {"x": 3, "y": 9}},
         "variables": {"n": {"type": "int", "index": ["T", "K"], "lb": 0}},
         "constraints": [{"name": "capacity", "forall": ["t in T"], "expr": "sum(n[t, k] for k in K) <= cap[t]"},
                         {"name": "enough", "forall": ["t in T", "k in K"], "expr": "n[t, k] >= 2"}]}


@pytest.mark.parametrize(("repair", "expr"), [
    (Repair(kind="relax", constraints=("capacity[x]",), by=1, limit=3, becomes=4),
     "sum((n[t, k] for k in K)) <= cap[t] + (1 if t in ['x'] else 0)"),
    (Repair(kind="drop", constraints=("capacity[x]",)), "(t in ['x']) or (sum(n[t, k] for k in K) <= cap[t])"),
    (Repair(kind="relax", constraints=("enough[x,2]",), by=1, limit=2, becomes=1),
     "n[t, k] + (1 if t in ['x'] and k in ['2', 2] else 0) >= 2"),
])
async def test_a_repair_of_one_combination_leaves_the_others_as_they_are(repair: Repair, expr: str):
    formulation = Formulation.model_validate(LOADS)
    edits = edits_of(repair, formulation)
    name = repair.constraints[0].partition("[")[0]
    assert [one.model_dump() for one in edits] == [{"kind": "change_constraint", "name": name, "expr": expr}]
    assert (await Solve(formulation=formulation).run()).status == "infeasible"


async def test_every_suggestion_for_a_repeated_constraint_works():
    task = RepairTask.model_validate({"formulation": LOADS})
    result, _ = await run("formal_planner", task, [])
    words = [one["words"] for one in result.artifacts["suggestions"]]
    assert "change the limit of capacity[x] from 3 to 4" in words
    for one in result.artifacts["suggestions"]:
        again, _ = await run("formal_planner", RepairTask.model_validate({"formulation": LOADS, "accept": one["edits"]}), [])
        assert again.artifacts["solution"]["status"] == "optimal", one


def test_a_repair_that_cannot_be_written_as_an_edit_is_none():
    formulation = Formulation.model_validate(LOADS)
    assert edits_of(Repair(kind="relax", constraints=("objective",), by=1), formulation) == []
    assert edits_of(Repair(kind="relax", constraints=("capacity",), by=None), formulation) == []


def test_the_shipped_data_fit_together():
    assert examples() == ("travel",)
    data = example("travel")
    assert all(data[f"{kind.upper()}S"] == list(data[kind]) for kind in ("flight", "hotel", "restaurant"))
    assert all({one["from"], one["to"]} < set(data["CITIES"]) and one["day"] in data["DAYS"] for one in data["flight"].values())
    assert all(one["city"] in data["CITIES"] for kind in ("hotel", "restaurant") for one in data[kind].values())
    ground({"params": data, "constraints": [{"name": "c", "forall": ["f in FLIGHTS"], "expr": "flight[f, 'price'] > 0"}]})
    assert FormulationTask(description="x", data="travel").constants == data


async def test_the_worked_example_of_the_prompt_means_what_the_test_means():
    text = load("formal_planner/formulate").text
    shown = text[text.rindex('{"formulation"'):text.index("--- user ---")]
    draft = Draft.read(shown, DINNER)
    assert draft.formulation == Draft.read(DRAFT, DINNER).formulation
