"""What the operators and functions of expressions do, as closures over what their operands give."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from eudoxus.solvers.formulation.data import numbers_of
from eudoxus.solvers.formulation.terms import (
    Compare,
    Flag,
    Logical,
    Quantity,
    TermError,
    Truth,
    Value,
    compared,
    conjunction,
    constant,
    disjunction,
    equivalence,
    extreme,
    minus,
    negation,
    product,
    quantity,
    remainder,
    rounded,
    total,
    truth,
)

_TRUTHS: Final = (bool, Flag, Compare, Logical)

Env = dict[str, Any]
"""Values of the bound names."""
Closure = Callable[[Env], Value]


def arithmetic(op: ast.operator, left: Closure, right: Closure) -> Closure:
    """``+ - * %``."""
    match op:
        case ast.Add():
            return lambda env: total((left(env), right(env)))
        case ast.Sub():
            return lambda env: minus(quantity(left(env)), quantity(right(env)))
        case ast.Mult():
            return lambda env: product(quantity(left(env)), quantity(right(env)))
    return lambda env: remainder(quantity(left(env)), quantity(right(env)))


def comparison(ops: list[ast.cmpop], values: list[Closure]) -> Closure:
    """A comparison, or a chain of them."""
    if len(ops) == 1:
        op, (left, right) = ops[0], values
        return lambda env: _related(op, left(env), right(env))

    def chain(env: Env) -> Value:
        found = [value(env) for value in values]
        return conjunction(_related(op, *pair) for op, pair in zip(ops, pairwise(found), strict=True))

    return chain


def _related(op: ast.cmpop, left: Value, right: Value) -> Truth:
    match op:
        case ast.LtE():
            return compared("<=", quantity(left), quantity(right))
        case ast.GtE():
            return compared("<=", quantity(right), quantity(left))
        case ast.Lt():
            return compared("<", quantity(left), quantity(right))
        case ast.Gt():
            return compared("<", quantity(right), quantity(left))
        case ast.Eq():
            return equal(left, right)
        case ast.NotEq():
            return negation(equal(left, right))
    if not isinstance(right, tuple):
        raise TermError("what stands after 'in' is no collection")
    among = disjunction(equal(left, one) for one in right)
    return among if isinstance(op, ast.In) else negation(among)


def equal(left: Value, right: Value) -> Truth:
    """Whether two values are the same; of truth values, whether both hold or neither. Raises :class:`TermError`."""
    if isinstance(left, str | tuple) or isinstance(right, str | tuple):
        if constant(left) and constant(right):
            return left == right
        raise TermError("a variable is never equal to a text or a list")
    if isinstance(left, _TRUTHS) and isinstance(right, _TRUTHS):
        return equivalence(truth(left), truth(right))
    return compared("==", quantity(left), quantity(right))


COLLECTED: Final[dict[str, Callable[[Callable[[Env], Iterator[Value]]], Closure]]] = {
    "sum": lambda values: lambda env: total(values(env)),
    "all": lambda values: lambda env: conjunction(map(truth, values(env))),
    "any": lambda values: lambda env: disjunction(map(truth, values(env))),
    "min": lambda values: lambda env: extreme("min", list(map(quantity, values(env)))),
    "max": lambda values: lambda env: extreme("max", list(map(quantity, values(env)))),
    "distinct": lambda values: lambda env: _distinct(list(map(quantity, values(env)))),
}


def _distinct(values: list[Quantity]) -> Truth:
    if all(isinstance(value, int | Fraction) for value in values):
        return len(set(values)) == len(values)
    return Logical("distinct", values)


def counting(called: str, count: Closure, values: Callable[[Env], Iterator[Value]]) -> Closure:
    """``atmost``, ``atleast`` and ``exactly``."""

    def related(env: Env) -> Value:
        most = quantity(count(env))
        counted = total(quantity(truth(value)) for value in values(env))
        if called == "exactly":
            return compared("==", counted, most)
        return compared("<=", counted, most) if called == "atmost" else compared("<=", most, counted)

    return related


def ranged(args: list[Closure]) -> Closure:
    """``range``, of constants."""

    def numbers(env: Env) -> Value:
        found = [arg(env) for arg in args]
        if len(found) > 3 or not all(type(one) is int for one in found) or (len(found) == 3 and found[2] == 0):
            raise TermError("range takes one to three whole numbers, and no variables")
        return numbers_of(range(*found))  # type: ignore[arg-type]

    return numbers


def plain(called: str, args: list[Closure]) -> Closure:
    """Functions of one or two values."""

    first = args[0]
    match called:
        case "iff":
            return lambda env: equivalence(truth(first(env)), truth(args[1](env)))
        case "len":
            return lambda env: _length(first(env))
        case "abs" | "ceil" | "floor":
            return lambda env: rounded(called, quantity(first(env)))
    raise TermError(f"{called} cannot be called")


def _length(value: Value) -> int:
    if not isinstance(value, tuple):
        raise TermError("len is of a collection")
    return len(value)


def element_of(collection: Value, keys: list[Value], name: str) -> Value:
    """A member by position. Raises :class:`TermError`."""
    for key in keys:
        if not isinstance(collection, tuple) or type(key) is not int or not 0 <= key < len(collection):
            raise TermError(f"{name} has nothing at {key!r}")
        collection = collection[key]
    return collection
