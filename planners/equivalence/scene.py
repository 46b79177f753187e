"""Problems as coloured structures, in which objects have no names any more (Zuo et al. 2024, arXiv 2407.03321, §4: scene graphs)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from eudoxus.planners.pddl.formulas import Condition, Holds, Not, show_condition
from eudoxus.planners.pddl.model import Domain, Problem, objects_of

_TOKEN = re.compile(r"\(|[^\s()]+")
Fact = tuple[str, tuple[str, ...]]
"""A label (predicate, and whether it is about the start or the goal) and the objects it is about."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Objects with colours, and labelled facts about them."""

    colours: tuple[tuple[str, str], ...]
    """Each object with what is known of it alone: its types, or its name where it is a constant of the domain."""
    facts: frozenset[Fact]

    @property
    def size(self) -> int:
        return len(self.colours) + len(self.facts)


def scene(domain: Domain, problem: Problem, goal: Iterable[Condition] | None, *, init: bool = True) -> Scene:
    """The problem's start (with ``init``) together with ``goal``, a conjunction; None leaves the goal out."""
    constants = {constant.name for constant in domain.constants}
    things = objects_of(domain, problem)
    facts: set[Fact] = set()
    if init:
        facts |= {(f"init {fact[0]}", fact[1:]) for fact in problem.init}
        facts |= {(f"init {term[0]} = {value!r}", term[1:]) for term, value in problem.values}
    if goal is not None:
        facts |= {_told(part, things) for part in goal}
        facts.add((f"minimize {problem.minimize}", ()))
    colours = {name: f"constant {name}" if name in constants else f"types {' '.join(sorted(types))}" for name, types in things.items()}
    for _, words in facts:
        for word in words:
            colours.setdefault(word, f"undeclared {word}")
    return Scene(tuple(colours.items()), frozenset(facts))


def _told(part: Condition, things: Iterable[str]) -> Fact:
    match part:
        case Holds(atom):
            return f"goal {atom[0]}", atom[1:]
        case Not(Holds(atom)):
            return f"goal not {atom[0]}", atom[1:]
        case _:
            return _pattern(show_condition(part), set(things))


def _pattern(text: str, things: set[str]) -> Fact:
    """The text with its objects taken out, in the order in which they stand there."""
    words: list[str] = []
    pieces: list[str] = []
    before = ""
    for token in _TOKEN.findall(text):
        named = token in things and before not in ("(", "-")
        pieces.append("%" if named else token)
        words += [token] if named else []
        before = token
    return f"goal {' '.join(pieces)}", tuple(words)
