"""Domains and problems."""

from __future__ import annotations

import pytest
from hypothesis import given

from eudoxus.planners.domains import shipped
from eudoxus.planners.pddl import PddlError, UnsupportedPddl, check_domain, parse_domain, parse_problem, validate, write_problem
from eudoxus.planners.pddl.formulas import And, Equal, Every, Holds, Not, Or, Some, Typed
from eudoxus.planners.pddl.model import Problem
from tests.planners.worlds import blocks_problems


def domain(*sections: str) -> str:
    return f"(define (domain d) {' '.join(sections)})"


def goal(condition: str) -> str:
    return f"(define (problem p) (:domain d) (:objects a b) (:init) (:goal {condition}))"


@given(blocks_problems())
def test_a_written_problem_parses_as_the_same(problem: Problem):
    assert parse_problem(write_problem(problem)) == problem


def test_a_type_may_have_several_types_above_it_and_either_means_one_of_them():
    parsed = parse_domain(domain("(:types surface place area - object crate - surface area - surface yard - area)",
                                 "(:predicates (in ?x - (either yard crate) ?p - place))"))
    assert parsed.above("yard") == {"yard", "area", "object", "surface"}
    assert parsed.predicates[0].places == (Typed("?x", ("yard", "crate")), Typed("?p", ("place",)))
    assert parsed.fits(("crate",), ("yard", "crate"))
    assert not parsed.fits(("area",), ("yard", "crate"))


def test_types_in_a_circle_do_no_harm():
    assert parse_domain(domain("(:types a - b b - a)")).above("a") == {"a", "b", "object"}


def test_conditions_of_every_supported_kind_are_read():
    parsed = parse_problem(goal("(and (p a) (not (q)) (or (p b) (= a b)) (imply (q) (p a)) (forall (?x - t) (p ?x)) (exists (?x) (p ?x)))"))
    assert parsed.goal == And((
        Holds(("p", "a")), Not(Holds(("q",))), Or((Holds(("p", "b")), Equal("a", "b"))), Or((Not(Holds(("q",))), Holds(("p", "a")))),
        Every((Typed("?x", ("t",)),), Holds(("p", "?x"))), Some((Typed("?x"),), Holds(("p", "?x"))),
    ))


@pytest.mark.parametrize(("section", "construct"), [
    ("(:durative-action fly :parameters ())", r"a durative action \(:durative-action\) is not supported"),
    ("(:derived (p) (q))", "a derived predicate"),
    ("(:action a :parameters () :precondition (> (fuel) 3))", "the numeric comparison"),
    ("(:action a :parameters () :effect (decrease (fuel) 3))", "the effect 'decrease'"),
    ("(:action a :parameters () :effect (increase (fuel) 3))", r"increasing \(fuel\)"),
    ("(:action a :parameters () :precondition (preference p (q)))", "the construct 'preference'"),
])
def test_an_unsupported_construct_is_named_with_its_place(section: str, construct: str):
    with pytest.raises(UnsupportedPddl, match=rf"line 1, column \d+: .*{construct}"):
        parse_domain(domain(section))


@pytest.mark.parametrize(("text", "said"), [
    ("(define (problem p) (:domain d) (:objects a (on b c)) (:init) (:goal (p)))", "line 1, column 45: expected a name, found (on b c)"),
    ("(define (problem p) (:domain d) (:init ...) (:goal (p)))", "expected a fact in parentheses, found ..."),
    ("(define (problem p) (:domain d) (:init) (:goal (and (p a) ...)))", "expected a condition in parentheses, found '...'"),
    ("(define (problem p) (:domain d) (:init (p a)))", "the problem has no :goal section"),
    ("(define (problem p) (:domain d) (:goal (p a)))", "the problem has no :init section"),
    ("(define (problem p) (:domain d) (:objects a -) (:init) (:goal (p a)))", "there is no type after '-'"),
    ("(define (problem p) (:domain d) (:init (or (p) (q))) (:goal (p)))", "initial facts are listed one by one"),
    ("(define (problem p) (:domain d) (:init) (:goal (p)) (:goals (q)))", "a problem has no section ':goals'"),
    ("(define (domain d))", "expected (problem NAME) after 'define', found (domain d)"),
])
def test_an_unreadable_problem_says_what_is_expected_where(text: str, said: str):
    with pytest.raises(PddlError) as caught:
        parse_problem(text)
    assert said in str(caught.value)


def test_what_models_write_beside_the_standard_is_read_and_told():
    changes: list[str] = []
    parsed = parse_problem("(define (problem p) (:domain d) (:init (and (p a) (not (q a)))) (:goal (p a) (q a)))", changes)
    assert parsed.init == (("p", "a"),)
    assert parsed.goal == And((Holds(("p", "a")), Holds(("q", "a"))))
    assert changes == ["took the initial facts out of an 'and'", "joined the parts of the goal by 'and'",
                       "dropped (not (q a)) from the initial facts: what is not listed is false"]


def test_the_deepest_allowed_nesting_is_read_checked_and_validated_without_trouble():
    depth = 190
    text = goal("(not " * depth + "(p)" + ")" * depth)
    parsed, d = parse_problem(text), parse_domain(domain("(:predicates (p))", "(:action a :parameters () :precondition "
                                                         + "(forall (?x) " * depth + "(not (p))" + ")" * depth + " :effect (p))"))
    assert check_domain(d) == []
    assert parse_problem(write_problem(parsed)) == parsed
    assert not validate(d, parsed, []).valid


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_domain_and_its_example_are_faultless(name: str):
    assert check_domain(parse_domain(shipped()[name].pddl)) == []
