"""A grounded formulation as SMT-LIB 2, for z3 and cvc5. Whole sums stay whole; others are real."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm

from eudoxus.solvers.formulation.grounding import Unknown
from eudoxus.solvers.formulation.terms import Compare, Flag, Linear, Logical, Number, Numeric, Quantity, Truth, quantity, truth

_LONG = 400
"""Characters of a truth value that gets a name: it may stand twice in one that stands twice, and so on."""
_SORTS = {"bool": "Bool", "int": "Int", "real": "Real"}


class Printer:
    """Prints terms; what is used twice, or makes a term sensible, collects as commands of its own.

    ``commands`` holds the declarations, the bounds of the variables, and definitions; they stand before the terms that were printed.
    """

    def __init__(self, unknowns: Sequence[Unknown]) -> None:
        self._unknowns = unknowns
        self._defined: dict[int, tuple[str, bool]] = {}
        self._told: dict[int, str] = {}
        self._kept: list[object] = []
        self.commands = [line for number, unknown in enumerate(unknowns) for line in self._declared(number, unknown)]

    def truth(self, value: Truth) -> str:
        """A term of sort Bool."""
        match value:
            case bool():
                return "true" if value else "false"
            case Flag():
                return f"v{value.variable}"
        if id(value) not in self._told:
            text = self._compared(value) if isinstance(value, Compare) else self._logical(value)
            if len(text) > _LONG and isinstance(value, Logical):
                self.commands.append(f"(define-fun b{len(self._told)} () Bool {text})")
                text = f"b{len(self._told)}"
            self._told[id(value)] = text
            self._kept.append(value)  # or its id might come again
        return self._told[id(value)]

    def _logical(self, value: Logical) -> str:
        match value:
            case Logical(operator="distinct"):
                numbers = [self.number(quantity(one)) for one in value.args]
                return f"(distinct {' '.join(_alike(numbers))})" if len(numbers) > 1 else "true"
            case Logical(operator="iff"):
                return f"(= {' '.join(self.truth(truth(one)) for one in value.args)})"
        return f"({value.operator} {' '.join(self.truth(truth(one)) for one in value.args)})"

    def number(self, value: Quantity) -> tuple[str, bool]:
        """A term, and whether it is of sort Int rather than Real."""
        if isinstance(value, int | Fraction):
            return constant(value), value.denominator == 1
        if isinstance(value, Linear):
            return self._sum(value)
        if id(value) not in self._defined:
            text, whole = self._function(value)
            name = f"t{len(self._defined)}"
            self.commands.append(f"(define-fun {name} () {'Int' if whole else 'Real'} {text})")
            self._defined[id(value)] = name, whole
            self._kept.append(value)  # or its id might come again
        return self._defined[id(value)]

    def _declared(self, number: int, unknown: Unknown) -> Iterator[str]:
        yield f"(declare-const v{number} {_SORTS[unknown.kind]})"
        if unknown.kind == "bool":
            if unknown.lower == 1:
                yield f"(assert v{number})"
            if unknown.upper == 0:
                yield f"(assert (not v{number}))"
            return
        for relation, bound in ((">=", unknown.lower), ("<=", unknown.upper)):
            if bound is not None:
                left, right = _alike([(f"v{number}", unknown.kind == "int"), (constant(bound), bound.denominator == 1)])
                yield f"(assert ({relation} {left} {right}))"

    def _compared(self, value: Compare) -> str:
        left, right = value.left, value.right
        if isinstance(left, int | Fraction | Linear) and isinstance(right, int | Fraction | Linear):
            factor = lcm(*(part.denominator for part in (*_numbers(left), *_numbers(right))))
            left, right = _times(left, factor), _times(right, factor)
        relation = "=" if value.relation == "==" else value.relation
        return f"({relation} {' '.join(_alike([self.number(left), self.number(right)]))})"

    def _sum(self, value: Linear) -> tuple[str, bool]:
        terms = [(variable, factor) for variable, factor in value.terms.items() if factor]
        whole = value.const.denominator == 1 and all(
            factor.denominator == 1 and self._unknowns[variable].kind != "real" for variable, factor in terms)
        parts = [self._part(variable, factor, whole) for variable, factor in terms]
        if value.const or not parts:
            parts.append(constant(value.const, whole=whole))
        return (f"(+ {' '.join(parts)})" if len(parts) > 1 else parts[0]), whole

    def _part(self, variable: int, factor: Number, whole: bool) -> str:
        kind = self._unknowns[variable].kind
        if kind == "bool":
            return f"(ite v{variable} {constant(factor, whole=whole)} {constant(0, whole=whole)})"
        name = f"v{variable}" if whole or kind == "real" else f"(to_real v{variable})"
        return name if factor == 1 else f"(* {constant(factor, whole=whole)} {name})"

    def _function(self, value: Numeric) -> tuple[str, bool]:
        match value.operator:
            case "count":
                return f"(ite {self.truth(truth(value.args[0]))} 1 0)", True
            case "if":
                then, otherwise = (self.number(quantity(one)) for one in value.args[1:])
                branches = " ".join(_alike([then, otherwise]))
                return f"(ite {self.truth(truth(value.args[0]))} {branches})", then[1] and otherwise[1]
        numbers = [self.number(quantity(one)) for one in value.args]
        parts, whole = _alike(numbers), all(integral for _, integral in numbers)
        match value.operator:
            case "+" | "*":
                return f"({value.operator} {' '.join(parts)})", whole
            case "abs":
                return f"(ite (>= {parts[0]} {constant(0, whole=whole)}) {parts[0]} (- {parts[0]}))", whole
            case "min" | "max":
                return self._extreme(parts, "<=" if value.operator == "min" else ">=", whole)
            case "floor":
                return (parts[0], True) if whole else (f"(to_int {parts[0]})", True)
            case "ceil":
                return (parts[0], True) if whole else (f"(- (to_int (- {parts[0]})))", True)
            case "%":
                if whole:
                    return f"(mod {parts[0]} {parts[1]})", True
                return f"(- {parts[0]} (* {parts[1]} (to_real (to_int (/ {parts[0]} {parts[1]})))))", False
        top, low = (_real(one) for one in numbers)
        return f"(/ {top} {low})", False

    def _extreme(self, parts: Sequence[str], relation: str, whole: bool) -> tuple[str, bool]:
        best = parts[0]
        for one in parts[1:]:
            name = f"m{len(self.commands)}"
            self.commands.append(f"(define-fun {name} () {'Int' if whole else 'Real'} (ite ({relation} {best} {one}) {best} {one}))")
            best = name
        return best, whole


def constant(value: Number, *, whole: bool | None = None) -> str:
    """A literal: ``-3`` is ``(- 3)``, a fraction a quotient."""
    if value < 0:
        return f"(- {constant(-value, whole=whole)})"
    if value.denominator != 1:
        return f"(/ {value.numerator}.0 {value.denominator}.0)"
    return str(value.numerator) if whole or whole is None else f"{value.numerator}.0"


def _alike(numbers: Sequence[tuple[str, bool]]) -> list[str]:
    """The terms, all whole or all real."""
    if all(whole for _, whole in numbers):
        return [text for text, _ in numbers]
    return [_real(number) for number in numbers]


def _real(number: tuple[str, bool]) -> str:
    text, whole = number
    return f"(to_real {text})" if whole else text


def _numbers(value: int | Fraction | Linear) -> tuple[Number, ...]:
    return (*value.terms.values(), value.const) if isinstance(value, Linear) else (value,)


def _times(value: int | Fraction | Linear, factor: int) -> int | Fraction | Linear:
    if factor == 1:
        return value
    if isinstance(value, Linear):
        return Linear({variable: _plain(times * factor) for variable, times in value.terms.items()}, _plain(value.const * factor))
    return _plain(value * factor)


def _plain(value: Number) -> Number:
    return value.numerator if value.denominator == 1 else value
