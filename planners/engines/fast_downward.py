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

from eudoxus.planners.engines.base import Capability, Mode, PlanResult, Status, titled
from eudoxus.planners.engines.process import Ended, run, workplace
from eudoxus.planners.engines.verdict import cost_of_nothing
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
_NO_TIME = "Unhandled exit codes: set()"
"""A portfolio says this when the time is over before its first part."""
_COST = re.compile(r"^; cost = (\d+)", re.MULTILINE)
_CHATTER = re.compile(r"^(?:INFO\s|Parsing|Peak memory|translate exit code|search exit code|Remove intermediate|Driver aborting|\[t=|\s*$)")


MOST_LMCUT = 30.0
"""Seconds of the time for an optimal plan that A* with the landmark-cut heuristic gets at most, before the portfolio."""


@dataclass(frozen=True, slots=True)
class FastDownward:
    """Fast Downward. *fast* is lama-first, *anytime* LAMA 2011, *optimal* A* with landmark-cut and then the portfolio Stone Soup 1."""

    name: str = "fast-downward"
    capability: Capability = Capability(
        licence="GPL-3.0-only", install="install the extra eudoxus[planners]", features=("negative", "adl", "costs"),
        modes=("fast", "anytime", "optimal"),
    )

    def available(self) -> str | None:
        return None if _driver() else f"Fast Downward is not installed: {self.capability.install}"

    async def solve(self, domain: str, problem: str, *, seconds: float, memory_mb: int, mode: Mode = "fast") -> PlanResult:
        driver = _driver()
        if driver is None:
            return PlanResult(status="unavailable", engine=titled(self.name, mode), message=self.available() or "")
        if mode == "anytime" and (cost := cost_of_nothing(domain, problem)) is not None:
            return PlanResult(status="solved", cost=cost, engine=titled(self.name, mode), optimal=True)
        async with workplace(domain, problem) as folder:
            first, *others = _searches(mode, seconds)
            found = await self._search(driver, folder, first, memory_mb, mode)
            for search in others:
                if found.status in search.after:
                    latest = await self._search(driver, folder, search, memory_mb, mode)
                    found = latest.model_copy(update={"seconds": round(found.seconds + latest.seconds, 3)})
        return found

    async def _search(self, driver: Path, folder: Path, search: _Search, memory_mb: int, mode: Mode) -> PlanResult:
        command = [
            # -S, because the driver needs no installed packages, and looking for them takes a tenth of a small run.
            # One second more, because the driver rounds down what is left for each part.
            sys.executable, "-S", str(driver), *search.before, "--overall-time-limit", f"{math.ceil(search.seconds) + 1}s",
            "--overall-memory-limit", f"{memory_mb}M", "--plan-file", "plan", "--sas-file", "output.sas", "domain.pddl", "problem.pddl",
            *search.behind,
        ]
        # The driver counts processor time; on a busy machine the wall clock runs faster.
        ended = await run(command, folder, wall_seconds=2 * search.seconds + 5)
        return self._result(ended, _best_plan(folder), mode)

    def _result(self, ended: Ended, plan: str | None, mode: Mode) -> PlanResult:
        engine, seconds = titled(self.name, mode), round(ended.seconds, 3)
        succeeded = ended.code is not None and 0 <= ended.code <= 3
        # An improving search that is stopped has left the plans that it found until then.
        if plan is not None and (succeeded or (mode == "anytime" and _outcome(ended)[0] in ("timeout", "memory"))):
            return PlanResult(status="solved", plan=parse_plan(plan), cost=_cost(plan), engine=engine, seconds=seconds,
                              optimal=mode == "optimal")
        status, message = _outcome(ended)
        if status == "crashed" or not message:
            message = ": ".join(filter(None, [message, _last_words(ended.output)]))
        return PlanResult(status=status, engine=engine, message=message, seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Search:
    """One call of the driver: its arguments before and behind the files, its seconds, and after which outcomes of another it is made."""

    before: tuple[str, ...]
    seconds: float
    after: tuple[Status, ...] = ()
    behind: tuple[str, ...] = ()


def _searches(mode: Mode, seconds: float) -> list[_Search]:
    """The searches of a mode in turn."""
    match mode:
        case "fast":
            return [_Search(("--alias", "lama-first"), seconds)]
        case "anytime":
            return [_Search(("--alias", "seq-sat-lama-2011"), seconds)]
        case "optimal":
            first = min(MOST_LMCUT, seconds / 2)
            return [
                _Search(("--alias", "seq-opt-lmcut"), first),
                _Search(("--alias", "seq-opt-fdss-1"), seconds - first, ("timeout", "memory")),
                # Uniform-cost search handles what the heuristics do not: axioms, and conditional effects.
                _Search((), seconds - first, ("unsupported",), ("--search", "astar(blind())")),
            ]


def _outcome(ended: Ended) -> tuple[Status, str]:
    if ended.code is None:
        return "timeout", f"no plan within {ended.seconds:.0f} s of wall-clock time"
    if ended.code not in _OUTCOMES and _OUT_OF_MEMORY.search(ended.output):
        return "memory", "the translation needs more memory than allowed"
    if _NO_TIME in ended.output:
        return "timeout", "the search takes longer than allowed"
    if 0 <= ended.code <= 3 and "Solution found" in ended.output:
        return "unsupported", f"the plan that was found cannot be read; it may have more than {MOST_STEPS:,} steps"
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
    """Whether the file is a whole plan: the cost is its last line."""
    try:
        parse_plan(plan)
    except PddlError:
        return False
    return _cost(plan) is not None


def _cost(plan: str) -> float | None:
    found = _COST.search(plan)
    return float(found[1]) if found else None


def _last_words(output: str) -> str:
    """What the planner says at the end of its output, without progress reports: for unreadable input, the construct and the token."""
    lines = [line.strip() for line in output.splitlines() if not _CHATTER.match(line)]
    return " ".join(lines[-6:])[-1000:]
