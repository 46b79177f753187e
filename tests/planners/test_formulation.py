"""The questions of LLM+P, and answers that tell grids and rows by macros."""

from __future__ import annotations

import json

import pytest

from eudoxus.planners.domains import shipped
from eudoxus.planners.draft import agreeing, read_draft
from eudoxus.planners.formulation import has_fixed_relation, translation
from eudoxus.planners.pddl import parse_domain
from eudoxus.planners.task import PlanningTask
from eudoxus.runtime import Completion
from eudoxus.runtime.endpoints.base import Capabilities
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from tests.planners.worlds import plan

ROBOT = """(define (domain robot) (:requirements :typing) (:types robot cell)
  (:predicates (in ?r - robot ?c - cell) (free ?c - cell) (touches ?a ?b - cell))
  (:action go :parameters (?r - robot ?a ?b - cell) :precondition (and (in ?r ?a) (touches ?a ?b) (free ?b))
    :effect (and (in ?r ?b) (free ?a) (not (in ?r ?a)) (not (free ?b)))))"""
TASK = PlanningTask(description="A robot in a corner of a field of 2 by 2 shall go to the opposite corner.", domain=ROBOT)
TOLD = {"objects": {"robot": ["r2d2"]}, "init": ["(in r2d2 c-0-0)", "(free c-0-1)", "(free c-1-0)", "(free c-1-1)"],
        "macros": [{"kind": "grid4", "rows": 2, "cols": 2, "name": "c-{r}-{c}", "type": "cell", "pred": "touches"}],
        "goal": ["(in r2d2 c-1-1)"]}


def block(told: object) -> str:
    return f"Here it is.\n```json\n{json.dumps(told, indent=1)}\n```"


async def test_where_places_touch_the_model_may_answer_with_macros():
    result, endpoint = await plan(TASK, [block(TOLD)])
    assert result.verified
    assert len(result.artifacts["plan"]) == 2
    assert "(touches c-0-0 c-0-1)" in result.artifacts["problem"]
    assert "wrote out the macros of the answer" in result.artifacts["changes"]
    assert endpoint.requests[0][1].prompt.startswith("llm_plus_p/problem_structured@")


async def test_it_may_as_well_answer_in_pddl():
    pddl = read_draft(Completion(text=block(TOLD)), TASK.parsed).source
    result, _ = await plan(TASK, [f"```pddl\n{pddl}```"])
    assert result.verified


async def test_a_structured_answer_is_corrected_in_its_own_form():
    wrong = TOLD | {"goal": ["(at r2d2 c-1-1)"]}
    result, endpoint = await plan(TASK, [block(wrong), block(TOLD)])
    assert result.verified
    asked = endpoint.requests[1][1]
    assert asked.prompt.startswith("llm_plus_p/repair_structured@")
    assert '"kind": "grid4"' in asked.messages[-1].text
    assert "1. goal: (at r2d2 c-1-1): the domain has no predicate at" in asked.messages[-1].text


async def test_json_that_cannot_be_read_is_told_with_the_member_at_fault():
    _, endpoint = await plan(TASK, [block(TOLD | {"macros": [{"kind": "hexagons"}]}), block(TOLD)])
    assert "macros.0" in endpoint.requests[1][1].messages[-1].text


@pytest.mark.parametrize(("params", "prompt"), [
    ("structure=false", "problem"), ("structure=true", "problem_structured"), ("context=none", "problem"), ("grammar=true", "problem"),
])
async def test_the_form_can_be_chosen(params: str, prompt: str):
    pddl = read_draft(Completion(text=block(TOLD)), TASK.parsed).source
    endpoint = SimulatedEndpoint([f"```pddl\n{pddl.strip()}\n```"], name="sim", capabilities=Capabilities(grammar="llama.cpp"))
    await plan(TASK, endpoint, f"llm_plus_p({params})")
    assert endpoint.requests[0][1].prompt.startswith(f"llm_plus_p/{prompt}@")


@pytest.mark.parametrize(("predicates", "effect", "answer"), [
    ("(touches ?a ?b - cell)", "(p)", True), ("(touches ?a ?b - cell)", "(when (p) (touches ?x ?x))", False),
    ("(touches ?a ?b - cell)", "(forall (?y - cell) (not (touches ?x ?y)))", False), ("(in ?a - robot ?b - cell)", "(p)", False),
    ("(colour ?a - cell)", "(p)", False), ("(line ?a - robot ?b ?c - cell)", "(p)", True),
])
def test_a_relation_is_fixed_when_no_action_changes_it(predicates: str, effect: str, answer: bool):
    domain = parse_domain(f"(define (domain d) (:types robot cell) (:predicates (p) {predicates})"
                          f" (:action a :parameters (?x - cell) :effect {effect}))")
    assert has_fixed_relation(domain) is answer


@pytest.mark.parametrize("domain", shipped().values(), ids=lambda domain: domain.name)
def test_the_shipped_domains_are_asked_for_in_pddl(domain):
    assert translation(PlanningTask(description="x", domain=domain.name)).prompt.startswith("llm_plus_p/problem@")


def test_usable_drafts_come_first_and_the_rest_by_their_errors():
    drafts = [read_draft(Completion(text=text), TASK.parsed) for text in (
        "no", block(TOLD | {"goal": ["(at r2d2 c-1-1)"], "init": ["(x)"]}), block(TOLD), "no", block(TOLD))]
    assert [[drafts.index(draft) for draft in group] for group in agreeing(drafts, TASK.parsed)] == [[2, 2], [0, 0], [1]]


def test_renamed_objects_agree_and_swapped_ones_do_not():
    domain = parse_domain(shipped()["blocksworld"].pddl)
    said = shipped()["blocksworld"].example_problem
    swapped = said.replace("(on yellow red)", "(on blue red)").replace("(on blue yellow)", "(on yellow blue)")
    texts = [swapped, said, said.replace("green", "g").replace("red", "r"), said.replace("blue", "b"), swapped, said]
    drafts = [read_draft(Completion(text=text), domain) for text in texts]
    groups = [[texts.index(draft.answer) for draft in group] for group in agreeing(drafts, domain)]
    assert groups == [[1, 1, 2, 3], [0, 0]]
