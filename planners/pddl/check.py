"""Static checks: what can be wrong with a problem or a domain without searching.

Each rule is a generator of findings; a further rule is one more function in the list.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from eudoxus.planners.pddl.findings import MOST_FINDINGS, Finding
from eudoxus.planners.pddl.formulas import Atom, Scope, Typed, atoms_of, atoms_of_effect, show
from eudoxus.planners.pddl.meaning import misgivings
from eudoxus.planners.pddl.model import ROOT, Action, Domain, Fitting, Predicate, Problem, holds_trivially, objects_of

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def check_problem(problem: Problem, domain: Domain) -> list[Finding]:
    """What is wrong with the problem as one of this domain; at most :data:`MOST_FINDINGS`, errors first, else in the order of the text."""
    named = check_names(problem, domain)
    # What a text means can be asked once its names are right.
    readable = not any(finding.severity == "error" for finding in named)
    found = _first(itertools.chain(named, misgivings(problem, domain, search=readable)))
    return sorted(found, key=lambda finding: finding.severity != "error")


def check_names(problem: Problem, domain: Domain) -> list[Finding]:
    """The part of :func:`check_problem` that is quick whatever the problem: names that the domain does not know, and their arguments."""
    names = _Names(domain, objects_of(domain, problem))
    rules: list[Iterator[Finding]] = [_domain_name(problem, domain), _objects(problem, names), _init(problem, names),
                                      _values(problem, names), _goal(problem, names)]
    return _first(finding for rule in rules for finding in rule)


def lint(problem: Problem, domain: Domain) -> list[Finding]:
    """The same as :func:`check_problem`, by the name that the command and the API have for it."""
    return check_problem(problem, domain)


def check_domain(domain: Domain) -> list[Finding]:
    """What is wrong with the domain itself: names that its actions use and it does not declare."""
    names = _Names(domain, {constant.name: constant.types for constant in domain.constants})
    return _first(finding for action in domain.actions for finding in _action(action, names))


class _Names:
    """What names mean in a problem: objects with their types, and those of the domain, ready to be looked up."""

    def __init__(self, domain: Domain, things: Scope) -> None:
        self.things, self.fits = things, Fitting(domain)
        self.types = {ROOT, *domain.types, *(above for types in domain.types.values() for above in types)}
        self.declared_types = tuple(domain.types)
        self.constants = {constant.name for constant in domain.constants}
        self.predicates = {predicate.name: predicate for predicate in reversed(domain.predicates)}
        self.functions = {function.name: function for function in reversed(domain.functions)}


def _first(findings: Iterator[Finding]) -> list[Finding]:
    kept: dict[Finding, None] = {}
    for finding in findings:
        kept[finding] = None
        if len(kept) == MOST_FINDINGS:
            break
    return list(kept)


def _domain_name(problem: Problem, domain: Domain) -> Iterator[Finding]:
    if problem.domain != domain.name:
        yield Finding(rule="domain_name", where="domain", atom=f"(:domain {problem.domain})",
                      expected=f"the domain is called {domain.name}")


def _objects(problem: Problem, names: _Names) -> Iterator[Finding]:
    counts = Counter(thing.name for thing in problem.objects)
    for thing in dict.fromkeys(problem.objects):
        if not _NAME.fullmatch(thing.name):
            yield Finding(rule="name", where="objects", atom=thing.name,
                          expected="a name consists of the letters a to z, digits, - and _, and does not begin with - or _")
        if counts[thing.name] > 1:
            yield Finding(rule="duplicate_object", where="objects", atom=str(thing),
                          expected=f"{thing.name} must be declared once, with one type")
        elif thing.name in names.constants:
            yield Finding(rule="duplicate_object", where="objects", atom=str(thing),
                          expected=f"{thing.name} is a constant of the domain already")
        yield from _unknown_types(thing, "objects", names)


def _init(problem: Problem, names: _Names) -> Iterator[Finding]:
    for fact in dict.fromkeys(problem.init):
        variable = next((word for word in fact if word.startswith("?")), None)
        if variable:
            yield Finding(rule="variable_in_init", where="init", atom=show(fact),
                          expected=f"initial facts name objects; {variable} is a variable")
        else:
            yield from _atom(fact, "init", names, {})
    listed = set(problem.init)
    for fact in problem.denied:
        if fact in listed:
            yield Finding(rule="negated_init", where="init", atom=f"(not {show(fact)})", expected=f"{show(fact)} is listed as true, too")
        else:
            yield Finding(rule="negated_init", severity="warning", where="init", atom=f"(not {show(fact)})",
                          expected="leave it out: what is not listed is false")


def _values(problem: Problem, names: _Names) -> Iterator[Finding]:
    for term, _ in problem.values:
        declared = names.functions.get(term[0])
        if declared is None:
            yield Finding(rule="unknown_function", where="init", atom=f"(= {show(term)} …)",
                          expected=f"the domain has no function {term[0]}{_near(term[0], names.functions)}")
        else:
            yield from _places(term, declared, "init", names, {})


def _goal(problem: Problem, names: _Names) -> Iterator[Finding]:
    if holds_trivially(problem.goal):
        yield Finding(rule="empty_goal", where="goal", atom="(and)", expected="the goal asks for nothing; state what must hold in the end")
    for atom, scope in atoms_of(problem.goal, {}):
        yield from _atom(atom, "goal", names, scope)


def _action(action: Action, names: _Names) -> Iterator[Finding]:
    where = f"action {action.name}"
    scope = {parameter.name: parameter.types for parameter in action.parameters}
    for parameter in action.parameters:
        yield from _unknown_types(parameter, where, names)
    for atom, inner in atoms_of(action.precondition, scope):
        yield from _atom(atom, where, names, inner)
    for effect in action.effects:
        for atom, inner in atoms_of_effect(effect, scope):
            yield from _atom(atom, where, names, inner)


def _unknown_types(thing: Typed, where: str, names: _Names) -> Iterator[Finding]:
    for name in thing.types:
        if name not in names.types:
            known = ", ".join(names.declared_types[:50]) or "none but object"
            yield Finding(rule="unknown_type", where=where, atom=str(thing), expected=f"the domain has no type {name}; it has: {known}")


def _atom(atom: Atom, where: str, names: _Names, scope: Scope) -> Iterator[Finding]:
    if atom[0] == "=":
        yield from _words(atom, where, names.things, scope)
        return
    declared = names.predicates.get(atom[0])
    if declared is None:
        yield Finding(rule="unknown_predicate", where=where, atom=show(atom),
                      expected=f"the domain has no predicate {atom[0]}{_near(atom[0], names.predicates)}")
        return
    yield from _places(atom, declared, where, names, scope)


def _places(atom: Atom, declared: Predicate, where: str, names: _Names, scope: Scope) -> Iterator[Finding]:
    """Number, existence and types of what an atom is about. Types of variables are not compared: a planner only finds them empty."""
    if len(atom) - 1 != declared.arity:
        yield Finding(rule="arity", where=where, atom=show(atom),
                      expected=f"{declared.name} takes {declared.arity}, found {len(atom) - 1}: {declared}")
        return
    yield from _words(atom, where, names.things, scope)
    for word, place in zip(atom[1:], declared.places, strict=True):
        types = names.things.get(word)
        if types is not None and word not in scope and not names.fits(types, place.types):
            yield Finding(rule="type_mismatch", where=where, atom=show(atom),
                          expected=f"{word} is declared as {' or '.join(types)}, but {declared} takes {' or '.join(place.types)} there")


def _words(atom: Atom, where: str, things: Scope, scope: Scope) -> Iterator[Finding]:
    for word in dict.fromkeys(atom[1:]):
        if word.startswith("?"):
            if word not in scope:
                yield Finding(rule="undeclared_variable", where=where, atom=show(atom), expected=f"the variable {word} is not declared")
        elif word not in things:
            yield Finding(rule="undeclared_object", where=where, atom=show(atom), expected=_undeclared(word, where, things))


def _undeclared(word: str, where: str, things: Mapping[str, object]) -> str:
    near = _near(word, things)
    if where.startswith("action"):
        return f"{word} is neither a parameter nor a constant of the domain{near or f' (declare it: (:constants {word}))'}"
    return f"the object {word} is not declared in :objects{near}"


def _near(word: str, known: Iterable[str]) -> str:
    if len(word) > 64:
        return ""
    close = difflib.get_close_matches(word, list(known)[:2000], n=1)
    return f"; did you mean {close[0]}?" if close else ""
