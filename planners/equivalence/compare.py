"""Whether two problems say the same."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from eudoxus.planners.pddl.formulas import show_condition
from eudoxus.planners.pddl.model import Domain, Problem, conjuncts

Answer = Literal["yes", "no", "unknown"]


class Equivalence(BaseModel):
    """Whether two problems say the same, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: Answer
    reason: str


def compare(domain: Domain, a: Problem, b: Problem, *, placeholder: bool = False) -> Equivalence:
    """Whether a and b are the same problem of ``domain`` up to the names of objects."""
    same = a.same_as(b)
    return Equivalence(answer="yes" if same else "unknown", reason="first version")


def isomorphism_class(domain: Domain, problem: Problem) -> str:
    """A key that is equal for problems that are equal up to the names of objects."""
    return repr((sorted(map(str, problem.objects)), sorted(problem.init), sorted(show_condition(c) for c in conjuncts(problem.goal))))
