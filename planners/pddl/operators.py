"""Actions as flat operators: conjunctions of literals over variables, which is what reachability and invariants reason about.

What cannot be flattened is left out of the precondition, so that operators are never less applicable than their actions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from eudoxus.planners.pddl.formulas import (
    And,
    Atom,
    Condition,
    Effect,
    Equal,
    ForEach,
    Holds,
    Makes,
    Not,
    Or,
    Some,
    Typed,
    When,
    ground,
)
from eudoxus.planners.pddl.model import Action, Domain

MOST_ALTERNATIVES = 16
"""Ways to fulfil one precondition with ``or`` that are told apart; beyond that the ``or`` is taken to hold."""


@dataclass(frozen=True, slots=True)
class Literals:
    """A conjunction of literals, with the variables that ``exists`` adds to it."""

    positive: tuple[Atom, ...] = ()
    negative: tuple[Atom, ...] = ()
    unequal: tuple[tuple[str, str], ...] = ()
    equal: tuple[tuple[str, str], ...] = ()
    variables: tuple[Typed, ...] = ()
    exact: bool = True
    """Whether nothing of the condition was left out."""

    def joined(self, other: Literals) -> Literals:
        return Literals(self.positive + other.positive, self.negative + other.negative, self.unequal + other.unequal,
                        self.equal + other.equal, self.variables + other.variables, self.exact and other.exact)

    def renamed(self, names: Mapping[str, str]) -> Literals:
        """With its variables called otherwise, so that two of them become one where ``names`` says so."""
        return Literals(tuple(ground(atom, names) for atom in self.positive), tuple(ground(atom, names) for atom in self.negative),
                        _pairs(self.unequal, names), _pairs(self.equal, names),
                        tuple(Typed(names.get(v.name, v.name), v.types) for v in self.variables), self.exact)


def _pairs(pairs: tuple[tuple[str, str], ...], names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((names.get(left, left), names.get(right, right)) for left, right in pairs)


@dataclass(frozen=True, slots=True)
class Operator:
    """One way in which an action can happen: its condition, and what becomes true and false.

    An action with conditional effects has an operator for each of them; its own, without them, comes first.
    """

    action: str
    parameters: tuple[Typed, ...]
    condition: Literals
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]
    conditional: bool
    """Whether the effects happen under a condition of their own or for many objects at once."""

    def renamed(self, names: Mapping[str, str]) -> Operator:
        """With its variables called otherwise."""
        return Operator(self.action, self.parameters, self.condition.renamed(names), tuple(ground(atom, names) for atom in self.adds),
                        tuple(ground(atom, names) for atom in self.deletes), self.conditional)


def operators(domain: Domain) -> tuple[Operator, ...]:
    """The operators of all actions, in order."""
    return tuple(operator for action in domain.actions for operator in _flat(action))


def _flat(action: Action) -> Iterator[Operator]:
    fresh = itertools.count()
    for condition in alternatives(action.precondition, fresh):
        plain = [effect for effect in action.effects if isinstance(effect, Makes)]
        yield _operator(action, condition, plain, conditional=False)
        for effect in action.effects:
            for inner, made in _guarded(effect, fresh):
                yield _operator(action, condition.joined(inner), made, conditional=True)


def _operator(action: Action, condition: Literals, made: Sequence[Makes], *, conditional: bool) -> Operator:
    return Operator(action.name, action.parameters + condition.variables, condition, tuple(m.atom for m in made if m.value),
                    tuple(m.atom for m in made if not m.value), conditional)


def _guarded(effect: Effect, fresh: Iterator[int]) -> Iterator[tuple[Literals, list[Makes]]]:
    """The plain effects inside a conditional one, each with its condition and variables."""
    match effect:
        case When(condition, effects):
            guards, names = alternatives(condition, fresh), dict[str, str]()
        case ForEach(variables, effects):
            names = _fresh(variables, fresh)
            guards = [Literals(variables=variables).renamed(names)]
        case _:
            return
    plain = [Makes(ground(part.atom, names), value=part.value) for part in effects if isinstance(part, Makes)]
    for guard in guards:
        yield guard, plain
        for part in effects:
            for inner, made in _guarded(part, fresh):
                yield guard.joined(inner.renamed(names)), [Makes(ground(m.atom, names), value=m.value) for m in made]


def _fresh(variables: Sequence[Typed], fresh: Iterator[int]) -> dict[str, str]:
    """Names for bound variables that no other variable has; ``#`` cannot stand in a PDDL name."""
    return {variable.name: f"{variable.name.split('#')[0]}#{next(fresh)}" for variable in variables}


def alternatives(condition: Condition, fresh: Iterator[int]) -> list[Literals]:
    """The condition as a disjunction of conjunctions; parts that have no such form of bearable size are left out."""
    match condition:
        case Holds(atom):
            return [Literals((atom,))]
        case Equal(left, right):
            return [Literals(equal=((left, right),))]
        case Not(Holds(atom)):
            return [Literals(negative=(atom,))]
        case Not(Equal(left, right)):
            return [Literals(unequal=((left, right),))]
        case Not(Not(part)):
            return alternatives(part, fresh)
        case Not(And(parts)):
            return alternatives(Or(tuple(Not(part) for part in parts)), fresh)
        case Not(Or(parts)):
            return alternatives(And(tuple(Not(part) for part in parts)), fresh)
        case And(parts):
            return _all_of([alternatives(part, fresh) for part in parts])
        case Or(parts):
            found = [way for part in parts for way in alternatives(part, fresh)]
            return found if len(found) <= MOST_ALTERNATIVES else [Literals(exact=False)]
        case Some(variables, part):
            names = _fresh(variables, fresh)
            return [Literals(variables=variables).joined(way).renamed(names) for way in alternatives(part, fresh)]
        case _:
            return [Literals(exact=False)]


def _all_of(parts: list[list[Literals]]) -> list[Literals]:
    """Every choice of one way for each part; a part that would give too many is left out."""
    certain = [ways[0] for ways in parts if len(ways) == 1]
    found = [Literals(
        tuple(atom for way in certain for atom in way.positive), tuple(atom for way in certain for atom in way.negative),
        tuple(pair for way in certain for pair in way.unequal), tuple(pair for way in certain for pair in way.equal),
        tuple(variable for way in certain for variable in way.variables), all(way.exact for way in certain),
    )]
    for ways in parts:
        if len(ways) == 1:
            continue
        if len(found) * len(ways) > MOST_ALTERNATIVES:
            found = [replace(way, exact=False) for way in found]
        else:
            found = [one.joined(other) for one, other in itertools.product(found, ways)]
    return found
