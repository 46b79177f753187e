"""A formulation as users and models write it: what the JSON may hold. What it means is found out by grounding it."""

from __future__ import annotations

import operator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.solvers.formulation.reading import MOST_CHARACTERS
from eudoxus.solvers.formulation.templates import Template

MOST_CONSTRAINTS = 200
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Expression = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
Scalar = bool | int | float | str


class _Part(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


class Variable(_Part):
    """Something to be decided, for each combination of the members of ``index``."""

    type: Literal["bool", "int", "real"]
    index: tuple[Expression, ...] = Field((), max_length=6)
    """Names of sets, ``"s in S"`` where the bounds speak of ``s``, or a range."""
    lb: float | int | Expression | None = None
    """Least value: a number, or an expression over constants. None is no bound."""
    ub: float | int | Expression | None = None
    """Greatest value."""


class Constraint(_Part):
    """Something that must hold, for each combination of what ``forall`` binds."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """What it is about; explanations use it."""
    forall: tuple[Expression, ...] = Field((), max_length=8)
    """``"s in S"``, ``"(i, j) in ARCS"``."""
    condition: Expression | None = Field(None, alias="if")
    """Only for the combinations of which this holds; over constants."""
    expr: Expression
    soft: float | int | None = Field(None, ge=0)
    """None: it must hold. A number: what breaking it costs, in the unit of the objective, for each combination."""
    firm: bool = False
    """Whether it can never be changed, such as the conservation of a flow; repairs leave it alone."""


class Objective(_Part):
    """What to make as small or as large as possible."""

    sense: Literal["min", "max"]
    expr: Expression


class Formulation(_Part):
    """An optimisation model, or without ``objective`` a question whether the constraints can hold together."""

    sets: dict[Name, Expression | tuple[Any, ...]] = Field({}, max_length=100)
    """Members by name: texts, whole numbers, or lists of them; or an expression such as ``"range(1, 8)"``."""
    params: dict[Name, Any] = Field({}, max_length=500)
    """Constants: a number or text, objects by element (``{"s1": 5}``, ``{"s1|r2": 5}``, nested objects), lists by position from 0, or
    ``{"index": ["S"], "values": […]}`` for lists by the order of a set."""
    variables: dict[Name, Variable] = Field({}, max_length=500)
    constraints: tuple[Constraint, ...] = Field((), max_length=MOST_CONSTRAINTS)
    templates: tuple[Template, ...] = Field((), max_length=MOST_CONSTRAINTS)
    """Common constraints in short; each becomes one of ``constraints``."""
    objective: Objective | None = None
    units: dict[Name, str] = Field({}, max_length=1_000, exclude_if=operator.not_)
    """Units of constants and variables by name, such as ``EUR/t``: what is added or compared must have the same."""
    outputs: dict[Name, Expression] = Field({}, max_length=100)
    """Expressions to be evaluated on the solution."""

    def document(self) -> dict[str, Any]:
        """The JSON that :func:`~eudoxus.solvers.formulation.grounding.ground` takes: templates written out."""
        found = self.model_dump(mode="json", by_alias=True, exclude={"templates"})
        found["constraints"] += [{"name": one.name, "expr": one.expression()} for one in self.templates]
        return found
