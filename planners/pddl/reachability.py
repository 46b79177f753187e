"""What can become true at all: reachability when nothing is ever deleted (Hoffmann and Nebel 2001, FF, JAIR 14, §4).

A fact that cannot be reached this way cannot be reached by any plan. The reverse does not hold. The work is counted, not timed, so that
the answer is the same on every machine; where it would be too much, the result says so.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eudoxus.planners.pddl.formulas import Atom, ground
from eudoxus.planners.pddl.model import Domain, Fitting, Problem, objects_of
from eudoxus.planners.pddl.operators import Operator, operators

MOST_STEPS = 150_000
"""Facts looked at before reachability gives up; about half a second."""


@dataclass(frozen=True, slots=True)
class Grounded:
    """An operator with objects for its variables."""

    operator: Operator
    binding: Mapping[str, str]

    def ground(self, atoms: Sequence[Atom]) -> tuple[Atom, ...]:
        return tuple(ground(atom, self.binding) for atom in atoms)

    @property
    def needs(self) -> tuple[Atom, ...]:
        return self.ground(self.operator.condition.positive)

    @property
    def adds(self) -> tuple[Atom, ...]:
        return self.ground(self.operator.adds)

    @property
    def deletes(self) -> tuple[Atom, ...]:
        """What stops being a fact: what is added by the same step stays."""
        made = set(self.adds)
        return tuple(atom for atom in self.ground(self.operator.deletes) if atom not in made)


@dataclass(frozen=True, slots=True)
class Reached:
    """The facts that can become true under delete relaxation."""

    facts: frozenset[Atom]
    complete: bool
    """False when the work was cut short: then a fact that is not among ``facts`` may be reachable all the same."""
    steps: tuple[Grounded, ...] = field(default=(), repr=False)
    """Every way to take an action, when they were asked for and it is complete."""


def reach(domain: Domain, problem: Problem, *, until: frozenset[Atom] | None = None, ways: Sequence[Operator] | None = None,
          steps: bool = False, most: int = MOST_STEPS) -> Reached:
    """The facts reachable from the initial ones, at most until all of ``until`` are; with ``steps`` also the ways to take actions.

    ``ways``: the operators of the domain where they are known already.
    """
    search = _Search(domain, problem, operators(domain) if ways is None else ways, most, keep=steps)
    complete = search.run(until)
    return Reached(frozenset(search.facts), complete, tuple(search.found) if complete else ())


class _Spent(Exception):
    """The steps allowed are used up."""


class _Search:
    """Facts are taken one by one; each is joined with those taken before it to preconditions of operators."""

    def __init__(self, domain: Domain, problem: Problem, ways: Sequence[Operator], most: int, *, keep: bool) -> None:
        self.facts: dict[Atom, None] = dict.fromkeys(problem.init)
        self.found: list[Grounded] = []
        self._keep, self._left = keep, most
        self._initial = frozenset(problem.init)
        self._waiting = deque(self.facts)
        self._by_place: dict[tuple[str, int, str], list[Atom]] = {}
        self._by_name: dict[str, list[Atom]] = {}
        self._seen: set[tuple[int, tuple[str, ...]]] = set()
        self._operators = ways
        self._deleted = {atom[0] for operator in self._operators for atom in operator.deletes}
        self._triggers: dict[str, list[tuple[int, int]]] = {}
        for number, operator in enumerate(self._operators):
            for place, atom in enumerate(operator.condition.positive):
                self._triggers.setdefault(atom[0], []).append((number, place))
        things = objects_of(domain, problem)
        kinds = {variable.types for operator in self._operators for variable in operator.parameters}
        fits = Fitting(domain)
        fitting = {wanted: {name: None for name, types in things.items() if fits(types, wanted)} for wanted in kinds}
        self._choices = [{v.name: fitting[v.types] for v in operator.parameters} for operator in self._operators]

    def run(self, until: frozenset[Atom] | None) -> bool:
        """Whether all was looked at, or everything in ``until`` was found."""
        wanted = set(until or ()) - self.facts.keys() if until is not None else None
        try:
            for number, operator in enumerate(self._operators):
                if not operator.condition.positive:
                    self._complete(number, {})
            while self._waiting and (wanted is None or wanted):
                fact = self._waiting.popleft()
                if wanted:
                    wanted.discard(fact)
                self._by_name.setdefault(fact[0], []).append(fact)
                for place, word in enumerate(fact):
                    self._by_place.setdefault((fact[0], place, word), []).append(fact)
                for number, place in self._triggers.get(fact[0], ()):
                    self._join(number, place, fact)
        except _Spent:
            return False
        return True

    def _join(self, number: int, place: int, fact: Atom) -> None:
        needed = self._operators[number].condition.positive
        binding = self._match(number, needed[place], fact, {})
        if binding is None:
            return
        rest = needed[:place] + needed[place + 1:]
        stack: list[tuple[dict[str, str], tuple[Atom, ...]]] = [(binding, rest)]
        while stack:
            bound, open_atoms = stack.pop()
            if not open_atoms:
                self._complete(number, bound)
                continue
            best, candidates = self._narrowest(open_atoms, bound)
            left = open_atoms[:best] + open_atoms[best + 1:]
            for candidate in candidates:
                wider = self._match(number, open_atoms[best], candidate, bound)
                if wider is not None:
                    stack.append((wider, left))

    def _narrowest(self, atoms: tuple[Atom, ...], bound: Mapping[str, str]) -> tuple[int, Sequence[Atom]]:
        """The atom that the fewest facts can match, and these facts."""
        best: tuple[int, Sequence[Atom]] | None = None
        for number, atom in enumerate(atoms):
            facts: Sequence[Atom] = self._by_name.get(atom[0], ())
            for place, word in enumerate(atom[1:], start=1):
                value = bound.get(word, word)
                if not value.startswith("?"):
                    fewer = self._by_place.get((atom[0], place, value), ())
                    facts = fewer if len(fewer) < len(facts) else facts
            if best is None or len(facts) < len(best[1]):
                best = number, facts
        assert best is not None
        return best

    def _match(self, number: int, pattern: Atom, fact: Atom, bound: Mapping[str, str]) -> dict[str, str] | None:
        """``bound`` with what makes ``pattern`` the fact; None when nothing does."""
        self._count()
        if len(pattern) != len(fact):
            return None
        wider = dict(bound)
        for word, value in zip(pattern, fact, strict=True):
            if not word.startswith("?"):
                if word != value:
                    return None
            elif wider.setdefault(word, value) != value or value not in self._choices[number].get(word, ()):
                return None
        return wider

    def _complete(self, number: int, bound: Mapping[str, str]) -> None:
        """Take the operator with every choice of objects for the variables that its positive preconditions leave open."""
        operator, choices = self._operators[number], self._choices[number]
        free = [variable.name for variable in operator.parameters if variable.name not in bound]
        if any(not choices[name] for name in free):
            return
        told = {word for atom in (*operator.adds, *operator.deletes, *operator.condition.negative) for word in atom}
        told |= {word for pair in (*operator.condition.unequal, *operator.condition.equal) for word in pair}
        chosen = [[*choices[name]] if name in told else [next(iter(choices[name]))] for name in free]
        for values in itertools.product(*chosen):
            self._count()
            binding = {**bound, **dict(zip(free, values, strict=True))}
            if self._allowed(operator, binding):
                self._take(number, operator, binding)

    def _allowed(self, operator: Operator, binding: Mapping[str, str]) -> bool:
        """Equalities hold, and no negative precondition is a fact that nothing can ever delete."""
        condition = operator.condition
        return (
            all(binding.get(a, a) == binding.get(b, b) for a, b in condition.equal)
            and all(binding.get(a, a) != binding.get(b, b) for a, b in condition.unequal)
            and all(atom[0] in self._deleted or ground(atom, binding) not in self._initial for atom in condition.negative)
        )

    def _take(self, number: int, operator: Operator, binding: Mapping[str, str]) -> None:
        if self._keep:
            key = number, tuple(binding[variable.name] for variable in operator.parameters)
            if key in self._seen:
                return
            self._seen.add(key)
            self.found.append(Grounded(operator, binding))
        for atom in operator.adds:
            fact = ground(atom, binding)
            if fact not in self.facts:
                self.facts[fact] = None
                self._waiting.append(fact)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _Spent


def matches(pattern: Atom, fact: Atom) -> dict[str, str] | None:
    """What the variables of ``pattern`` stand for in ``fact``, whose words that begin with ``?`` match anything."""
    if len(pattern) != len(fact):
        return None
    binding: dict[str, str] = {}
    for word, value in zip(pattern, fact, strict=True):
        if word.startswith("?"):
            if not value.startswith("?") and binding.setdefault(word, value) != value:
                return None
        elif word != value and not value.startswith("?"):
            return None
    return binding
