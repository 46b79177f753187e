"""Whether expressions put together what has one unit, found out without any values.

Names may have units. A number that is written in an expression, and a name without a unit, go with everything: ``60 * hours`` may be
minutes. So a finding is always about units that were given.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, Literal

from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.findings import MOST_FINDINGS, Finding
from eudoxus.solvers.formulation.reading import one_line, read
from eudoxus.solvers.formulation.units import NONE, Unit, unit

_MOST_SHOWN: Final = 80
_MOST_TIMES: Final = 10**300
"""That one unit is another, as far as a float can tell it."""


def mixed(document: Mapping[str, Any]) -> list[Finding]:
    """Where constraints, objective and outputs add or compare what has different units. Nothing without ``units``.

    Raises :class:`FormulationError` for a text that is no unit, for a name that is not there, and for what is no expression.
    """
    given = document.get("units") or {}
    if not given:
        return []
    variables, params = document.get("variables", {}), document.get("params", {})
    units = {name: NONE for name, declared in variables.items() if declared["type"] == "bool"}
    for name, text in given.items():
        if name not in variables and name not in params:
            raise FormulationError(f"there is no constant or variable {name!r}", where=f"units.{name}")
        units[name] = unit(text, f"units.{name}")
    found: list[Finding] = []
    for where, source in _expressions(document):
        _Looking(units, where, one_line(source), found).at(read(source, where))
    return found[:MOST_FINDINGS]


def _expressions(document: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for position, constraint in enumerate(document.get("constraints", ())):
        where = f"constraints.{constraint['name']}" if constraint["name"] else f"constraints[{position}]"
        yield f"{where}.expr", constraint["expr"]
    if document.get("objective"):
        yield "objective.expr", document["objective"]["expr"]
    for name, source in document.get("outputs", {}).items():
        yield f"outputs.{name}", source


class _Looking:
    """Goes through one expression; None is a unit that is not known."""

    def __init__(self, units: Mapping[str, Unit], where: str, source: str, found: list[Finding]) -> None:
        self._units = units
        self._where = where
        self._source = source
        self._found = found

    def at(self, node: ast.expr) -> Unit | None:
        match node:
            case ast.Name(id=name):
                return self._units.get(name)
            case ast.Subscript():
                base: ast.expr = node
                while isinstance(base, ast.Subscript):
                    base = base.value
                return self.at(base)
            case ast.UnaryOp(op=op, operand=operand):
                inner = self.at(operand)
                return NONE if isinstance(op, ast.Not) else inner
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                return self._alike([left, right], "adds" if isinstance(op, ast.Add) else "takes away")
            case ast.BinOp(left=left, op=op, right=right):
                return _combined(op, self.at(left), self.at(right))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                if not any(isinstance(op, ast.In | ast.NotIn) for op in ops):
                    self._alike([left, *comparators], "compares")
                return NONE
            case ast.BoolOp(values=values):
                for value in values:
                    self.at(value)
                return NONE
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.at(test)
                return self._alike([body, orelse], "chooses between")
            case ast.GeneratorExp(elt=element, generators=generators):
                for condition in (one for generator in generators for one in generator.ifs):
                    self.at(condition)
                return self.at(element)
            case ast.Call(func=ast.Name(id=called), args=args):
                return self._call(called, args)
        return None

    def _call(self, called: str, args: Sequence[ast.expr]) -> Unit | None:
        if len(args) == 1 and isinstance(args[0], ast.List | ast.Tuple):
            args = args[0].elts
        if called in ("sum", "min", "max", "abs", "ceil", "floor"):
            return self._alike(args, "adds" if called == "sum" else f"takes the {called} of")
        if called in ("len", "range"):
            return None
        for one in args:
            self.at(one)
        return NONE

    def _alike(self, nodes: Sequence[ast.expr], act: str) -> Unit | None:
        """The unit that all have, as far as it is known; a finding for the first that has another one."""
        known = [(node, one) for node in nodes if (one := self.at(node)) is not None]
        if not known:
            return None
        first, expected = known[0]
        for node, one in known[1:]:
            if one.kind == expected.kind and one.scale == expected.scale:
                continue
            terms = (self._term(first, expected), self._term(node, one))
            kind: Literal["units", "scales"] = "scales" if one.kind == expected.kind else "units"
            small, large = sorted((one, expected), key=lambda each: each.scale)
            why = f": one {large} is {_times(large.scale / small.scale)} {small}" if kind == "scales" else ", different kinds of quantity"
            self._found.append(Finding(kind, self._where, f"{act} {terms[0]} and {terms[1]}{why}", terms, node.col_offset + 1))
            break
        return expected

    def _term(self, node: ast.expr, one: Unit) -> str:
        text = ast.get_source_segment(self._source, node) or ast.unparse(node)
        return f"{text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + '…'} [{one}]"


def _times(ratio: Fraction) -> str:
    return f"{float(ratio):.10g}" if ratio < _MOST_TIMES else f"more than {_MOST_TIMES:.0e}"


def _combined(op: ast.operator, left: Unit | None, right: Unit | None) -> Unit | None:
    if isinstance(op, ast.Mod):
        return left
    if left is None or right is None:
        return None
    return left * right if isinstance(op, ast.Mult) else left / right

