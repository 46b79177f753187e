"""Expressions made into closures: read once, run for each instance of a constraint."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from eudoxus.solvers.formulation.choosing import chosen
from eudoxus.solvers.formulation.data import Element, Parameter, decimal
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.looping import looping
from eudoxus.solvers.formulation.names import Names, Spent
from eudoxus.solvers.formulation.operations import (
    COLLECTED,
    Closure,
    Env,
    arithmetic,
    comparison,
    counting,
    element_of,
    plain,
    ranged,
)
from eudoxus.solvers.formulation.reading import names_of, size
from eudoxus.solvers.formulation.sides import Sides
from eudoxus.solvers.formulation.terms import (
    Linear,
    TermError,
    Truth,
    Value,
    constant,
    negation,
    quantity,
    scaled,
    truth,
)

_MEMBERS_A_STEP: Final = 10
"""Looking at a member costs so much less than evaluating a node."""
_STEPS_A_CHOICE: Final = 5


class Compiler:
    """Compiles the expressions of one place, which errors name.

    A subscript that depends on a variable must stay within its table: what makes sure of that collects until :meth:`take_side`.
    """

    def __init__(self, names: Names, spent: Spent, where: str) -> None:
        self._names = names
        self._spent = spent
        self._where = where
        self._sides = Sides()

    def take_side(self) -> list[Truth]:
        """Conditions under which what was computed since makes sense."""
        return self._sides.take()

    def compile(self, node: ast.expr, bound: tuple[str, ...]) -> Closure:
        """A function from the values of the ``bound`` names to the value. Raises :class:`FormulationError` for names that mean nothing."""
        closure = self._node(node, bound)

        def guarded(env: Env) -> Value:
            try:
                return closure(env)
            except TermError as error:
                raise FormulationError(str(error), where=self._where, column=node.col_offset + 1) from None
            except FormulationError as error:
                if error.column is not None:
                    raise
                raise self._wrong(error.what, node).within("", error.index) from None

        return closure if isinstance(node, ast.Constant | ast.Name) else guarded

    def _wrong(self, what: str, node: ast.expr) -> FormulationError:
        return FormulationError(what, where=self._where, column=node.col_offset + 1)

    def _node(self, node: ast.expr, bound: tuple[str, ...]) -> Closure:
        match node:
            case ast.Constant(value=value):
                fixed: Value = decimal(value) if isinstance(value, float) else value  # type: ignore[assignment]
                return lambda env: fixed
            case ast.Name(id=name):
                return self._name(name, node, bound)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                compiled = [self.compile(part, bound) for part in parts]
                return lambda env: tuple([one(env) for one in compiled])
            case ast.UnaryOp(op=op, operand=operand):
                inner = self.compile(operand, bound)
                if isinstance(op, ast.Not):
                    return lambda env: negation(truth(inner(env)))
                return lambda env: scaled(quantity(inner(env)), -1)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._sides.division(self.compile(left, bound), self.compile(right, bound))
            case ast.BinOp(left=left, op=op, right=right):
                return arithmetic(op, self.compile(left, bound), self.compile(right, bound))
            case ast.BoolOp(op=op, values=values):
                return self._sides.logic(isinstance(op, ast.And), [self.compile(value, bound) for value in values])
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                compared = [self.compile(one, bound) for one in (left, *comparators)]
                for at, relation in enumerate(ops, 1):
                    if isinstance(relation, ast.In | ast.NotIn):
                        compared[at] = self._paid(compared[at], compared[at - 1])
                return comparison(ops, compared)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._sides.conditional(*(self.compile(one, bound) for one in (test, body, orelse)))
            case ast.Subscript():
                return self._subscript(node, bound)
            case ast.Call(func=ast.Name(id=called), args=args):
                return self._call(called, args, node, bound)
            case ast.GeneratorExp():
                raise self._wrong("a generator can only be the argument of a function", node)
        raise self._wrong(f"{type(node).__name__} is not allowed", node)

    def _paid(self, collection: Closure, sought: Closure | None = None) -> Closure:
        """The collection, of which each member counts: others than a loop go through it too. A variable is compared with each."""
        def paid(env: Env) -> Value:
            found = collection(env)
            if isinstance(found, tuple):
                cheap = sought is None or constant(sought(env))
                self._spent.charge(len(found) // _MEMBERS_A_STEP if cheap else len(found) * _STEPS_A_CHOICE, self._where)
            return found

        return paid

    # -- names ---------------------------------------------------------------------------------------------------------

    def _name(self, name: str, node: ast.expr, bound: tuple[str, ...]) -> Closure:
        names = self._names
        if name in bound:
            return lambda env: env[name]
        if name in names.params:
            parameter = names.params[name]
            return lambda env: parameter[()]
        if name in names.sets:
            members = names.sets[name]
            return lambda env: members
        if name in names.variables:
            declared = names.variables[name]
            if declared.levels:
                raise self._wrong(f"{name} needs {declared.levels} index value(s) in brackets", node)
            atom = declared.atoms[()]
            return lambda env: atom
        known = ", ".join([*names.sets, *names.params, *names.variables, *(one for one in bound if not one.startswith("#"))])
        raise self._wrong(f"{name!r} means nothing here; there are {known or 'no names'}", node)

    def _subscript(self, node: ast.Subscript, bound: tuple[str, ...]) -> Closure:
        keys: list[ast.expr] = []
        base: ast.expr = node
        while isinstance(base, ast.Subscript):
            keys[:0] = base.slice.elts if isinstance(base.slice, ast.Tuple) else [base.slice]
            base = base.value
        if not isinstance(base, ast.Name):
            raise self._wrong("only named things have elements", node)
        compiled = [self.compile(key, bound) for key in keys]
        name = base.id
        if name in self._names.variables and name not in bound:
            return self._of_variable(name, compiled, node)
        if name in self._names.params and name not in bound:
            return self._of_parameter(self._names.params[name], compiled)
        collection = self._name(name, base, bound)
        return lambda env: element_of(collection(env), [key(env) for key in compiled], name)

    def _of_variable(self, name: str, keys: list[Closure], node: ast.expr) -> Closure:
        declared = self._names.variables[name]
        if not declared.levels:
            raise self._wrong(f"{name} has no index", node)
        atoms = declared.atoms

        def look_up(env: Env) -> Value:
            index = tuple([key(env) for key in keys])
            if (found := atoms.get(index)) is not None:  # type: ignore[arg-type]
                return found
            if len(index) == 1 and declared.levels > 1 and isinstance(index[0], tuple):
                index = index[0]  # x[a] where a is a pair, and there are two indices
            elif len(index) > 1 and declared.levels == 1:
                index = (index,)  # x[i, j] where there is one index, and its members are pairs
            fixed = all(map(constant, index))
            if fixed and (found := atoms.get(index)) is not None:  # type: ignore[arg-type]
                return found
            if len(index) != declared.levels:
                raise TermError(f"{name} has {declared.levels} index value(s), not {len(index)}")
            if fixed:
                raise TermError(f"there is no {name}[{', '.join(map(repr, index))}]")
            return self._chosen(index, list(atoms.items()), name)

        return look_up

    def _of_parameter(self, parameter: Parameter, keys: list[Closure]) -> Closure:
        def look_up(env: Env) -> Value:
            index = tuple([key(env) for key in keys])
            if all(map(constant, index)):
                return parameter[index]  # type: ignore[index]
            return self._chosen(index, [(key, parameter[key]) for key in parameter.keys(len(index))], "the table")

        return look_up

    def _chosen(self, index: tuple[Value, ...], table: Sequence[tuple[tuple[Element, ...], Value]], name: str) -> Value:
        """The value at an index that depends on variables: a chain of choices, and a side condition that the index is in the table."""
        terms = sum(len(one.terms) for one in index if isinstance(one, Linear))
        self._spent.charge(len(table) * (_STEPS_A_CHOICE + terms), self._where)
        value, inside = chosen(index, table, name)
        self._sides.add(inside)
        return value

    # -- functions -----------------------------------------------------------------------------------------------------

    def _call(self, called: str, args: list[ast.expr], node: ast.expr, bound: tuple[str, ...]) -> Closure:
        if called in ("sum", "all", "any", "min", "max", "distinct"):
            values = self._values(args, bound)
            return COLLECTED[called](values)
        if called in ("atmost", "atleast", "exactly"):
            if len(args) != 2:
                raise self._wrong(f"{called} takes a number and the things to count", node)
            count, counted = args if not isinstance(args[0], ast.GeneratorExp | ast.List | ast.Tuple) else reversed(args)
            return counting(called, self.compile(count, bound), self._values([counted], bound))
        compiled = [self.compile(argument, bound) for argument in args]
        if called == "range":
            return self._paid(ranged(compiled))
        wanted = 2 if called in ("implies", "iff") else 1
        if len(args) != wanted:
            raise self._wrong(f"{called} takes {wanted} argument(s), not {len(args)}", node)
        return self._sides.implication(*compiled) if called == "implies" else plain(called, compiled)

    def _values(self, args: list[ast.expr], bound: tuple[str, ...]) -> Callable[[Env], Iterator[Value]]:
        """The values that a function is over: of a generator, of a collection, or its arguments."""
        if len(args) == 1 and isinstance(args[0], ast.GeneratorExp):
            return self._generated(args[0], bound)
        compiled = [self.compile(argument, bound) for argument in args]
        if len(compiled) > 1:
            return lambda env: iter([one(env) for one in compiled])

        def members(env: Env) -> Iterator[Value]:
            found = compiled[0](env)
            if not isinstance(found, tuple):
                raise TermError("one argument must be a collection or a generator")
            return iter(found)

        return members

    def _generated(self, node: ast.GeneratorExp, bound: tuple[str, ...]) -> Callable[[Env], Iterator[Value]]:
        bindings = [(one.target, one.iter) for one in node.generators]
        conditions = [condition for one in node.generators for condition in one.ifs]
        loops = self.loops(bindings, conditions, bound)
        inner = (*bound, *(name for target, _ in bindings for name in names_of(target, self._where)))
        element = self.compile(node.elt, inner)
        cost = size(node.elt)

        def values(env: Env) -> Iterator[Value]:
            env = dict(env)
            for _ in loops(env):
                self._spent.charge(cost, self._where)
                yield element(env)

        return values

    def loops(
        self, bindings: Sequence[tuple[ast.expr, ast.expr]], conditions: Sequence[ast.expr], bound: tuple[str, ...]
    ) -> Callable[[Env], Iterator[None]]:
        """A function that sets the names of ``bindings`` in an environment to each of their values for which the conditions hold."""
        steps: list[tuple[list[str], Closure]] = []
        for target, collection in bindings:
            found = names_of(target, self._where)
            for name in found:
                if self._names.known(name):
                    raise self._wrong(f"{name!r} is declared already; bind another name", target)
            steps.append((found, self.compile(collection, bound)))
            bound = (*bound, *found)
        return looping(steps, [self.compile(condition, bound) for condition in conditions], self._spent, self._where)
