"""What-if: changes to a formulation, and what they do to the optimum (LLMFP's *why*, *why not* and *what if* queries)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.runtime import Context
from eudoxus.solvers.formulation.data import JOINT
from eudoxus.solvers.formulation.document import Constraint, Expression, Formulation, Name, Objective
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.solving import Solution, Solve

Number = int | float


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SetParam(_Edit):
    """Another constant."""

    kind: Literal["set_param"]
    name: Name
    key: str | None = Field(None, max_length=1_000)
    """The element (``"s1"``, ``"s1|r2"``, a position); None: the whole."""
    value: Any = None
    times: Number | None = None
    """Instead of ``value``: a factor of what is there."""


class AddConstraint(_Edit):
    """One more constraint."""

    kind: Literal["add_constraint"]
    constraint: Constraint


class DropConstraint(_Edit):
    """One constraint less."""

    kind: Literal["drop_constraint"]
    name: str


class ChangeConstraint(_Edit):
    """Another expression for a constraint."""

    kind: Literal["change_constraint"]
    name: str
    expr: Expression


class SetBounds(_Edit):
    """Other bounds for a variable; what is left out stays."""

    kind: Literal["set_bounds"]
    variable: Name
    lb: Number | Expression | None = None
    ub: Number | Expression | None = None


class SetObjective(_Edit):
    """Another objective."""

    kind: Literal["set_objective"]
    objective: Objective


Edit = Annotated[SetParam | AddConstraint | DropConstraint | ChangeConstraint | SetBounds | SetObjective, Field(discriminator="kind")]


class Compared(BaseModel):
    """A formulation, the changed one, and what the change costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Solution
    edited: Solution
    difference: float | None = None
    """Objective after the change minus before; None where one of them has no optimum."""


def edited(formulation: Formulation, edits: Sequence[Edit]) -> Formulation:
    """The formulation with the changes made in order. Raises :class:`FormulationError` for one that is about nothing."""
    document = formulation.model_dump(by_alias=True)
    for place, edit in enumerate(edits):
        try:
            _apply(edit, document)
        except FormulationError as error:
            raise error.within(f"edits[{place}]") from None
    return Formulation.model_validate(document)


async def compare(formulation: Formulation, edits: Sequence[Edit], **options: Any) -> Compared:
    """Solve both, outside of any run. Raises :class:`FormulationError` for an edit that is about nothing."""
    changed = edited(formulation, edits)
    base, found = await asyncio.gather(*(  # noqa: TID251  (outside of a run)
        Solve(formulation=one, **options).run() for one in (formulation, changed)))
    return Compared(base=base, edited=found, difference=difference(base, found))


async def compare_in(ctx: Context, formulation: Formulation, edits: Sequence[Edit], **options: Any) -> Compared:
    """The same as journaled effects of a run."""
    changed = edited(formulation, edits)
    base, found = await ctx.map("compare", [formulation, changed], lambda here, one: here.perform(Solve(formulation=one, **options)))
    return Compared(base=base, edited=found, difference=difference(base, found))


def difference(base: Solution, edited: Solution) -> float | None:
    """Objective after minus before, of two optima."""
    if base.status != "optimal" or edited.status != "optimal" or base.objective is None or edited.objective is None:
        return None
    return edited.objective - base.objective


def _apply(edit: Edit, document: dict[str, Any]) -> None:
    match edit:
        case SetParam():
            name = _there(edit.name, document["params"], "parameter")
            document["params"][name] = _changed(document["params"][name], edit)
        case AddConstraint():
            if edit.constraint.name in _names(document):
                raise FormulationError(f"there is a constraint {edit.constraint.name!r} already")
            document["constraints"] = (*document["constraints"], edit.constraint.model_dump(by_alias=True))
        case DropConstraint():
            _there(edit.name, _names(document), "constraint")
            for part in ("constraints", "templates"):
                document[part] = tuple(one for one in document[part] if one["name"] != edit.name)
        case ChangeConstraint():
            _there(edit.name, [one["name"] for one in document["constraints"]], "constraint")
            document["constraints"] = tuple(
                {**one, "expr": edit.expr} if one["name"] == edit.name else one for one in document["constraints"])
        case SetBounds():
            given = document["variables"][_there(edit.variable, document["variables"], "variable")]
            given |= {side: bound for side, bound in (("lb", edit.lb), ("ub", edit.ub)) if bound is not None}
        case SetObjective():
            document["objective"] = edit.objective.model_dump()


def _changed(values: Any, edit: SetParam) -> Any:
    """A table with another entry; where it is a table of tables, the key's parts lead to it."""
    if edit.key is None:
        return _new(values, edit)
    if isinstance(values, dict):
        if edit.key in values:
            return {**values, edit.key: _new(values[edit.key], edit)}
        if set(values) == {"index", "values"}:
            raise FormulationError(f"{edit.name} is given by index; change it whole")
    first, _, rest = edit.key.partition(JOINT)
    inner = edit.model_copy(update={"key": rest or None})
    if isinstance(values, dict) and first in values:
        return {**values, first: _changed(values[first], inner)}
    if isinstance(values, list | tuple) and first.isdecimal() and int(first) < len(values):
        return [_changed(one, inner) if place == int(first) else one for place, one in enumerate(values)]
    raise FormulationError(f"{edit.name} has nothing at {edit.key!r}")


def _new(old: Any, edit: SetParam) -> Any:
    if edit.times is None:
        return edit.value
    if not isinstance(old, int | float) or isinstance(old, bool):
        raise FormulationError(f"{edit.name} is not a number there, and cannot be multiplied")
    return round(old * edit.times, 12)


def _names(document: dict[str, Any]) -> list[str]:
    return [one["name"] for part in ("constraints", "templates") for one in document[part]]


def _there(name: str, known: Any, what: str) -> str:
    if name not in known:
        raise FormulationError(f"there is no {what} {name!r}; there are {', '.join(known) or 'none'}")
    return name
