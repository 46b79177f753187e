"""The plan validator."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eudoxus.planners.domains import shipped
from eudoxus.planners.pddl import PddlError, Problem, parse_domain, parse_plan, parse_problem, validate, write_problem
from eudoxus.planners.solve import Solve
from tests.planners.worlds import blocks_problems

SOURCE = shipped()["blocksworld"].pddl
BLOCKS = parse_domain(SOURCE)
TWO = parse_problem("(define (problem p) (:domain blocksworld) (:objects a b - block) (:init (on a b) (on-table b) (clear a) (arm-empty))"
                    " (:goal (on b a)))")
PLAN = ["(unstack a b)", "(put-down a)", "(pick-up b)", "(stack b a)"]


def test_a_plan_that_works_is_valid_and_has_a_cost():
    assert validate(BLOCKS, TWO, PLAN).model_dump() == {
        "valid": True, "length": 4, "cost": 4.0, "message": "every step can be taken and the goal holds in the end", "failed_step": None}


@pytest.mark.parametrize(("plan", "step", "said"), [
    (["(pick-up b)"], 1, "step 1, (pick-up b): its precondition does not hold: (clear b)"),
    (["(unstack a b)", "(stack a a)"], 2, "step 2, (stack a a): its precondition does not hold: (clear a)"),
    (["(unstack a b)", "(pick-up b)"], 2, "step 2, (pick-up b): its precondition does not hold: (arm-empty)"),
    (["(fly a)"], 1, "step 1, (fly a): the domain has no action fly"),
    (["(stack a)"], 1, "step 1, (stack a): stack takes 2 objects, found 1: (stack ?block ?below)"),
    (["(pick-up c)"], 1, "step 1, (pick-up c): there is no object c"),
    (PLAN[:2], None, "after all 2 steps the goal is not reached: (on b a)"),
    ([], None, "the goal is not reached: (on b a)"),
])
def test_a_plan_that_fails_says_at_which_step_and_why(plan: list[str], step: int | None, said: str):
    verdict = validate(BLOCKS, TWO, plan)
    assert not verdict.valid
    assert verdict.failed_step == step
    assert said in verdict.message


def test_an_object_of_the_wrong_type_cannot_be_used():
    domain = parse_domain(shipped()["gripper"].pddl)
    problem = parse_problem(shipped()["gripper"].example_problem)
    assert "kitchen is of type room, but ?ball - ball is asked for" in validate(domain, problem, "(pick kitchen kitchen left)").message


def test_plans_are_read_as_planners_write_them():
    text = "; found\n0: (Unstack A b) [1]\n  1.0: (put-down a) ; done\n\n; cost = 2 (unit cost)\n"
    assert parse_plan(text) == ["(unstack a b)", "(put-down a)"]
    with pytest.raises(PddlError, match=r"line 2, .*expected a step such as"):
        parse_plan("(put-down a)\nthen stack it")


ADL = parse_domain("""
(define (domain lamps) (:types lamp) (:predicates (on ?l - lamp) (linked ?a ?b - lamp)) (:functions (total-cost) (price ?l - lamp))
  (:action press :parameters (?l - lamp)
    :precondition (or (not (on ?l)) (exists (?m - lamp) (and (on ?m) (not (= ?m ?l)))))
    :effect (and (forall (?m - lamp) (when (and (linked ?l ?m) (not (on ?m))) (on ?m)))
                 (not (on ?l)) (on ?l) (increase (total-cost) (price ?l))))
  (:action rest :parameters () :effect (increase (total-cost) 2)))""")


def lamps(goal: str, metric: str = "") -> Problem:
    return parse_problem("(define (problem p) (:domain lamps) (:objects x y z - lamp) (:init (linked x y) (linked x z) (= (total-cost) 0)"
                         f" (= (price x) 5)) (:goal {goal}) {metric})")


def test_conditional_effects_quantifiers_and_costs_follow_the_standard():
    everything = lamps("(forall (?l - lamp) (on ?l))", "(:metric minimize (total-cost))")
    assert validate(ADL, everything, ["(press x)", "(rest)"]).cost == 7
    assert validate(ADL, lamps("(on x)"), ["(press x)", "(rest)"]).cost == 2
    assert "(or (not (on x))" not in validate(ADL, everything, ["(press x)", "(press x)"]).message
    assert "(forall (?l - lamp) (on ?l))" in validate(ADL, everything, ["(rest)"]).message
    assert "its cost (price y) has no initial value" in validate(ADL, everything, ["(press y)"]).message


def test_quantifiers_that_would_take_for_ever_are_given_up():
    domain = parse_domain("(define (domain d) (:predicates (p ?a ?b ?c ?d)))")
    names = " ".join(f"o{i}" for i in range(300))
    problem = parse_problem(f"(define (problem p) (:domain d) (:objects {names}) (:init) (:goal (exists (?a ?b ?c ?d) (p ?a ?b ?c ?d))))")
    start = time.monotonic()
    with pytest.raises(PddlError, match="2,000,000 evaluations"):
        validate(domain, problem, [])
    assert time.monotonic() - start < 30


@settings(max_examples=12, deadline=None)
@given(blocks_problems(), st.data())
def test_a_planners_plan_is_valid_and_with_two_steps_exchanged_it_is_not(problem: Problem, data: st.DataObject):
    found = asyncio.run(Solve(domain=SOURCE, problem=write_problem(problem)).run())
    assert found.status == "solved"
    assert validate(BLOCKS, problem, found.plan).valid
    assume(len(found.plan) > 1)
    at = data.draw(st.integers(0, len(found.plan) - 2))
    # The arm takes and puts in turn, so the second of two neighbours can never come first.
    exchanged = [*found.plan[:at], found.plan[at + 1], found.plan[at], *found.plan[at + 2:]]
    assert validate(BLOCKS, problem, exchanged).failed_step == at + 1
