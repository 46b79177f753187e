"""What a planner is to Eudoxus, and what comes of asking one."""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

Status = Literal["solved", "unsolvable", "exhausted", "timeout", "memory", "input_error", "unsupported", "unavailable", "crashed"]
"""*unsolvable*: proved. *exhausted*: the search ended without a plan and without a proof. *input_error*: the planner cannot read the
domain or the problem. *unsupported*: it can, but does not handle a construct of them. *unavailable*: the planner is not installed."""

Mode = Literal["fast", "anytime", "optimal"]
"""*fast*: the first plan that is found. *anytime*: the best that is found in the time. *optimal*: only a plan that is proved cheapest."""

Feature = Literal["negative", "adl", "costs", "numeric", "temporal"]
"""Beyond STRIPS with types. *negative*: negative preconditions. *adl*: disjunctions, quantifiers, conditional effects. *costs*: of actions.
*numeric*: changing quantities. *temporal*: durative actions."""

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
    optimal: bool = False
    """Whether the planner proved that no plan is cheaper."""
    tried: list[str] = []
    """What was run before without success, each with what came of it."""


class Capability(BaseModel):
    """What is known of a planner without running it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    licence: str
    """SPDX identifier, or in words where the terms are not clear."""
    install: str
    """How to get it, as a sentence."""
    features: tuple[Feature, ...] = ()
    """What it handles beyond STRIPS with types."""
    modes: tuple[Mode, ...] = ("fast",)
    proves: bool = True
    """Whether it can find out that there is no plan."""
    note: str = ""


class Planner(Protocol):
    """A planner, run as a process of its own. ``eudoxus.planners.contracts.PlannerContract`` tests an implementation."""

    @property
    def name(self) -> str: ...

    @property
    def capability(self) -> Capability: ...

    def available(self) -> str | None:
        """Why the planner cannot be used here, as a sentence that names the remedy; None when it can."""
        ...

    async def solve(self, domain: str, problem: str, *, seconds: float, memory_mb: int, mode: Mode = "fast") -> PlanResult:
        """Look for a plan within ``seconds`` of processor time and ``memory_mb`` MiB; ``mode`` is one that the capability lists.

        Cancelling ends every process that was started.
        """
        ...


def titled(name: str, mode: Mode) -> str:
    """How results name a planner in a mode: ``fast-downward:optimal``, and just ``fast-downward`` when it is fast."""
    return name if mode == "fast" else f"{name}:{mode}"
