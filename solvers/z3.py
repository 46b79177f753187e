"""z3 (de Moura and Bjørner 2008) as a program: in a process of its own, with limits of time and memory."""

from __future__ import annotations

import math
import re
import shutil
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from eudoxus.planners.engines.process import Bounds, folder, run
from eudoxus.solvers.smtlib import Expression, Refused, read, write

Ending = Literal["sat", "unsat", "unknown", "timeout", "memory", "invalid", "crashed", "unavailable"]
MOST_VALUES = 1_000
"""Values of a model that are kept."""
GRACE = 2.0
"""Seconds that z3, which keeps its limits itself, has beyond them before it is killed."""
_PLACE = re.compile(r"line \d+ column \d+: ")
"""In the text as it was written anew, so of no use to whoever wrote it."""
_OPTIONS = "(set-option :produce-models true)\n(set-option :produce-unsat-cores true)\n"
_QUESTIONS = "\n(check-sat)\n(get-model)\n(get-unsat-core)\n"


@dataclass(frozen=True, slots=True)
class Answered:
    """What z3 says."""

    status: Ending
    model: dict[str, str] = field(default_factory=dict)
    core: list[str] = field(default_factory=list)
    message: str = ""


def executable() -> str | None:
    """The program that comes with the package z3-solver, else one on the path; None without any."""
    ours = Path(sysconfig.get_path("scripts"), "z3")
    return str(ours) if ours.is_file() else shutil.which("z3")


async def ask(text: str, *, seconds: float, memory_mb: int) -> Answered:
    """Whether ``text``, which has passed the gate, can be satisfied. Cancelling ends the process."""
    program = executable()
    if program is None:
        return Answered("unavailable", message="z3 is not installed: pip install z3-solver")
    async with folder("eudoxus-z3-") as place:
        place.joinpath("constraints.smt2").write_text(_OPTIONS + text + _QUESTIONS, "utf-8")
        command = [program, "-smt2", "-nw", f"-T:{math.ceil(seconds)}", f"-memory:{memory_mb}", "constraints.smt2"]
        ended = await run(command, place, wall_seconds=seconds + GRACE, bounds=Bounds(seconds + GRACE, 2 * memory_mb))
    if ended.stopped:
        return Answered("timeout" if ended.stopped == "time" else "memory", message=f"z3 was ended: out of {ended.stopped}")
    return _read(ended.output, ended.code or 0)


def _read(output: str, code: int) -> Answered:
    """z3's output: errors in the text, the status, then a model or a core, and an error for the question that does not apply.

    z3 goes on after an error without what it could not read, so a status after an error counts for nothing.
    """
    said = list[Expression]()
    try:
        for expression, _ in read(output):
            said.append(expression)
            if isinstance(expression, list) and expression[:1] == ["error"]:
                complaint = " ".join(write(part).strip('"') for part in expression[1:])
                status: Ending = "memory" if "out of memory" in complaint else "invalid"
                return Answered(status, message=_PLACE.sub("", complaint))
            if expression in ("sat", "unsat", "unknown", "timeout"):
                break
    except Refused:
        said = []
    status_word = said[-1] if said else None
    rest = output.partition(str(status_word))[2] if isinstance(status_word, str) else ""
    match status_word:
        case "sat":
            return Answered("sat", model=_model(rest))
        case "unsat":
            return Answered("unsat", core=_core(rest))
        case "unknown" | "timeout":
            return Answered(status_word, message="z3 could not decide it" + (" in time" if status_word == "timeout" else ""))
    return Answered("crashed", message=f"z3 ended with {code}: {output[-200:].strip()}")


def _model(text: str) -> dict[str, str]:
    found = dict[str, str]()
    for part in _first(text):
        if isinstance(part, list) and len(part) == 5 and part[0] == "define-fun" and isinstance(part[1], str) and len(found) < MOST_VALUES:
            found[part[1]] = write(part[4]) if part[2] == [] else write(part)
    return found


def _core(text: str) -> list[str]:
    return [part for part in _first(text, after_error=True) if isinstance(part, str)]


def _first(text: str, *, after_error: bool = False) -> list[Expression]:
    """The first list; with ``after_error`` the first that is no error."""
    try:
        for expression, _ in read(text):
            if isinstance(expression, list) and not (after_error and expression[:1] == ["error"]):
                return expression
    except Refused:
        """A model too large to be read has no values here; the status stands."""
    return []
