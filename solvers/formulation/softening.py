"""Soft constraints as costs: whether one is broken becomes a variable, and the objective pays for it."""

from __future__ import annotations

from eudoxus.solvers.formulation.grounding import Grounded, Objective, Row, Unknown
from eudoxus.solvers.formulation.terms import Flag, Linear, Number, disjunction, scaled, total


def softened(grounded: Grounded) -> Grounded:
    """The same with hard rows only. Weights count in the objective's unit: against it when it is maximised."""
    soft = [row for row in grounded.rows if row.weight is not None]
    if not soft:
        return grounded
    unknowns, rows = list(grounded.unknowns), [row for row in grounded.rows if row.weight is None]
    penalty: dict[int, Number] = {}
    paid = Linear(penalty)
    for row in soft:
        broken = len(unknowns)
        unknowns.append(Unknown(f"broken {row.label}", "bool", 0, 1))
        rows.append(Row(row.name, row.label, disjunction((Flag(broken), row.truth))))
        assert row.weight is not None
        penalty[broken] = row.weight
    if grounded.objective is None:
        objective = Objective("min", paid)
    else:
        sense = grounded.objective.sense
        objective = Objective(sense, total((grounded.objective.value, scaled(paid, 1 if sense == "min" else -1))))
    return Grounded(unknowns, rows, objective, grounded.names)
