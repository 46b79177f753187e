"""Which backend takes a formulation, and what comes of it: solved, held against the evaluator, and told in its own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from time import monotonic  # noqa: TID251  (a solver's limit is real time)
from typing import Any, Literal

from eudoxus.solvers.backends.answer import Answer, Unsuitable
from eudoxus.solvers.formulation.data import JOINT, Element
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.evaluation import TOLERANCE, Evaluator
from eudoxus.solvers.formulation.grounding import Grounded
from eudoxus.solvers.formulation.linearising import NotLinear, linearised
from eudoxus.solvers.formulation.program import Program
from eudoxus.solvers.formulation.softening import softened
from eudoxus.solvers.formulation.terms import Flag, Number

Backend = Literal["highs", "z3", "cp_sat"]


_MOST_WHOLE = 2**63 - 1
"""Of JSON's readers."""


class Clock:
    """Seconds that are left of a limit."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self, most: float = float("inf")) -> float:
        """At least a tenth of a second, so that whoever is asked says that it was stopped."""
        return max(0.1, min(most, self._end - monotonic()))

    @property
    def over(self) -> bool:
        return monotonic() >= self._end


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer, who gave it, and what held the answer up."""

    answer: Answer
    backend: Backend
    why: str = ""
    """Why it is this backend."""
    broken: list[str] = field(default_factory=list)
    """Soft constraints that do not hold."""
    look: Evaluator | None = None
    """What evaluated the constraints on the values, where there are any."""


def decide(document: Mapping[str, Any], grounded: Grounded, backend: Backend | None, clock: Clock, memory_mb: int) -> Decided:
    """Solve with the backend that fits, or the one that is wanted, and check what it answers. Raises :class:`Unsuitable`.

    Linear goes to HiGHS. What is not, and values of HiGHS that break a constraint when they are looked at, go to z3.
    """
    whole = softened(grounded)
    found, used, why = solve(whole, backend, clock, memory_mb)
    if found.values is None:
        return Decided(found, used, why)
    look = evaluator(document, grounded, found)
    broken = _broken(look, grounded, found)
    if broken is None and used == "highs" and backend is None:
        found, used, why = _z3(whole, clock, memory_mb), "z3", "the values of HiGHS were not exact enough"
        if found.values is None:
            return Decided(found, used, why)
        look = evaluator(document, grounded, found)
        broken = _broken(look, grounded, found)
    if broken is None:
        return Decided(Answer("unknown", detail=f"{used} answered values that break a constraint when they are looked at"), used, why)
    return Decided(found, used, why, broken, look)


def solve(grounded: Grounded, backend: Backend | None, clock: Clock, memory_mb: int) -> tuple[Answer, Backend, str]:
    """The answer of a backend, which one, and why that one. All rows must hold. Raises :class:`Unsuitable`."""
    if backend == "z3":
        return _z3(grounded, clock, memory_mb), "z3", "as wanted"
    try:
        program = linearised(grounded)
    except NotLinear as problem:
        if backend is not None:
            raise Unsuitable(f"{backend} takes linear formulations, and this is not one: {problem}") from None
        return _z3(grounded, clock, memory_mb), "z3", f"not linear: {problem}"
    try:
        found = _cp_sat(program, clock) if backend == "cp_sat" else _highs(program, clock)
    except Unsuitable as problem:
        if backend is not None:
            raise
        return _z3(grounded, clock, memory_mb), "z3", f"not for HiGHS: {problem}"
    if found.values is not None:  # without the variables that were added
        found = replace(found, values=found.values[: len(grounded.unknowns)])
    return found, backend or "highs", "as wanted" if backend else "linear"


# Backends are loaded when they are asked: a process needs one of them, and HiGHS and CP-SAT cannot be in the same.


def _z3(grounded: Grounded, clock: Clock, memory_mb: int) -> Answer:
    from eudoxus.solvers.backends import z3

    return z3.solve(grounded, clock.left(), memory_mb)


def _highs(program: Program, clock: Clock) -> Answer:
    from eudoxus.solvers.backends import highs

    return highs.solve(program, clock.left())


def _cp_sat(program: Program, clock: Clock) -> Answer:
    from eudoxus.solvers.backends import cp_sat

    return cp_sat.solve(program, clock.left())


def feasible(grounded: Grounded, clock: Clock, memory_mb: int) -> bool | None:
    """Whether all rows can hold together; None where that was not found out."""
    answer, _, _ = solve(Grounded(grounded.unknowns, grounded.rows, None, grounded.names), None, clock, memory_mb)
    return None if answer.status == "unknown" else answer.status != "infeasible"


def by_index(grounded: Grounded, values: list[Number]) -> dict[str, dict[tuple[Element, ...], Any]]:
    """Values by the names and indices of the formulation; those of boolean variables are truth values."""
    def value(atom: Any) -> Any:
        return bool(values[atom.variable]) if isinstance(atom, Flag) else values[next(iter(atom.terms))]

    return {name: {keys: value(atom) for keys, atom in declared.atoms.items()} for name, declared in grounded.names.variables.items()}


def told(grounded: Grounded, values: list[Number]) -> dict[str, Any]:
    """The values as JSON: ``{"x": {"s1|r2": 3}, "total": 7}``."""
    found: dict[str, Any] = {}
    for name, table in by_index(grounded, values).items():
        plain = {JOINT.join(map(_text, keys)): as_json(value) for keys, value in table.items()}
        found[name] = plain[""] if list(plain) == [""] else plain
    return found


def as_json(value: Any) -> Any:
    """Exact where JSON can be: fractions become floats."""
    if isinstance(value, Fraction):
        return as_json(value.numerator) if value.denominator == 1 else float(value)
    if type(value) is int and not -_MOST_WHOLE <= value <= _MOST_WHOLE:
        try:
            return float(value)
        except OverflowError:
            raise FormulationError("too large a number to be told") from None
    return [as_json(one) for one in value] if isinstance(value, tuple) else value


def evaluator(document: Mapping[str, Any], grounded: Grounded, answer: Answer) -> Evaluator:
    """Looks at the values of an answer; exactly, where no value comes from floats."""
    assert answer.values is not None
    exact = answer.exact or all(unknown.kind != "real" for unknown in grounded.unknowns)
    return Evaluator(document, by_index(grounded, answer.values), Fraction(0) if exact else TOLERANCE, grounded.names)


def _broken(look: Evaluator, grounded: Grounded, answer: Answer) -> list[str] | None:
    """Labels of soft constraints that the values break; None when they break a hard one, or a bound."""
    assert answer.values is not None
    for unknown, value in zip(grounded.unknowns, answer.values, strict=False):
        if unknown.kind != "real" and value.denominator != 1:
            return None
        if unknown.lower is not None and value < unknown.lower and value < unknown.lower - _slack(unknown.lower, answer):
            return None
        if unknown.upper is not None and value > unknown.upper and value > unknown.upper + _slack(unknown.upper, answer):
            return None
    found = look.broken()
    return None if any(not one.soft for one in found) else [one.label for one in found]


def _slack(bound: Number, answer: Answer) -> Fraction:
    return Fraction(0) if answer.exact else TOLERANCE * max(Fraction(1), abs(Fraction(bound)))


def _text(key: Element) -> str:
    return JOINT.join(map(_text, key)) if isinstance(key, tuple) else str(key)
