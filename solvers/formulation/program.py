"""A mixed-integer linear program (MILP), as solvers take it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from eudoxus.solvers.formulation.grounding import Unknown
from eudoxus.solvers.formulation.terms import Number


@dataclass(frozen=True, slots=True)
class LinearRow:
    """``lower <= sum of coefficient times variable <= upper``; None is no bound. ``source`` is the place of the row it comes from."""

    terms: dict[int, Number]
    lower: Number | None
    upper: Number | None
    source: int


@dataclass(slots=True)
class Program:
    """A MILP. The first variables are the formulation's own, the others were added."""

    unknowns: list[Unknown]
    sense: Literal["min", "max"] = "min"
    cost: dict[int, Number] = field(default_factory=dict)
    constant: Number = 0
    rows: list[LinearRow] = field(default_factory=list)
    logical: bool = False
    """Whether anything had to be rewritten with binaries of our own."""
