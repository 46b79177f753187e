"""The gate that every SMT-LIB text passes before a solver sees it.

Solvers execute commands that read and write files (``include``, output channels) or change what was asserted. So a text is read here,
only declarations, definitions, assertions and objectives are kept, and what goes to the solver is written anew from what was read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from eudoxus.solvers.degrees import Degrees
from eudoxus.solvers.smtlib import MOST_DIGITS, Expression, Refused, read, write

_KEPT = frozenset({"declare-const", "declare-fun", "declare-sort", "declare-datatype", "declare-datatypes", "define-const", "define-fun",
                   "define-fun-rec", "define-funs-rec", "assert", "assert-soft", "minimize", "maximize"})
_LEFT_OUT = frozenset({"set-logic", "set-info", "set-option", "check-sat", "get-model", "get-value", "get-unsat-core", "get-info", "exit"})
"""Harmless where they are left out: what is asked is decided by the caller."""
_ATTRIBUTES = frozenset({":named", ":pattern", ":weight", ":qid"})
_QUANTIFIERS = frozenset({"forall", "exists", "lambda"})
_WEIGHT = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Goal:
    """Something to be optimised."""

    kind: Literal["minimize", "maximize", "soft"]
    what: str
    """The term; of *soft*, which should hold and costs its weight where it does not, the ``:id`` of those that count together."""
    command: str


@dataclass(frozen=True, slots=True)
class Script:
    """What passed the gate."""

    commands: tuple[str, ...]
    """Declarations, definitions and assertions, every assertion with a name."""
    assertions: dict[str, str] = field(default_factory=dict)
    """What is asserted, by name."""
    declared: tuple[str, ...] = ()
    """The names that declarations and definitions introduce."""
    goals: tuple[Goal, ...] = ()
    quantified: bool = False
    """Whether there are quantifiers in it."""

    @property
    def text(self) -> str:
        return "\n".join(self.commands)


def gate(text: str, *, quantifiers: bool = False) -> Script:
    """The declarations, definitions, assertions and objectives in ``text``. Questions and options are left out; assertions without a name
    get one.

    Raises :class:`Refused` for any other command, for attributes besides ``:named``, ``:pattern``, ``:weight``, ``:qid`` and, of soft
    assertions, ``:id``, for quantifiers unless they are asked for, for products that ``let`` and definitions make grow beyond a degree of
    64, and for a text that is too long, too deep or no SMT-LIB.
    """
    commands, assertions, declared, goals, degrees = list[str](), dict[str, str](), list[str](), list[Goal](), Degrees()
    known, quantified = set[str](), False
    for command, line in read(text):
        head = command[0] if isinstance(command, list) and command else command
        if not isinstance(head, str) or head not in _KEPT | _LEFT_OUT:
            shown = head if isinstance(head, str) else write(head)
            raise Refused(f"line {line}: the command {shown[:40] or '()'} is not allowed; allowed are {', '.join(sorted(_KEPT))}")
        if head in _LEFT_OUT:
            continue
        assert isinstance(command, list)
        try:
            goal = _goal(command)
            quantified |= _look_through(command if goal is None else command[:2])
            if quantified and not quantifiers:
                raise Refused("quantifiers (forall, exists, lambda) are allowed only where they are asked for")
            degrees.add(command)
        except Refused as problem:
            raise Refused(f"line {line}: {problem}") from None
        if goal is not None:
            goals.append(goal)
            continue
        if head == "assert":
            if len(command) != 2:
                raise Refused(f"line {line}: assert takes one term")
            name, command = _named(command[1], f"assertion-{len(assertions) + 1}")
            if name in assertions:
                raise Refused(f"line {line}: two assertions are named {name}")
            assertions[name] = _without_name(command[1])
        else:
            for name in _introduced(command):
                if name.strip("|") in known:
                    raise Refused(f"line {line}: {name} is declared twice")
                known.add(name.strip("|"))
                declared.append(name)
        commands.append(write(command))
    return Script(tuple(commands), assertions, tuple(declared), tuple(goals), quantified)


def _look_through(command: Sequence[Expression]) -> bool:
    """Whether there are quantifiers. Raises :class:`Refused` for attributes that are not allowed."""
    quantified = False
    waiting: list[Expression] = list(command)
    while waiting:
        now = waiting.pop()
        if isinstance(now, list):
            quantified |= bool(now) and isinstance(now[0], str) and now[0].strip("|") in _QUANTIFIERS
            waiting += now
        elif now.startswith(":") and now not in _ATTRIBUTES:
            raise Refused(f"the attribute {now[:40]} is not allowed; allowed are {', '.join(sorted(_ATTRIBUTES))}")
    return quantified


def _goal(command: list[Expression]) -> Goal | None:
    """The objective that a command is. Raises :class:`Refused` for one that is not well formed."""
    match command:
        case ["minimize" | "maximize" as kind, term]:
            return Goal(kind, write(term), write(command))
        case ["minimize" | "maximize" as kind, *_]:
            raise Refused(f"{kind} takes one term")
        case ["assert-soft", _, *attributes]:
            given = {str(name): value for name, value in zip(attributes[::2], attributes[1::2], strict=False)}
            weight, group = given.get(":weight", "1"), given.get(":id", "")
            if 2 * len(given) != len(attributes) or not given.keys() <= {":weight", ":id"}:
                raise Refused("assert-soft takes a term, and perhaps :weight and :id")
            if not isinstance(weight, str) or len(weight) > MOST_DIGITS or not _WEIGHT.fullmatch(weight):
                raise Refused(f"the weight {str(weight)[:40]} is no decimal of at least 0")
            if not isinstance(group, str) or group[:1] in ('"', ":"):
                raise Refused(f"the :id {str(group)[:40]} is no name")
            return Goal("soft", group, write(command))
        case ["assert-soft"]:
            raise Refused("assert-soft takes a term")
    return None


def _introduced(command: Sequence[Expression]) -> list[str]:
    """The names that a declaration or a definition introduces."""
    match command:
        case [_, str(name), *_]:
            return [name]
        case ["define-funs-rec" | "declare-datatypes", [*headers], *_]:
            return [header[0] for header in headers if isinstance(header, list) and header and isinstance(header[0], str)]
    return []


def _named(term: Expression, name: str) -> tuple[str, list[Expression]]:
    """The assertion of ``term`` with a name, its own or ``name``."""
    if isinstance(term, list) and len(term) > 3 and term[0] == "!" and ":named" in term[2:-1]:
        own = term[term.index(":named", 2) + 1]
        if isinstance(own, str):
            return own, ["assert", term]
    return name, ["assert", ["!", term, ":named", name]]


def _without_name(term: Expression) -> str:
    return write(term[1] if isinstance(term, list) and len(term) > 1 and term[0] == "!" else term)
