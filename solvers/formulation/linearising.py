"""From rows to a mixed-integer linear program (MILP): logic and the simpler functions become binaries, where bounds are finite.

Implications are written with a big M taken from the bounds of the variables (Williams, *Model Building in Mathematical Programming*,
ch. 9). What cannot be written so, or only with an M that solvers' tolerances make meaningless, is :class:`NotLinear`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, lcm
from typing import Final, Literal

from eudoxus.solvers.formulation.grounding import Grounded, Unknown
from eudoxus.solvers.formulation.program import LinearRow, Program
from eudoxus.solvers.formulation.terms import (
    Compare,
    Flag,
    Linear,
    Logical,
    Number,
    Numeric,
    Quantity,
    Truth,
    Value,
    compared,
    conjunction,
    disjunction,
    minus,
    negation,
    quantity,
    scaled,
    total,
    truth,
)

MOST_M: Final = 10**6
"""Times a solver's tolerance of 1e-6 it is already a whole unit."""
MOST_UNKNOWNS: Final = 200_000
"""With those that are added."""
MOST_PAIRS: Final = 2_000
"""Of values that must be different from each other."""


class NotLinear(ValueError):
    """The formulation is not linear; the message says where."""


def linearised(grounded: Grounded) -> Program:
    """The formulation as a MILP. Raises :class:`NotLinear`."""
    work = _Linearising(grounded)
    for place, row in enumerate(grounded.rows):
        work.source = place
        try:
            work.require(row.truth)
        except NotLinear as problem:
            raise NotLinear(f"{row.label}: {problem}") from None
    work.source = -1
    if grounded.objective is not None:
        try:
            cost = work.linear(grounded.objective.value)
        except NotLinear as problem:
            raise NotLinear(f"objective: {problem}") from None
        work.program.sense = grounded.objective.sense
        work.program.cost, work.program.constant = cost.terms, cost.const
    return work.program


class _Linearising:
    def __init__(self, grounded: Grounded) -> None:
        self.program = Program(list(grounded.unknowns))
        self.source = -1
        self._flags: dict[int, Flag] = {}
        self._signs: dict[tuple[int, bool], Linear] = {}
        self._numbers: dict[int, Linear] = {}
        self._kept: list[object] = []

    # -- truth -----------------------------------------------------------------------------------------------------------

    def require(self, value: Truth, when: Flag | None = None) -> None:
        """Make ``value`` hold; with ``when``, only where that binary is 1."""
        match value:
            case True:
                return
            case False:
                self._row(Linear({}, 1), when)
            case Flag():
                self._row(Linear({value.variable: -1}, 1), when)
            case Compare():
                self._compare(value, when)
            case Logical(operator="and"):
                for one in value.args:
                    self.require(truth(one), when)
            case Logical(operator="or"):
                self._any([truth(one) for one in value.args], when)
            case Logical(operator="iff"):
                left, right = (self._flag(truth(one)) for one in value.args)
                self._any([negation(left), right], when)
                self._any([left, negation(right)], when)
            case Logical(operator="distinct"):
                for first, second in self._pairs(value.args):
                    self._apart(quantity(first), quantity(second), when)
            case Logical():
                self._refute(truth(value.args[0]), when)

    def _refute(self, value: Truth, when: Flag | None) -> None:
        """Make ``value`` not hold."""
        match value:
            case bool():
                self.require(not value, when)
            case Flag():
                self._row(Linear({value.variable: 1}, 0), when)
            case Compare(relation="=="):
                self._apart(value.left, value.right, when)
            case Compare():
                self.require(compared("<" if value.relation == "<=" else "<=", value.right, value.left), when)
            case Logical(operator="and"):
                self._any([negation(truth(one)) for one in value.args], when)
            case Logical(operator="or"):
                for one in value.args:
                    self.require(negation(truth(one)), when)
            case Logical(operator="iff"):
                left, right = (self._flag(truth(one)) for one in value.args)
                self._any([left, right], when)
                self._any([negation(left), negation(right)], when)
            case Logical(operator="distinct"):
                self._any([compared("==", quantity(a), quantity(b)) for a, b in self._pairs(value.args)], when)
            case Logical():
                self.require(truth(value.args[0]), when)

    def _apart(self, left: Quantity, right: Quantity, when: Flag | None) -> None:
        self._any([compared("<", left, right), compared("<", right, left)], when)

    def _any(self, values: Sequence[Truth], when: Flag | None) -> None:
        """At least one holds. Binaries stand for them: one that is 1 makes its value hold."""
        whole = disjunction(values)
        if not (isinstance(whole, Logical) and whole.operator == "or"):
            self.require(whole, when)
            return
        self.program.logical = True
        signs = Linear({}, 1)
        for one in whole.args:
            signs = _less(signs, self._sign(truth(one)))
        self._row(signs, when)

    def _sign(self, value: Truth) -> Linear:
        """A number that is 0 or 1, and 1 only where ``value`` holds."""
        if isinstance(value, Flag):
            return Linear({value.variable: 1})
        if isinstance(value, Logical) and value.operator == "not" and isinstance(value.args[0], Flag):
            return Linear({value.args[0].variable: -1}, 1)
        inner, holds = (truth(value.args[0]), False) if isinstance(value, Logical) and value.operator == "not" else (value, True)
        if (known := self._signs.get((id(inner), holds))) is not None:
            return known
        binary = self._new("bool", 0, 1)
        sign = self._signs[id(inner), holds] = Linear({binary: 1})
        self._kept.append(inner)  # or its id might come again
        self.require(value, Flag(binary))
        return sign

    def _flag(self, value: Truth) -> Truth:
        """A variable that is as true as ``value``; of what stands twice, each part would otherwise be written twice, and so on within."""
        if isinstance(value, Logical) and value.operator == "not":
            return negation(self._flag(truth(value.args[0])))
        if isinstance(value, bool | Flag):
            return value
        return Flag(next(iter(self._counted(value).terms)))

    def _compare(self, value: Compare, when: Flag | None) -> None:
        difference = self.linear(minus(self.linear(value.left), self.linear(value.right)))
        if value.relation == "==":
            self._row(difference, when, equal=True)
        elif value.relation == "<=":
            self._row(difference, when)
        elif self._whole(difference):
            factor = _denominator(difference)
            scaled_up = scaled(difference, factor)
            assert isinstance(scaled_up, Linear)
            self._row(Linear(scaled_up.terms, scaled_up.const + 1), when)
        else:
            raise NotLinear("a strict comparison of numbers that need not be whole")

    def _row(self, value: Linear, when: Flag | None, *, equal: bool = False) -> None:
        """``value <= 0``, or ``== 0``; with ``when``, only where that is 1."""
        if when is None:
            self.program.rows.append(LinearRow(value.terms, -value.const if equal else None, -value.const, self.source))
            return
        for side in (value, _less(Linear({}), value)) if equal else (value,):
            most = self._range(side)[1]
            if most is None or most > MOST_M:
                raise NotLinear("a condition on a sum whose variables have no (or too wide) bounds")
            if most > 0:
                terms = dict(side.terms)
                terms[when.variable] = terms.get(when.variable, 0) + most
                self.program.rows.append(LinearRow(terms, None, most - side.const, self.source))

    def _pairs(self, values: Sequence[Value]) -> list[tuple[Value, Value]]:
        if len(values) * (len(values) - 1) // 2 > MOST_PAIRS:
            raise NotLinear(f"{len(values)} values that must all be different")
        return [(first, second) for place, first in enumerate(values) for second in values[place + 1 :]]

    # -- numbers ---------------------------------------------------------------------------------------------------------

    def linear(self, value: Quantity) -> Linear:
        """The number as a linear sum, perhaps of new variables."""
        if isinstance(value, Linear):
            return value
        if isinstance(value, int | Fraction):
            return Linear({}, value)
        if id(value) not in self._numbers:
            self._numbers[id(value)] = self._of(value)
            self._kept.append(value)  # or its id might come again
        return self._numbers[id(value)]

    def _of(self, value: Numeric) -> Linear:
        args = value.args
        match value.operator:
            case "+":
                return _linear(total(self.linear(quantity(one)) for one in args))
            case "*":
                return self._product(*(self.linear(quantity(one)) for one in args))
            case "count":
                return self._counted(truth(args[0]))
            case "if":
                return self._chosen(truth(args[0]), self.linear(quantity(args[1])), self.linear(quantity(args[2])))
            case "abs":
                inner = self.linear(quantity(args[0]))
                return self._extreme([inner, _less(Linear({}), inner)], "max")
            case "min" | "max":
                return self._extreme([self.linear(quantity(one)) for one in args], value.operator)
            case "floor":
                return self._floor(self.linear(quantity(args[0])))
            case "ceil":
                return _less(Linear({}), self._floor(_less(Linear({}), self.linear(quantity(args[0])))))
            case "%":
                inner, divisor = self.linear(quantity(args[0])), args[1]
                assert isinstance(divisor, int)
                quotient = self._floor(_linear(scaled(inner, Fraction(1, divisor))))
                return _less(inner, _linear(scaled(quotient, divisor)))
        raise NotLinear("a division by a variable")

    def _product(self, left: Linear, right: Linear) -> Linear:
        for one, other in ((left, right), (right, left)):
            if not one.terms:
                return _linear(scaled(other, one.const))
            if len(one.terms) == 1 and self.program.unknowns[next(iter(one.terms))].kind == "bool":
                (variable, factor), = one.terms.items()
                # (factor * binary + const) * other
                switched = self._chosen(Flag(variable), other, Linear({}))
                return _linear(total((scaled(switched, factor), scaled(other, one.const))))
        raise NotLinear("a product of variables")

    def _counted(self, value: Truth) -> Linear:
        found = self._flags.get(id(value))
        if found is None:
            found = Flag(self._new("bool", 0, 1))
            self._flags[id(value)] = found
            self._kept.append(value)  # or its id might come again
            self._always(disjunction((negation(found), value)))
            self._always(disjunction((found, negation(value))))
        return Linear({found.variable: 1})

    def _chosen(self, condition: Truth, then: Linear, otherwise: Linear) -> Linear:
        atom = self._one_of([then, otherwise])
        self._always(disjunction((negation(condition), compared("==", atom, then))))
        self._always(disjunction((condition, compared("==", atom, otherwise))))
        return atom

    def _extreme(self, values: Sequence[Linear], operator: Literal["min", "max"]) -> Linear:
        picked = self._one_of(values)
        for one in values:
            self._always(compared("<=", picked, one) if operator == "min" else compared("<=", one, picked))
        self._always(disjunction(compared("<=", one, picked) if operator == "min" else compared("<=", picked, one) for one in values))
        return picked

    def _floor(self, value: Linear) -> Linear:
        """``floor`` of a sum of whole variables with fractions as coefficients: q whole with ``d q <= d value <= d q + d - 1``."""
        if not self._whole(value):
            raise NotLinear("rounding of a number that is made of real variables")
        factor = _denominator(value)
        if factor == 1:
            return value
        least, most = self._range(value)
        quotient = Linear({self._new("int", None if least is None else ceil(least) - 1, None if most is None else ceil(most)): 1})
        upper = _linear(scaled(value, factor))
        lower = _linear(scaled(quotient, factor))
        self._always(conjunction((compared("<=", lower, upper), compared("<=", upper, _linear(total((lower, factor - 1)))))))
        return quotient

    def _one_of(self, values: Sequence[Linear]) -> Linear:
        """A number that can be any of the values; of sums of whole variables with fractions as coefficients, a fraction of a whole one."""
        ranges = [self._range(value) for value in values]
        lows, highs = [low for low, _ in ranges if low is not None], [high for _, high in ranges if high is not None]
        lowest = min(lows) if len(lows) == len(ranges) else None
        highest = max(highs) if len(highs) == len(ranges) else None
        if not all(map(self._whole, values)):
            return Linear({self._new("real", lowest, highest): 1})
        factor = lcm(*map(_denominator, values))
        whole = self._new("int", None if lowest is None else lowest * factor, None if highest is None else highest * factor)
        return Linear({whole: Fraction(1, factor) if factor > 1 else 1})

    def _always(self, value: Truth) -> None:
        """Make a definition hold, wherever what it defines is used."""
        self.program.logical = True
        self.require(value)

    def _new(self, kind: Literal["bool", "int", "real"], lower: Number | None, upper: Number | None) -> int:
        if len(self.program.unknowns) >= MOST_UNKNOWNS:
            raise NotLinear(f"it takes more than {MOST_UNKNOWNS:,} variables")
        self.program.unknowns.append(Unknown(f"+{len(self.program.unknowns)}", kind, lower, upper))
        return len(self.program.unknowns) - 1

    def _whole(self, value: Linear) -> bool:
        """Whether all variables are whole."""
        return all(self.program.unknowns[one].kind != "real" for one in value.terms)

    def _range(self, value: Linear) -> tuple[Number | None, Number | None]:
        """The least and the greatest that the bounds of the variables allow."""
        least: Number | None = value.const
        most: Number | None = value.const
        for variable, factor in value.terms.items():
            unknown = self.program.unknowns[variable]
            low, high = (unknown.lower, unknown.upper) if factor > 0 else (unknown.upper, unknown.lower)
            least = None if least is None or low is None else least + factor * low
            most = None if most is None or high is None else most + factor * high
        return least, most


def _linear(value: Quantity) -> Linear:
    if isinstance(value, Linear):
        return value
    assert isinstance(value, int | Fraction)
    return Linear({}, value)


def _less(left: Linear, right: Linear) -> Linear:
    return _linear(minus(left, right))


def _denominator(value: Linear) -> int:
    return lcm(*(number.denominator for number in (*value.terms.values(), value.const)))
