"""z3 (de Moura and Bjørner 2008) as a program: where it is, how it is run within limits, and what its answers mean.

Nothing here starts it: :mod:`eudoxus.solvers.check` does so from the service, :mod:`eudoxus.solvers.backends.z3` from a solver's process.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import sysconfig
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from eudoxus.solvers.smtlib import Expression, Refused, read, write

Sense = Literal["min", "max"]
Ended = Literal["optimal", "unbounded", "not_attained", "open"]
"""Of an objective. *not_attained*: values come ever closer to the best one and none reaches it. *open*: nothing was proved."""
GRACE_S = 2.0
"""Seconds that z3, which keeps its limits itself, has beyond them before it is killed."""
ABSENT = "z3 is not installed: pip install z3-solver"
_PLACE = re.compile(r"line \d+ column \d+: ")
"""In a text as it was written anew, so of no use to whoever wrote it."""


def executable() -> str | None:
    """The program that comes with the package z3-solver, else one on the path; None without any."""
    ours = os.path.join(sysconfig.get_path("scripts"), "z3")
    return ours if os.path.isfile(ours) else shutil.which("z3")


def command(program: str, source: str, seconds: float, memory_mb: int) -> list[str]:
    """The command line; ``source`` is a file, or ``-in``. z3 ends itself after ``seconds``, whatever it is doing."""
    return [program, "-smt2", "-nw", f"-T:{math.ceil(seconds)}", f"-memory:{memory_mb}", source]


def answers(output: str, limit: int) -> list[Expression]:
    """What z3 says, one expression for each question, up to where it can no longer be read."""
    found = list[Expression]()
    try:
        for expression, _ in read(output, limit):
            found.append(expression)
    except Refused:
        """What was read stands: a status comes first, and a model may be too large or cut off."""
    return found


def complaint(said: Sequence[Expression]) -> str:
    """The first error that z3 reports; nothing where it reports none."""
    for one in said:
        if isinstance(one, list) and one[:1] == ["error"]:
            return _PLACE.sub("", " ".join(write(part).strip('"') for part in one[1:]))
    return ""


def number(said: Expression) -> int | Fraction | None:
    """A literal of z3's as a number, truth values as 0 or 1; None for others, such as roots of polynomials."""
    match said:
        case "true" | "false":
            return int(said == "true")
        case str():
            try:
                value = Fraction(said)
            except ValueError:
                return None
        case ["-", inner]:
            below = number(inner)
            if below is None:
                return None
            value = -Fraction(below)
        case ["/", top, low]:
            above, below = number(top), number(low)
            if above is None or not below:
                return None
            value = Fraction(above) / Fraction(below)
        case ["to_real", inner]:
            return number(inner)
        case _:
            return None
    return value.numerator if value.denominator == 1 else value


def atoms(said: Expression) -> set[str]:
    """The atoms in an expression. Among those of a bound, ``oo`` is infinity, and ``epsilon`` says that it is never reached."""
    return {said} if isinstance(said, str) else set().union(*map(atoms, said)) if said else set()


def optimum(bound: Expression, reached: Expression, sense: Sense) -> tuple[Ended, int | Fraction | None]:
    """What became of an objective, and its best value: of ``(get-objectives)`` and, for the model, of ``(get-value …)``.

    z3 calls all of them satisfied, so the bound is looked at, and held against the value in the model.
    """
    interval = isinstance(bound, list) and bound[:1] == ["interval"] and len(bound) == 3
    best = bound[2 if sense == "max" else 1] if interval else bound
    if "oo" in atoms(best):
        return "unbounded", None
    if "epsilon" in atoms(best):
        return "not_attained", _limit(best)
    value, own = number(best), number(reached)
    return ("optimal" if value == own or (None in (value, own) and not interval) else "open"), value


def _limit(bound: Expression) -> int | Fraction | None:
    """The constant of ``(+ c (* k epsilon))``; 0 of ``epsilon`` and ``(* k epsilon)``."""
    match bound:
        case ["+", limit, *_]:
            return number(limit)
    return 0
