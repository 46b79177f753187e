"""From a model's answer to a clean problem."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.planners.domains import shipped
from eudoxus.planners.draft import read_draft
from eudoxus.planners.pddl import PddlError, extract, normalise, parse_domain, parse_problem
from eudoxus.planners.pddl.formulas import Typed
from eudoxus.runtime import Completion

BLOCKS = shipped()["blocksworld"]
DOMAIN = parse_domain(BLOCKS.pddl)
PROBLEM = BLOCKS.example_problem


@pytest.mark.parametrize("answer", [
    PROBLEM,
    f"```pddl\n{PROBLEM}\n```",
    f"Here is the file:\n\n```\n{PROBLEM}\n```\nI hope this helps (it should).",
    f"Sure! {PROBLEM} Done.",
    f"<think>First (define (problem wrong) … no.</think>\n```lisp\n{PROBLEM}\n```",
    f"```pddl\n{BLOCKS.pddl}\n```\nand\n```pddl\n{PROBLEM}\n```",
    f"```pddl\n{PROBLEM}",
    f"<think>It is {PROBLEM}, I think.</think>",
])
def test_the_problem_is_found_in_whatever_stands_around_it(answer: str):
    found = extract(answer)
    assert parse_problem(found.source) == parse_problem(PROBLEM)
    assert found.changes == ()


def test_the_last_of_several_blocks_counts():
    found = extract(f"```pddl\n{PROBLEM.replace('red', 'pink')}\n```\nBetter:\n```pddl\n{PROBLEM}\n```")
    assert parse_problem(found.source) == parse_problem(PROBLEM)
    assert found.changes == ("took the last of 2 blocks that define a problem",)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_parentheses_missing_at_the_end_are_added(count: int):
    found = extract(f"```pddl\n{PROBLEM.rstrip(')') + ')' * (4 - count)}\n```")
    assert parse_problem(found.source) == parse_problem(PROBLEM)
    assert found.changes == (f"added {count} missing ')'",)


def test_a_section_inside_another_one_closes_it():
    found = extract(PROBLEM.replace("(arm-empty))", "(arm-empty)").replace(" - block)", " - block"))
    assert parse_problem(found.source) == parse_problem(PROBLEM)
    assert found.changes == ("added 2 missing ')'",)


def test_a_parenthesis_that_closes_the_problem_too_early_is_left_out():
    found = extract(PROBLEM.replace("(:domain blocksworld)", "(:domain blocksworld))"))
    assert parse_problem(found.source) == parse_problem(PROBLEM)
    assert found.changes == ("left out 1 ')' that closed the problem before its end",)


@pytest.mark.parametrize("answer", ["", "I cannot help with that.", "```pddl\n(pick-up a)\n```", BLOCKS.pddl])
def test_an_answer_without_a_problem_says_so(answer: str):
    with pytest.raises(PddlError, match="the answer holds no PDDL"):
        extract(answer)


def test_everything_that_is_put_right_is_told():
    tyres = parse_domain("(define (domain tyres) (:constants jack) (:predicates (have ?x)))")
    problem = parse_problem("(define (problem p) (:domain tyre-world) (:objects jack nut nut - thing)"
                            " (:init (have nut) (have nut) (= (total-cost) 0)) (:goal (have jack)) (:metric minimize (total-cost)))")
    fresh, changes = normalise(problem, tyres)
    assert (fresh.domain, fresh.objects, fresh.init) == ("tyres", (Typed("nut"),), (("have", "nut"),))
    assert (fresh.values, fresh.minimize) == ((), False)
    assert changes == (
        "named the domain tyres instead of tyre-world", "dropped the types of the objects: the domain has no types",
        "dropped the object jack: it is a constant of the domain", "dropped objects that were declared twice",
        "dropped 1 initial facts that were listed twice", "dropped the initial total cost: the domain has no costs",
        "dropped the metric: the domain's actions have no costs",
    )


def test_an_object_that_belongs_to_the_name_of_the_predicate_is_read_so():
    problem = parse_problem("(define (problem p) (:domain blocksworld) (:objects a b - block) (:init (on a table) (on b shelf))"
                            " (:goal (and (on a table) (on b a))))")
    fresh, changes = normalise(problem, DOMAIN)
    assert fresh.init == (("on-table", "a"), ("on", "b", "shelf"))
    assert changes == ("read (on a table) as (on-table a): there is no object table",) * 2
    declared = parse_problem("(define (problem p) (:domain blocksworld) (:objects a table - block) (:init (on a table))"
                             " (:goal (on table a)))")
    assert normalise(declared, DOMAIN) == (declared, ())


def test_a_problem_without_faults_stays_as_it_is():
    problem = parse_problem(PROBLEM)
    assert normalise(problem, DOMAIN) == (problem, ())


PIECES = ["(", ")", "define", "problem", "p", ":domain", ":init", ":goal", ":objects", "-", "block", "(on a b)", "and", "not", "?x",
          "forall", "=", "```", "\n", ";", "either", "increase", ":metric"]


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_a_draft_is_read_from_any_answer_without_an_exception(pieces: list[str]):
    draft = read_draft(Completion(text="(define (problem p) " + " ".join(pieces)), DOMAIN)
    assert draft.findings or draft.problem is not None
    assert draft.source
