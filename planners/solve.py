"""Running a planner as an effect: journaled, so that a replay has the plan without the planner."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from eudoxus.planners.engines import EngineName, PlanResult, chosen
from eudoxus.planners.engines.base import MOST_TEXT
from eudoxus.runtime import Effect


class Solve(Effect[PlanResult]):
    """Look for a plan. The digest covers both texts, the engine and the limits."""

    kind: ClassVar[str] = "planner"
    result: ClassVar[type[BaseModel]] = PlanResult

    domain: str
    """The domain in PDDL."""
    problem: str
    """The problem in PDDL."""
    engine: EngineName = "auto"
    seconds: float = Field(10.0, gt=0, le=300)
    """Processor time for the planner."""
    memory_mb: int = Field(2048, ge=64, le=65536)
    """Memory for the planner, in MiB."""

    async def run(self) -> PlanResult:
        """Every failure of the planner is an outcome with a ``status``; nothing is raised but cancellation."""
        planner = chosen(self.engine)
        for name, text in (("domain", self.domain), ("problem", self.problem)):
            if len(text) > MOST_TEXT:
                return PlanResult(status="input_error", engine=planner.name, message=f"the {name} is longer than {MOST_TEXT:,} characters")
        return await planner.solve(self.domain, self.problem, seconds=self.seconds, memory_mb=self.memory_mb)
