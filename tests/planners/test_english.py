"""Plans told in English."""

from __future__ import annotations

from eudoxus.planners.english import told
from eudoxus.planners.pddl import parse_domain

SOURCE = """
; say carry: bring {what} to {to} by {means}
(define (domain post) (:predicates (at ?x ?y))
  (:action carry :parameters (?what ?to) :effect (at ?what ?to))
  (:action sort-all :parameters () :effect ())
  (:action swap :parameters (?a ?b) :effect ()))
"""


def test_templates_in_comments_say_how_steps_read_and_other_actions_are_told_by_name_and_parameters():
    answer = told(["(carry letter berlin)", "(sort-all)", "(swap x y)"], parse_domain(SOURCE), SOURCE)
    assert answer == (
        "The plan has 3 steps:\n\n1. Bring letter to berlin by {means}.\n2. Sort all.\n3. Swap (a: x, b: y).\n\n"
        "```pddl\n(carry letter berlin)\n(sort-all)\n(swap x y)\n```"
    )
