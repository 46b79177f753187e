"""Expressions evaluated on an assignment by plain recursion, apart from the path that solvers take: it checks what they answer."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any, Final

from eudoxus.solvers.formulation.data import Element, Parameter, decimal, elements, label, numbers_of
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.names import Names
from eudoxus.solvers.formulation.reading import names_of, read, read_binding
from eudoxus.solvers.formulation.terms import TermError

TOLERANCE: Final = Fraction(1, 10**6)
"""Of comparisons, in proportion to the larger side where that is above 1, for solvers that compute with floats."""
MOST_STEPS: Final = 8_000_000
MOST_BITS: Final = 4_096
"""Of a value's numerator or denominator."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An instance of a constraint that does not hold."""

    label: str
    soft: bool


class Evaluator:
    """Holds an assignment: for each variable, its value by index. ``tolerance`` 0 is exact."""

    def __init__(
        self, document: Mapping[str, Any], values: Mapping[str, Mapping[tuple[Element, ...], Any]], tolerance: Fraction = TOLERANCE,
        constants: Names | None = None,
    ) -> None:
        """``constants``: sets and parameters of the document, where they have been read."""
        self._document = document
        self._values = values
        self._tolerance = tolerance
        self._steps = 0
        self._trees: dict[str, ast.expr] = {}
        self._sets: dict[str, tuple[Element, ...]] = {}
        self._params: dict[str, Parameter] = {}
        if constants is not None:
            self._sets, self._params = constants.sets, constants.params
            return
        for name, members in document.get("sets", {}).items():
            found = self.value(members) if isinstance(members, str) else members
            self._sets[name] = elements(list(found), f"sets.{name}")
        for name, given in document.get("params", {}).items():
            if isinstance(given, Mapping) and given.keys() == {"index", "values"}:
                self._params[name] = Parameter(name, given["values"], [self._sets[one] for one in given["index"]])
            else:
                self._params[name] = Parameter(name, given)

    def broken(self) -> list[Broken]:
        """The instances of constraints that do not hold. Raises :class:`FormulationError` where one cannot be evaluated."""
        return [found for constraint in self._document.get("constraints", ()) for found in self._broken(constraint)]

    def cost(self) -> Any:
        """The objective's value, without soft constraints; None without an objective."""
        objective = self._document.get("objective")
        return None if objective is None else self.value(objective["expr"])

    def outputs(self) -> dict[str, Any]:
        """The value of each output."""
        return {name: self.value(source) for name, source in self._document.get("outputs", {}).items()}

    def value(self, source: str, env: Mapping[str, Any] | None = None) -> Any:
        """The value of an expression."""
        tree = self._trees.get(source)
        if tree is None:
            tree = self._trees[source] = read(source, "expression")
        return self._of(tree, dict(env or {}))

    def _broken(self, constraint: Mapping[str, Any]) -> Iterator[Broken]:
        bindings = [read_binding(one, constraint["name"]) for one in constraint.get("forall") or ()]
        condition = [read(constraint["if"], constraint["name"])] if constraint.get("if") is not None else []
        tree = read(constraint["expr"], constraint["name"])
        for env in self._bindings(bindings, condition, {}):
            try:
                holds = self._of(tree, env) is not False
            except FormulationError:  # such as an element that is not in the table
                holds = False
            if not holds:
                yield Broken(label(constraint["name"], list(env.values())), constraint.get("soft") is not None)

    def _bindings(
        self, bindings: Sequence[tuple[ast.expr, ast.expr]], conditions: Sequence[ast.expr], env: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """An environment for each combination that the conditions allow: the same dict, with other values each time."""
        return self._bound([(names_of(target, ""), collection) for target, collection in bindings], conditions, dict(env))

    def _bound(
        self, loops: Sequence[tuple[list[str], ast.expr]], conditions: Sequence[ast.expr], env: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if not loops:
            if all(self._of(condition, env) for condition in conditions):
                yield env
            return
        (names, collection), rest = loops[0], loops[1:]
        for member in self._of(collection, env):
            if len(names) == 1:
                env[names[0]] = member
            else:
                env.update(zip(names, member, strict=True))
            if rest or conditions:
                yield from self._bound(rest, conditions, env)
            else:
                yield env

    # -- the walk --------------------------------------------------------------------------------------------------------

    def _of(self, node: ast.expr, env: dict[str, Any]) -> Any:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise FormulationError(f"more than {MOST_STEPS:,} steps of evaluation")
        walk = _WALKS.get(type(node))
        if walk is None:
            raise FormulationError(f"{type(node).__name__} is not allowed", column=node.col_offset + 1)
        return walk(self, node, env)

    def _constant(self, node: ast.Constant, env: dict[str, Any]) -> Any:
        return decimal(node.value) if isinstance(node.value, float) else node.value

    def _name(self, node: ast.Name, env: dict[str, Any]) -> Any:
        return env[node.id] if node.id in env else self._named(node.id)

    def _listed(self, node: ast.Tuple | ast.List, env: dict[str, Any]) -> Any:
        return tuple([self._of(part, env) for part in node.elts])

    def _unary(self, node: ast.UnaryOp, env: dict[str, Any]) -> Any:
        value = self._of(node.operand, env)
        return not value if isinstance(node.op, ast.Not) else -value

    def _binary(self, node: ast.BinOp, env: dict[str, Any]) -> Any:
        return _computed(node.op, self._of(node.left, env), self._of(node.right, env))

    def _logic(self, node: ast.BoolOp, env: dict[str, Any]) -> Any:
        values = (self._of(value, env) for value in node.values)
        return all(values) if isinstance(node.op, ast.And) else any(values)

    def _comparison(self, node: ast.Compare, env: dict[str, Any]) -> Any:
        found = [self._of(one, env) for one in (node.left, *node.comparators)]
        return all(self._compared(op, a, b) for op, (a, b) in zip(node.ops, pairwise(found), strict=True))

    def _conditional(self, node: ast.IfExp, env: dict[str, Any]) -> Any:
        return self._of(node.body if self._of(node.test, env) else node.orelse, env)

    def _call(self, node: ast.Call, env: dict[str, Any]) -> Any:
        assert isinstance(node.func, ast.Name)
        return self._called(node.func.id, node.args, env)

    def _named(self, name: str) -> Any:
        if name in self._values:
            return self._values[name][()]
        if name in self._params:
            return self._params[name][()]
        if name in self._sets:
            return self._sets[name]
        raise FormulationError(f"{name!r} means nothing here")

    def _element(self, node: ast.expr, env: dict[str, Any]) -> Any:
        keys: list[Any] = []
        while type(node) is ast.Subscript:
            parts = node.slice.elts if type(node.slice) is ast.Tuple else [node.slice]
            these = [_plain(self._of(part, env)) for part in parts]
            keys = these + keys if keys else these
            node = node.value
        assert type(node) is ast.Name
        name, index = node.id, tuple(keys)
        if name in self._values and name not in env:
            found = self._values[name]
            if index not in found:
                index = index[0] if len(index) == 1 and isinstance(index[0], tuple) else (index,)
            if index not in found:
                raise FormulationError(f"there is no {name}[{', '.join(map(repr, index))}]")
            return found[index]
        if name in self._params and name not in env:
            return self._params[name][index]
        value = env[name] if name in env else self._named(name)
        for key in index:
            if not isinstance(value, tuple) or not isinstance(key, int) or not 0 <= key < len(value):
                raise FormulationError(f"{name} has nothing at {key!r}")
            value = value[key]
        return value

    def _compared(self, op: ast.cmpop, left: Any, right: Any) -> bool:
        match op:
            case ast.In() | ast.NotIn():
                return any(self._same(left, one) for one in right) == isinstance(op, ast.In)
            case ast.Eq():
                return self._same(left, right)
            case ast.NotEq():
                return bool(left != right)
            case ast.LtE():
                return bool(left <= right) or bool(left <= right + self._room(left, right))
            case ast.GtE():
                return bool(left >= right) or bool(left + self._room(left, right) >= right)
            case ast.Lt():
                return bool(left < right) or bool(left < right + self._room(left, right))
        return bool(left > right) or bool(left + self._room(left, right) > right)

    def _same(self, left: Any, right: Any) -> bool:
        if isinstance(left, str | tuple) or isinstance(right, str | tuple):
            return bool(left == right)
        return bool(left == right) or bool(abs(left - right) <= self._room(left, right))

    def _room(self, left: Any, right: Any) -> Fraction:
        return self._tolerance * max(1, abs(left), abs(right)) if self._tolerance else Fraction(0)

    def _called(self, called: str, args: list[ast.expr], env: dict[str, Any]) -> Any:
        if called in ("atmost", "atleast", "exactly"):
            count, counted = args if not isinstance(args[0], ast.GeneratorExp | ast.List | ast.Tuple) else reversed(args)
            true, wanted = sum(map(bool, self._all([counted], env))), self._of(count, env)
            return true <= wanted if called == "atmost" else true >= wanted if called == "atleast" else true == wanted
        if called in ("sum", "all", "any", "min", "max", "distinct"):
            values = self._all(args, env)
            match called:
                case "sum":
                    return _summed(values)
                case "all":
                    return all(values)
                case "any":
                    return any(values)
                case "distinct":
                    return len(set(values)) == len(values)
            if not values:
                raise FormulationError(f"{called} of nothing")
            return min(values) if called == "min" else max(values)
        if called == "implies":
            return not self._of(args[0], env) or bool(self._of(args[1], env))
        found = [self._of(argument, env) for argument in args]
        match called:
            case "iff":
                return bool(found[0]) == bool(found[1])
            case "abs":
                return abs(found[0])
            case "len":
                return len(found[0])
            case "ceil":
                return ceil(found[0])
            case "floor":
                return floor(found[0])
        try:
            return numbers_of(range(*found))
        except TermError as error:
            raise FormulationError(str(error)) from None

    def _all(self, args: list[ast.expr], env: dict[str, Any]) -> list[Any]:
        if len(args) == 1 and isinstance(args[0], ast.GeneratorExp):
            node = args[0]
            bindings = [(one.target, one.iter) for one in node.generators]
            conditions = [condition for one in node.generators for condition in one.ifs]
            return [self._of(node.elt, inner) for inner in self._bindings(bindings, conditions, env)]
        return list(self._of(args[0], env)) if len(args) == 1 else [self._of(argument, env) for argument in args]


_WALKS: Final[dict[type[ast.expr], Callable[[Evaluator, Any, dict[str, Any]], Any]]] = {
    ast.Constant: Evaluator._constant, ast.Name: Evaluator._name, ast.Tuple: Evaluator._listed, ast.List: Evaluator._listed,
    ast.UnaryOp: Evaluator._unary, ast.BinOp: Evaluator._binary, ast.BoolOp: Evaluator._logic, ast.Compare: Evaluator._comparison,
    ast.IfExp: Evaluator._conditional, ast.Subscript: Evaluator._element, ast.Call: Evaluator._call,
}


def _computed(op: ast.operator, left: Any, right: Any) -> Any:
    match op:
        case ast.Add():
            return _bounded(left + right)
        case ast.Sub():
            return _bounded(left - right)
        case ast.Mult():
            return _bounded(left * right)
    if right == 0:
        raise FormulationError("division by zero")
    return _bounded(Fraction(left) / right) if isinstance(op, ast.Div) else left % right


def _summed(values: Sequence[Any]) -> Any:
    total: Any = 0
    for value in values:
        total = _bounded(total + value)
    return total


def _bounded(value: Any) -> Any:
    if type(value) is int:
        long = value.bit_length() > MOST_BITS
    else:
        long = isinstance(value, Fraction) and max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS
    if long:
        raise FormulationError(f"too large a number: more than {MOST_BITS:,} bits")
    return value


def _plain(key: Any) -> Any:
    return int(key) if type(key) is Fraction and key.denominator == 1 else key
