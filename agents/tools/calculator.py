"""A calculator: exact with whole numbers and fractions, by an evaluator of its own over a small part of Python's expressions."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from eudoxus.agents.tools.base import tool
from eudoxus.runtime import Context

Number = Fraction | float
LARGEST_EXPONENT, MOST_BITS, MOST_CHARACTERS = 10_000, 50_000, 1_000

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "log10": math.log10, "log2": math.log2, "sin": math.sin, "cos": math.cos,
    "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan, "abs": abs, "min": min, "max": max, "round": round,
    "floor": math.floor, "ceil": math.ceil, "gcd": math.gcd, "lcm": math.lcm,
}
_WHOLE = frozenset({"gcd", "lcm"})
_CONSTANTS = {"pi": math.pi, "e": math.e}
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**"})


class CannotCalculate(ValueError):
    """The message says what is wrong, for the model."""


def _exact(observation: str) -> str:
    """A fraction without the decimal behind it."""
    return observation.partition(" = ")[0]


def _in_parentheses(value: str) -> str:
    """So that the sign of a number and the bar of a fraction stay its own."""
    return value if value.isdecimal() else f"({value})"


@tool("calculator", takes="an expression", does="works out an expression such as (3 + 4/7) * sqrt(2) or 2**10 % 7; exact for fractions",
      value=_exact, quoted=_in_parentheses)
async def calculator(ctx: Context, text: str) -> str:
    """The value, or what is wrong with the expression. Needs no journal: it is a function of its input."""
    try:
        return shown(calculate(text))
    except CannotCalculate as problem:
        return f"error: {problem}"


def calculate(text: str) -> Number:
    """The value of an expression. Raises :class:`CannotCalculate`."""
    plain = text.translate(_SIGNS).strip().rstrip("=").strip("`$ ").replace("**", " ** ")
    if len(plain) > MOST_CHARACTERS:
        raise CannotCalculate(f"an expression of {len(plain):,} characters; at most {MOST_CHARACTERS:,}")
    try:
        return _value(ast.parse(_without_commas(plain), mode="eval").body)
    except SyntaxError:
        raise CannotCalculate(f"{text[:80]!r} is no expression of numbers, + - * / // % ** and {', '.join(_FUNCTIONS)}") from None
    except ZeroDivisionError:
        raise CannotCalculate("division by zero") from None
    except (OverflowError, RecursionError, MemoryError):
        raise CannotCalculate("the numbers get too large") from None
    except (TypeError, ValueError) as error:
        if isinstance(error, CannotCalculate):
            raise
        raise CannotCalculate(str(error) or "not defined there") from None


def shown(value: Number) -> str:
    """A value for reading: whole, as a fraction with its decimal, or as a decimal of 12 digits."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return str(value.numerator)
        try:
            return f"{value} = {float(value):.12g}"
        except OverflowError:
            return str(value)
    return f"{value:.12g}"


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=bool()):
            raise CannotCalculate("true and false are no numbers")
        case ast.Constant(value=int() | float() as number):
            return _checked(Fraction(str(number)) if math.isfinite(number) else number)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            a, b = _value(left), _value(right)
            return _checked(_BINARY[type(op)](*((a, b) if isinstance(a, Fraction) and isinstance(b, Fraction) else (float(a), float(b)))))
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS and arguments:
            return _applied(name, [_value(argument) for argument in arguments])
    raise CannotCalculate(f"{ast.unparse(node)[:60]!r} is nothing to calculate with")


def _applied(name: str, values: list[Number]) -> Number:
    if name in _WHOLE:
        if any(not isinstance(value, Fraction) or value.denominator != 1 for value in values):
            raise CannotCalculate(f"{name} takes whole numbers")
        return Fraction(_FUNCTIONS[name](*map(int, values)))
    if name == "round" and len(values) == 2:
        values[1] = int(values[1])
    found = _FUNCTIONS[name](*values)
    return Fraction(found) if isinstance(found, int) else found


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        if abs(exponent) > LARGEST_EXPONENT or abs(exponent) * max(abs(base.numerator), base.denominator).bit_length() > MOST_BITS:
            raise CannotCalculate("the numbers get too large")
        return _checked(base ** int(exponent))
    found: float | complex = float(base) ** float(exponent)
    if isinstance(found, complex):
        raise CannotCalculate("the result is no real number")
    return found


def _checked(value: Number) -> Number:
    if isinstance(value, Fraction) and max(abs(value.numerator), value.denominator).bit_length() > MOST_BITS:
        raise CannotCalculate("the numbers get too large")
    return value


def _without_commas(text: str) -> str:
    """``1,234,567`` as one number; commas between arguments stay."""
    pieces = text.split(",")
    joined = pieces[0]
    for piece in pieces[1:]:
        thousands = piece[:3].isdigit() and not piece[3:4].isdigit() and joined[-1:].isdigit()
        joined += piece if thousands else "," + piece
    return joined
