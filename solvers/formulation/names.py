"""What the names of a formulation mean, and how much of the caps is spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from eudoxus.solvers.formulation.data import Element, Parameter
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.terms import Flag, Linear

MOST_STEPS: Final = 2_000_000
"""Nodes evaluated, over all instances."""
MOST_ROWS: Final = 20_000
"""Instances of constraints."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A variable's atoms by index; ``levels`` is the length of an index."""

    atoms: Mapping[tuple[Element, ...], Flag | Linear]
    levels: int


@dataclass(slots=True)
class Names:
    """What names mean."""

    sets: dict[str, tuple[Element, ...]]
    params: dict[str, Parameter]
    variables: dict[str, Declared]

    def known(self, name: str) -> bool:
        return name in self.sets or name in self.params or name in self.variables


class Spent:
    """Steps and rows so far."""

    def __init__(self) -> None:
        self.steps = 0
        self.rows = 0

    def charge(self, steps: int, where: str) -> None:
        """Raises :class:`FormulationError` beyond the cap."""
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise FormulationError(f"more than {MOST_STEPS:,} steps of evaluation: too large sets, or loops too deep", where=where)

    def row(self, where: str) -> None:
        """Raises :class:`FormulationError` beyond the cap."""
        self.rows += 1
        if self.rows > MOST_ROWS:
            raise FormulationError(f"more than {MOST_ROWS:,} instances of constraints", where=where)
