"""Facts of which at most one holds at a time (Helmert 2009, Concise finite-domain representations, Artificial Intelligence 173, §5).

An invariant such as {(on ?x *), (on-table ?x), (holding ?x)} says that for every ?x the number of these facts never grows. It is found by
guessing and repairing: a guess with one predicate that some action breaks is widened by what this action deletes.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from eudoxus.planners.pddl.formulas import Atom
from eudoxus.planners.pddl.model import Domain
from eudoxus.planners.pddl.operators import Operator, operators

MOST_CANDIDATES = 300
"""Guesses looked at for one domain."""
MOST_CHECKS = 50_000
"""Pairs of effects compared for one domain."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """Facts of one predicate that an invariant counts."""

    predicate: str
    keys: tuple[int, ...]
    """For each key of the invariant the place (from 1) where it stands."""
    counted: int = 0
    """The place that may be anything; 0 where all places are keys."""

    def key_of(self, atom: Atom) -> tuple[str, ...]:
        return tuple(atom[place] for place in self.keys)

    def __str__(self) -> str:
        words = {place: f"?{number}" for number, place in enumerate(self.keys, start=1)}
        return f"({' '.join([self.predicate, *(words.get(place, '*') for place in range(1, len(self.keys) + bool(self.counted) + 1))])})"


@dataclass(frozen=True, slots=True)
class Invariant:
    """For every choice of keys, the number of facts that its parts count never grows."""

    parts: frozenset[Part]
    kept: bool = False
    """Whether the number never shrinks either."""

    def part(self, predicate: str) -> Part | None:
        return next((part for part in self.parts if part.predicate == predicate), None)

    def key_of(self, atom: Atom) -> tuple[str, ...] | None:
        """The keys that ``atom`` counts for; None when it is not counted."""
        part = self.part(atom[0])
        return None if part is None or len(atom) - 1 != len(part.keys) + bool(part.counted) else part.key_of(atom)

    def groups(self, facts: Iterable[Atom]) -> dict[tuple[str, ...], list[Atom]]:
        """The facts that are counted, by key."""
        found: dict[tuple[str, ...], list[Atom]] = {}
        for fact in facts:
            key = self.key_of(fact)
            if key is not None:
                found.setdefault(key, []).append(fact)
        return found

    def __str__(self) -> str:
        return "{" + ", ".join(str(part) for part in sorted(self.parts)) + "}"


class _Enough(Exception):
    """The checks allowed are used up."""


def invariants(domain: Domain) -> list[Invariant]:
    """The invariants that are found for the domain, in a fixed order; fewer where the domain is very large."""
    found: list[Invariant] = []
    search = _Search(domain)
    waiting = deque(search.guesses())
    seen = set(waiting)
    try:
        while waiting and len(seen) < MOST_CANDIDATES:
            candidate = waiting.popleft()
            threat = search.threat(candidate)
            if threat is None:
                found.append(Invariant(candidate, kept=search.kept(candidate)))
                continue
            for wider in search.repairs(candidate, *threat):
                if wider not in seen:
                    seen.add(wider)
                    waiting.append(wider)
    except _Enough:
        pass
    return found


class _Search:
    def __init__(self, domain: Domain) -> None:
        # What a step deletes and adds at once stays.
        self._operators = [replace(op, deletes=tuple(atom for atom in op.deletes if atom not in op.adds)) for op in operators(domain)]
        self._arity = {predicate.name: predicate.arity for predicate in domain.predicates}
        # An effect of an effect's own condition is not weighed: what it touches is not guessed about.
        wild = {atom[0] for op in self._operators if op.conditional for atom in (*op.adds, *op.deletes)}
        self._fluent = [name for name in self._arity if name not in wild and any(
            atom[0] == name for op in self._operators for atom in (*op.adds, *op.deletes))]
        self._left = MOST_CHECKS

    def guesses(self) -> Iterator[frozenset[Part]]:
        """One predicate, of which at most one place is counted."""
        for name in self._fluent:
            places = tuple(range(1, self._arity[name] + 1))
            if len(places) <= 4:
                yield frozenset({Part(name, places)})
                for counted in places:
                    yield frozenset({Part(name, tuple(place for place in places if place != counted), counted)})

    def threat(self, candidate: frozenset[Part]) -> tuple[Operator, Atom] | None:
        """An operator that makes the number grow, with the fact that it adds; None when there is none."""
        parts = {part.predicate: part for part in candidate}
        for operator in self._operators:
            added = [atom for atom in operator.adds if atom[0] in parts and atom not in operator.condition.positive]
            for atom in added:
                if not self._balanced(operator, atom, parts, operator.deletes, operator.condition.positive):
                    return operator, atom
            for one, other in itertools.combinations(dict.fromkeys(added), 2):
                if self._both(operator, one, other, parts):
                    return operator, ()
        return None

    def kept(self, candidate: frozenset[Part]) -> bool:
        """Whether every deletion of a counted fact comes with the addition of another one for the same keys."""
        parts = {part.predicate: part for part in candidate}
        return all(self._balanced(operator, atom, parts, operator.adds, None)
                   for operator in self._operators for atom in operator.deletes if atom[0] in parts)

    def _balanced(self, operator: Operator, atom: Atom, parts: Mapping[str, Part], others: Iterable[Atom],
                  needed: tuple[Atom, ...] | None) -> bool:
        """Whether one of ``others`` counts for the same keys as ``atom`` (and is among ``needed``)."""
        self._count()
        keys = parts[atom[0]].key_of(atom)
        return any(other != atom and other[0] in parts and parts[other[0]].key_of(other) == keys and (needed is None or other in needed)
                   for other in others)

    def _both(self, operator: Operator, one: Atom, other: Atom, parts: Mapping[str, Part]) -> bool:
        """Whether one step can add both facts for the same keys, neither of which held before."""
        self._count()
        names = _merged(zip(parts[one[0]].key_of(one), parts[other[0]].key_of(other), strict=True))
        if names is None:
            return False
        same = operator.renamed(names)
        first, second = (tuple(names.get(word, word) for word in atom) for atom in (one, other))
        condition = same.condition
        return not (
            first == second or first in condition.positive or second in condition.positive
            or set(condition.positive) & set(condition.negative) or any(a == b for a, b in condition.unequal)
        )

    def repairs(self, candidate: frozenset[Part], operator: Operator, added: Atom) -> Iterator[frozenset[Part]]:
        """``candidate`` with one more part, so that what ``operator`` deletes makes up for what it adds."""
        if not added:
            return
        parts = {part.predicate: part for part in candidate}
        keys = parts[added[0]].key_of(added)
        for gone in operator.deletes:
            if gone[0] in parts or gone[0] not in self._fluent or gone not in operator.condition.positive:
                continue
            rest = len(gone) - 1 - len(keys)
            if rest not in (0, 1):
                continue
            for places in itertools.permutations(range(1, len(gone)), len(keys)):
                if tuple(gone[place] for place in places) == keys:
                    counted = next((place for place in range(1, len(gone)) if place not in places), 0)
                    yield candidate | {Part(gone[0], places, counted)}

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _Enough


def _merged(pairs: Iterable[tuple[str, str]]) -> dict[str, str] | None:
    """Names for variables that make each pair equal; None when two different objects would have to be."""
    names: dict[str, str] = {}

    def named(word: str) -> str:
        while word in names:
            word = names[word]
        return word

    for left, right in pairs:
        a, b = named(left), named(right)
        if a == b:
            continue
        if not a.startswith("?"):
            a, b = b, a
        if not a.startswith("?"):
            return None
        names[a] = b
    return {word: named(word) for word in names}
