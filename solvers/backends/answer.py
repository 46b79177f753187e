"""What a backend says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eudoxus.solvers.formulation.terms import Number

Status = Literal["optimal", "feasible", "infeasible", "unbounded", "not_attained", "unknown"]
"""*optimal*: proved, or satisfied where there is no objective. *feasible*: satisfied, but not proved optimal before a limit.
*not_attained*: better and better values come ever closer to ``bound`` and none reaches it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``values`` by the number of the unknown; ``bound``: the best objective that is still possible, as far as it is known."""

    status: Status
    values: list[Number] | None = None
    bound: Number | None = None
    detail: str = ""
    exact: bool = False
    """Whether the values are exact rather than within a tolerance."""


class Unsuitable(ValueError):
    """The backend cannot take the formulation; the message says why."""
