"""What else must hold wherever a goal does: the goal *fully specified* (Zuo et al. 2024, arXiv 2407.03321, §4).

Where Planetarium has an oracle written by hand for each domain, this works for any: facts that can never be deleted, facts that every way
to the goal must pass through (Zhu and Givan 2003, Landmark extraction via planning graph propagation), groups of facts of which exactly
one holds at a time, and relations that never form a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eudoxus.planners.pddl.formulas import Atom, Condition, Holds, Not
from eudoxus.planners.pddl.invariants import Invariant, Part, invariants
from eudoxus.planners.pddl.model import Domain, Problem, conjuncts
from eudoxus.planners.pddl.operators import Operator, operators
from eudoxus.planners.pddl.reachability import Reached, reach

MOST_WAYS = 20_000
"""Ways to take an action in problems whose goals are specified fully."""


class Contradiction(Exception):
    """The goal cannot hold in any state that can be reached."""


@dataclass(frozen=True, slots=True)
class Specified:
    """A goal with all that it is found to entail."""

    parts: frozenset[Condition]
    complete: bool
    """False when the problem is too large to look into; then the parts are those that were written."""


def fully_specify(domain: Domain, problem: Problem) -> Specified:
    """The goal of ``problem`` with what it entails. Raises :class:`Contradiction` when it entails something and its opposite."""
    written = frozenset(conjuncts(problem.goal))
    reached = reach(domain, problem, steps=True)
    if not reached.complete or len(reached.steps) > MOST_WAYS:
        return Specified(written, complete=False)
    wanted = {part.atom for part in written if isinstance(part, Holds)}
    refused = {part.part.atom for part in written if isinstance(part, Not) and isinstance(part.part, Holds)}
    if not wanted <= reached.facts:
        raise Contradiction
    world = _World(domain, problem, reached)
    true, false = world.settle(wanted, set())
    news = refused - false
    true, _ = world.settle(true, false | news)
    others = {part for part in written if not isinstance(part, Holds) and not (isinstance(part, Not) and isinstance(part.part, Holds))}
    return Specified(frozenset({*others, *(Holds(atom) for atom in true), *(Not(Holds(atom)) for atom in news if atom in reached.facts)}),
                     complete=True)


@dataclass(frozen=True, slots=True)
class _Group:
    """Facts of which at most one holds; exactly one where the group is ``kept``."""

    members: tuple[Atom, ...]
    kept: bool


class _World:
    def __init__(self, domain: Domain, problem: Problem, reached: Reached) -> None:
        self._init, self._reached = frozenset(problem.init), reached
        self._deletable = {atom for way in reached.steps for atom in way.deletes}
        self._landmarks = _Landmarks(problem.init, reached)
        known = invariants(domain)
        self._groups: dict[Atom, list[_Group]] = {}
        for group in _groups(known, problem.init, reached.facts):
            for atom in group.members:
                self._groups.setdefault(atom, []).append(group)
        self._circle_free = _circle_free(operators(domain), known, problem.init)

    def settle(self, wanted: Iterable[Atom], refused: Iterable[Atom]) -> tuple[set[Atom], set[Atom]]:
        """What holds and what does not in every reachable state with all of ``wanted`` and none of ``refused``."""
        true: set[Atom] = set()
        false: set[Atom] = set()
        news = [(atom, True) for atom in {*wanted, *(self._init - self._deletable)}] + [(atom, False) for atom in set(refused)]
        while news or (news := self._circles(true, false)):
            atom, holds = news.pop()
            if atom in (true if holds else false):
                continue
            if atom in (false if holds else true):
                raise Contradiction
            (true if holds else false).add(atom)
            if holds:
                news += [(passed, True) for passed in self._landmarks.of(atom) if passed not in self._deletable]
            for group in self._groups.get(atom, ()):
                news += self._within(group, atom, holds, false)
        return true, false

    def _within(self, group: _Group, atom: Atom, holds: bool, false: set[Atom]) -> list[tuple[Atom, bool]]:
        if holds:
            return [(other, False) for other in group.members if other != atom]
        if not group.kept:
            return []
        left = [other for other in group.members if other not in false]
        if not left:
            raise Contradiction
        return [(left[0], True)] if len(left) == 1 else []

    def _circles(self, true: set[Atom], false: set[Atom]) -> list[tuple[Atom, bool]]:
        """Facts that would close a circle of a relation that has none."""
        found: list[tuple[Atom, bool]] = []
        for name in self._circle_free:
            after: dict[str, list[str]] = {}
            for atom in true:
                if atom[0] == name:
                    after.setdefault(atom[1], []).append(atom[2])
            found += [(atom, False) for atom in self._reached.facts
                      if atom[0] == name and atom not in false and atom[1] in _reachable(atom[2], after)]
        return found


def _reachable(start: str, after: Mapping[str, Sequence[str]]) -> set[str]:
    found, queue = {start}, [start]
    while queue:
        for there in after.get(queue.pop(), ()):
            if there not in found:
                found.add(there)
                queue.append(there)
    return found


def _groups(known: Iterable[Invariant], init: Iterable[Atom], facts: Iterable[Atom]) -> list[_Group]:
    found = []
    for invariant in known:
        start = invariant.groups(dict.fromkeys(init))
        for key, members in invariant.groups(facts).items():
            if len(start.get(key, ())) == 1:
                found.append(_Group(tuple(members), invariant.kept))
    return found


class _Landmarks:
    """For each reachable fact, the facts that hold before it or with it on every way to it from the start."""

    def __init__(self, init: Iterable[Atom], reached: Reached) -> None:
        self._atoms = sorted(reached.facts)
        self._bit = {atom: 1 << number for number, atom in enumerate(self._atoms)}
        self._passed = {atom: self._bit[atom] for atom in init}
        ways = [(way.needs, way.adds) for way in reached.steps]
        using: dict[Atom, list[int]] = {}
        for number, (needs, _) in enumerate(ways):
            for atom in needs:
                using.setdefault(atom, []).append(number)
        queue = dict.fromkeys(range(len(ways)))
        while queue:
            needs, adds = ways[queue.popitem()[0]]
            if any(atom not in self._passed for atom in needs):
                continue
            before = 0
            for atom in needs:
                before |= self._passed[atom]
            for atom in adds:
                old = self._passed.get(atom)
                new = (before if old is None else before & old) | self._bit[atom]
                if new != old:
                    self._passed[atom] = new
                    queue.update(dict.fromkeys(using.get(atom, ())))

    def of(self, atom: Atom) -> list[Atom]:
        marks = self._passed.get(atom, 0)
        return [self._atoms[number] for number in range(marks.bit_length()) if marks >> number & 1]


def _circle_free(ways: Sequence[Operator], known: Sequence[Invariant], init: Sequence[Atom]) -> list[str]:
    """Relations such as ``on`` that never form a circle: a pair is only added while nothing is related to its first member."""
    found = []
    for invariant in known:
        for part in invariant.parts:
            if part == Part(part.predicate, (2,), 1) and all(len(facts) <= 1 for facts in invariant.groups(dict.fromkeys(init)).values()):
                after: dict[str, list[str]] = {}
                for fact in init:
                    if fact[0] == part.predicate:
                        after.setdefault(fact[1], []).append(fact[2])
                circle = any(start in _reachable(there, after) for start in after for there in after[start])
                if not circle and all(_tops(operator, invariant, part.predicate) for operator in ways):
                    found.append(part.predicate)
    return sorted(set(found))


def _tops(operator: Operator, invariant: Invariant, name: str) -> bool:
    """Whether the operator adds at most one pair, whose first member has nothing related to it at that time."""
    added = [atom for atom in operator.adds if atom[0] == name]
    return not added or (len(added) == 1 and not operator.conditional and any(
        atom[0] != name and invariant.key_of(atom) == (added[0][1],) for atom in operator.condition.positive))
