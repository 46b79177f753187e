"""What would help where there is no solution: repairs of the solver as edits, each solved before it is suggested."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from eudoxus.runtime import Context
from eudoxus.solvers.attempts import Solving
from eudoxus.solvers.edits import ChangeConstraint, DropConstraint, Edit, SetParam, edited
from eudoxus.solvers.formulation.document import Constraint, Formulation
from eudoxus.solvers.formulation.reading import MOST_CHARACTERS, names_of, read, read_binding
from eudoxus.solvers.solving import Core, Repair, Solution, Solve
from eudoxus.solvers.task import Suggestion
from eudoxus.solvers.telling import number, suggested

MOST_GIVEN_UP = 8
"""Constraints of a contradiction that are tried without, one by one."""


async def suggestions(formulation: Formulation, found: Solution, params: Solving, ctx: Context) -> list[Suggestion]:
    """What helps, as edits that work: each formulation with them was solved. The solver's repairs come first, the smallest change before
    the others; then, one by one, the constraints of the contradiction that could be given up."""
    eased = {_named(repair.constraints, formulation) for repair in found.repairs if repair.kind == "relax"}
    repairs = [one for one in found.repairs if one.kind == "relax" or _named(one.constraints, formulation) not in eased]
    repairs += _given_up(formulation, found)
    offered = [(repair, edits) for repair in repairs if (edits := edits_of(repair, formulation))]

    async def tried(here: Context, offer: tuple[Repair, Sequence[Edit]]) -> Suggestion | None:
        repair, edits = offer
        try:
            changed = edited(formulation, edits)
        except ValueError:  # such as an expression that has grown too deep to be read
            return None
        solved = await here.perform(Solve(formulation=changed, explain=False, **params.limits))
        if solved.status not in ("optimal", "feasible"):
            return None
        after = f"; then the optimum is {number(solved.objective)}" if solved.objective is not None and solved.status == "optimal" else ""
        return Suggestion(words=f"{suggested(repair).removeprefix('to ')}{after}", constraints=_named(repair.constraints, formulation),
                          edits=tuple(edits), objective=solved.objective)

    return [one for one in await ctx.map("suggest", offered, tried) if one is not None]


def _given_up(formulation: Formulation, found: Solution) -> list[Repair]:
    """Each loose constraint of the core dropped, where no repair is about it alone."""
    mentioned = {_named(repair.constraints, formulation) for repair in found.repairs}
    names = [name for name in wishes_in(found.core, formulation) if (name,) not in mentioned]
    return [Repair(kind="drop", constraints=(name,)) for name in names[:MOST_GIVEN_UP]]


def wishes_in(core: Core | None, formulation: Formulation) -> tuple[str, ...]:
    """The names of the constraints in a core that somebody could change."""
    firm = {one.name for one in formulation.constraints if one.firm}
    return tuple(name for name in _named(core.constraints if core else (), formulation) if name not in firm)


def _named(labels: Sequence[str], formulation: Formulation) -> tuple[str, ...]:
    """The names of the constraints that the labels are of, each once."""
    found = [one.name for label in labels if (one := _constraint(label, formulation)) is not None]
    return tuple(dict.fromkeys(found))


def edits_of(repair: Repair, formulation: Formulation) -> list[Edit]:
    """The repair as edits; nothing where it cannot be written as such.

    A limit that is a constant of its own is set anew. Else the constraint's expression gives way, or is let go, for the one combination
    of what ``forall`` binds that the solver names.
    """
    found: list[Edit] = []
    for label in repair.constraints:
        constraint = _constraint(label, formulation)
        if constraint is None:
            return []
        edit = _dropped(constraint, label) if repair.kind == "drop" else _relaxed(constraint, label, repair, formulation)
        if edit is None:
            return []
        earlier = next((one for one in found if getattr(one, "name", None) == constraint.name), None)
        if earlier is not None:  # of several combinations the whole constraint goes: a chain of changes would be hard to read
            found = [one for one in found if one is not earlier]
            edit = DropConstraint(kind="drop_constraint", name=constraint.name)
        found.append(edit)
    return found


def _constraint(label: str, formulation: Formulation) -> Constraint | None:
    """The constraint that a label such as ``capacity[s1]#2`` is of; None for one that was written as a template, or the objective."""
    named = [one for one in formulation.constraints if label == one.name or label.startswith((f"{one.name}[", f"{one.name}#"))]
    return max(named, key=lambda one: len(one.name), default=None)


def _dropped(constraint: Constraint, label: str) -> Edit | None:
    condition = _combination(constraint, label)
    if condition is None:
        return DropConstraint(kind="drop_constraint", name=constraint.name)
    return _changed(constraint, f"({condition}) or ({constraint.expr})")


def _relaxed(constraint: Constraint, label: str, repair: Repair, formulation: Formulation) -> Edit | None:
    """One ``<=`` or ``>=`` gives way by what the solver found to be the least."""
    tree = read(constraint.expr, constraint.name)
    if repair.by is None or not isinstance(tree, ast.Compare) or len(tree.ops) != 1:
        return None
    left, right = tree.left, tree.comparators[0]
    for side in (left, right):
        if isinstance(side, ast.Name) and repair.becomes is not None and _is_only_here(side.id, repair.limit, formulation):
            return SetParam(kind="set_param", name=side.id, value=_plain(repair.becomes))
    by, condition = repr(_plain(repair.by)), _combination(constraint, label)
    if condition is not None:
        by = f"({by} if {condition} else 0)"
    match tree.ops[0]:
        case ast.LtE():
            return _changed(constraint, f"{ast.unparse(left)} <= {ast.unparse(right)} + {by}")
        case ast.GtE():
            return _changed(constraint, f"{ast.unparse(left)} + {by} >= {ast.unparse(right)}")
    return None


def _is_only_here(name: str, limit: float | None, formulation: Formulation) -> bool:
    """Whether ``name`` is a constant of this value that stands in one place: changing it changes nothing else."""
    found = formulation.params.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or found != limit:
        return False
    spoken = [formulation.objective.expr] if formulation.objective else []
    spoken += [text for one in formulation.constraints for text in (one.expr, one.condition or "", *one.forall)]
    spoken += [one.expression() for one in formulation.templates]
    spoken += [str(text) for one in formulation.variables.values() for text in (one.lb, one.ub, *one.index)]
    return len(re.findall(rf"\b{name}\b", "\n".join(spoken))) == 1


def _changed(constraint: Constraint, expr: str) -> Edit | None:
    if len(expr) > MOST_CHARACTERS:
        return None
    return ChangeConstraint(kind="change_constraint", name=constraint.name, expr=expr)


def _combination(constraint: Constraint, label: str) -> str | None:
    """The condition that picks the combination of a label out; None where the constraint has one only, or the label does not say."""
    bound = [name for one in constraint.forall for name in names_of(read_binding(one, constraint.name)[0], constraint.name)]
    values = label.removeprefix(constraint.name).partition("#")[0].removeprefix("[").removesuffix("]").split(",")
    if not bound or len(values) != len(bound):
        return None
    return " and ".join(f"{name} in [{_members(value)}]" for name, value in zip(bound, values, strict=True))


def _members(value: str) -> str:
    """A label says neither whether a member is a number nor a text: it can be either."""
    text = repr(value)
    return f"{text}, {int(value)}" if value.removeprefix("-").isdecimal() and len(value) <= 15 else text


def _plain(value: float) -> float | int:
    """At most 9 decimals; whole where it is."""
    whole = round(value)
    if abs(value - whole) < 1e-9:
        return whole
    return round(value, 9)
