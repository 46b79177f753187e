"""Fast Downward (Helmert 2006, JAIR 26), called as the process that the wheel ``up-fast-downward`` brings.

The wheel is found without importing it, since importing it loads all of unified-planning. Exit codes: www.fast-downward.org/ExitCodes.
"""

from __future__ import annotations

import importlib.util
import math
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from eudoxus.planners.engines.base import PlanResult, Status
from eudoxus.planners.engines.process import Ended, run, workplace
from eudoxus.planners.pddl.errors import PddlError
from eudoxus.planners.pddl.validate import MOST_STEPS, parse_plan

_OUTCOMES: dict[int, tuple[Status, str]] = {
    10: ("unsolvable", "the problem has no plan: proved while it was translated"),
    11: ("unsolvable", "the problem has no plan: proved by the search"),
    12: ("exhausted", "the search ended without a plan, and without a proof that there is none"),
    13: ("exhausted", "the search ended without a plan, and without a proof that there is none"),
    20: ("memory", "the translation needs more memory than allowed"),
    21: ("timeout", "the translation takes longer than allowed"),
    22: ("memory", "the search needs more memory than allowed"),
    23: ("timeout", "the search takes longer than allowed"),
    24: ("timeout", "the search takes longer and needs more memory than allowed"),
    31: ("input_error", ""),
    33: ("input_error", ""),
    34: ("unsupported", ""),
    256 - signal.SIGXCPU: ("timeout", "the planner takes longer than allowed"),
}
# Short of memory, the translator and the driver do not always get to say so by their exit code.
_OUT_OF_MEMORY = re.compile(r"MemoryError|std::bad_alloc|error return without exception set")
_COST = re.compile(r"^; cost = (\d+)", re.MULTILINE)
_CHATTER = re.compile(r"^(?:INFO\s|Parsing|Peak memory|translate exit code|search exit code|Remove intermediate|Driver aborting|\[t=|\s*$)")


@dataclass(frozen=True, slots=True)
class FastDownward:
    """One configuration of Fast Downward. ``alias`` names it as the driver does; *lama-first* gives the first plan it finds."""

    name: str = "fast-downward"
    licence: str = "GPL-3.0-only"
    alias: str = "lama-first"

    def available(self) -> str | None:
        return None if _driver() else "Fast Downward is not installed: install the extra eudoxus[planners]"

    async def solve(self, domain: str, problem: str, *, seconds: float, memory_mb: int) -> PlanResult:
        driver = _driver()
        if driver is None:
            return PlanResult(status="unavailable", engine=self.name, message=self.available() or "")
        async with workplace(domain, problem) as folder:
            command = [
                # One second more, because the driver rounds down what is left for each part.
                sys.executable, str(driver), "--alias", self.alias, "--overall-time-limit", f"{math.ceil(seconds) + 1}s",
                "--overall-memory-limit", f"{memory_mb}M", "--plan-file", "plan", "--sas-file", "output.sas", "domain.pddl", "problem.pddl",
            ]
            # The driver counts processor time; on a busy machine the wall clock runs faster.
            ended = await run(command, folder, wall_seconds=2 * seconds + 5)
            return self._result(ended, _best_plan(folder))

    def _result(self, ended: Ended, plan: str | None) -> PlanResult:
        seconds = round(ended.seconds, 3)
        if plan is not None and ended.code is not None and 0 <= ended.code <= 3:
            return PlanResult(status="solved", plan=parse_plan(plan), cost=_cost(plan), engine=self.name, seconds=seconds)
        status, message = _outcome(ended)
        if status == "crashed" or not message:
            message = ": ".join(filter(None, [message, _last_words(ended.output)]))
        return PlanResult(status=status, engine=self.name, message=message, seconds=seconds)


def _outcome(ended: Ended) -> tuple[Status, str]:
    if ended.code is None:
        return "timeout", f"no plan within {ended.seconds:.0f} s of wall-clock time"
    if 0 <= ended.code <= 3:
        return "unsupported", f"the plan that was found cannot be read; it may have more than {MOST_STEPS:,} steps"
    if ended.code not in _OUTCOMES and _OUT_OF_MEMORY.search(ended.output):
        return "memory", "the translation needs more memory than allowed"
    return _OUTCOMES.get(ended.code, ("crashed", f"Fast Downward ended with code {ended.code}"))


def _driver() -> Path | None:
    found = importlib.util.find_spec("up_fast_downward")
    places = found.submodule_search_locations if found else None
    driver = Path(next(iter(places)), "downward", "fast-downward.py") if places else None
    return driver if driver and driver.exists() and importlib.util.find_spec("fast_downward") else None


def _best_plan(folder: Path) -> str | None:
    """The cheapest of the plan files; anytime configurations write several."""
    plans = [path.read_text("utf-8") for path in sorted(folder.glob("plan*"))]
    readable = [plan for plan in plans if _readable(plan)]
    return min(readable, key=lambda plan: _cost(plan) or 0, default=None)


def _readable(plan: str) -> bool:
    try:
        parse_plan(plan)
    except PddlError:
        return False
    return True


def _cost(plan: str) -> float | None:
    found = _COST.search(plan)
    return float(found[1]) if found else None


def _last_words(output: str) -> str:
    """What the planner says at the end of its output, without progress reports: for unreadable input, the construct and the token."""
    lines = [line.strip() for line in output.splitlines() if not _CHATTER.match(line)]
    return " ".join(lines[-6:])[-1000:]
