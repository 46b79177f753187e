"""What is evaluated only under a condition, and what must hold for values to make sense: divisors are not 0, indices are in a table."""

from __future__ import annotations

from eudoxus.solvers.formulation.operations import Closure, Env, equal
from eudoxus.solvers.formulation.terms import Truth, Value, choice, conjunction, constant, disjunction, negation, quantity, quotient, truth


class Sides:
    """Collects side conditions until they are taken. Those of what is evaluated under a condition hold under it."""

    def __init__(self) -> None:
        self._side: list[Truth] = []

    def take(self) -> list[Truth]:
        """Conditions under which what was computed since makes sense."""
        side, self._side = self._side, []
        return side

    def add(self, condition: Truth) -> None:
        """One more."""
        self._side.append(condition)

    def _under(self, condition: Truth, closure: Closure, env: Env) -> Value:
        """The value; what must hold for it to make sense must hold only under the condition."""
        before, self._side = self._side, []
        try:
            return closure(env)
        finally:
            unless = negation(condition)
            self._side = before + [disjunction((unless, one)) for one in self._side]

    def logic(self, every: bool, values: list[Closure]) -> Closure:
        def fold(env: Env) -> Value:
            """Left to right, and no further than needed: what stands left may be what makes the right sensible."""
            found: list[Truth] = []
            for value in values:
                reached = conjunction(found if every else map(negation, found))
                one = truth(self._under(reached, value, env) if found else value(env))
                if one is (not every):
                    return one
                found.append(one)
            return conjunction(found) if every else disjunction(found)

        return fold

    def conditional(self, test: Closure, body: Closure, otherwise: Closure) -> Closure:
        def pick(env: Env) -> Value:
            condition = truth(test(env))
            if isinstance(condition, bool):
                return body(env) if condition else otherwise(env)
            return choice(condition, self._under(condition, body, env), self._under(negation(condition), otherwise, env))

        return pick

    def division(self, left: Closure, right: Closure) -> Closure:
        def divided(env: Env) -> Value:
            top, low = quantity(left(env)), quantity(right(env))
            if not constant(low):
                self._side.append(negation(equal(low, 0)))
            return quotient(top, low)

        return divided

    def implication(self, test: Closure, then: Closure) -> Closure:
        def implied(env: Env) -> Value:
            condition = truth(test(env))
            return True if condition is False else disjunction((negation(condition), truth(self._under(condition, then, env))))

        return implied
