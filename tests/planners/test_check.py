"""Static checks of problems and domains."""

from __future__ import annotations

import pytest
from hypothesis import given

from eudoxus.planners.domains import shipped
from eudoxus.planners.pddl import check_domain, check_problem, parse_domain, parse_problem
from eudoxus.planners.pddl.check import MOST_FINDINGS
from eudoxus.planners.pddl.model import Problem
from tests.planners.worlds import blocks_problems

BLOCKS = parse_domain(shipped()["blocksworld"].pddl)
GRIPPER = parse_domain(shipped()["gripper"].pddl)


def problem(objects: str = "a b - block", init: str = "(on a b)", goal: str = "(on b a)", name: str = "blocksworld") -> Problem:
    return parse_problem(f"(define (problem p) (:domain {name}) (:objects {objects}) (:init {init}) (:goal {goal}))")


@given(blocks_problems())
def test_a_right_problem_has_no_findings_except_that_it_may_be_solved_already(drawn: Problem):
    assert {finding.rule for finding in check_problem(drawn, BLOCKS)} <= {"goal_holds"}


@pytest.mark.parametrize(("wrong", "rule", "said"), [
    (problem(name="blocks"), "domain_name", "domain: (:domain blocks): the domain is called blocksworld"),
    (problem("a a - block"), "duplicate_object", "a must be declared once"),
    (problem("a b - cube"), "unknown_type", "objects: a - cube: the domain has no type cube; it has: block"),
    (problem("küche b - block"), "name", "objects: küche: a name consists of the letters a to z"),
    (problem(init="(ontable a)"), "unknown_predicate", "init: (ontable a): the domain has no predicate ontable; did you mean on-table?"),
    (problem(init="(on a)"), "arity", "init: (on a): on takes 2, found 1: (on ?block - block ?below - block)"),
    (problem(init="(on-table c)"), "undeclared_object", "init: (on-table c): the object c is not declared in :objects"),
    (problem(init="(on-table ?x)"), "variable_in_init", "init: (on-table ?x): initial facts name objects; ?x is a variable"),
    (problem(init="(= (weight a) 3)"), "unknown_function", "the domain has no function weight"),
    (problem(goal="(on a table)"), "undeclared_object", "goal: (on a table): the object table is not declared in :objects"),
    (problem(goal="(forall (?x - block) (clear ?y))"), "undeclared_variable", "goal: (clear ?y): the variable ?y is not declared"),
    (problem(goal="(and)"), "empty_goal", "the goal asks for nothing"),
])
def test_each_rule_names_the_place_the_atom_and_what_is_expected(wrong: Problem, rule: str, said: str):
    findings = check_problem(wrong, BLOCKS)
    assert rule in [finding.rule for finding in findings]
    assert any(said in str(finding) for finding in findings)


def test_an_object_of_another_type_is_found_and_one_of_a_type_below_is_not():
    wrong = parse_problem("(define (problem p) (:domain gripper) (:objects r - room b - ball) (:init (robot-in b)) (:goal (ball-in b r)))")
    assert [str(finding) for finding in check_problem(wrong, GRIPPER)] == [
        "init: (robot-in b): b is declared as ball, but (robot-in ?room - room) takes room there"]
    below = parse_domain("(define (domain gripper) (:types hall - room) (:predicates (robot-in ?r - room) (ball-in ?b - object ?r - room))"
                         " (:action drop :parameters (?b - object ?r - room) :effect (ball-in ?b ?r)))")
    right = parse_problem("(define (problem p) (:domain gripper) (:objects r - hall b) (:init (robot-in r)) (:goal (ball-in b r)))")
    assert check_problem(right, below) == []


def test_findings_are_few_even_when_everything_is_wrong():
    assert len(check_problem(problem(init=" ".join(f"(p{i} a)" for i in range(500))), BLOCKS)) == MOST_FINDINGS


def test_a_domain_that_uses_what_it_does_not_declare_is_found_out():
    domain = parse_domain("(define (domain d) (:predicates (have ?x)) (:action a :parameters (?x - nut)"
                          " :precondition (and (have jack) (hav ?x) (have ?y)) :effect (forall (?z) (when (have ?z) (not (have ?x ?z))))))")
    assert [finding.rule for finding in check_domain(domain)] == [
        "unknown_type", "undeclared_object", "unknown_predicate", "undeclared_variable", "arity"]
