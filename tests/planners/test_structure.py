"""Problems told by their structure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eudoxus.planners.pddl import PddlError, expand, parse_domain, parse_problem
from eudoxus.planners.pddl.formulas import Typed

DOMAIN = parse_domain("""
(define (domain board) (:types cell number) (:constants origin - cell) (:functions (total-cost))
  (:predicates (near ?a ?b - cell) (above ?a ?b - cell) (left-of ?a ?b - cell) (next ?a ?b - number) (at ?c - cell))
  (:action go :parameters (?a ?b - cell) :precondition (and (at ?a) (near ?a ?b))
    :effect (and (at ?b) (not (at ?a)) (increase (total-cost) 1))))""")
GRID = {"kind": "grid4", "pred": "NEAR", "rows": 2, "cols": 2, "name": "c{r}-{c}"}
LINE = {"kind": "line", "pred": "next", "count": 3, "name": "n{i}"}


def told(**members: Any) -> str:
    return json.dumps({"objects": {}, "init": ["(at c0-0)"], "goal": ["(at c1-1)"], "macros": [GRID], **members})


def test_a_grid_ties_every_two_places_that_touch_both_ways():
    assert expand(told(), DOMAIN).same_as(parse_problem("""
        (define (problem p) (:domain board) (:objects c0-0 c0-1 c1-0 c1-1 - cell)
          (:init (near c0-0 c0-1) (near c0-1 c0-0) (near c0-0 c1-0) (near c1-0 c0-0) (near c1-1 c0-1) (near c0-1 c1-1) (near c1-1 c1-0)
                 (near c1-0 c1-1) (at c0-0) (= (total-cost) 0))
          (:goal (and (at c1-1))))"""))


def test_directions_numbering_and_holes_can_be_said():
    problem = expand(told(init=[], goal="(at t1-1)", macros=[
        {"kind": "grid4", "rows": 2, "cols": 2, "name": "t{r}-{c}", "first": [0, 1], "next_row": "above", "previous_col": "left-of",
         "without": ["t1-2"]}]), DOMAIN)
    assert [thing.name for thing in problem.objects] == ["t0-1", "t0-2", "t1-1"]
    assert set(problem.init) == {("above", "t1-1", "t0-1"), ("left-of", "t0-1", "t0-2")}


@pytest.mark.parametrize(("more", "facts"), [
    ({}, {("next", "n0", "n1"), ("next", "n1", "n2")}),
    ({"reverse": True, "first": 1}, {("next", "n2", "n1"), ("next", "n3", "n2")}),
    ({"both": True, "count": 2}, {("next", "n0", "n1"), ("next", "n1", "n0")}),
])
def test_a_line_ties_each_member_to_the_next(more: dict[str, Any], facts: set[Any]):
    problem = expand(told(init=[], macros=[LINE | more]), DOMAIN)
    assert set(problem.init) == facts
    assert {thing.types for thing in problem.objects} == {("number",)}


def test_what_is_listed_joins_what_macros_make():
    problem = expand(told(objects={"Cell": ["Extra", "origin"]}, init=["(at Extra)", "(= (total-cost) 0)"], macros=[]), DOMAIN)
    assert problem.objects == (Typed("extra", ("cell",)),)
    assert problem.init == (("at", "extra"),)
    assert (problem.minimize, problem.values) == (True, ((("total-cost",), 0.0),))


@pytest.mark.parametrize(("text", "said"), [
    ("{", "the JSON: Invalid JSON"),
    ("[" * 100_000, "the JSON: "),
    ("[]", "the JSON: Input should be an object"),
    (told(colour="red"), "colour: Extra inputs are not permitted"),
    (told(goal=["(at c0-0"]), r"goal\.0: 1 '\)' is missing"),
    (told(init=["(at c0-0)) (:goal (at c0-0)"]), r"init\.0: "),
    (told(macros=[GRID | {"kind": "hexagons"}]), r"macros\.0: .*'grid4', 'line'"),
    (told(macros=[GRID | {"rows": 0}]), r"macros\.0\.rows: .*greater than or equal to 1, found '0'"),
    (told(macros=[GRID | {"pred": "touches"}]), r"macros\.0: expected a predicate .*\(near, above, left-of, next\), found 'touches'"),
    (told(macros=[GRID | {"name": "cell"}]), r"macros\.0\.name: expected a pattern with \{r\} and \{c\}.*found 'cell'"),
    (told(macros=[GRID | {"name": "{x} {r} {c}"}]), r"macros\.0\.name: "),
    (told(macros=[GRID | {"pred": ""}]), r"macros\.0: expected pred, next_row"),
    (told(macros=[GRID | {"rows": 10_000, "cols": 10_000}]), "more than 50,000 objects and facts"),
])
def test_an_error_names_the_member_and_what_was_expected(text: str, said: str):
    with pytest.raises(PddlError, match=said):
        expand(text, DOMAIN)
