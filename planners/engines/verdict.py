"""What our own validator says of texts that may be more than it can read."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.planners.pddl.errors import PddlError
from eudoxus.planners.pddl.parse import parse_domain, parse_problem
from eudoxus.planners.pddl.validate import PlanVerdict, validate


def verdict_on(domain: str, problem: str, plan: Sequence[str]) -> PlanVerdict | None:
    """The verdict on ``plan``; None where the texts cannot be read, such as numeric ones."""
    try:
        return validate(parse_domain(domain), parse_problem(problem), plan)
    except PddlError:
        return None


def cost_of_nothing(domain: str, problem: str) -> float | None:
    """The cost of the empty plan where the goal holds already, else None. Several planners fail there or search on to the last second."""
    verdict = verdict_on(domain, problem, ())
    return verdict.cost if verdict and verdict.valid else None
