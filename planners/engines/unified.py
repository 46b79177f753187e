"""Any planner of unified-planning (Micheli et al. 2025, SoftwareX 29), by name, in a worker process of its own.

Importing unified-planning takes a second and much memory, so that only the worker does; here its parts are looked for without loading them.
"""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eudoxus.planners.engines.base import Capability, Mode, PlanResult, titled
from eudoxus.planners.engines.process import Bounds, Ended, run, workplace
from eudoxus.planners.engines.verdict import cost_of_nothing, verdict_on

PROGRAM = Path(__file__).with_name("unified_program.py")
WORKER_SECONDS, WORKER_MB = 5.0, 256
"""What unified-planning itself may use before and beside the planner: processor time, memory in MiB."""
INSTALL = "install the extra eudoxus[up]"


@dataclass(frozen=True, slots=True)
class UnifiedPlanning:
    """One engine of unified-planning. ``engines`` names the one for each mode, where it is another than ``engine``."""

    engine: str
    capability: Capability
    module: str | None = None
    """The Python package that brings it; None when it is not known."""
    engines: tuple[tuple[Mode, str], ...] = ()
    needs: tuple[str, ...] = ()
    """What else must be there: ``java``, or the name of a Python module."""

    @property
    def name(self) -> str:
        return f"up:{self.engine}"

    def available(self) -> str | None:
        if importlib.util.find_spec("unified_planning") is None:
            return f"unified-planning is not installed: {INSTALL}"
        if self.module and importlib.util.find_spec(self.module) is None:
            return f"{self.engine} is not installed: {self.capability.install}"
        for need in self.needs:
            if need == "java" and not shutil.which("java"):
                return f"{self.engine} needs Java 17 or newer, and no java was found in PATH"
            if need == "pkg_resources" and importlib.util.find_spec(need) is None:
                return f"{self.engine} needs pkg_resources: pip install 'setuptools<81'"
        return None

    async def solve(self, domain: str, problem: str, *, seconds: float, memory_mb: int, mode: Mode = "fast") -> PlanResult:
        title = titled(self.name, mode)
        missing = self.available()
        if missing:
            return PlanResult(status="unavailable", engine=title, message=missing)
        if (cost := cost_of_nothing(domain, problem)) is not None:
            return PlanResult(status="solved", engine=title, cost=cost, optimal=True)
        engine = dict(self.engines).get(mode, self.engine)
        ended, outcome = await in_worker(domain, problem, engine, mode, seconds=seconds, memory_mb=memory_mb)
        taken: dict[str, Any] = {"engine": title, "seconds": round(ended.seconds, 3)}
        # What was found counts also when the process had to be ended.
        if outcome and (outcome["status"] == "solved" or ended.stopped is None):
            verdict = verdict_on(domain, problem, outcome["plan"]) if outcome["status"] == "solved" else None
            return PlanResult(**outcome, cost=verdict.cost if verdict else None, **taken)
        return _without_outcome(ended, self.engine, taken)


def _without_outcome(ended: Ended, engine: str, taken: dict[str, Any]) -> PlanResult:
    match ended.stopped:
        case "time":
            return PlanResult(status="timeout", message="the search takes longer than allowed", **taken)
        case "memory":
            return PlanResult(status="memory", message="the search needs more memory than allowed", **taken)
    return PlanResult(status="crashed", message=f"{engine} ended with code {ended.code}: {ended.output.strip()[-1000:]}", **taken)


async def in_worker(domain: str, problem: str, engine: str, mode: str, *, seconds: float, memory_mb: int,
                    plan: str | None = None) -> tuple[Ended, dict[str, Any] | None]:
    """Run the worker; how it ended, and what it wrote if that can be read. Nothing of it is left when this returns or raises."""
    async with workplace(domain, problem) as folder:
        if plan is not None:
            folder.joinpath("plan.txt").write_text(plan, "utf-8")
        ended = await run(
            [sys.executable, "-I", str(PROGRAM), engine, mode, str(math.ceil(seconds))], folder,
            wall_seconds=2 * seconds + 2 * WORKER_SECONDS, bounds=Bounds(seconds + WORKER_SECONDS, memory_mb + WORKER_MB),
            # Threads of numeric libraries reserve memory and gain nothing; Java has to be told what it may use.
            environment={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "JAVA_TOOL_OPTIONS": f"-Xmx{memory_mb}m -XX:+UseSerialGC"},
        )
        return ended, _read(folder / "result.json")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return found if isinstance(found, dict) else None

