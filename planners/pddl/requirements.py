"""What a domain must say that it needs. Some planners refuse a domain that uses what its ``:requirements`` do not name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eudoxus.planners.pddl.formulas import And, Condition, Effect, Equal, Every, ForEach, Holds, Not, Or, Some, When
from eudoxus.planners.pddl.model import ROOT, Domain

_IMPLIED = {
    ":quantified-preconditions": (":existential-preconditions", ":universal-preconditions"),
    ":adl": (":strips", ":typing", ":negative-preconditions", ":disjunctive-preconditions", ":equality", ":existential-preconditions",
             ":universal-preconditions", ":conditional-effects"),
}
_ORDER = (":strips", ":typing", ":negative-preconditions", ":disjunctive-preconditions", ":equality", ":existential-preconditions",
          ":universal-preconditions", ":conditional-effects", ":action-costs")
_NAMED = re.compile(r"\(\s*define\s*\(\s*domain\s+[^\s()]+\s*\)", re.IGNORECASE)
_SECTION = re.compile(r"\(\s*:requirements\b[^()]*", re.IGNORECASE)
_COMMENT = re.compile(r";[^\n]*")


def needed_requirements(domain: Domain) -> tuple[str, ...]:
    """The requirements of what the domain uses, in the order of the PDDL 3.1 definition."""
    used = {":strips"}
    declared = [*(place for p in domain.predicates for place in p.places), *(p for a in domain.actions for p in a.parameters)]
    if domain.types or any(thing.types != (ROOT,) for thing in declared):
        used.add(":typing")
    if domain.has_costs:
        used.add(":action-costs")
    for action in domain.actions:
        used.update(_of(action.precondition))
        for effect in action.effects:
            used.update(_of_effect(effect))
    return tuple(name for name in _ORDER if name in used)


def with_requirements(source: str, domain: Domain) -> tuple[str, tuple[str, ...]]:
    """The domain's text with the requirements that it lacks, and what was changed in words. Nothing else of the text is touched."""
    said = set(domain.requirements) | {implied for name in domain.requirements for implied in _IMPLIED.get(name, ())}
    lacking = [name for name in needed_requirements(domain) if name not in said]
    if not domain.requirements:
        lacking = list(needed_requirements(domain))
    if not lacking or lacking == [":strips"]:
        return source, ()
    blank = _COMMENT.sub(lambda comment: " " * len(comment[0]), source)
    place = _SECTION.search(blank)
    if place is not None:
        fresh = f"{source[:place.end()].rstrip()} {' '.join(lacking)}{source[place.end():]}"
    else:
        place = _NAMED.search(blank)
        if place is None:
            return source, ()
        fresh = f"{source[:place.end()]}\n  (:requirements {' '.join(lacking)}){source[place.end():]}"
    return fresh, (f"added the requirements {' '.join(lacking)}",)


def _of(condition: Condition) -> Iterator[str]:
    match condition:
        case Holds():
            return
        case Equal():
            yield ":equality"
        case Not(part):
            yield ":negative-preconditions"
            yield from _of(part)
        case And(parts):
            for part in parts:
                yield from _of(part)
        case Or(parts):
            yield ":disjunctive-preconditions"
            for part in parts:
                yield from _of(part)
        case Every(_, part):
            yield ":universal-preconditions"
            yield from _of(part)
        case Some(_, part):
            yield ":existential-preconditions"
            yield from _of(part)


def _of_effect(effect: Effect) -> Iterator[str]:
    match effect:
        case When(condition, effects):
            yield ":conditional-effects"
            yield from _of(condition)
            for part in effects:
                yield from _of_effect(part)
        case ForEach(_, effects):
            yield ":conditional-effects"
            for part in effects:
                yield from _of_effect(part)
        case _:
            return
