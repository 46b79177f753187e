"""cvc5 (Barbosa et al. 2022) as a second opinion on satisfiability: another program, by other people, in a process of its own."""

from __future__ import annotations

import sys
from typing import Literal

from pydantic import BaseModel, ConfigDict

from eudoxus.planners.engines.process import Bounds, folder, run

GRACE_S = 3.0
"""Seconds for starting Python and reading the text."""
PROGRAM = """
import sys
try:
    import cvc5
except ImportError:
    sys.exit("unavailable: cvc5 is not installed: pip install 'eudoxus[cvc5]'")
solver = cvc5.Solver()
solver.setOption("tlimit", sys.argv[2])
try:
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, sys.argv[1])
    symbols = parser.getSymbolManager()
    while not (command := parser.nextCommand()).isNull():
        said = command.invoke(solver, symbols)
        if "error" in said:
            sys.exit("invalid: " + said.strip())
except RuntimeError as problem:
    sys.exit("invalid: " + str(problem))
found = solver.checkSat()
print("sat" if found.isSat() else "unsat" if found.isUnsat() else "unknown")
"""
"""Given a file and a time in milliseconds; the solver's own limit is not always kept, so ours comes after it."""


class Opinion(BaseModel):
    """Whether another solver can satisfy the assertions. *invalid*: it cannot read what z3 can."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    solver: str = "cvc5"
    status: Literal["sat", "unsat", "unknown", "timeout", "memory", "invalid", "crashed", "unavailable"]
    message: str = ""


async def second_opinion(text: str, *, seconds: float, memory_mb: int) -> Opinion:
    """What cvc5 says about ``text``, which has passed the gate. Cancelling ends its process."""
    async with folder("eudoxus-cvc5-") as place:
        place.joinpath("constraints.smt2").write_text(f"(set-logic ALL)\n{text}\n", "utf-8")
        command = [sys.executable, "-I", "-c", PROGRAM, "constraints.smt2", str(round(1000 * seconds))]
        wall = seconds + GRACE_S
        ended = await run(command, place, wall_seconds=wall, bounds=Bounds(wall, memory_mb + 256))
    if ended.stopped:
        return Opinion(status="timeout" if ended.stopped == "time" else "memory", message=f"cvc5 was ended: out of {ended.stopped}")
    match ended.output.strip():
        case "sat" | "unsat" | "unknown" as status:
            return Opinion(status=status)
        case said if said.startswith("invalid: "):
            return Opinion(status="invalid", message=said.removeprefix("invalid: ")[:500])
        case said if said.startswith("unavailable: "):
            return Opinion(status="unavailable", message=said.removeprefix("unavailable: "))
    return Opinion(status="crashed", message=f"cvc5 ended with {ended.code}: {ended.output[-200:].strip()}")
