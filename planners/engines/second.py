"""A second opinion on a plan: the validator of unified-planning, which shares no code with ours, in a worker process."""

from __future__ import annotations

import importlib.util
from typing import Literal

from pydantic import BaseModel, ConfigDict

from eudoxus.planners.engines.unified import INSTALL, in_worker


class SecondOpinion(BaseModel):
    """What unified-planning says of a plan. Only *valid* and *invalid* are about the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["valid", "invalid", "input_error", "timeout", "memory", "unavailable", "crashed"]
    """*input_error*: it cannot read the domain or the problem, such as ``(either …)``."""
    message: str = ""


def second_validator_available() -> str | None:
    """Why there is no second validator here, as a sentence that names the remedy; None when there is."""
    return None if importlib.util.find_spec("unified_planning") else f"unified-planning is not installed: {INSTALL}"


async def second_opinion(domain: str, problem: str, plan: str, *, seconds: float = 30.0, memory_mb: int = 1024) -> SecondOpinion:
    """Ask unified-planning whether ``plan`` (one ``(action object …)`` per line) reaches the goal. Every failure is an outcome."""
    missing = second_validator_available()
    if missing:
        return SecondOpinion(status="unavailable", message=missing)
    ended, outcome = await in_worker(domain, problem, "validate", "fast", seconds=seconds, memory_mb=memory_mb, plan=plan)
    if outcome:
        return SecondOpinion.model_validate(outcome)
    if ended.stopped:
        return SecondOpinion(status="timeout" if ended.stopped == "time" else "memory", message="validating takes more than allowed")
    return SecondOpinion(status="crashed", message=f"unified-planning ended with code {ended.code}: {ended.output.strip()[-500:]}")
