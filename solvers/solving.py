"""Solving a formulation as an effect: journaled, so that a replay has the answer without a solver."""

from __future__ import annotations

import contextlib
import json
import operator
import sys
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.planners.engines.process import folder, run
from eudoxus.runtime import Effect
from eudoxus.solvers.formulation.document import Formulation

Status = Literal[
    "optimal", "feasible", "infeasible", "unbounded", "not_attained", "unknown", "invalid", "unsuitable", "time", "memory", "crashed"
]
"""*optimal*: proved, or satisfied where there is no objective. *feasible*: satisfied; a limit came before the proof. *not_attained*: values
come ever closer to ``bound`` and none reaches it. *invalid*: the formulation makes no sense. *unsuitable*: not for the wanted backend."""

GRACE_S = 3.0
"""Seconds for starting, reading and checking, beyond those of the solver."""
MOST_ANSWER = 16 << 20
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""numpy, of which HiGHS needs arrays only, else starts a thread for each core."""


class Fault(BaseModel):
    """What is wrong with a formulation, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    where: str = ""
    """Such as ``constraints.capacity.expr``."""
    column: int | None = None
    """In the expression, from 1."""
    index: dict[str, str] = {}
    """Values of the bound names."""


class Core(BaseModel):
    """Constraints that contradict each other, given the bounds of the variables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    constraints: tuple[str, ...]
    minimal: bool
    """Whether the others can hold without any one of them."""


class Repair(BaseModel):
    """A change after which there is a solution; each was solved again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["relax", "drop"]
    constraints: tuple[str, ...]
    by: float | None = None
    """What a relaxed constraint gives way by, at the least."""
    limit: float | None = None
    """Its constant side as it is."""
    becomes: float | None = None
    """Its constant side as it must be."""


class Doubt(BaseModel):
    """Something in a formulation that is probably meant otherwise. It is solved all the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["units", "scales", "magnitude"]
    """*units*: different kinds of quantity are put together. *scales*: one kind in different units. *magnitude*: an amount far off."""
    where: str
    what: str
    terms: tuple[str, ...] = ()
    """What does not go together, each with its unit or amount."""
    column: int | None = None


class Solution(BaseModel):
    """What came of solving. Every failure is an outcome, none an exception."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    objective: float | None = None
    """Of ``values``, without the costs of soft constraints."""
    bound: float | None = None
    """The best that is still possible, where that is known and not reached."""
    values: dict[str, Any] = {}
    """``{"x": {"s1|r2": 3}, "total": 7}``."""
    outputs: dict[str, Any] = {}
    unsatisfied: tuple[str, ...] = ()
    """Soft constraints that do not hold."""
    core: Core | None = None
    """Of *infeasible*; None where none was found in time."""
    repairs: tuple[Repair, ...] = ()
    error: Fault | None = None
    """Of *invalid*."""
    backend: str = ""
    why_backend: str = ""
    exact: bool = False
    """Whether the values are exact rather than within a tolerance of 1e-6."""
    size: dict[str, int] = {}
    detail: str = ""
    doubts: tuple[Doubt, ...] = Field((), exclude_if=operator.not_)


class Solve(Effect[Solution]):
    """Solve a formulation in a process of its own. The digest covers the formulation, the backend and the limits."""

    kind: ClassVar[str] = "solve"
    result: ClassVar[type[BaseModel]] = Solution

    formulation: Formulation
    backend: Literal["highs", "z3", "cp_sat"] | None = None
    """None chooses: HiGHS for what is linear, else z3."""
    seconds: float = Field(20.0, gt=0, le=600)
    """For the solver; finding out why there is no solution has as much again."""
    memory_mb: int = Field(1024, ge=64, le=65536)
    explain: bool = True
    """Whether an infeasible one gets a core and repairs."""

    async def run(self) -> Solution:
        """Nothing is raised but cancellation."""
        asked = {"document": self.formulation.document(), **self.model_dump(include={"backend", "seconds", "memory_mb", "explain"})}
        wall = self.seconds * (2 if self.explain else 1) + GRACE_S
        async with folder("eudoxus-solve-") as place:
            place.joinpath("asked.json").write_text(json.dumps(asked), "utf-8")
            command = [sys.executable, "-I", "-m", "eudoxus.solvers.worker", "asked.json", "found.json"]
            ended = await run(command, place, wall_seconds=wall, environment=_ONE_THREAD)
            with contextlib.suppress(OSError, ValueError):
                if place.joinpath("found.json").stat().st_size <= MOST_ANSWER:
                    return Solution.model_validate_json(place.joinpath("found.json").read_bytes())
        if ended.stopped:
            return Solution(status=ended.stopped, detail=f"the solver was ended: out of {ended.stopped}")
        return Solution(status="crashed", detail=f"the solver's process ended with {ended.code}: {ended.output[-300:].strip()}")
