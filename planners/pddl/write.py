"""Problems as text: one fact per line, sections in the usual order."""

from __future__ import annotations

import itertools

from eudoxus.planners.pddl.formulas import And, show, show_condition
from eudoxus.planners.pddl.model import ROOT, Problem, conjuncts


def write_problem(problem: Problem) -> str:
    """The problem as PDDL; parsing it gives an equal problem, up to the nesting of ``and`` in the goal."""
    lines = [f"(define (problem {problem.name})", f"  (:domain {problem.domain})"]
    lines += _objects(problem)
    lines.append("  (:init")
    lines += [f"    {show(fact)}" for fact in problem.init]
    lines += [f"    (= {show(term)} {number(value)})" for term, value in problem.values]
    lines[-1] += ")"
    parts = list(conjuncts(problem.goal))
    if len(parts) == 1 and not isinstance(problem.goal, And):
        lines.append(f"  (:goal {show_condition(parts[0])})")
    else:
        lines += ["  (:goal (and", *(f"    {show_condition(part)}" for part in parts)]
        lines[-1] += "))"
    if problem.minimize:
        lines.append("  (:metric minimize (total-cost))")
    return "\n".join(lines) + ")\n"


def number(value: float) -> str:
    """Whole numbers without a fraction, as planners want them."""
    return str(int(value)) if value == int(value) else repr(value)


def _objects(problem: Problem) -> list[str]:
    if not problem.objects:
        return []
    if all(thing.types == (ROOT,) for thing in problem.objects):
        return [f"  (:objects {' '.join(thing.name for thing in problem.objects)})"]
    groups = itertools.groupby(problem.objects, key=lambda thing: thing.types)
    lines = []
    for types, things in groups:
        kind = types[0] if len(types) == 1 else f"(either {' '.join(types)})"
        lines.append(f"    {' '.join(thing.name for thing in things)} - {kind}")
    return ["  (:objects", *lines[:-1], lines[-1] + ")"]
