"""Constraints in short: the seven forms of NL4Opt (Ramamonjison et al. 2023) and logic (Li et al. 2023, arXiv 2311.15271)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Term = Annotated[str, Field(min_length=1, max_length=200)]
"""A variable: ``boats``, or ``x['a']``."""
Relation = Literal["<=", ">=", "=="]
Amount = float | Annotated[str, Field(pattern=r"^-?\d{1,15}(\.\d{1,15})?(/\d{1,15})?%?$")]
"""A number; as text also a fraction (``1/3``) or a percentage (``60%``), which are exact."""


class _Template(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]


class Weighted(_Template):
    """``linear``: a weighted sum against a limit."""

    type: Literal["linear"]
    terms: dict[Term, Amount] = Field(min_length=1, max_length=1_000)
    op: Relation
    limit: Amount

    def expression(self) -> str:
        """As an expression."""
        return f"{_sum(self.terms)} {self.op} {_number(self.limit)}"


class Bound(_Template):
    """``lowerbound`` and ``upperbound``: one variable against a limit."""

    type: Literal["lowerbound", "upperbound"]
    var: Term
    limit: Amount

    def expression(self) -> str:
        """As an expression."""
        return f"({self.var}) {'>=' if self.type == 'lowerbound' else '<='} {_number(self.limit)}"


class Sum(_Template):
    """``sum``: all the variables together against a limit."""

    type: Literal["sum"]
    vars: tuple[Term, ...] = Field(min_length=1, max_length=1_000)
    op: Relation
    limit: Amount

    def expression(self) -> str:
        """As an expression."""
        return f"{_sum(_once(self.vars))} {self.op} {_number(self.limit)}"


class Multiple(_Template):
    """``xby`` (``x op times · y``) and ``xy`` (``x op y``): one variable against another."""

    type: Literal["xby", "xy"]
    x: Term
    y: Term
    op: Relation
    times: Amount = 1.0

    def expression(self) -> str:
        """As an expression."""
        return f"({self.x}) {self.op} {_number(self.times)} * ({self.y})"


class Ratio(_Template):
    """``ratio``: one variable against a share of the sum of all."""

    type: Literal["ratio"]
    x: Term
    vars: tuple[Term, ...] = Field(min_length=1, max_length=1_000)
    op: Relation
    share: Amount

    def expression(self) -> str:
        """As an expression."""
        return f"({self.x}) {self.op} {_number(self.share)} * ({_sum(_once(self.vars))})"


class Logic(_Template):
    """``if_then``, ``either`` and ``at_most``: over boolean variables."""

    type: Literal["if_then", "either", "at_most"]
    vars: tuple[Term, ...] = Field(min_length=2, max_length=1_000)
    """``if_then`` takes two."""
    count: int = Field(1, ge=0)
    """Of ``at_most``."""

    def expression(self) -> str:
        """As an expression."""
        listed = ", ".join(f"({one})" for one in self.vars)
        if self.type == "if_then":
            return f"implies(({self.vars[0]}), all([{', '.join(f'({one})' for one in self.vars[1:])}]))"
        return f"any([{listed}])" if self.type == "either" else f"atmost({self.count}, [{listed}])"


class FixedCharge(_Template):
    """``fixed_charge``: where ``x`` is above 0, the boolean ``switch`` is on; ``most`` bounds ``x``."""

    type: Literal["fixed_charge"]
    x: Term
    switch: Term
    most: Amount

    def expression(self) -> str:
        """As an expression."""
        return f"({self.x}) <= {_number(self.most)} * ({self.switch})"


Template = Annotated[Weighted | Bound | Sum | Multiple | Ratio | Logic | FixedCharge, Field(discriminator="type")]


def _once(terms: Iterable[str]) -> dict[str, Amount]:
    return dict.fromkeys(terms, 1)


def _sum(terms: Mapping[str, Amount]) -> str:
    return f"sum([{', '.join(f'{_number(times)} * ({term})' for term, times in terms.items())}])"


def _number(value: Amount) -> str:
    if isinstance(value, str):
        return f"({value.removesuffix('%')} / 100)" if value.endswith("%") else f"({value})"
    text = repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
    return f"({text})" if text.startswith("-") else text
