"""z3 (de Moura and Bjørner 2008) as a program, for formulations: logic, whole and real numbers that are not linear, cores."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from math import ceil

from eudoxus.solvers import z3
from eudoxus.solvers.backends.answer import Answer, Unsuitable
from eudoxus.solvers.backends.printing import Printer
from eudoxus.solvers.formulation.grounding import Grounded
from eudoxus.solvers.formulation.terms import Number
from eudoxus.solvers.smtlib import Expression

MOST_OUTPUT = 32 << 20


def solve(grounded: Grounded, seconds: float, memory_mb: int) -> Answer:
    """Satisfy the rows and optimise. Raises :class:`Unsuitable` without z3."""
    printer = Printer(grounded.unknowns)
    rows = [f"(assert {printer.truth(row.truth)})" for row in grounded.rows]
    goal, term = [], ""
    if grounded.objective is not None:
        term, _ = printer.number(grounded.objective.value)
        goal = [f"({grounded.objective.sense}imize {term})"]
    names = " ".join(f"v{number}" for number in range(len(grounded.unknowns)))
    asked = ["(check-sat)", f"(get-value ({names}))" if names else "", *(["(get-objectives)", f"(get-value ({term}))"] if goal else [])]
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
    program = z3.executable()
    if program is None:
        raise Unsuitable(z3.ABSENT)
    command = z3.command(program, "-in", seconds + z3.GRACE_S, memory_mb)
    text = "\n".join(filter(None, commands)) + "\n"
    try:
        done = subprocess.run(  # noqa: S603  (a fixed command)
            command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds + 2 * z3.GRACE_S, check=False,
            env={"LC_ALL": "C.UTF-8", "PATH": os.defpath},
        )
    except subprocess.TimeoutExpired:
        return ["timeout"]
    return z3.answers(done.stdout[:MOST_OUTPUT].decode("utf-8", "replace"), MOST_OUTPUT)


def _answer(said: list[Expression], grounded: Grounded) -> Answer:
    status = said[0] if said else "crashed"
    if status == "unsat":
        return Answer("infeasible", exact=True)
    values = _values(said[1], len(grounded.unknowns)) if len(said) > 1 else None
    if not grounded.unknowns and status == "sat":
        values = []
    if status != "sat":
        reason = z3.complaint(said) or f"z3: {status}"
        return Answer("unknown" if values is None else "feasible", values, detail=reason, exact=True)
    if values is None:
        return Answer("unknown", detail="z3 found values that are no fractions")
    if grounded.objective is None:
        return Answer("optimal", values, exact=True)
    match said[-2:]:
        case [["objectives", [_, bound]], [[_, reached]]]:
            status, best = z3.optimum(bound, reached, grounded.objective.sense)
            if status == "open":
                return Answer("feasible", values, best, "z3 did not prove the optimum", exact=True)
            return Answer(status, values, best if status == "not_attained" else None, exact=True)
    return Answer("unknown", detail=z3.complaint(said) or "z3 does not say what the optimum is")


def _values(said: Expression, count: int) -> list[Number] | None:
    found: list[Number] = [0] * count
    if not isinstance(said, list) or len(said) != count:
        return None
    for pair in said:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str) or not pair[0][1:].isdecimal():
            return None
        value = z3.number(pair[1])
        if value is None:
            return None
        found[int(pair[0][1:])] = value
    return found
