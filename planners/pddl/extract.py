"""From a model's answer to a clean problem: find the PDDL, close what is open, put right what has only one right form.

Everything that is changed is told in words, so that a trace shows what the model wrote and what was made of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from eudoxus.planners.pddl.errors import PddlError
from eudoxus.planners.pddl.formulas import And, Atom, Condition, Holds, Typed, show
from eudoxus.planners.pddl.model import ROOT, TOTAL_COST, Domain, Problem, objects_of
from eudoxus.planners.pddl.reader import LARGEST_TEXT

_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>")
_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[^\n`]*\n(.*?)(?:^[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
_START = {kind: re.compile(rf"\(\s*define\s*\(\s*{kind}\b", re.IGNORECASE) for kind in ("problem", "domain")}
_TOKEN = re.compile(r"[()]|;[^\n]*")
_SECTION = re.compile(r"\(\s*:(?:domain|requirements|objects|init|goal|metric|types|constants|predicates|functions|action)\b", re.I)
_SECTION_FOLLOWS = re.compile(r"(?:\s|;[^\n]*\n)*" + _SECTION.pattern, re.IGNORECASE)
_COMMENT = re.compile(r";[^\n]*")


@dataclass(frozen=True, slots=True)
class Extracted:
    """The PDDL that an answer holds, and what was changed to get it."""

    source: str
    changes: tuple[str, ...] = ()


def extract(answer: str, kind: str = "problem") -> Extracted:
    """The definition of a ``problem`` (or ``domain``) in a model's answer.

    Taken from the last fenced block that holds one, else from the bare text. Missing parentheses are added. Raises :class:`PddlError`
    when there is no definition.
    """
    if len(answer) > LARGEST_TEXT:
        raise PddlError(f"the answer is longer than {LARGEST_TEXT:,} characters")
    start = _START[kind]
    spoken = _THOUGHT_ENDS.split(answer)[-1]
    text = spoken if start.search(spoken) else answer
    blocks = [found[2] for found in _FENCE.finditer(text) if start.search(found[2])]
    changes: list[str] = []
    if len(blocks) > 1:
        changes.append(f"took the last of {len(blocks)} blocks that define a {kind}")
    body = blocks[-1] if blocks else text
    found = start.search(body)
    if found is None:
        raise PddlError(f"the answer holds no PDDL: expected (define ({kind} …) …)")
    source = _balanced(body[found.start():], kind, changes)
    if re.search(r"[A-Z]", _COMMENT.sub("", source)):
        changes.append("wrote names in lower case")
    return Extracted(source, tuple(changes))


def _balanced(text: str, kind: str, changes: list[str]) -> str:
    """``text`` up to the parenthesis that closes its first one; what is missing is added, what closes too early is left out."""
    pieces: list[str] = []
    depth = seen = inserted = dropped = 0
    for token in _TOKEN.finditer(text):
        at, word = token.start(), token.group()
        if word == "(":
            # A section cannot stand inside another one: whatever is still open there was forgotten.
            if depth > 1 and _SECTION.match(text, at):
                pieces += [text[seen:at], ")" * (depth - 1), "\n"]
                seen, inserted, depth = at, inserted + depth - 1, 1
            depth += 1
        elif word == ")":
            if depth == 1 and _SECTION_FOLLOWS.match(text, at + 1):
                pieces.append(text[seen:at])
                seen, dropped = at + 1, dropped + 1
                continue
            depth -= 1
            if depth == 0:
                pieces.append(text[seen:at + 1])
                break
    else:
        pieces += [text[seen:].rstrip(), "\n", ")" * depth]
        inserted += depth
    if inserted:
        changes.append(f"added {inserted} missing ')'")
    if dropped:
        changes.append(f"left out {dropped} ')' that closed the {kind} before its end")
    return "".join(pieces)


def normalise(problem: Problem, domain: Domain) -> tuple[Problem, tuple[str, ...]]:
    """``problem`` in the one form that the domain leaves open, and what was changed in words. What a model must decide stays as it is."""
    changes: list[str] = []
    if problem.domain != domain.name:
        changes.append(f"named the domain {domain.name} instead of {problem.domain or 'nothing'}")
    joined = _Joined(problem, domain)
    fresh = replace(
        problem, domain=domain.name, objects=_objects(problem, domain, changes),
        init=_facts(tuple(joined.atom(fact, changes) for fact in problem.init), changes), goal=joined.goal(problem.goal, changes),
        values=_values(problem, domain, changes), minimize=problem.minimize and domain.has_costs,
    )
    if problem.minimize and not fresh.minimize:
        changes.append("dropped the metric: the domain's actions have no costs")
    return fresh, tuple(changes)


def _objects(problem: Problem, domain: Domain, changes: list[str]) -> tuple[Typed, ...]:
    objects = problem.objects
    if not domain.types and any(thing.types != (ROOT,) for thing in objects):
        changes.append("dropped the types of the objects: the domain has no types")
        objects = tuple(Typed(thing.name) for thing in objects)
    constants = {constant.name for constant in domain.constants}
    kept = dict.fromkeys(objects)
    for thing in list(kept):
        if thing.name in constants:
            changes.append(f"dropped the object {thing.name}: it is a constant of the domain")
            del kept[thing]
    if len(set(objects)) < len(objects):
        changes.append("dropped objects that were declared twice")
    return tuple(kept)


def _facts(init: tuple[Atom, ...], changes: list[str]) -> tuple[Atom, ...]:
    kept = tuple(dict.fromkeys(init))
    if len(kept) < len(init):
        changes.append(f"dropped {len(init) - len(kept)} initial facts that were listed twice")
    return kept


class _Joined:
    """Reads ``(on b2 table)`` as ``(on-table b2)`` where there is no object ``table`` and the domain has that predicate."""

    def __init__(self, problem: Problem, domain: Domain) -> None:
        self._known = {*objects_of(domain, problem)}
        self._arity = {predicate.name: predicate.arity for predicate in domain.predicates}

    def atom(self, atom: Atom, changes: list[str]) -> Atom:
        last = atom[-1]
        if len(atom) < 3 or last in self._known or last.startswith("?"):
            return atom
        for name in (f"{atom[0]}-{last}", f"{atom[0]}_{last}", f"{atom[0]}{last}"):
            if self._arity.get(name) == len(atom) - 2:
                changes.append(f"read {show(atom)} as {show((name, *atom[1:-1]))}: there is no object {last}")
                return (name, *atom[1:-1])
        return atom

    def goal(self, goal: Condition, changes: list[str]) -> Condition:
        match goal:
            case Holds(atom):
                return Holds(self.atom(atom, changes))
            case And(parts):
                return And(tuple(self.goal(part, changes) for part in parts))
            case _:
                return goal


def _values(problem: Problem, domain: Domain, changes: list[str]) -> tuple[tuple[Atom, float], ...]:
    if domain.function(TOTAL_COST[0]) or not any(term == TOTAL_COST for term, _ in problem.values):
        return tuple(dict.fromkeys(problem.values))
    changes.append("dropped the initial total cost: the domain has no costs")
    return tuple(value for value in dict.fromkeys(problem.values) if value[0] != TOTAL_COST)
