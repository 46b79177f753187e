"""Planners by name. ``auto`` is the first of them that is installed."""

from __future__ import annotations

from typing import Literal

from eudoxus.planners.engines.base import Planner, PlanResult, Status
from eudoxus.planners.engines.fast_downward import FastDownward
from eudoxus.planners.engines.pyperplan import Pyperplan

EngineName = Literal["auto", "fast-downward", "pyperplan"]

ENGINES: dict[str, Planner] = {planner.name: planner for planner in (FastDownward(), Pyperplan())}
"""Every planner that Eudoxus knows, best first."""


def chosen(name: EngineName) -> Planner:
    """The planner called ``name``; for ``auto`` the first that is available, or the first of all when none is."""
    if name != "auto":
        return ENGINES[name]
    return next((planner for planner in ENGINES.values() if planner.available() is None), next(iter(ENGINES.values())))


__all__ = ["ENGINES", "EngineName", "PlanResult", "Planner", "Status", "chosen"]
