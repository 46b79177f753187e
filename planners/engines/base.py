"""What a planner is to Eudoxus, and what comes of asking one."""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

Status = Literal["solved", "unsolvable", "exhausted", "timeout", "memory", "input_error", "unsupported", "unavailable", "crashed"]
"""*unsolvable*: proved. *exhausted*: the search ended without a plan and without a proof. *input_error*: the planner cannot read the
domain or the problem. *unsupported*: it can, but does not handle a construct of them. *unavailable*: the planner is not installed."""

MOST_TEXT = 1_000_000
"""Most characters of a domain or problem that a planner is given."""


class PlanResult(BaseModel):
    """The outcome of one planner run. Every failure is an outcome, none an exception."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    plan: list[str] = []
    """The steps, ``(stack b1 b2)``; empty too when the goal holds already."""
    cost: float | None = None
    """What the planner says the plan costs."""
    engine: str = ""
    """The planner that was run."""
    message: str = ""
    """For a person, and for the repair of a problem: the planner's own words where it has any."""
    seconds: float = 0.0
    """Wall-clock time of the run."""


class Planner(Protocol):
    """A planner, run as a process of its own. ``eudoxus.planners.contracts.PlannerContract`` tests an implementation."""

    @property
    def name(self) -> str: ...

    @property
    def licence(self) -> str:
        """SPDX identifier."""
        ...

    def available(self) -> str | None:
        """Why the planner cannot be used here, as a sentence that names the remedy; None when it can."""
        ...

    async def solve(self, domain: str, problem: str, *, seconds: float, memory_mb: int) -> PlanResult:
        """Look for a plan within ``seconds`` of processor time and ``memory_mb`` MiB.

        Cancelling ends every process that was started.
        """
        ...
