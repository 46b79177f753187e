"""The process in which pyperplan runs: ``python -I THIS_FILE seconds memory_mb mode`` in a folder with domain.pddl and problem.pddl.

Writes result.json: ``{"status", "plan", "message"}``. It imports nothing of Eudoxus.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any


def main(seconds: int, memory_mb: int, mode: str) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    sys.setrecursionlimit(10_000)
    # Imported here, so that the limits hold for it.
    from pyperplan import grounding, search  # type: ignore[import-untyped]
    from pyperplan.heuristics.lm_cut import LmCutHeuristic  # type: ignore[import-untyped]
    from pyperplan.heuristics.relaxation import hFFHeuristic  # type: ignore[import-untyped]
    from pyperplan.pddl.parser import Parser  # type: ignore[import-untyped]

    try:
        parser = Parser("domain.pddl", "problem.pddl")
        domain = parser.parse_domain()
        # Where a domain declares the type object itself, pyperplan leaves it a parent in text, and fails on it later.
        domain.types["object"].parent = None
        problem = parser.parse_problem(domain)
    except MemoryError:
        raise
    except BaseException as error:  # noqa: BLE001 - pyperplan raises and exits in many ways, and its text is all that it says
        return {"status": "input_error", "message": f"{type(error).__name__}: {str(error)[:1000]}"}
    task = grounding.ground(problem)
    if mode == "optimal":
        plan = search.astar_search(task, LmCutHeuristic(task))
    else:
        plan = search.greedy_best_first_search(task, hFFHeuristic(task))
    if plan is None:
        return {"status": "unsolvable", "message": "the problem has no plan: the search looked at every state"}
    return {"status": "solved", "plan": [operator.name for operator in plan]}


if __name__ == "__main__":
    try:
        outcome = main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    except MemoryError:
        outcome = {"status": "memory", "message": "the search needs more memory than allowed"}
    with open("result.json", "w", encoding="utf-8") as file:
        json.dump(outcome, file)
