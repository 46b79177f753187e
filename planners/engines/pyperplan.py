"""pyperplan (Alkhazraji et al. 2020), a planner in plain Python: the fallback that runs wherever Python does.

STRIPS with types only: negative preconditions, action costs and quantifiers are refused. Greedy best-first search with h_FF, or for optimal
plans A* with the landmark-cut heuristic.
"""

from __future__ import annotations

import importlib.util
import json
import math
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eudoxus.planners.engines.base import Capability, Mode, PlanResult, titled
from eudoxus.planners.engines.process import Ended, run, workplace
from eudoxus.planners.pddl import PddlError, parse_domain, parse_problem
from eudoxus.planners.pddl.formulas import Holds, Makes, show_condition
from eudoxus.planners.pddl.model import conjuncts

_PROGRAM = Path(__file__).with_name("pyperplan_program.py")


@dataclass(frozen=True, slots=True)
class Pyperplan:
    """pyperplan in a process of its own, since it has no limits itself."""

    name: str = "pyperplan"
    capability: Capability = Capability(
        licence="GPL-3.0-or-later", install="install the extra eudoxus[planners]", modes=("fast", "optimal"), note="plain Python",
    )

    def available(self) -> str | None:
        return None if importlib.util.find_spec("pyperplan") else f"pyperplan is not installed: {self.capability.install}"

    async def solve(self, domain: str, problem: str, *, seconds: float, memory_mb: int, mode: Mode = "fast") -> PlanResult:
        engine = titled(self.name, mode)
        missing = self.available()
        if missing:
            return PlanResult(status="unavailable", engine=engine, message=missing)
        beyond = _beyond_strips(domain, problem)
        if beyond:
            return PlanResult(status="unsupported", engine=engine, message=f"pyperplan does not support {beyond}")
        async with workplace(domain, problem) as folder:
            command = [sys.executable, "-I", str(_PROGRAM), str(math.ceil(seconds)), str(memory_mb), mode]
            ended = await run(command, folder, wall_seconds=2 * seconds + 5)
            return _result(ended, _outcome(folder), engine, optimal=mode == "optimal")


def _result(ended: Ended, outcome: dict[str, Any] | None, engine: str, *, optimal: bool) -> PlanResult:
    taken: dict[str, Any] = {"engine": engine, "seconds": round(ended.seconds, 3)}
    if ended.code == 0 and outcome is not None:
        plan, solved = outcome.get("plan", []), outcome["status"] == "solved"
        taken |= {"plan": plan, "cost": float(len(plan)) if solved else None, "optimal": solved and optimal}
        return PlanResult(status=outcome["status"], message=outcome.get("message", ""), **taken)
    if ended.code is None or ended.code == -signal.SIGXCPU:
        return PlanResult(status="timeout", message="the search takes longer than allowed", **taken)
    return PlanResult(status="crashed", message=f"pyperplan ended with code {ended.code}: {ended.output.strip()[-1000:]}", **taken)


def _beyond_strips(domain: str, problem: str) -> str | None:
    """The first construct that pyperplan refuses; its own messages do not tell that from an error. None for unreadable text, too."""
    try:
        said, wanted = parse_domain(domain), parse_problem(problem)
    except PddlError:
        return None
    for where, condition in [*((f"action {action.name}", action.precondition) for action in said.actions), ("the goal", wanted.goal)]:
        for part in conjuncts(condition):
            if not isinstance(part, Holds):
                return f"the condition {show_condition(part)} in {where}"
    for action in said.actions:
        if not all(isinstance(effect, Makes) for effect in action.effects):
            return f"the costs, conditional or universal effects of action {action.name}"
    if said.functions or wanted.values:
        return "functions and costs"
    typed = [*wanted.objects, *said.constants, *(place for predicate in said.predicates for place in predicate.places)]
    return next((f"the type of {thing}" for thing in typed if len(thing.types) > 1), None)


def _outcome(folder: Path) -> dict[str, Any] | None:
    try:
        outcome = json.loads(folder.joinpath("result.json").read_text("utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return outcome if isinstance(outcome, dict) else None
