"""Checks of what a problem means: reachability, invariants, static predicates."""

from __future__ import annotations

import itertools
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.planners.domains import shipped
from eudoxus.planners.pddl import Domain, Finding, PddlError, Problem, lint, parse_domain, parse_problem, with_requirements
from eudoxus.planners.pddl.formulas import Atom
from eudoxus.planners.pddl.invariants import invariants
from eudoxus.planners.pddl.reachability import Reached, reach
from tests.planners.worlds import blocks_problems

BLOCKS = parse_domain(shipped()["blocksworld"].pddl)
GRIPPER = parse_domain(shipped()["gripper"].pddl)
GRID = parse_domain("""
(define (domain grid) (:types place) (:predicates (at ?p - place) (next ?a ?b - place) (wall ?p - place) (seen ?p - place))
  (:action walk :parameters (?a ?b - place) :precondition (and (at ?a) (next ?a ?b) (not (wall ?b)))
    :effect (and (not (at ?a)) (at ?b)))
  (:action look :parameters (?p - place) :precondition (at ?p) :effect (seen ?p)))""")


def in_grid(init: str, goal: str) -> Problem:
    return parse_problem(f"(define (problem p) (:domain grid) (:objects a b c - place) (:init {init}) (:goal {goal}))")


def in_blocks(init: str, goal: str, objects: str = "a b c") -> Problem:
    return parse_problem(f"(define (problem p) (:domain blocksworld) (:objects {objects} - block) (:init {init}) (:goal {goal}))")


def by_rule(findings: list[Finding], rule: str) -> list[str]:
    return [f"{finding.severity} {finding}" for finding in findings if finding.rule == rule]


def test_a_static_predicate_without_facts_is_an_error_when_the_goal_needs_it():
    findings = lint(in_grid("(at a)", "(seen c)"), GRID)
    assert by_rule(findings, "static_empty") == [
        "error init: (next …): there is no initial fact with next, which walk needs and no action can make true; list all of them"]
    assert lint(in_grid("(at a)", "(seen a)"), GRID)[0].severity == "warning"


def test_a_goal_out_of_reach_is_told_with_its_cause():
    findings = lint(in_grid("(at a) (next a b)", "(and (seen b) (seen c))"), GRID)
    assert by_rule(findings, "unreachable_goal") == [(
        "error goal: (seen c): no sequence of actions can make it true: (next ?a c) (which walk needs) does not hold at the start"
        " and no action makes it true")]
    walled = lint(in_grid("(at a) (next a b) (wall b)", "(seen b)"), GRID)
    assert "walk could, but its preconditions never hold together" in by_rule(walled, "unreachable_goal")[0]
    floating = lint(in_blocks("(arm-empty) (on-table a) (clear a) (clear b)", "(on b a)", "a b"), BLOCKS)
    assert "none of (on b a), (holding b), " in by_rule(floating, "unreachable_goal")[0]


@pytest.mark.parametrize(("goal", "said"), [
    ("(and (seen a) (not (seen a)))", "error goal: (not (seen a)): the goal asks for (seen a), too"),
    ("(not (next a b))", "error goal: (not (next a b)): (next a b) holds at the start and no action can make it false"),
])
def test_a_goal_that_refuses_what_cannot_be_refused_is_an_error(goal: str, said: str):
    assert said in by_rule(lint(in_grid("(at a) (next a b)", goal), GRID), "unreachable_goal")


def test_a_goal_that_holds_already_is_a_warning():
    assert by_rule(lint(in_grid("(at a) (next a b)", "(and (at a) (not (seen b)))"), GRID), "goal_holds") == [
        "warning goal: the goal holds at the start already, so the plan is empty"]


def test_goals_that_exclude_each_other_are_a_warning():
    towers = "(arm-empty) (on-table a) (on-table b) (on-table c) (clear a) (clear b) (clear c)"
    assert "(on a b) (on a c): at most one of these holds at a time" in by_rule(
        lint(in_blocks(towers, "(and (on a b) (on a c))"), BLOCKS), "goal_conflict")[0]
    assert by_rule(lint(in_blocks(towers, "(and (on a b) (on b c))"), BLOCKS), "goal_conflict") == []


def test_objects_that_stand_out_at_the_start_are_a_warning():
    twice = lint(in_blocks("(arm-empty) (on-table a) (on-table b) (on a b) (on-table c) (clear a) (clear c)", "(on c a)"), BLOCKS)
    assert "warning init: (on-table a) (on a b): at most one of these holds" in by_rule(twice, "init_conflict")[0]
    nowhere = lint(in_blocks("(arm-empty) (on-table a) (on-table b) (clear a) (clear b) (clear c)", "(on a b)"), BLOCKS)
    assert "warning init: c: nothing is said about it" in by_rule(nowhere, "init_conflict")[0]
    assert "(on-table c)" in by_rule(nowhere, "init_conflict")[0]


def test_negated_facts_at_the_start_are_a_warning_and_contradicted_ones_an_error():
    assert by_rule(lint(in_grid("(at a) (next a b) (not (at b))", "(seen b)"), GRID), "negated_init") == [
        "warning init: (not (at b)): leave it out: what is not listed is false"]
    assert by_rule(lint(in_grid("(at a) (next a b) (not (at a))", "(seen b)"), GRID), "negated_init") == [
        "error init: (not (at a)): (at a) is listed as true, too"]


def test_errors_come_before_warnings():
    severities = [finding.severity for finding in lint(in_grid("(at a) (not (at b))", "(seen c)"), GRID)]
    assert severities == sorted(severities)
    assert set(severities) == {"error", "warning"}


def test_invariants_are_those_that_people_know():
    assert [str(invariant) for invariant in invariants(BLOCKS)] == [
        "{(arm-empty), (holding *)}", "{(clear ?1), (holding ?1), (on * ?1)}", "{(holding ?1), (on ?1 *), (on-table ?1)}"]
    assert all(invariant.kept for invariant in invariants(BLOCKS))


def walk(domain: Domain, problem: Problem, reached: Reached, steps: int, seed: int) -> list[frozenset[Atom]]:
    """The states of a walk of random steps."""
    drawn, state = random.Random(seed), frozenset(problem.init)
    states = [state]
    for _ in range(steps):
        open_ways = [way for way in reached.steps if set(way.needs) <= state
                     and not any(atom in state for atom in way.ground(way.operator.condition.negative))]
        if not open_ways:
            break
        way = drawn.choice(open_ways)
        state = (state - set(way.deletes)) | set(way.adds)
        states.append(state)
    return states


@settings(deadline=None, max_examples=40)
@given(blocks_problems(most=5), st.integers(0, 10_000))
def test_no_walk_leaves_what_is_reachable_or_breaks_an_invariant(problem: Problem, seed: int):
    reached = reach(BLOCKS, problem, steps=True)
    assert reached.complete
    for state in walk(BLOCKS, problem, reached, 12, seed):
        assert state <= reached.facts
        for invariant in invariants(BLOCKS):
            assert all(len(facts) == 1 for facts in invariant.groups(state).values())


def test_conditional_effects_quantifiers_and_alternatives_only_widen_what_is_reachable():
    domain = parse_domain("""(define (domain d) (:predicates (p ?x) (q ?x) (r ?x) (s ?x))
      (:action a :parameters (?x) :precondition (or (q ?x) (exists (?x) (r ?x)))
        :effect (when (forall (?y) (s ?y)) (forall (?y) (p ?y)))))""")
    problem = parse_problem("(define (problem p) (:domain d) (:objects x y) (:init (r y)) (:goal (p x)))")
    assert reach(domain, problem).facts == {("r", "y"), ("p", "x"), ("p", "y")}


MANY = " ".join(f"o{number}" for number in range(3000))


@pytest.mark.parametrize(("domain", "init"), [
    ("""(:predicates (p ?a) (q ?a ?b ?c ?d ?e ?f) (g))
        (:action a :parameters (?a ?b ?c ?d ?e ?f)
          :precondition (and (p ?a) (p ?b) (p ?c) (p ?d) (p ?e) (p ?f)) :effect (q ?a ?b ?c ?d ?e ?f))
        (:action b :precondition (q o1 o2 o3 o4 o5 o6) :effect (g))""", " ".join(f"(p o{number})" for number in range(3000))),
    ("""(:predicates (q ?a ?b ?c ?d) (g))
        (:action a :parameters (?a ?b ?c ?d ?e) :precondition (not (q ?e ?d ?c ?a)) :effect (q ?a ?b ?c ?d))
        (:action b :precondition (q o1 o2 o3 o4) :effect (g))""", ""),
], ids=["preconditions", "parameters"])
def test_many_objects_and_high_arity_are_given_up_and_it_is_said(domain: str, init: str):
    problem = parse_problem(f"(define (problem p) (:domain d) (:objects {MANY}) (:init {init}) (:goal (g)))")
    start = time.process_time()
    findings = lint(problem, parse_domain(f"(define (domain d) {domain})"))
    assert "not_checked" in [finding.rule for finding in findings]
    assert all(finding.severity == "warning" for finding in findings)
    assert time.process_time() - start < 2


def large(blocks: int) -> str:
    names = [f"b{number}" for number in range(blocks)]
    return (f"(define (problem p) (:domain blocksworld) (:objects {' '.join(names)} - block)"
            f" (:init (arm-empty) {' '.join(f'(on-table {name}) (clear {name})' for name in names)})"
            f" (:goal (and {' '.join(f'(on {a} {b})' for a, b in itertools.pairwise(names))})))")


def test_large_problems_are_checked_or_refused_soon():
    start = time.process_time()
    with pytest.raises(PddlError, match="longer than 1,000,000 bytes"):
        parse_problem(large(190_000))
    assert time.process_time() - start < 2
    text = large(12_000)
    assert 600_000 < len(text) < 1_000_000
    start = time.process_time()
    findings = lint(parse_problem(text), BLOCKS)
    assert {(finding.rule, finding.severity) for finding in findings} == {("not_checked", "warning")}
    assert time.process_time() - start < 3


def test_requirements_that_are_missing_are_added_to_the_text():
    bare = """; (define (domain x)
(define (domain d)
  (:types t) (:predicates (p ?x - t)) (:action a :parameters (?x - t) :effect (not (p ?x))))"""
    source, changes = with_requirements(bare, parse_domain(bare))
    assert changes == ("added the requirements :strips :typing",)
    assert parse_domain(source).requirements == (":strips", ":typing")
    assert with_requirements(source, parse_domain(source)) == (source, ())
    complete = shipped()["gripper"].pddl
    assert with_requirements(complete, parse_domain(complete)) == (complete, ())
