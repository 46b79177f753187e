"""SMT-LIB 2 (Barrett et al. 2017): a reader, and the gate that every text passes before a solver sees it.

Solvers execute commands that read and write files (``include``, output channels) or change what was asserted. So a text is read here,
only declarations, definitions and assertions are kept, and what goes to the solver is written anew from what was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

Sort = Literal["Int", "Real", "Bool", "String"]
Expression = str | list["Expression"]
"""An atom as it is written, or a list."""

MOST_CHARACTERS = 256_000
MOST_DEPTH = 1_000
MOST_DIGITS = 1_000

_KEPT = frozenset({"declare-const", "declare-fun", "declare-sort", "declare-datatype", "declare-datatypes", "define-const", "define-fun",
                   "define-fun-rec", "assert"})
_LEFT_OUT = frozenset({"set-logic", "set-info", "set-option", "check-sat", "get-model", "get-value", "get-unsat-core", "get-info", "exit"})
"""Harmless where they are left out: what is asked is decided by the caller."""
_ATTRIBUTES = frozenset({":named", ":pattern", ":weight", ":qid"})
_TOKEN = re.compile(r"""[ \t\r\n]+|;[^\n]*|(?P<sign>[()]|"(?:[\x20-\x21\x23-\x7e\t\n]|"")*"|\|[\x20-\x5b\x5d-\x7b\x7d\x7e\t\n]*\||"""
                    r"""[\w~!@$%^&*+=<>.?/:#-]+)""", re.ASCII)
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)
_REAL = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:\s*/\s*\d+)?", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "yes"}), frozenset({"false", "no"})


class Refused(ValueError):
    """The text is no SMT-LIB, or holds a command that is not allowed; the message says where."""


@dataclass(frozen=True, slots=True)
class Script:
    """What passed the gate."""

    commands: tuple[str, ...]
    """Declarations, definitions and assertions, every assertion with a name."""
    assertions: dict[str, str] = field(default_factory=dict)
    """What is asserted, by name."""
    declared: tuple[str, ...] = ()
    """The names that declarations and definitions introduce."""

    @property
    def text(self) -> str:
        return "\n".join(self.commands)


def gate(text: str) -> Script:
    """The declarations, definitions and assertions in ``text``. Questions and options are left out; assertions without a name get one.

    Raises :class:`Refused` for any other command, for attributes besides ``:named``, ``:pattern``, ``:weight`` and ``:qid``, and for a
    text that is too long, too deep or no SMT-LIB.
    """
    commands, assertions, declared = list[str](), dict[str, str](), list[str]()
    for command, line in read(text):
        head = command[0] if isinstance(command, list) and command else command
        if not isinstance(head, str) or head not in _KEPT | _LEFT_OUT:
            shown = head if isinstance(head, str) else write(head)
            raise Refused(f"line {line}: the command {shown[:40] or '()'} is not allowed; allowed are {', '.join(sorted(_KEPT))}")
        if head in _LEFT_OUT:
            continue
        assert isinstance(command, list)
        _look_through(command, line)
        if head == "assert":
            if len(command) != 2:
                raise Refused(f"line {line}: assert takes one term")
            name, command = _named(command[1], f"assertion-{len(assertions) + 1}")
            if name in assertions:
                raise Refused(f"line {line}: two assertions are named {name}")
            assertions[name] = _without_name(command[1])
        elif len(command) > 1 and isinstance(command[1], str):
            declared.append(command[1])
        commands.append(write(command))
    return Script(tuple(commands), assertions, tuple(declared))


def literal(sort: Sort, said: str) -> str | None:
    """``said`` as a literal of ``sort``, so that it can be nothing else; None when it is none. Fractions count as reals."""
    said = said.strip()
    if sort == "String":
        return '"' + "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in said) + '"'
    if sort == "Bool":
        word = said.casefold()
        return "true" if word in _TRUE else "false" if word in _FALSE else None
    if len(said) > MOST_DIGITS or not (_INTEGER if sort == "Int" else _REAL).fullmatch(said):
        return None
    try:
        value = Fraction("".join(said.split()))
    except (ValueError, ZeroDivisionError):
        try:
            top, _, low = said.partition("/")
            value = Fraction(top.strip()) / Fraction(low.strip())
        except (ValueError, ZeroDivisionError):
            return None
    whole = str(abs(value.numerator)) if sort == "Int" else f"(/ {abs(value.numerator)}.0 {value.denominator}.0)"
    return f"(- {whole})" if value < 0 else whole


def read(text: str, limit: int = MOST_CHARACTERS) -> Iterator[tuple[Expression, int]]:
    """The top-level expressions of ``text``, each with the line at which it begins. Raises :class:`Refused`."""
    if len(text) > limit:
        raise Refused(f"the text has {len(text):,} characters; at most {limit:,} are read")
    open_lists: list[list[Expression]] = []
    place, line, begun = 0, 1, 1
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise Refused(f"line {line}: {text[place:place + 20]!r} cannot be read")
        sign = found["sign"]
        if sign and not open_lists:
            begun = line
        line += found[0].count("\n")
        place = found.end()
        if sign == "(":
            open_lists.append([])
            if len(open_lists) > MOST_DEPTH:
                raise Refused(f"line {line}: more than {MOST_DEPTH:,} brackets are open")
        elif sign == ")":
            if not open_lists:
                raise Refused(f"line {line}: a bracket is closed that was not opened")
            whole = open_lists.pop()
            if open_lists:
                open_lists[-1].append(whole)
            else:
                yield whole, begun
        elif sign and open_lists:
            open_lists[-1].append(sign)
        elif sign:
            yield sign, begun
    if open_lists:
        raise Refused(f"line {begun}: {len(open_lists)} brackets are not closed")


def write(expression: Expression) -> str:
    """An expression as text."""
    said, waiting = list[str](), [expression]
    while waiting:
        now = waiting.pop()
        if isinstance(now, list):
            waiting += [")", *reversed(now), "("]
            continue
        if said and said[-1] != "(" and now != ")":
            said.append(" ")
        said.append(now)
    return "".join(said)


def _look_through(command: Sequence[Expression], line: int) -> None:
    waiting: list[Expression] = list(command)
    while waiting:
        now = waiting.pop()
        if isinstance(now, list):
            waiting += now
        elif now.startswith(":") and now not in _ATTRIBUTES:
            raise Refused(f"line {line}: the attribute {now[:40]} is not allowed; allowed are {', '.join(sorted(_ATTRIBUTES))}")


def _named(term: Expression, name: str) -> tuple[str, list[Expression]]:
    """The assertion of ``term`` with a name, its own or ``name``."""
    if isinstance(term, list) and len(term) > 3 and term[0] == "!" and ":named" in term[2:-1]:
        own = term[term.index(":named", 2) + 1]
        if isinstance(own, str):
            return own, ["assert", term]
    return name, ["assert", ["!", term, ":named", name]]


def _without_name(term: Expression) -> str:
    return write(term[1] if isinstance(term, list) and len(term) > 1 and term[0] == "!" else term)
