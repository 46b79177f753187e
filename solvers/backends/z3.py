"""z3 (de Moura and Bjørner 2008) as a program, for formulations: logic, whole and real numbers that are not linear, cores."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from eudoxus.solvers.backends.answer import Answer, Unsuitable
from eudoxus.solvers.backends.printing import Printer
from eudoxus.solvers.formulation.grounding import Grounded
from eudoxus.solvers.formulation.terms import Number
from eudoxus.solvers.smtlib import Expression, Refused, read

MOST_OUTPUT = 32 << 20
GRACE_S = 2.0


def solve(grounded: Grounded, seconds: float, memory_mb: int) -> Answer:
    """Satisfy the rows and optimise. Raises :class:`Unsuitable` without z3."""
    printer = Printer(grounded.unknowns)
    rows = [f"(assert {printer.truth(row.truth)})" for row in grounded.rows]
    goal = []
    if grounded.objective is not None:
        term, _ = printer.number(grounded.objective.value)
        goal = [f"({grounded.objective.sense}imize {term})"]
    names = " ".join(f"v{number}" for number in range(len(grounded.unknowns)))
    asked = ["(check-sat)", f"(get-value ({names}))" if names else "", "(get-objectives)" if goal else ""]
    options = [f"(set-option :timeout {ceil(1000 * seconds)})", "(set-option :model.completion true)"]
    said = run([*options, *printer.commands, *rows, *goal, *asked], seconds, memory_mb)
    return _answer(said, grounded)


def core(grounded: Grounded, seconds: float, memory_mb: int) -> list[int] | None:
    """Places of rows that contradict each other given the bounds of the variables, as few as z3 finds; None where it proves nothing."""
    printer = Printer(grounded.unknowns)
    rows = [f"(assert (! {printer.truth(row.truth)} :named r{place}))" for place, row in enumerate(grounded.rows)]
    options = ["(set-option :produce-unsat-cores true)", "(set-option :smt.core.minimize true)"]
    questions = ["(check-sat)", "(get-unsat-core)"]
    said = run([f"(set-option :timeout {ceil(1000 * seconds)})", *options, *printer.commands, *rows, *questions], seconds, memory_mb)
    if said[:1] != ["unsat"] or len(said) < 2 or not isinstance(said[1], list):
        return None
    return sorted(int(name[1:]) for name in said[1] if isinstance(name, str) and name[0] == "r")


def run(commands: Sequence[str], seconds: float, memory_mb: int) -> list[Expression]:
    """What z3 says. It has the caller's process group, so that whatever ends that ends it; and a hard limit of its own."""
    program = executable()
    if program is None:
        raise Unsuitable("z3 is not installed: pip install z3-solver")
    command = [program, "-smt2", "-nw", "-in", f"-T:{ceil(seconds + GRACE_S)}", f"-memory:{memory_mb}"]
    text = "\n".join(filter(None, commands)) + "\n"
    try:
        done = subprocess.run(  # noqa: S603  (a fixed command)
            command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds + 2 * GRACE_S, check=False,
            env={"LC_ALL": "C.UTF-8", "PATH": os.defpath},
        )
    except subprocess.TimeoutExpired:
        return ["timeout"]
    try:
        return [expression for expression, _ in read(done.stdout[:MOST_OUTPUT].decode("utf-8", "replace"), limit=MOST_OUTPUT)]
    except Refused:
        return ["unknown"]


def executable() -> str | None:
    """The program that comes with the package z3-solver, else one on the path; None without any."""
    ours = os.path.join(sysconfig.get_path("scripts"), "z3")
    return ours if os.path.isfile(ours) else shutil.which("z3")


def _answer(said: list[Expression], grounded: Grounded) -> Answer:
    status = said[0] if said else "crashed"
    if status == "unsat":
        return Answer("infeasible", exact=True)
    values = _values(said[1], len(grounded.unknowns)) if len(said) > 1 else None
    if not grounded.unknowns and status == "sat":
        values = []
    if status != "sat":
        reason = _complaint(said) or f"z3: {status}"
        return Answer("unknown" if values is None else "feasible", values, detail=reason, exact=True)
    if values is None:
        return Answer("unknown", detail="z3 found values that are no fractions")
    if grounded.objective is None:
        return Answer("optimal", values, exact=True)
    return _optimum(said, values)


def _optimum(said: list[Expression], values: list[Number]) -> Answer:
    """Tell an optimum from an objective that has none: z3 calls both satisfied."""
    reached = said[-1]
    flat = _atoms(reached)
    if "oo" in flat:
        return Answer("unbounded", values, exact=True)
    if "epsilon" in flat:
        return Answer("not_attained", values, _limit(reached), exact=True)
    if "interval" in flat:
        return Answer("feasible", values, detail="z3 did not prove the optimum in time", exact=True)
    return Answer("optimal", values, exact=True)


def _limit(objectives: Expression) -> Number | None:
    """The constant of ``c`` or ``(+ c (* k epsilon))``."""
    match objectives:
        case ["objectives", [_, ["+", limit, *_]]]:
            return number(limit)
        case ["objectives", [_, _]]:
            return 0
    return None


def _values(said: Expression, count: int) -> list[Number] | None:
    found: list[Number] = [0] * count
    if not isinstance(said, list) or len(said) != count:
        return None
    for pair in said:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str) or not pair[0][1:].isdecimal():
            return None
        value = number(pair[1])
        if value is None:
            return None
        found[int(pair[0][1:])] = value
    return found


def number(said: Expression) -> Number | None:
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


def _complaint(said: list[Expression]) -> str:
    return next((" ".join(map(str, one[1:])).strip('"') for one in said if isinstance(one, list) and one[:1] == ["error"]), "")


def _atoms(said: Expression) -> set[str]:
    return {said} if isinstance(said, str) else set().union(*map(_atoms, said)) if said else set()
