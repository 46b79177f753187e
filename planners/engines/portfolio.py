"""Several planners in turn under one limit: the engine ``auto``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eudoxus.planners.engines.base import Capability, Mode, Planner, PlanResult, Status

FIRST_SHARE = 0.4
"""The part of the time that the first planner gets when there are others. Where Fast Downward finds a plan, it mostly does so at once."""

_GOES_ON: tuple[Status, ...] = ("timeout", "memory", "exhausted", "unsupported", "crashed", "unavailable")
"""Outcomes after which another planner may do better, the most telling first."""
_NUMERIC = re.compile(r":(?:numeric-)?fluents\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """``main`` is tried first, ``fallback`` where that is not installed; ``complements`` are strong where it is weak.

    ``numeric`` takes domains with quantities. Planners that are not installed get no time, so that the others have it.
    """

    main: Planner
    fallback: Planner
    complements: tuple[Planner, ...] = ()
    numeric: Planner | None = None
    name: str = "auto"

    @property
    def capability(self) -> Capability:
        return self.main.capability.model_copy(update={"note": "the best planners that are installed, one after the other"})

    def available(self) -> str | None:
        return None if self.fallback.available() is None else self.main.available()

    async def solve(self, domain: str, problem: str, *, seconds: float, memory_mb: int, mode: Mode = "fast") -> PlanResult:
        """As :meth:`Planner.solve`. The result is that of the planner that found a plan or proved that there is none."""
        found: list[PlanResult] = []
        for planner, share in self.shares(domain, mode):
            found.append(await planner.solve(domain, problem, seconds=seconds * share, memory_mb=memory_mb, mode=_able(planner, mode)))
            if found[-1].status not in _GOES_ON:
                break
        last = found[-1] if found[-1].status not in _GOES_ON else min(found, key=lambda result: _GOES_ON.index(result.status))
        spent = round(sum(result.seconds for result in found), 3)
        return last.model_copy(update={"seconds": spent, "tried": [*_told(found, last), *last.tried]})

    def shares(self, domain: str, mode: Mode) -> list[tuple[Planner, float]]:
        """Which planners are run, and the part of the time that each gets."""
        if self.numeric and _NUMERIC.search(domain) and self.numeric.available() is None:
            return [(self.numeric, 1.0)]
        if self.main.available() is not None:
            return [(self.fallback if self.fallback.available() is None and _can(self.fallback, mode) else self.main, 1.0)]
        # An improving search uses all the time that it gets.
        others = [] if mode == "anytime" else [p for p in self.complements if p.available() is None and mode in p.capability.modes]
        if not others:
            return [(self.main, 1.0)]
        return [(self.main, FIRST_SHARE), *((planner, (1 - FIRST_SHARE) / len(others)) for planner in others)]


def _able(planner: Planner, mode: Mode) -> Mode:
    """The mode, or *fast* for a planner that cannot improve plans: its first plan is the best that it has."""
    return "fast" if mode == "anytime" and mode not in planner.capability.modes else mode


def _can(planner: Planner, mode: Mode) -> bool:
    return mode != "optimal" or mode in planner.capability.modes


def _told(found: Sequence[PlanResult], last: PlanResult) -> list[str]:
    return [f"{result.engine}: {result.status} after {result.seconds:.1f} s" for result in found if result is not last]
