"""Solutions in English, by template: what was found, why there is none, what would help."""

from __future__ import annotations

from eudoxus.solvers.edits import Compared
from eudoxus.solvers.solving import Doubt, Repair, Solution

MOST_VALUES = 40


def told(found: Solution) -> list[str]:
    """Sentences about a solution, with what is doubtful in the formulation last."""
    return [*_told(found), *(f"Doubtful: {doubtful(one)}" for one in found.doubts)]


def doubtful(one: Doubt) -> str:
    """Where something is probably meant otherwise, and what."""
    place = one.where + (f", column {one.column}" if one.column is not None else "")
    return f"{place}: {one.what}."


def _told(found: Solution) -> list[str]:
    match found.status:
        case "optimal" if found.objective is None:
            lines = ["All constraints can hold together."]
        case "optimal":
            lines = [f"The optimum is {number(found.objective)}."]
        case "feasible":
            bound = f"; no solution is better than {number(found.bound)}" if found.bound is not None else ""
            value = f" of value {number(found.objective)}" if found.objective is not None else ""
            lines = [f"A solution{value} was found, but the time ran out before it was proved best{bound}."]
        case "infeasible":
            return _impossible(found)
        case "unbounded":
            return ["The objective has no limit: it can be made better and better without end. A constraint is missing."]
        case "not_attained":
            nearest = f" {number(found.bound)}" if found.bound is not None else " a limit"
            return [f"There is no best solution: values come ever closer to{nearest} and none reaches it. Write <= instead of <."]
        case "invalid" if found.error is not None:
            place = found.error.where + (f", column {found.error.column}" if found.error.column else "")
            bound_names = ", ".join(f"{name} = {value}" for name, value in found.error.index.items())
            return [f"{place}: {found.error.what}{f' (with {bound_names})' if bound_names else ''}."]
        case _:
            return [f"No answer ({found.status}): {found.detail}."]
    if found.unsatisfied:
        lines.append(f"Soft constraints that do not hold: {', '.join(found.unsatisfied)}.")
    lines += [f"{name} = {number(value)}" for name, value in found.outputs.items()]
    return lines + _values(found)


def _impossible(found: Solution) -> list[str]:
    if found.core is None:
        return ["The constraints contradict each other; which of them was not found out in time."]
    if not found.core.constraints:
        return ["The bounds of the variables contradict each other."]
    alone = "contradicts the bounds of the variables" if len(found.core.constraints) == 1 else "cannot all hold together"
    lines = [f"There is no solution: {', '.join(found.core.constraints)} {alone}."]
    return lines + [f"It would help {one}." for one in map(suggested, found.repairs)]


def suggested(repair: Repair) -> str:
    """A repair as the end of a sentence: *to …*."""
    if repair.kind == "drop":
        return f"to drop {' and '.join(repair.constraints)}"
    if repair.limit is not None and repair.becomes is not None:
        return f"to change the limit of {repair.constraints[0]} from {number(repair.limit)} to {number(repair.becomes)}"
    return f"to ease {repair.constraints[0]} by {number(repair.by)}"


def told_change(found: Compared) -> list[str]:
    """Sentences about what a change does."""
    if found.difference is not None:
        before, after = number(found.base.objective), number(found.edited.objective)
        change = "stays as it is" if found.difference == 0 else f"changes by {found.difference:+.10g}"
        return [f"The optimum {change}: {before} before, {after} with the change.", *told(found.edited)[1:]]
    if found.base.status == "optimal" and found.edited.status == "infeasible":
        return ["With the change there is no solution.", *_impossible(found.edited)]
    return ["Before: " + " ".join(told(found.base)[:1]), "With the change: " + " ".join(told(found.edited)[:1]), *told(found.edited)[1:]]


def number(value: object) -> str:
    """At most ten digits."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _values(found: Solution) -> list[str]:
    """What is not 0, by name."""
    lines = []
    for name, table in found.values.items():
        entries = table.items() if isinstance(table, dict) else [("", table)]
        for key, value in entries:
            if value:
                place = f"[{key.replace('|', ', ')}]" if key else ""
                lines.append(f"{name}{place} = {number(value)}")
    left_out = [f"(and {len(lines) - MOST_VALUES} more)"] if len(lines) > MOST_VALUES else []
    return lines[:MOST_VALUES] + left_out
