"""The process in which unified-planning runs: ``python -I THIS_FILE ENGINE MODE SECONDS`` in a folder with domain.pddl and problem.pddl.

Writes result.json: ``{"status", "plan", "message", "optimal"}``, again for each better plan when the mode is anytime. With ``validate`` as
the engine it checks the plan in plan.txt instead: ``{"status": "valid" | "invalid", "message"}``. It imports nothing of Eudoxus.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any

OUTCOMES = {
    "UNSOLVABLE_PROVEN": ("unsolvable", "the problem has no plan: proved by the planner"),
    "UNSOLVABLE_INCOMPLETELY": ("exhausted", "the search ended without a plan, and without a proof that there is none"),
    "TIMEOUT": ("timeout", "the search takes longer than allowed"),
    "MEMOUT": ("memory", "the search needs more memory than allowed"),
    "UNSUPPORTED_PROBLEM": ("unsupported", "the planner does not handle a construct of the problem"),
    "INTERNAL_ERROR": ("crashed", "the planner failed"),
}
SAID = {
    "can not be reached": ("exhausted", "the planner sees no way to reach the goal"),  # LPG ends with an error
    "Problem size too large": ("unsupported", "the problem is larger than the planner was built for"),  # LPG
    "increase MAX_": ("unsupported", "the search needs more than the planner was built for"),  # LPG
    "OutOfMemoryError": ("memory", "the search needs more memory than allowed"),  # Java
    "bad_alloc": ("memory", "the search needs more memory than allowed"),
    "MemoryError": ("memory", "the search needs more memory than allowed"),
}
"""What planners write where unified-planning sees an internal error only."""


def solve(engine: str, mode: str, seconds: float) -> dict[str, Any]:
    """Ask the engine that unified-planning knows by this name. Improvements on the way are written as they come."""
    from unified_planning.shortcuts import AnytimePlanner, MinimizeSequentialPlanLength, OneshotPlanner, get_environment

    problem = read()
    if mode == "optimal" and not problem.quality_metrics:
        # Without a metric every plan is as good as another, and none is reported as optimal.
        problem.add_quality_metric(MinimizeSequentialPlanLength())
    if engine not in get_environment().factory.engines:
        return {"status": "unavailable", "message": f"unified-planning has no engine {engine}"}
    missing = problem.kind.features - get_environment().factory.engine(engine).supported_kind().features
    if missing:
        return {"status": "unsupported", "message": f"{engine} does not support {', '.join(sorted(missing)).lower().replace('_', ' ')}"}
    if mode != "anytime":
        with OneshotPlanner(name=engine) as planner:
            return outcome(planner.solve(problem, timeout=seconds))
    found: dict[str, Any] = {"status": "timeout", "message": OUTCOMES["TIMEOUT"][1]}
    with AnytimePlanner(name=engine) as planner:
        for result in planner.get_solutions(problem, timeout=seconds):
            latest = outcome(result)
            if latest["status"] == "solved" or found["status"] != "solved":
                found = latest
                write(found)
    return found


def read() -> Any:
    from unified_planning.io import PDDLReader
    from unified_planning.shortcuts import get_environment

    environment = get_environment()
    environment.credits_stream = None
    environment.error_used_name = False
    try:
        return PDDLReader(environment).parse_problem("domain.pddl", "problem.pddl")
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the reader raises whatever comes, and its text is all that it says
        raise Unreadable(str(error) or type(error).__name__) from None


class Unreadable(Exception):
    """unified-planning cannot read the domain or the problem."""


def outcome(result: Any) -> dict[str, Any]:
    """What a result of unified-planning says, as JSON."""
    name = result.status.name
    if result.plan is not None:
        return {"status": "solved", "plan": steps(result.plan), "optimal": name == "SOLVED_OPTIMALLY"}
    words = " ".join(log.message for log in result.log_messages or [])
    status, message = OUTCOMES.get(name, ("crashed", f"the planner ended with {name}"))
    if status == "crashed":
        status, message = next((SAID[said] for said in SAID if said in words), (status, f"{message}: {' '.join(words.split())[-800:]}"))
    return {"status": status, "message": message}


def steps(plan: Any) -> list[str]:
    """The plan in PDDL; raises AttributeError for one that is not a sequence."""
    return [f"({' '.join([step.action.name, *map(str, step.actual_parameters)])})".lower() for step in plan.actions]


def validate() -> dict[str, Any]:
    """Whether unified-planning's own validator accepts the plan in plan.txt."""
    from unified_planning.engines import SequentialPlanValidator
    from unified_planning.io import PDDLReader

    problem = read()
    with open("plan.txt", encoding="utf-8") as file:
        text = file.read()
    try:
        plan = PDDLReader().parse_plan_string(problem, text)
    except Exception as error:  # noqa: BLE001
        return {"status": "invalid", "message": f"the plan does not fit the problem: {error}"}
    found = SequentialPlanValidator().validate(problem, plan)
    words = " ".join(log.message for log in found.log_messages or [])
    return {"status": "valid" if found.status.name == "VALID" else "invalid", "message": words[:1000]}


def write(found: dict[str, Any]) -> None:
    """Whole or not at all, because the process may be ended at any time."""
    with open("result.part", "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace("result.part", "result.json")


def main(engine: str, mode: str, seconds: float) -> dict[str, Any]:
    try:
        return validate() if engine == "validate" else solve(engine, mode, seconds)
    except MemoryError:
        return {"status": "memory", "message": "the search needs more memory than allowed"}
    except Unreadable as error:
        return {"status": "input_error", "message": f"unified-planning cannot read it: {str(error)[:1000]}"}
    except Exception as error:  # noqa: BLE001 - engines and their adapters fail in many ways
        return {"status": "crashed", "message": f"{type(error).__name__}: {str(error)[:1000]}"}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    write(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
