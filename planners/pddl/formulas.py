"""Conditions and effects as values. An atom is a tuple of words: ``("on", "?x", "b1")``; words that begin with ``?`` are variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Atom = tuple[str, ...]
Scope = Mapping[str, tuple[str, ...]]
"""The variables that may be used at a place, with their types."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A declared name with its types. Several types mean ``(either …)``: at least one of them."""

    name: str
    types: tuple[str, ...] = ("object",)

    def __str__(self) -> str:
        return f"{self.name} - {self.types[0] if len(self.types) == 1 else '(either ' + ' '.join(self.types) + ')'}"


@dataclass(frozen=True, slots=True)
class Holds:
    """The atom is a fact of the state."""

    atom: Atom


@dataclass(frozen=True, slots=True)
class Equal:
    """Both words name the same object."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """``(forall (variables) part)``."""

    variables: tuple[Typed, ...]
    part: Condition


@dataclass(frozen=True, slots=True)
class Some:
    """``(exists (variables) part)``."""

    variables: tuple[Typed, ...]
    part: Condition


Condition = Holds | Equal | Not | And | Or | Every | Some


@dataclass(frozen=True, slots=True)
class Makes:
    """The atom becomes a fact, or with ``value`` false stops being one."""

    atom: Atom
    value: bool = True


@dataclass(frozen=True, slots=True)
class When:
    """Conditional effects: they happen when the condition holds in the state before the action."""

    condition: Condition
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class ForEach:
    """The effects happen for every choice of objects for the variables."""

    variables: tuple[Typed, ...]
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Costs:
    """``(increase (total-cost) amount)``; the amount is a number or a function term such as ``("distance", "?a", "?b")``."""

    amount: float | Atom


Effect = Makes | When | ForEach | Costs

Binding = Mapping[str, str]


def show(atom: Atom) -> str:
    """``("on", "b1", "b2")`` → ``(on b1 b2)``."""
    return f"({' '.join(atom)})"


def ground(atom: Atom, binding: Binding) -> Atom:
    """``atom`` with its variables replaced; unbound variables stay."""
    return tuple(binding.get(word, word) for word in atom)


def show_condition(condition: Condition, binding: Binding | None = None) -> str:
    """The condition in PDDL, on one line, with bound variables replaced."""
    binding = binding or {}
    match condition:
        case Holds(atom):
            return show(ground(atom, binding))
        case Equal(left, right):
            return show(ground(("=", left, right), binding))
        case Not(part):
            return f"(not {show_condition(part, binding)})"
        case And(parts) | Or(parts):
            word = "and" if isinstance(condition, And) else "or"
            return f"({' '.join([word, *(show_condition(part, binding) for part in parts)])})"
        case Every(variables, part) | Some(variables, part):
            word = "forall" if isinstance(condition, Every) else "exists"
            inner = {name: value for name, value in binding.items() if name not in {v.name for v in variables}}
            return f"({word} ({' '.join(map(str, variables))}) {show_condition(part, inner)})"


def atoms_of(condition: Condition, scope: Scope) -> Iterator[tuple[Atom, Scope]]:
    """Every atom of the condition (``("=", left, right)`` for an equality) with the variables that it may use."""
    match condition:
        case Holds(atom):
            yield atom, scope
        case Equal(left, right):
            yield ("=", left, right), scope
        case Not(part):
            yield from atoms_of(part, scope)
        case And(parts) | Or(parts):
            for part in parts:
                yield from atoms_of(part, scope)
        case Every(variables, part) | Some(variables, part):
            yield from atoms_of(part, {**scope, **{v.name: v.types for v in variables}})


def atoms_of_effect(effect: Effect, scope: Scope) -> Iterator[tuple[Atom, Scope]]:
    """Every atom of the effect, those of its conditions included."""
    match effect:
        case Makes(atom):
            yield atom, scope
        case When(condition, effects):
            yield from atoms_of(condition, scope)
            for part in effects:
                yield from atoms_of_effect(part, scope)
        case ForEach(variables, effects):
            for part in effects:
                yield from atoms_of_effect(part, {**scope, **{v.name: v.types for v in variables}})
        case Costs():
            return
