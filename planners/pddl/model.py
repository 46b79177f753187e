"""Domains and problems as frozen values, and the questions that can be asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from eudoxus.planners.pddl.formulas import And, Atom, Condition, Costs, Effect, ForEach, Typed, When, show

ROOT = "object"
"""The type above all others."""
TOTAL_COST: Atom = ("total-cost",)


@dataclass(frozen=True, slots=True)
class Predicate:
    """A predicate or function: its name and what each place takes."""

    name: str
    places: tuple[Typed, ...] = ()

    @property
    def arity(self) -> int:
        return len(self.places)

    def __str__(self) -> str:
        return f"({' '.join([self.name, *(f'{place}' for place in self.places)])})"


@dataclass(frozen=True, slots=True)
class Action:
    """An operator schema."""

    name: str
    parameters: tuple[Typed, ...] = ()
    precondition: Condition = And()
    effects: tuple[Effect, ...] = ()

    @property
    def form(self) -> str:
        """How a step of it is written: ``(stack ?block ?below)``."""
        return show((self.name, *(parameter.name for parameter in self.parameters)))


@dataclass(frozen=True, slots=True)
class Domain:
    """What can be said and done, without any particular situation."""

    name: str
    requirements: tuple[str, ...] = ()
    types: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Each declared type with the types directly above it; a type may be declared more than once."""
    constants: tuple[Typed, ...] = ()
    predicates: tuple[Predicate, ...] = ()
    functions: tuple[Predicate, ...] = ()
    actions: tuple[Action, ...] = ()

    def predicate(self, name: str) -> Predicate | None:
        return next((p for p in self.predicates if p.name == name), None)

    def function(self, name: str) -> Predicate | None:
        return next((f for f in self.functions if f.name == name), None)

    def action(self, name: str) -> Action | None:
        return next((a for a in self.actions if a.name == name), None)

    def knows_type(self, name: str) -> bool:
        return name == ROOT or name in self.types or any(name in above for above in self.types.values())

    def above(self, name: str) -> frozenset[str]:
        """``name`` and every type above it, the root included."""
        found, queue = {ROOT}, [name]
        while queue:
            here = queue.pop()
            if here not in found:
                found.add(here)
                queue.extend(self.types.get(here, ()))
        return frozenset(found)

    def fits(self, given: Iterable[str], wanted: Iterable[str]) -> bool:
        """Whether something of one of the types ``given`` may stand where one of ``wanted`` is asked for."""
        accepted = set(wanted)
        return any(accepted & self.above(name) for name in given)

    def accepted(self, wanted: Iterable[str]) -> frozenset[str]:
        """Every declared type that may stand where one of ``wanted`` is asked for, these included."""
        below: dict[str, list[str]] = {}
        for name, above in self.types.items():
            for higher in above:
                below.setdefault(higher, []).append(name)
        found, queue = set[str](), list(wanted)
        while queue:
            here = queue.pop()
            if here not in found:
                found.add(here)
                queue.extend(below.get(here, ()))
        return frozenset(found)

    @property
    def has_costs(self) -> bool:
        """Whether some action says what it costs."""
        return any(_costs(effect) for action in self.actions for effect in action.effects)


class Fitting:
    """:meth:`Domain.fits` for many questions: what was found out about the types is remembered."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._accepted: dict[tuple[str, ...], frozenset[str]] = {}

    def __call__(self, given: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
        if ROOT in wanted:
            return bool(given)
        accepted = self._accepted.get(wanted)
        if accepted is None:
            accepted = self._accepted[wanted] = self._domain.accepted(wanted)
        return any(name in accepted for name in given)


@dataclass(frozen=True, slots=True)
class Problem:
    """A situation and what is wanted. Facts and objects stand in the order of the text, repetitions included."""

    name: str
    domain: str
    objects: tuple[Typed, ...] = ()
    init: tuple[Atom, ...] = ()
    goal: Condition = And()
    values: tuple[tuple[Atom, float], ...] = ()
    """Initial values of functions: ``(= (distance a b) 5)``."""
    minimize: bool = False
    """Whether the text asks for the least total cost."""
    denied: tuple[Atom, ...] = field(default=(), compare=False)
    """Facts that the text lists as false at the start, which says nothing: what is not listed is false."""

    def same_as(self, other: Problem) -> bool:
        """Equal objects, facts, values and goal, whatever their order: the *exact* of evaluations."""
        return (
            set(self.objects) == set(other.objects) and set(self.init) == set(other.init) and set(self.values) == set(other.values)
            and set(conjuncts(self.goal)) == set(conjuncts(other.goal))
        )


def conjuncts(condition: Condition) -> Iterator[Condition]:
    """The conditions that must all hold: nested ``and`` dissolved."""
    queue = [condition]
    while queue:
        part = queue.pop()
        if isinstance(part, And):
            queue.extend(reversed(part.parts))
        else:
            yield part


def objects_of(domain: Domain, problem: Problem) -> dict[str, tuple[str, ...]]:
    """Every object with its types: the constants of the domain and the objects of the problem."""
    return {thing.name: thing.types for thing in (*domain.constants, *problem.objects)}


def holds_trivially(condition: Condition) -> bool:
    """Whether nothing is asked."""
    return not any(True for _ in conjuncts(condition))


def _costs(effect: Effect) -> bool:
    if isinstance(effect, When | ForEach):
        return any(_costs(part) for part in effect.effects)
    return isinstance(effect, Costs)
