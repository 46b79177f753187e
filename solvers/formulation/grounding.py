"""From a formulation to rows over numbered variables: every ``forall`` is unrolled, every constant is folded."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product as every
from typing import Any, Final, Literal

from eudoxus.solvers.formulation.compiling import Compiler
from eudoxus.solvers.formulation.data import Element, Parameter, elements, label, number
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.names import Declared, Names, Spent
from eudoxus.solvers.formulation.reading import FUNCTIONS, names_of, read, read_binding, size
from eudoxus.solvers.formulation.terms import Flag, Linear, Number, Quantity, TermError, Truth, conjunction, quantity, truth

MOST_VARIABLES: Final = 50_000

Kind = Literal["bool", "int", "real"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A variable. ``label`` is ``x[s1,r2]``; None is no bound."""

    label: str
    kind: Kind
    lower: Number | None
    upper: Number | None


@dataclass(frozen=True, slots=True)
class Row:
    """One instance of a constraint: ``label`` is ``capacity[s1]`` of ``name`` ``capacity``. ``weight`` is what breaking it costs.

    Without a weight it must hold.
    """

    name: str
    label: str
    truth: Truth
    weight: Number | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """What to make as small (``min``) or as large (``max``) as possible."""

    sense: Literal["min", "max"]
    value: Quantity


@dataclass(frozen=True, slots=True)
class Grounded:
    """A formulation without loops and names. Variables are numbered by their place."""

    unknowns: Sequence[Unknown]
    rows: Sequence[Row]
    objective: Objective | None
    names: Names = field(repr=False)
    """What the expressions' names mean, for evaluating more of them."""


def ground(document: Mapping[str, Any]) -> Grounded:
    """Unroll a formulation, given as the JSON of :class:`~eudoxus.solvers.formulation.document.Formulation`.

    Raises :class:`FormulationError`, which names the part, the column and the values of the bound names, for anything that does not make
    sense, and for one that grows beyond the caps.
    """
    spent = Spent()
    names = Names(sets={}, params={}, variables={})
    for name, members in document.get("sets", {}).items():
        names.sets[_new(name, names, "sets")] = _members(members, names, f"sets.{name}", spent)
    for name, values in document.get("params", {}).items():
        names.params[_new(name, names, "params")] = _parameter(name, values, names)
    unknowns: list[Unknown] = []
    for name, declared in document.get("variables", {}).items():
        names.variables[_new(name, names, "variables")] = _declare(name, declared, names, unknowns, spent)
    rows = [row for position, constraint in enumerate(document.get("constraints", ()))
            for row in _rows(constraint, position, names, spent)]
    _distinguish(rows)
    objective = _objective(document.get("objective"), names, rows, spent)
    return Grounded(unknowns, rows, objective, names)


def _new(name: str, names: Names, part: str) -> str:
    if not name.isidentifier() or name in FUNCTIONS or name.startswith("__"):
        raise FormulationError(f"{name!r} cannot be a name", where=part)
    if names.known(name):
        raise FormulationError(f"{name!r} is declared twice", where=part)
    return name


def _members(members: Any, names: Names, where: str, spent: Spent) -> tuple[Element, ...]:
    """A list, or an expression such as ``range(1, 8)``."""
    if not isinstance(members, str):
        return elements(members, where)
    found = _constant(members, names, where, spent)
    if not isinstance(found, tuple):
        raise FormulationError(f"{members!r} is no collection", where=where)
    return elements(list(found), where)


def _parameter(name: str, values: Any, names: Names) -> Parameter:
    if isinstance(values, Mapping) and values.keys() == {"index", "values"}:
        levels = []
        for level in values["index"]:
            if level not in names.sets:
                raise FormulationError(f"{level!r} is not a set", where=f"params.{name}.index")
            levels.append(names.sets[level])
        return Parameter(name, values["values"], levels)
    return Parameter(name, values)


def _constant(source: str, names: Names, where: str, spent: Spent) -> Any:
    try:
        return Compiler(names, spent, where).compile(read(source, where), ())({})
    except TermError as error:
        raise FormulationError(str(error), where=where) from None
    except FormulationError as error:
        raise error.within(where) from None


# -- variables -----------------------------------------------------------------------------------------------------------


def _declare(name: str, declared: Mapping[str, Any], names: Names, unknowns: list[Unknown], spent: Spent) -> Declared:
    where = f"variables.{name}"
    kind: Kind = declared["type"]
    bound, domains = _index(declared.get("index") or (), names, where, spent)
    lower, upper = (_bound(declared.get(side), names, bound, f"{where}.{side}", spent) for side in ("lb", "ub"))
    places: dict[tuple[Element, ...], int] = {}
    for keys in every(*domains):
        if len(unknowns) >= MOST_VARIABLES:
            raise FormulationError(f"more than {MOST_VARIABLES:,} variables", where=where)
        flat = tuple(keys)
        env = dict(zip(bound, flat, strict=True))
        least, most = lower(env), upper(env)
        if kind == "bool":
            least, most = max(0, least or 0), min(1, 1 if most is None else most)
        if least is not None and most is not None and least > most:
            raise FormulationError(f"lb {least} is above ub {most}", where=where, index=env)
        places[flat] = len(unknowns)
        unknowns.append(Unknown(label(name, flat), kind, least, most))
    first = min(places.values(), default=0)
    atoms = [Flag(at) if kind == "bool" else Linear({at: 1}) for at in range(first, first + len(places))]
    return Declared({keys: atoms[at - first] for keys, at in places.items()}, len(domains))


def _index(index: Sequence[str], names: Names, where: str, spent: Spent) -> tuple[list[str], list[tuple[Element, ...]]]:
    """Names and members of the sets that a variable is indexed by: ``"S"``, or ``"s in S"`` where its bounds speak of ``s``."""
    bound: list[str] = []
    domains: list[tuple[Element, ...]] = []
    for position, one in enumerate(index):
        here = f"{where}.index[{position}]"
        if one in names.sets:
            bound.append(f"#{position}")
            domains.append(names.sets[one])
            continue
        if " in " in one:
            target, collection = read_binding(one, here)
            if not isinstance(target, ast.Name):
                raise FormulationError(f"{one!r}: an index binds one name", where=here)
            bound.append(target.id)
            members = Compiler(names, spent, here).compile(collection, ())({})
        else:
            bound.append(f"#{position}")
            members = _constant(one, names, here, spent)
        if not isinstance(members, tuple):
            raise FormulationError(f"{one!r} is no set; there are {', '.join(names.sets) or 'none'}", where=here)
        domains.append(elements(list(members), here))
    return bound, domains


def _bound(given: Any, names: Names, bound: Sequence[str], where: str, spent: Spent) -> Any:
    """A function from the index to the bound, which is None, a number, or an expression over constants."""
    if given is None:
        return lambda env: None
    if not isinstance(given, str):
        exact = number(given, where)
        return lambda env: exact
    tree = read(given, where)
    compiled = Compiler(names, spent, where).compile(tree, tuple(bound))

    def evaluated(env: dict[str, Any]) -> Number:
        spent.charge(size(tree), where)
        try:
            found = quantity(compiled(env))
        except (TermError, FormulationError) as error:
            raise _placed(error, where, env) from None
        if not isinstance(found, int | Fraction):
            raise FormulationError("a bound cannot depend on variables; write a constraint", where=where, index=env)
        return found

    return evaluated


# -- rows ----------------------------------------------------------------------------------------------------------------


def _rows(constraint: Mapping[str, Any], position: int, names: Names, spent: Spent) -> Iterator[Row]:
    name = constraint["name"]
    where = f"constraints.{name}" if name else f"constraints[{position}]"
    tree = read(constraint["expr"], f"{where}.expr")
    bindings = [read_binding(one, f"{where}.forall[{at}]") for at, one in enumerate(constraint.get("forall") or ())]
    bound = tuple(one for target, _ in bindings for one in names_of(target, where))
    compiler = Compiler(names, spent, f"{where}.expr")
    compiled = compiler.compile(tree, bound)
    weight = None if constraint.get("soft") is None else number(constraint["soft"], f"{where}.soft")
    cost = size(tree)
    for env in _bindings(constraint.get("if"), bindings, names, where, spent):
        spent.charge(cost, where)
        spent.row(where)
        try:
            value = truth(compiled(env))
            value = conjunction((value, *compiler.take_side()))
        except (TermError, FormulationError) as error:
            raise _placed(error, f"{where}.expr", env) from None
        if value is not True:
            yield Row(name, label(name, tuple(env[one] for one in bound)), value, weight)


def _bindings(
    condition: str | None, bindings: Sequence[tuple[ast.expr, ast.expr]], names: Names, where: str, spent: Spent
) -> Iterator[dict[str, Any]]:
    """The values of the bound names, for each instance."""
    compiler = Compiler(names, spent, f"{where}.forall")
    loops = compiler.loops(bindings, [] if condition is None else [read(condition, f"{where}.if")], ())
    env: dict[str, Any] = {}
    try:
        for _ in loops(env):
            yield dict(env)
    except TermError as error:
        raise FormulationError(str(error), where=where, index=env) from None
    except FormulationError as error:
        raise error.within(f"{where}.forall", env) from None


def _objective(objective: Mapping[str, Any] | None, names: Names, rows: list[Row], spent: Spent) -> Objective | None:
    if objective is None:
        return None
    where = "objective.expr"
    compiler = Compiler(names, spent, where)
    tree = read(objective["expr"], where)
    spent.charge(size(tree), where)
    try:
        value = quantity(compiler.compile(tree, ())({}))
        rows += [Row("objective", "objective", side) for side in compiler.take_side()]
    except TermError as error:
        raise FormulationError(str(error), where=where) from None
    except FormulationError as error:
        raise error.within(where) from None
    return Objective(objective["sense"], value)


def _placed(error: TermError | FormulationError, where: str, env: Mapping[str, Any]) -> FormulationError:
    known = {name: value for name, value in env.items() if not name.startswith("#")}
    return error.within(where, known) if isinstance(error, FormulationError) else FormulationError(str(error), where=where, index=known)


def _distinguish(rows: list[Row]) -> None:
    """Labels that occur again get a number: a core names rows by them."""
    seen: dict[str, int] = {}
    for at, row in enumerate(rows):
        count = seen[row.label] = seen.get(row.label, 0) + 1
        if count > 1:
            rows[at] = Row(row.name, f"{row.label}#{count}", row.truth, row.weight)
