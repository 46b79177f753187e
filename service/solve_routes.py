"""Solving without a model endpoint: formulations and SMT-LIB in, optima, models, cores and repairs out. Nothing is journaled."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.service.api_docs import problems
from eudoxus.service.json_body import sound_json
from eudoxus.service.while_wanted import while_wanted
from eudoxus.solvers.check import Check, CheckResult
from eudoxus.solvers.edits import Compared, Edit, compare
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.smtlib import MOST_CHARACTERS
from eudoxus.solvers.solving import Solution, Solve
from eudoxus.solvers.telling import told, told_change

router = APIRouter(prefix="/v1/solve", tags=["Solving"], dependencies=[Depends(sound_json)])

_ERRORS = problems(400, 401, 403, 413, 422, 429, 503)
_EXAMPLE: Json = {
    "formulation": {
        "sets": {"I": ["tent", "stove", "rope"]},
        "params": {"worth": {"tent": 9, "stove": 6, "rope": 5}, "weight": {"tent": 6, "stove": 4, "rope": 3}},
        "variables": {"take": {"type": "bool", "index": ["I"]}},
        "constraints": [{"name": "weight limit", "expr": "sum(weight[i] * take[i] for i in I) <= 8"}],
        "objective": {"sense": "max", "expr": "sum(worth[i] * take[i] for i in I)"},
    }
}


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    seconds: float = Field(20.0, gt=0, le=600)
    """For the solver; finding out why there is no solution has as much again."""
    memory_mb: int = Field(1024, ge=64, le=16384)
    """Memory for the solver in MiB."""


class SolveRequest(_Asked):
    """A formulation, or constraints in SMT-LIB 2."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    formulation: Formulation | None = None
    smtlib: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)] | None = None
    """Declarations, definitions, assertions and objectives (`minimize`, `maximize`, `assert-soft`) for z3."""
    quantifiers: bool = False
    """Whether `smtlib` may have `forall` and `exists`, with which a solver often does not come to an end."""
    confirm: bool = False
    """Whether cvc5 is asked too whether the assertions of `smtlib` can hold together; `second` is what it says."""
    backend: Literal["highs", "z3", "cp_sat"] | None = None
    """Null chooses: HiGHS for what is linear, else z3."""
    explain: bool = True
    """Whether an infeasible formulation gets a core and repairs."""


class ExplainRequest(_Asked):
    """A formulation, and perhaps changes whose effect is to be told."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        _EXAMPLE | {"edits": [{"kind": "add_constraint", "constraint": {"name": "no tent", "expr": "not take['tent']"}}]}]})

    formulation: Formulation
    edits: tuple[Edit, ...] = Field((), max_length=100)
    """*What if*: the changes. *Why X*: a constraint that forbids X. *Why not X*: one that demands it."""
    backend: Literal["highs", "z3", "cp_sat"] | None = None


class Solved(Solution):
    """What came of it. Anything but `optimal` is no error of HTTP: `status` and `detail` say why."""

    object: Literal["solution"] = "solution"


class Checked(CheckResult):
    """Whether the assertions can hold together, and the optima of what the text minimises and maximises."""

    object: Literal["solution.smtlib"] = "solution.smtlib"


class Explained(BaseModel):
    """Sentences, and what they are about."""

    object: Literal["solution.explanation"] = "solution.explanation"
    sentences: list[str]
    base: Solution
    edited: Solution | None = None
    difference: float | None = None


@router.post("", operation_id="solve", summary="Solve a formulation", response_model=Solved | Checked, responses=_ERRORS)
async def solve(asked: SolveRequest, request: Request) -> Response:
    """Checks the formulation, solves it, and evaluates every constraint on what the solver answers. It ends when the client goes away."""
    if (asked.formulation is None) == (asked.smtlib is None):
        raise InvalidRequest("give either formulation or smtlib", param="formulation")
    if asked.smtlib is not None:
        check = Check(text=asked.smtlib, seconds=min(asked.seconds, 300), memory_mb=asked.memory_mb, quantifiers=asked.quantifiers,
                      confirm=asked.confirm)
        checked = await while_wanted(request, check.run(), "solving")
        if checked is not None and checked.status == "invalid":
            raise InvalidRequest(f"smtlib: {checked.message}", param="smtlib")
        return _gone_or(checked, "solution.smtlib")
    assert asked.formulation is not None
    work = Solve(**{name: getattr(asked, name) for name in ("formulation", "backend", "seconds", "memory_mb", "explain")})
    found = await while_wanted(request, work.run(), "solving")
    if found is not None:
        refuse(found)
    return _gone_or(found, "solution")


@router.post("/explain", operation_id="explainSolution", summary="Why, why not, what if", response_model=Explained, responses=_ERRORS)
async def explain(asked: ExplainRequest, request: Request) -> Response:
    """Tells in English what is optimal, or what contradicts what and what would help; with `edits`, what they change."""
    options: dict[str, Any] = {"backend": asked.backend, "seconds": asked.seconds, "memory_mb": asked.memory_mb}
    found = await while_wanted(request, _explained(asked, options), "solving")
    return Response(status_code=499) if found is None else JSONResponse(found.model_dump(mode="json"))


async def _explained(asked: ExplainRequest, options: dict[str, Any]) -> Explained:
    if not asked.edits:
        base = await Solve(formulation=asked.formulation, **options).run()
        refuse(base)
        return Explained(sentences=told(base), base=base)
    try:
        found: Compared = await compare(asked.formulation, asked.edits, **options)
    except FormulationError as error:
        raise InvalidRequest(str(error), param=error.where or "edits") from None
    refuse(found.base)
    refuse(found.edited, "with the edits: ")
    sentences = await asyncio.to_thread(told_change, found)
    return Explained(sentences=sentences, base=found.base, edited=found.edited, difference=found.difference)


def refuse(found: Solution, before: str = "") -> None:
    """Raise :class:`InvalidRequest` for a formulation that makes no sense, or that the wanted backend cannot take."""
    if found.status == "invalid" and found.error is not None:
        raise InvalidRequest(f"{before}{found.detail}", param=f"formulation.{found.error.where}")
    if found.status == "unsuitable":
        raise InvalidRequest(f"{before}{found.detail}", param="backend")


def _gone_or(found: BaseModel | None, kind: str) -> Response:
    return Response(status_code=499) if found is None else JSONResponse({"object": kind, **found.model_dump(mode="json")})
