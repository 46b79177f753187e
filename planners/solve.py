"""Running a planner, and a second validator, as effects: journaled, so that a replay has the plan without the planner."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, Field

from eudoxus.planners.engines import EngineName, Mode, PlanResult, SecondOpinion, chosen, parted, second_opinion
from eudoxus.planners.engines.base import MOST_TEXT, titled
from eudoxus.runtime import Effect


class Solve(Effect[PlanResult]):
    """Look for a plan. The digest covers both texts, the engine, the mode and the limits."""

    kind: ClassVar[str] = "planner"
    result: ClassVar[type[BaseModel]] = PlanResult

    domain: str
    """The domain in PDDL."""
    problem: str
    """The problem in PDDL."""
    engine: EngineName = "auto"
    mode: Mode = "fast"
    """What plan is wanted; a mode at the end of the engine's name comes before it."""
    seconds: float = Field(10.0, gt=0, le=300)
    """Processor time for the planner."""
    memory_mb: int = Field(2048, ge=64, le=65536)
    """Memory for the planner, in MiB."""

    def digested(self) -> dict[str, Any]:
        """``mode`` came later: left out where it is *fast*, so that older journals replay."""
        said = super().digested()
        return {name: value for name, value in said.items() if name != "mode" or value != "fast"}

    async def run(self) -> PlanResult:
        """Every failure of the planner is an outcome with a ``status``; nothing is raised but cancellation."""
        planner, mode = chosen(self.engine), parted(self.engine)[1] or self.mode
        name = titled(planner.name, mode)
        for text_name, text in (("domain", self.domain), ("problem", self.problem)):
            if len(text) > MOST_TEXT:
                return PlanResult(status="input_error", engine=name, message=f"the {text_name} is longer than {MOST_TEXT:,} characters")
        if mode not in planner.capability.modes:
            able = ", ".join(planner.capability.modes)
            return PlanResult(status="unsupported", engine=name, message=f"{planner.name} has no mode {mode}; it has: {able}")
        return await planner.solve(self.domain, self.problem, seconds=self.seconds, memory_mb=self.memory_mb, mode=mode)


class Confirm(Effect[SecondOpinion]):
    """Have a plan validated once more, by unified-planning."""

    kind: ClassVar[str] = "plan_validator"
    result: ClassVar[type[BaseModel]] = SecondOpinion

    domain: str = Field(max_length=MOST_TEXT)
    problem: str = Field(max_length=MOST_TEXT)
    plan: str = Field(max_length=10 * MOST_TEXT)
    """One ``(action object …)`` per line."""
    seconds: float = Field(30.0, gt=0, le=300)
    """Processor time."""
    memory_mb: int = Field(1024, ge=64, le=65536)

    async def run(self) -> SecondOpinion:
        """Every failure is an outcome with a ``status``; nothing is raised but cancellation."""
        return await second_opinion(self.domain, self.problem, self.plan, seconds=self.seconds, memory_mb=self.memory_mb)
