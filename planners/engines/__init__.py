"""Planners by name: ``auto``, ``fast-downward``, ``pyperplan``, and ``up:NAME`` for any engine of unified-planning.

A name can end in a mode: ``fast-downward:optimal``.
"""

from __future__ import annotations

import re
from typing import Annotated, get_args

from pydantic import AfterValidator, Field

from eudoxus.planners.engines.base import Capability, Mode, Planner, PlanResult, Status
from eudoxus.planners.engines.fast_downward import FastDownward
from eudoxus.planners.engines.known import KNOWN, engine_of
from eudoxus.planners.engines.portfolio import Portfolio
from eudoxus.planners.engines.pyperplan import Pyperplan
from eudoxus.planners.engines.second import SecondOpinion, second_opinion

_FAST_DOWNWARD, _PYPERPLAN = FastDownward(), Pyperplan()
_ALL: tuple[Planner, ...] = (_FAST_DOWNWARD, _PYPERPLAN, *KNOWN)
ENGINES = {planner.name: planner for planner in _ALL}
"""Every planner that Eudoxus knows, best first."""
AUTO = Portfolio(_FAST_DOWNWARD, _PYPERPLAN, (engine_of("symk"), engine_of("lpg")), engine_of("enhsp"))

MODES: tuple[Mode, ...] = get_args(Mode)
_UP_NAME = re.compile(r"up:[a-z0-9][a-z0-9_-]{0,48}(?:\[[a-z0-9_-]{1,48}\])?")


def _known(name: str) -> str:
    """Raises ValueError for a name that no planner has."""
    base, _ = parted(name)
    if base != "auto" and base not in ENGINES and not _UP_NAME.fullmatch(base):
        raise ValueError(f"no planner is called {name[:60]!r}: expected auto, {', '.join(ENGINES)} or up:NAME for another engine of "
                         f"unified-planning, each with :{' or :'.join(MODES[1:])} after it where it can")
    return name


EngineName = Annotated[str, Field(max_length=80, examples=["auto", "fast-downward", "fast-downward:optimal", "pyperplan", "up:enhsp"]),
                       AfterValidator(_known)]


def parted(name: str) -> tuple[str, Mode | None]:
    """A name without the mode at its end, and that mode."""
    base, _, last = name.rpartition(":")
    return next(((base, mode) for mode in MODES if base and last == mode), (name, None))


def chosen(name: EngineName) -> Planner:
    """The planner called ``name``, whose mode at the end does not count. Raises ValueError for a name that no planner has."""
    base, _ = parted(_known(name))
    return AUTO if base == "auto" else ENGINES[base] if base in ENGINES else engine_of(base.removeprefix("up:"))


__all__ = ["AUTO", "ENGINES", "MODES", "Capability", "EngineName", "Mode", "PlanResult", "Planner", "SecondOpinion", "Status", "chosen",
           "parted", "second_opinion"]
