"""Cross-validation: does a plan for one problem, with objects renamed, also reach the goal of the other?

If under no renaming that makes the starts equal it does, the goals mean different things. The reverse proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eudoxus.planners.equivalence.canonical import refined_together
from eudoxus.planners.equivalence.scene import scene
from eudoxus.planners.pddl.formulas import Atom, Holds, Not
from eudoxus.planners.pddl.model import Domain, Problem, conjuncts
from eudoxus.planners.pddl.validate import outcome

MOST_OBJECTS = 400
MOST_TRIES = 100_000
"""Pairs of objects tried for one plan."""


def tells_apart(domain: Domain, a: Problem, plan: Sequence[str], b: Problem) -> bool:
    """Whether ``plan``, which solves ``a``, reaches the goal of ``b`` under no renaming; False also where that takes too long.

    The starts must be equal up to names. Raises :class:`PddlError` when the plan does not solve ``a``.
    """
    state = outcome(domain, a, plan)
    if any(not isinstance(part, Holds) and not (isinstance(part, Not) and isinstance(part.part, Holds)) for part in conjuncts(b.goal)):
        return False
    candidates = refined_together(scene(domain, b, None), scene(domain, a, None))
    if candidates is None or len(candidates) > MOST_OBJECTS:
        return False
    return _Renaming(candidates, a, b, state).found() is False


class _Spent(Exception):
    """The tries allowed are used up."""


class _Renaming:
    """Looks for names of ``a`` for the objects of ``b`` that make the starts equal and the goal of ``b`` hold in ``state``."""

    def __init__(self, candidates: Mapping[str, Sequence[str]], a: Problem, b: Problem, state: frozenset[Atom]) -> None:
        self._candidates = candidates
        self._order = sorted(candidates, key=lambda name: len(candidates[name]))
        self._rank = {name: number for number, name in enumerate(self._order)}
        init, values = frozenset(a.init), frozenset((term, str(value)) for term, value in a.values)
        # Every test belongs to the last of its objects to get a name.
        self._tests: list[list[tuple[Atom, frozenset[Atom], bool]]] = [[] for _ in range(len(self._order) + 1)]
        for fact in dict.fromkeys(b.init):
            self._test(fact, init, holds=True)
        for term, value in dict.fromkeys(b.values):
            self._test(term, frozenset(other for other, said in values if said == str(value)), holds=True)
        for part in conjuncts(b.goal):
            if isinstance(part, Holds):
                self._test(part.atom, state, holds=True)
            elif isinstance(part, Not) and isinstance(part.part, Holds):
                self._test(part.part.atom, state, holds=False)
        self._left = MOST_TRIES

    def _test(self, atom: Atom, facts: frozenset[Atom], *, holds: bool) -> None:
        self._tests[1 + max((self._rank[word] for word in atom[1:]), default=-1)].append((atom, facts, holds))

    def found(self) -> bool | None:
        """Whether there is such a renaming; None when looking for it takes too long."""
        try:
            return self._passes(0, {}) and self._extend({}, set())
        except _Spent:
            return None

    def _extend(self, names: dict[str, str], used: set[str]) -> bool:
        if len(names) == len(self._order):
            return True
        name = self._order[len(names)]
        for choice in self._candidates[name]:
            self._left -= 1
            if self._left < 0:
                raise _Spent
            if choice not in used:
                names[name] = choice
                used.add(choice)
                if self._passes(len(names), names) and self._extend(names, used):
                    return True
                used.discard(choice)
                del names[name]
        return False

    def _passes(self, level: int, names: Mapping[str, str]) -> bool:
        return all(((atom[0], *(names[word] for word in atom[1:])) in facts) == holds for atom, facts, holds in self._tests[level])
