"""The element at an index that depends on variables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Final

from eudoxus.solvers.formulation.data import Element
from eudoxus.solvers.formulation.operations import equal
from eudoxus.solvers.formulation.terms import TermError, Truth, Value, choice, conjunction, disjunction

MOST_CHOICES: Final = 1_000
"""Values among which a variable index chooses."""


def chosen(index: Sequence[Value], table: Sequence[tuple[tuple[Element, ...], Value]], name: str) -> tuple[Value, Truth]:
    """A chain of choices, and that the index is in the table. Raises :class:`TermError`."""
    cases: list[tuple[Truth, Value]] = []
    for keys, value in table:
        condition = conjunction([equal(key, wanted) for key, wanted in zip(keys, index, strict=True)])
        if condition is not False:
            cases.append((condition, value))
        if len(cases) > MOST_CHOICES:
            raise TermError(f"a variable index chooses among the values of {name}; at most {MOST_CHOICES:,} are possible")
    if not cases:
        raise TermError(f"no element of {name} can be meant")
    picked = reduce(lambda rest, case: choice(case[0], case[1], rest), reversed(cases[:-1]), cases[-1][1])
    return picked, disjunction(condition for condition, _ in cases)
