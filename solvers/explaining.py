"""Why a formulation is impossible, and what would make it possible: worked out by solvers, and each suggestion solved again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from eudoxus.solvers.backends import z3
from eudoxus.solvers.deciding import Clock, as_json, feasible, solve
from eudoxus.solvers.formulation.grounding import Grounded, Objective, Row, Unknown
from eudoxus.solvers.formulation.softening import softened
from eudoxus.solvers.formulation.terms import Compare, Linear, Number, Quantity, total

MOST_MINIMISED = 60
"""Members of a core that are tried without, one after the other."""
MOST_SLACKS = 8
"""Constraints for which the smallest change is worked out."""


@dataclass(frozen=True, slots=True)
class Core:
    """Rows that contradict each other, given the bounds of the variables. ``minimal``: without any of them the others can hold."""

    rows: tuple[Row, ...]
    minimal: bool


@dataclass(frozen=True, slots=True)
class Repair:
    """A change after which there is a solution. ``relax``: the one constraint gives way by ``by``; ``drop``: the constraints go."""

    kind: Literal["relax", "drop"]
    constraints: tuple[str, ...]
    by: Number | None = None
    limit: Number | None = None
    """Of ``relax``: the constant side as it is, where there is one."""
    becomes: Number | None = None
    """What the constant side must be."""

    def told(self) -> dict[str, Any]:
        """As JSON."""
        found: dict[str, Any] = {"kind": self.kind, "constraints": list(self.constraints)}
        amounts = {"by": self.by, "limit": self.limit, "becomes": self.becomes}
        return found | {name: as_json(value) for name, value in amounts.items() if value is not None}


def core_of(grounded: Grounded, clock: Clock, memory_mb: int) -> Core | None:
    """A core of the hard rows of an infeasible formulation; None when none is found in time."""
    rows = [row for row in grounded.rows if row.weight is None]
    bare = Grounded(grounded.unknowns, rows, None, grounded.names)
    places = z3.core(bare, clock.left(), memory_mb)
    kept = rows if places is None else [rows[place] for place in places]
    if places is None and len(rows) > MOST_MINIMISED:
        return None
    minimal = len(kept) <= MOST_MINIMISED
    for row in list(kept) if minimal else []:
        if clock.over:
            minimal = False
            break
        without = [one for one in kept if one is not row]
        possible = feasible(replace(bare, rows=without), clock, memory_mb)
        if possible is False:
            kept = without
        elif possible is None:
            minimal = False
    return Core(tuple(kept), minimal)


def repairs_of(grounded: Grounded, core: Core, firm: frozenset[str], clock: Clock, memory_mb: int) -> list[Repair]:
    """Changes that make an infeasible formulation possible, each solved again: the smallest for single constraints of the core, then the
    fewest constraints to drop. Constraints named in ``firm`` stay as they are."""
    rows = [row for row in grounded.rows if row.weight is None]
    bare = Grounded(grounded.unknowns, rows, None, grounded.names)
    loose = [row for row in core.rows if row.name not in firm]
    found = [repair for row in loose[:MOST_SLACKS] if not clock.over and (repair := _relaxed(bare, row, clock, memory_mb)) is not None]
    dropped = None if clock.over else _dropped(bare, firm, clock, memory_mb)
    return sorted(found, key=_size) + ([dropped] if dropped is not None else [])


def _relaxed(bare: Grounded, row: Row, clock: Clock, memory_mb: int) -> Repair | None:
    """The least that one ``<=`` must give way, all else as it is."""
    value = row.truth
    if not isinstance(value, Compare) or value.relation == "==":
        return None
    number = len(bare.unknowns)
    slack = Unknown("slack", "real", 0, None)
    eased = _eased(bare.rows, row, Linear({number: 1}))
    least = Objective("min", Linear({number: 1}))
    answer, _, _ = solve(Grounded([*bare.unknowns, slack], eased, least, bare.names), None, clock, memory_mb)
    if answer.status != "optimal" or answer.values is None:
        return None
    by = answer.values[number]
    if not answer.exact:
        by = Fraction(by).limit_denominator(10**6)
    if by <= 0 or feasible(replace(bare, rows=_eased(bare.rows, row, by)), clock, memory_mb) is not True:
        return None
    if isinstance(value.right, int | Fraction):
        return Repair("relax", (row.label,), by, value.right, value.right + by)
    if isinstance(value.left, int | Fraction):
        return Repair("relax", (row.label,), by, value.left, value.left - by)
    return Repair("relax", (row.label,), by)


def _eased(rows: Sequence[Row], row: Row, by: Quantity) -> list[Row]:
    assert isinstance(row.truth, Compare)
    eased = replace(row, truth=Compare(row.truth.relation, row.truth.left, total((row.truth.right, by))))
    return [eased if one is row else one for one in rows]


def _dropped(bare: Grounded, firm: frozenset[str], clock: Clock, memory_mb: int) -> Repair | None:
    """The fewest constraints without which the others can hold (MaxSMT with weights of 1)."""
    loose = [row if row.name in firm else replace(row, weight=1) for row in bare.rows]
    whole = softened(replace(bare, rows=loose))
    answer, _, _ = solve(whole, None, clock, memory_mb)
    if answer.status != "optimal" or answer.values is None:
        return None
    broken = {unknown.label.removeprefix("broken ") for unknown, value in zip(whole.unknowns, answer.values, strict=True)
              if unknown.label.startswith("broken ") and value == 1}
    rest = [row for row in bare.rows if row.label not in broken]
    if not broken or feasible(replace(bare, rows=rest), clock, memory_mb) is not True:
        return None
    return Repair("drop", tuple(row.label for row in bare.rows if row.label in broken))


def _size(repair: Repair) -> Fraction:
    assert repair.by is not None
    return Fraction(repair.by) / max(Fraction(1), abs(Fraction(repair.limit or 0)))
