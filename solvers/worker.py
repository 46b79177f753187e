"""The process in which one formulation is solved: it reads one file, writes another, and nothing of it outlives it."""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from eudoxus.solvers.backends.answer import Unsuitable
from eudoxus.solvers.deciding import Clock, Decided, as_json, decide, told
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.findings import Finding
from eudoxus.solvers.formulation.grounding import Grounded, ground
from eudoxus.solvers.formulation.magnitudes import implausible

MOST_CALLS = 20_000
"""A table of a thousand values that a variable chooses from is a thousand choices, each within the one before."""
OBJECTS = 100_000
"""Made before it is looked for what is no longer needed: nearly all is needed to the end."""
_OVERHEAD_MB = 1024
"""Address space that Python and the solvers' libraries reserve and do not use."""


def main() -> None:
    """Solve what the file named first asks for, and write what was found to the one named second."""
    with open(sys.argv[1], "rb") as file:
        asked = json.load(file)
    memory = (int(asked["memory_mb"]) + _OVERHEAD_MB) << 20
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cpu_s = 2 * int(float(asked["seconds"]) + 2) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    sys.setrecursionlimit(MOST_CALLS)
    try:
        for found in solved(asked["document"], asked):
            _write(found)
        return
    except FormulationError as error:
        found = {"status": "invalid", "error": error.told(), "detail": str(error)}
    except Unsuitable as error:
        found = {"status": "unsuitable", "detail": str(error)}
    except (MemoryError, RecursionError) as error:
        if os.path.exists(sys.argv[2]):  # only the reason took too much
            return
        found = {"status": "memory", "detail": f"the formulation takes too much memory ({type(error).__name__})"}
    _write(found)


def _write(found: Mapping[str, Any]) -> None:
    """All at once: what was found stays, should a limit come while more is looked for."""
    with open(f"{sys.argv[2]}.new", "w", encoding="utf-8") as file:
        file.write(json.dumps(found))
    os.replace(f"{sys.argv[2]}.new", sys.argv[2])


def solved(document: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What there is to say about a formulation, and then, where that takes more, everything.

    Raises :class:`FormulationError` and :class:`Unsuitable`."""
    clock, memory_mb = Clock(float(options["seconds"])), int(options["memory_mb"])
    grounded = ground(document)
    size = {"variables": len(grounded.unknowns), "rows": len(grounded.rows)}
    doubts = [one.told() for one in (*_mixed(document), *implausible(document, grounded))]
    decided = decide(document, grounded, options.get("backend"), clock, memory_mb)
    found = {"status": decided.answer.status, "backend": decided.backend, "why_backend": decided.why, "size": size,
             "detail": decided.answer.detail, "exact": decided.answer.exact, "doubts": doubts}
    found |= _values(grounded, decided)
    yield found
    if decided.answer.status == "infeasible" and options.get("explain", True):
        yield found | _explained(document, grounded, Clock(float(options["seconds"])), memory_mb)


def _mixed(document: Mapping[str, Any]) -> list[Finding]:
    if not document.get("units"):
        return []
    from eudoxus.solvers.formulation.dimensions import mixed  # most formulations have no units

    return mixed(document)


def _values(grounded: Grounded, decided: Decided) -> dict[str, Any]:
    answer, look = decided.answer, decided.look
    if answer.values is None or look is None:
        return {}
    found = {"values": told(grounded, answer.values), "unsatisfied": decided.broken,
             "outputs": {name: as_json(value) for name, value in look.outputs().items()}}
    if (cost := look.cost()) is not None and answer.status in ("optimal", "feasible"):
        found["objective"] = as_json(cost)
    if answer.bound is not None:
        found["bound"] = as_json(answer.bound)
    return found


def _explained(document: Mapping[str, Any], grounded: Grounded, clock: Clock, memory_mb: int) -> dict[str, Any]:
    from eudoxus.solvers.explaining import core_of, repairs_of  # what has a solution needs none of it

    core = core_of(grounded, clock, memory_mb)
    if core is None:
        return {"core": None}
    firm = frozenset(one["name"] for one in document.get("constraints", ()) if one.get("firm"))
    repairs = repairs_of(grounded, core, firm, clock, memory_mb)
    return {"core": {"constraints": [row.label for row in core.rows], "minimal": core.minimal}, "repairs": [one.told() for one in repairs]}


if __name__ == "__main__":
    gc.set_threshold(OBJECTS)
    main()
    os._exit(0)  # all is written; the system frees memory faster than we do
