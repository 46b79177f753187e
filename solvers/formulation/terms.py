"""Grounded expressions: numbers, linear sums over variables by number, and trees of everything else.

A value is a constant (``int``, ``Fraction``, ``bool``, ``str``, ``tuple``) or one of the classes here. Constants fold as they meet, so a
linear model is nothing but :class:`Linear` and :class:`Compare`, and takes time in proportion to its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Final, Literal, TypeAlias

MOST_BITS = 512
"""Of a number's numerator or denominator."""

Number: TypeAlias = "int | Fraction"
_NUMBERS: Final = (int, Fraction)
Relation = Literal["<=", "<", "=="]


class TermError(ValueError):
    """Values that do not go together, such as a text in a sum."""


class Linear:
    """A constant and a coefficient for each variable, by the variable's number. Never changed once it is shared."""

    __slots__ = ("const", "terms")

    def __init__(self, terms: dict[int, Number], const: Number = 0) -> None:
        self.terms = terms
        self.const = const


class Flag:
    """A boolean variable where a truth value stands; in sums it counts 0 or 1."""

    __slots__ = ("variable",)

    def __init__(self, variable: int) -> None:
        self.variable = variable


NumericOperator = Literal["+", "*", "/", "%", "if", "abs", "min", "max", "ceil", "floor", "count"]


class Numeric:
    """A number that is not linear. Arguments of ``if`` are truth, then, else; ``count`` is 1 where its truth value holds, else 0."""

    __slots__ = ("args", "operator")

    def __init__(self, operator: NumericOperator, args: Sequence[Value]) -> None:
        self.operator = operator
        self.args = tuple(args)


class Compare:
    """``left relation right``."""

    __slots__ = ("left", "relation", "right")

    def __init__(self, relation: Relation, left: Quantity, right: Quantity) -> None:
        self.relation: Relation = relation
        self.left = left
        self.right = right


LogicalOperator = Literal["and", "or", "not", "iff", "distinct"]


class Logical:
    """A truth value made of others; ``distinct`` is one of numbers."""

    __slots__ = ("args", "operator")

    def __init__(self, operator: LogicalOperator, args: Sequence[Value]) -> None:
        self.operator = operator
        self.args = tuple(args)


_OPEN = frozenset((Linear, Numeric, Flag, Compare, Logical))
_QUANTITIES = frozenset((int, Fraction, Linear, Numeric))

Quantity: TypeAlias = "int | Fraction | Linear | Numeric"
Truth: TypeAlias = "bool | Flag | Compare | Logical"
Value: TypeAlias = "int | Fraction | bool | str | tuple[Value, ...] | Linear | Numeric | Flag | Compare | Logical"


def constant(value: Value) -> bool:
    """Whether no variable is in it."""
    return type(value) not in _OPEN


def quantity(value: Value) -> Quantity:
    """The value as a number; truth values count 0 or 1. Raises :class:`TermError`."""
    if type(value) in _QUANTITIES:
        return value  # type: ignore[return-value]
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Flag):
        return Linear({value.variable: 1})
    if isinstance(value, Compare | Logical):
        return Numeric("count", (value,))
    raise TermError(f"{_kind(value)} stands where a number is needed")


def truth(value: Value) -> Truth:
    """The value as a truth value. Raises :class:`TermError`."""
    if isinstance(value, bool | Flag | Compare | Logical):
        return value
    raise TermError(f"{_kind(value)} stands where something true or false is needed")


# -- arithmetic ----------------------------------------------------------------------------------------------------------


def total(values: Iterable[Value]) -> Quantity:
    """The sum. Linear parts are added up in one pass."""
    terms: dict[int, Number] = {}
    const: Number = 0
    others: list[Quantity] = []
    for value in values:
        if type(value) is Linear:
            const += value.const
            for variable, factor in value.terms.items():
                terms[variable] = added(terms.get(variable, 0), factor)
        elif type(value) is int or type(value) is Fraction:
            const = added(const, value)
        elif type(value) is Flag:
            terms[value.variable] = terms.get(value.variable, 0) + 1
        else:
            part = quantity(value)
            if isinstance(part, Numeric):
                others.append(part)
            else:  # a bool
                assert not isinstance(part, Linear)
                const += part
    bounded(const)
    linear: Quantity = Linear(terms, const) if terms else const
    if not others:
        return linear
    return Numeric("+", [*others, linear] if terms or const else others) if len(others) > 1 or terms or const else others[0]


def added(one: Number, other: Number) -> Number:
    """The sum. Of many fractions it grows with each: those are looked at at once, whole numbers at the end."""
    return one + other if type(one) is int and type(other) is int else bounded(one + other)


def scaled(value: Quantity, factor: Number) -> Quantity:
    """``factor`` times ``value``."""
    if isinstance(value, Linear):
        if factor == 0:
            return 0
        return Linear({variable: bounded(times * factor) for variable, times in value.terms.items()}, bounded(value.const * factor))
    if isinstance(value, Numeric):
        return 0 if factor == 0 else value if factor == 1 else Numeric("*", (factor, value))
    return bounded(value * factor)


def minus(left: Quantity, right: Quantity) -> Quantity:
    return total((left, scaled(right, -1)))


def product(left: Quantity, right: Quantity) -> Quantity:
    if isinstance(left, _NUMBERS):
        return scaled(right, left)
    if isinstance(right, _NUMBERS):
        return scaled(left, right)
    return Numeric("*", (left, right))


def quotient(left: Quantity, right: Quantity) -> Quantity:
    """Exact division. Raises :class:`TermError` by zero."""
    if isinstance(right, _NUMBERS):
        if right == 0:
            raise TermError("division by zero")
        return scaled(left, Fraction(1) / right)
    return Numeric("/", (left, right))


def remainder(left: Quantity, right: Quantity) -> Quantity:
    """What Python's ``%`` gives. The divisor is a whole constant above zero. Raises :class:`TermError`."""
    if not isinstance(right, int) or right <= 0:
        raise TermError("the right side of % must be a whole number above 0, and no variable")
    return left % right if isinstance(left, _NUMBERS) else Numeric("%", (left, right))


def rounded(operator: Literal["ceil", "floor", "abs"], value: Quantity) -> Quantity:
    if isinstance(value, _NUMBERS):
        return {"ceil": ceil, "floor": floor, "abs": abs}[operator](value)  # type: ignore[operator,no-any-return]
    return Numeric(operator, (value,))


def extreme(operator: Literal["min", "max"], values: Sequence[Quantity]) -> Quantity:
    """Raises :class:`TermError` when there are none."""
    if not values:
        raise TermError(f"{operator} of nothing")
    known = [value for value in values if isinstance(value, _NUMBERS)]
    best = [(min if operator == "min" else max)(known)] if known else []
    open_ones = [value for value in values if not isinstance(value, _NUMBERS)]
    found = [*open_ones, *best]
    return found[0] if len(found) == 1 else Numeric(operator, found)


def choice(condition: Truth, then: Value, otherwise: Value) -> Value:
    """``then if condition else otherwise`` where the condition depends on variables."""
    if isinstance(then, bool | Flag | Compare | Logical) and isinstance(otherwise, bool | Flag | Compare | Logical):
        return conjunction((disjunction((negation(condition), then)), disjunction((condition, otherwise))))
    return Numeric("if", (condition, quantity(then), quantity(otherwise)))


# -- logic ---------------------------------------------------------------------------------------------------------------


def compared(relation: Relation, left: Quantity, right: Quantity) -> Truth:
    if type(left) not in _OPEN and type(right) not in _OPEN:
        assert isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS)
        return left <= right if relation == "<=" else left < right if relation == "<" else left == right
    return Compare(relation, left, right)


def negation(value: Truth) -> Truth:
    if isinstance(value, bool):
        return not value
    if isinstance(value, Logical) and value.operator == "not":
        return truth(value.args[0])
    return Logical("not", (value,))


def conjunction(values: Iterable[Truth]) -> Truth:
    open_ones: list[Truth] = []
    for value in values:
        if value is False:
            return False
        if value is not True:
            open_ones.extend(map(truth, value.args)) if isinstance(value, Logical) and value.operator == "and" else open_ones.append(value)
    return True if not open_ones else open_ones[0] if len(open_ones) == 1 else Logical("and", open_ones)


def disjunction(values: Iterable[Truth]) -> Truth:
    open_ones: list[Truth] = []
    for value in values:
        if value is True:
            return True
        if value is not False:
            open_ones.extend(map(truth, value.args)) if isinstance(value, Logical) and value.operator == "or" else open_ones.append(value)
    return False if not open_ones else open_ones[0] if len(open_ones) == 1 else Logical("or", open_ones)


def equivalence(left: Truth, right: Truth) -> Truth:
    if isinstance(left, bool):
        return right if left else negation(right)
    if isinstance(right, bool):
        return left if right else negation(left)
    return Logical("iff", (left, right))


def bounded(number: Number) -> Number:
    """The number, unless it is too long. Raises :class:`TermError`."""
    if isinstance(number, int):
        if number.bit_length() > MOST_BITS:
            raise TermError(f"a number of {number.bit_length():,} bits")
    elif number.denominator == 1:
        return bounded(number.numerator)
    elif max(number.numerator.bit_length(), number.denominator.bit_length()) > MOST_BITS:
        raise TermError("a fraction with too long a numerator or denominator")
    return number


def _kind(value: object) -> str:
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, tuple):
        return "a list"
    return "something true or false" if isinstance(value, bool | Flag | Compare | Logical) else "a number"
