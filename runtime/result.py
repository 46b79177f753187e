"""What a strategy returns."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from eudoxus.runtime.chat import NOTHING, Completion, Usage

Outcome = Literal["verified", "best_effort", "limit", "failed"]
Authority = Literal["exact", "solver", "public_tests", "model", "none"]


class Verdict(BaseModel):
    """What a verifier says of one answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ok: bool
    score: float = 0.0
    """Between 0 and 1; 1 when ok."""
    authority: Authority = "exact"
    feedback: str = ""
    """For the next attempt: what is wrong, in words."""


class Result(BaseModel):
    """Answer, how far it can be trusted, and what it cost.

    ``outcome``: *verified* by ``authority``; *best_effort* when nothing could verify it; *limit* when a budget ended the work
    (the answer is the best so far, or None); *failed* when there is no usable answer, with ``detail`` saying why.
    """

    model_config = ConfigDict(extra="forbid")

    answer: str | None
    outcome: Outcome = "best_effort"
    authority: Authority = "none"
    detail: str = ""
    completion: Completion | None = None
    """The model's own completion behind the answer, when there is one: tool calls, log-probs and finish reason survive in it."""
    artifacts: dict[str, Any] = {}
    """What else the strategy made, JSON only (a plan, a problem file, the votes)."""
    usage: Usage = NOTHING
    """Everything spent inside; filled in by the run, not by the strategy."""

    @property
    def verified(self) -> bool:
        return self.outcome == "verified"
