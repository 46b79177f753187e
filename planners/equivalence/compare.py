"""Whether two problems say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from eudoxus.planners.equivalence.canonical import Canonical, canonical
from eudoxus.planners.equivalence.crossing import tells_apart
from eudoxus.planners.equivalence.entailment import Contradiction, Specified, fully_specify
from eudoxus.planners.equivalence.scene import Scene, scene
from eudoxus.planners.pddl.formulas import Condition
from eudoxus.planners.pddl.model import Domain, Problem, conjuncts
from eudoxus.planners.pddl.write import write_problem

Answer = Literal["yes", "no", "unknown"]

LARGEST_SCENE = 20_000
"""Objects and facts of problems that are compared."""


class Equivalence(BaseModel):
    """Whether two problems say the same, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answer: Answer
    reason: str


class _Large(Exception):
    """A scene is too large or too symmetric to be compared."""


def compare(domain: Domain, a: Problem, b: Problem, *, placeholder: bool = False,
            plans: tuple[Sequence[str], Sequence[str]] | None = None) -> Equivalence:
    """Whether ``a`` and ``b`` are the same problem of ``domain`` up to the names of objects and what their goals leave unsaid.

    The starts must be equal (what is not listed there is false); the goals must be equal once everything that they entail is added.
    With ``placeholder`` the objects of the goal need not be those of the start, only of the same kinds. ``plans``: one for each, which
    can show that the goals differ where nothing else does. Raises :class:`PddlError` when one of them does not solve its problem.
    """
    if a.same_as(b) and a.minimize == b.minimize:
        return Equivalence(answer="yes", reason="they are equal word for word, up to order")
    try:
        if _form(scene(domain, a, None)).encoding != _form(scene(domain, b, None)).encoding:
            return Equivalence(answer="no", reason="they start differently: no renaming of objects makes the initial facts equal")
        if _equal(domain, a, b, conjuncts(a.goal), conjuncts(b.goal), placeholder=placeholder):
            return Equivalence(answer="yes", reason="they are equal up to the names of objects")
        first, second = _specified(domain, a), _specified(domain, b)
        if first is None or second is None:
            return _impossible(first, second)
        if _equal(domain, a, b, first.parts, second.parts, placeholder=placeholder):
            return Equivalence(answer="yes", reason="their goals are equal once what they entail is added, up to the names of objects")
    except _Large:
        return Equivalence(answer="unknown", reason="they are too large or too symmetric to be compared")
    if first.complete and second.complete and is_known(domain):
        return Equivalence(answer="no", reason="they start alike, but ask for different things")
    if plans is not None and not placeholder:
        for which, one, plan, other in (("first", a, plans[0], b), ("second", b, plans[1], a)):
            if tells_apart(domain, one, plan, other):
                return Equivalence(answer="no", reason=f"they start alike, but the plan for the {which} does not solve the other")
    return Equivalence(answer="unknown", reason="they start alike; their goals are written differently and may or may not mean the same")


def isomorphism_class(domain: Domain, problem: Problem) -> str:
    """A key that is equal exactly for problems that are equal up to the names of objects.

    Problems that are too large or too symmetric get the key of their text, so that two of them with different names have different keys.
    """
    try:
        form = _form(scene(domain, problem, conjuncts(problem.goal)))
    except _Large:
        return "text:" + hashlib.sha256("\n".join(sorted(write_problem(problem).split("\n"))).encode()).hexdigest()
    return "form:" + hashlib.sha256(repr(form.encoding).encode()).hexdigest()


def _form(what: Scene) -> Canonical:
    found = canonical(what) if what.size <= LARGEST_SCENE else None
    if found is None:
        raise _Large
    return found


def _equal(domain: Domain, a: Problem, b: Problem, goal_a: Iterable[Condition], goal_b: Iterable[Condition], *,
           placeholder: bool) -> bool:
    """Whether one renaming makes starts and goals equal; with ``placeholder`` one the goals alone."""
    one, other = scene(domain, a, goal_a, init=not placeholder), scene(domain, b, goal_b, init=not placeholder)
    return _form(one).encoding == _form(other).encoding


def _specified(domain: Domain, problem: Problem) -> Specified | None:
    """The goal with all it entails; None when it cannot be reached."""
    try:
        return fully_specify(domain, problem)
    except Contradiction:
        return None


def _impossible(first: Specified | None, second: Specified | None) -> Equivalence:
    which = "both goals" if first is second else "the goal of the first" if first is None else "the goal of the second"
    return Equivalence(answer="no", reason=f"they start alike, but ask for different things, and {which} cannot be reached")


_DECIDED = (
    {"on", "ontable", "clear", "holding", "armempty"}, {"on", "ontable", "clear", "holding", "handempty"},
    {"at", "atrobby", "ball", "carry", "free", "gripper", "room"},
    {"availablecolor", "painted", "right", "robotat", "robothas", "up"},
    {"atlander", "atrover", "atrocksample", "atsoilsample", "available", "cantraverse", "channelfree", "communicatedimagedata",
     "communicatedrockdata", "communicatedsoildata", "haveimage", "haverockanalysis", "havesoilanalysis", "supports", "visible",
     "visiblefrom"},
)
"""Predicates of the domains of Planetarium, for which what :func:`fully_specify` finds has been compared with the published answers."""


def is_known(domain: Domain) -> bool:
    """Whether goals of this domain that differ fully specified are known to mean different things."""
    return {predicate.name.replace("-", "").replace("_", "") for predicate in domain.predicates} in _DECIDED
