"""A domain in the making: actions as a model writes them, what is wrong with them, and the PDDL of the whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field, replace
from types import MappingProxyType

from eudoxus.planners.pddl import Action, Domain, PddlError, Predicate, check_domain, parse_domain
from eudoxus.planners.pddl.formulas import Atom, Makes, Scope, atoms_of, atoms_of_effect, show, show_condition
from eudoxus.planners.pddl.model import ROOT

MOST_CONDITIONS = 20
"""Conditions of one action; more are a sign that the model wrote something else than a precondition (Guan et al. 2023)."""

HEADINGS = ("Parameters", "Preconditions", "Effects", "New predicates")
_BLOCK = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_BEYOND = re.compile(r"\(\s*(forall|exists|when|implies|imply|or|increase|decrease|assign)\b", re.IGNORECASE)
_ATOM = re.compile(r"\(\s*(?!and\b|not\b)", re.IGNORECASE)
_COMMENT = re.compile(r";[^\n]*")
_NOTED = re.compile(r"\(\s*([^\s()]+)[^()]*\)[ \t]*;+[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)


class Wrong(Exception):
    """The first thing that is wrong with a model's action, in words for the model."""


@dataclass(frozen=True, slots=True)
class Written:
    """One action as the model wrote it: its four blocks."""

    parameters: str
    preconditions: str
    effects: str
    predicates: str

    @classmethod
    def read(cls, answer: str) -> Written:
        """The blocks below the four headings. Raises :class:`Wrong` naming the first that is missing."""
        spoken, blocks = answer.rpartition("</think>")[2], list[str]()
        for heading in HEADINGS:
            after = re.search(rf"^[\s#*]*{heading}\b[^\n]*$", spoken, re.IGNORECASE | re.MULTILINE)
            block = _BLOCK.search(spoken, after.end()) if after else None
            if block is None:
                raise Wrong(f"the heading {heading!r} with a ```pddl block below it is missing")
            blocks.append(block[1].strip())
            spoken = spoken[block.end():]
        return cls(*blocks)


@dataclass(frozen=True, slots=True)
class World:
    """The domain so far, with what its predicates say in English."""

    domain: Domain
    notes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def with_action(self, name: str, written: Written) -> World:
        """The world with this action in place of an earlier one of its name.

        Raises :class:`Wrong` with the first thing that is wrong, in the order of Guan et al. 2023 and NL2Plan: too long, unsupported
        keyword, unknown type of a parameter, clash of names, untyped predicate, wrong use of a predicate.
        """
        if len(_ATOM.findall(written.preconditions)) > MOST_CONDITIONS:
            raise Wrong(f"the preconditions have more than {MOST_CONDITIONS} parts: an action needs only what makes it possible")
        if keyword := _BEYOND.search(f"{written.preconditions} {written.effects}"):
            raise Wrong(f"{keyword[1].lower()!r} is not supported: write atoms and negated atoms only")
        action, fresh = _parsed(name, written)
        for parameter in action.parameters:
            self._known(parameter.types, f"the parameter {parameter}")
        added = [predicate for predicate in fresh if self._is_new(predicate)]
        actions = {**{a.name: a for a in self.domain.actions}, name: action}
        domain = replace(self.domain, predicates=(*self.domain.predicates, *added), actions=tuple(actions.values()))
        for complaint in _misused(domain, action):
            raise Wrong(complaint)
        notes = {found[1].lower(): found[2] for found in _NOTED.finditer(written.predicates)}
        return World(domain, MappingProxyType({**self.notes, **{p.name: notes[p.name] for p in added if p.name in notes}}))

    def _known(self, types: Iterable[str], what: str) -> None:
        for type in types:
            if not self.domain.knows_type(type):
                raise Wrong(f"{what}: there is no type {type}; there are: {', '.join(self.domain.types)}")

    def _is_new(self, predicate: Predicate) -> bool:
        """Whether the world lacks it. Raises :class:`Wrong` for a clash of names and for places without a type."""
        if self.domain.knows_type(predicate.name):
            raise Wrong(f"the new predicate {predicate} is called like a type: give it another name")
        there = self.domain.predicate(predicate.name)
        if there is not None and [place.types for place in there.places] != [place.types for place in predicate.places]:
            raise Wrong(f"there is a predicate {there} already: use it as it is, or give the new one another name")
        if there is not None:
            return False
        for place in predicate.places:
            self._known(place.types, f"the new predicate {predicate}")
            if place.types == (ROOT,) and self.domain.types:
                raise Wrong(f"the new predicate {predicate}: say the type of {place.name}")
        return True

    def pruned(self) -> World:
        """Without predicates that no action uses, and without types that nothing is of."""
        used = {atom[0] for action in self.domain.actions for atom, _ in _atoms(action)}
        predicates = tuple(predicate for predicate in self.domain.predicates if predicate.name in used)
        named = {type for thing in (*(place for p in predicates for place in p.places),
                                    *(parameter for a in self.domain.actions for parameter in a.parameters)) for type in thing.types}
        types = {type: above for type, above in self.domain.types.items()
                 if named & self.domain.above(type) - {ROOT} or any(type in self.domain.above(name) for name in named)}
        return World(replace(self.domain, predicates=predicates, types=MappingProxyType(types)), self.notes)

    @property
    def listed_predicates(self) -> str:
        """One predicate per line, each with what it says."""
        lines = [f"{p} ; {self.notes[p.name]}" if p.name in self.notes else str(p) for p in self.domain.predicates]
        return "\n".join(lines) or "(none yet)"

    @property
    def source(self) -> str:
        """The domain in PDDL."""
        types = [f"    {name} - {above[0]}" for name, above in self.domain.types.items()]
        return "\n".join([
            f"(define (domain {self.domain.name})", "  (:requirements :strips :typing :negative-preconditions :equality)",
            *(["  (:types", *types, "  )"] if types else []),
            "  (:predicates", *(f"    {line}" for line in self.listed_predicates.splitlines()), "  )",
            *(line for action in self.domain.actions for line in _action(action)),
        ]) + "\n)\n"


def written_action(action: Action) -> str:
    """The action in PDDL, to be shown."""
    return "\n".join(line.removeprefix("  ") for line in _action(action)).strip()


def _parsed(name: str, written: Written) -> tuple[Action, tuple[Predicate, ...]]:
    """The action and the predicates that its blocks say. Raises :class:`Wrong`."""
    source = (f"(define (domain d) (:predicates {written.predicates}\n) (:action {name} :parameters ({written.parameters}\n)"
              f" :precondition {written.preconditions or '()'}\n :effect {written.effects or '()'}\n))")
    for heading, text in zip(HEADINGS, astuple(written), strict=True):
        text = _COMMENT.sub("", text)
        if text.count("(") != text.count(")"):
            raise Wrong(f"{heading}: {text.count('(')} parentheses are opened and {text.count(')')} closed")
    try:
        read = parse_domain(source)
    except PddlError as error:
        raise Wrong(f"the PDDL cannot be read: {error.reason}") from None
    if len(read.actions) != 1:
        raise Wrong("write this one action only")
    if not read.actions[0].effects:
        raise Wrong("the action has no effects")
    return read.actions[0], read.predicates


def _action(action: Action) -> list[str]:
    effects = [show(e.atom) if e.value else f"(not {show(e.atom)})" for e in action.effects if isinstance(e, Makes)]
    return ["", f"  (:action {action.name}", f"    :parameters ({' '.join(map(str, action.parameters))})",
            f"    :precondition {show_condition(action.precondition)}", f"    :effect (and {' '.join(effects)}))"]


def _misused(domain: Domain, action: Action) -> Iterator[str]:
    """Wrong uses of predicates in one action: unknown, number, variable, type."""
    for finding in check_domain(replace(domain, actions=(action,))):
        yield f"{finding.atom}: {finding.expected}" if finding.atom else finding.expected
    for atom, scope in _atoms(action):
        predicate = domain.predicate(atom[0])
        for word, place in zip(atom[1:], predicate.places if predicate else (), strict=False):
            if word in scope and not domain.fits(scope[word], place.types):
                yield f"{show(atom)}: {word} is of type {' or '.join(scope[word])}, but {predicate} takes {' or '.join(place.types)} there"


def _atoms(action: Action) -> Iterator[tuple[Atom, Scope]]:
    scope = {parameter.name: parameter.types for parameter in action.parameters}
    yield from atoms_of(action.precondition, scope)
    for effect in action.effects:
        yield from atoms_of_effect(effect, scope)
