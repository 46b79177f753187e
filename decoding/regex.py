"""A small reader of regular expressions over bytes, for lint, closing and the reference engine; engines bring their own.

Read: literals, escapes, ``.``, classes, groups, ``|``, ``* + ? {m,n}``. As in llguidance, ``.`` is any character but a newline, and
characters are UTF-8.
Not read (:class:`NotInSubset`): look-around, back references, anchors, lazy or possessive repetition, flags but ``(?s:…)``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from eudoxus.decoding.errors import InvalidGrammar, NotInSubset

T = TypeVar("T")
Chars = frozenset[int]
"""One byte, any of these."""


@dataclass(frozen=True)
class Sequence(Generic[T]):
    """All parts in order; without parts the empty text."""

    parts: tuple[Expr[T], ...]


@dataclass(frozen=True)
class Choice(Generic[T]):
    """Any one of the parts."""

    parts: tuple[Expr[T], ...]


@dataclass(frozen=True)
class Repeat(Generic[T]):
    """``part`` from ``low`` to ``high`` times, without an upper bound if ``high`` is None."""

    part: Expr[T]
    low: int
    high: int | None


Expr: TypeAlias = "Sequence[T] | Choice[T] | Repeat[T] | T"

ASCII = frozenset(range(0x80))
TAIL = frozenset(range(0x80, 0xC0))
CLASSES = {
    "d": frozenset(b"0123456789"),
    "w": frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"),
    "s": frozenset(b" \t\n\r\f\v"),
}
ESCAPES = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "0": 0}


def literal(text: bytes) -> Expr[Chars]:
    """Exactly ``text``."""
    return Sequence(tuple(frozenset([byte]) for byte in text))


def parse_regex(pattern: str) -> Expr[Chars]:
    """The pattern as an expression over bytes. Raises :class:`InvalidGrammar` or :class:`NotInSubset`."""
    reader = _Reader(pattern)
    found = reader.choice(dot_all=False)
    if reader.at < len(pattern):
        raise InvalidGrammar(f"/{pattern}/: unexpected {pattern[reader.at]!r} at {reader.at}", param="grammar")
    return found


def _other_characters() -> Expr[Chars]:
    """One character beyond ASCII, as well-formed UTF-8 (Unicode 17, table 3-7)."""
    rows = ((0xC2, 0xDF, ()), (0xE0, 0xE0, ((0xA0, 0xBF),)), (0xE1, 0xEC, (1,)), (0xED, 0xED, ((0x80, 0x9F),)), (0xEE, 0xEF, (1,)),
            (0xF0, 0xF0, ((0x90, 0xBF), 1)), (0xF1, 0xF3, (1, 1)), (0xF4, 0xF4, ((0x80, 0x8F), 1)))
    parts: list[Expr[Chars]] = []
    for low, high, middle in rows:
        between = [TAIL if isinstance(m, int) else frozenset(range(m[0], m[1] + 1)) for m in middle]
        parts.append(Sequence((frozenset(range(low, high + 1)), *between, TAIL)))
    return Choice(tuple(parts))


OTHER = _other_characters()


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def choice(self, *, dot_all: bool) -> Expr[Chars]:
        parts = [self.sequence(dot_all)]
        while self._take("|"):
            parts.append(self.sequence(dot_all))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def sequence(self, dot_all: bool) -> Expr[Chars]:
        parts: list[Expr[Chars]] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self.repeated(dot_all))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def repeated(self, dot_all: bool) -> Expr[Chars]:
        part = self.atom(dot_all)
        counted = re.compile(r"\*|\+|\?|\{(\d+)(,(\d*))?\}").match(self.pattern, self.at)
        if not counted:
            return part
        self.at = counted.end()
        if self.pattern[self.at : self.at + 1] in ("?", "+", "*", "{"):
            raise NotInSubset(f"/{self.pattern}/: lazy, possessive and double repetition are not read here", param="grammar")
        if counted[1] is None:
            return Repeat(part, int(counted[0] == "+"), 1 if counted[0] == "?" else None)
        low = int(counted[1])
        return Repeat(part, low, low if counted[2] is None else int(counted[3]) if counted[3] else None)

    def atom(self, dot_all: bool) -> Expr[Chars]:
        if self._take("("):
            if self._take("?"):
                flags = re.compile(r"(s?):").match(self.pattern, self.at)
                if not flags:
                    raise NotInSubset(f"/{self.pattern}/: of groups with (? only (?: and (?s: are read here", param="grammar")
                self.at = flags.end()
                dot_all = dot_all or bool(flags[1])
            inner = self.choice(dot_all=dot_all)
            if not self._take(")"):
                raise InvalidGrammar(f"/{self.pattern}/: a group is never closed", param="grammar")
            return inner
        if self._take("["):
            return self._class()
        character = self._character()
        if character == ".":
            return Choice((ASCII if dot_all else ASCII - {10}, OTHER))
        if character in "^$*+?{":
            raise NotInSubset(f"/{self.pattern}/: {character!r} at {self.at - 1} is not read here", param="grammar")
        return self._escape() if character == "\\" else literal(character.encode())

    def _class(self) -> Expr[Chars]:
        negated = self._take("^")
        members: set[int] = set()
        first = True
        while first or not self._take("]"):
            first = False
            low = self._member()
            if self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] != "]" and len(low) == 1:
                self.at += 1
                high = self._member()
                members |= set(range(min(low), max(high) + 1))
            else:
                members |= low
        return Choice((ASCII - members, OTHER)) if negated else frozenset(members)

    def _member(self) -> frozenset[int]:
        character = self._character()
        if character == "\\":
            found = self._escape()
            if not isinstance(found, frozenset):
                raise NotInSubset(f"/{self.pattern}/: negated classes inside classes are not read here", param="grammar")
            return found
        if ord(character) >= 0x80 or character == "[":
            raise NotInSubset(f"/{self.pattern}/: {character!r} in a class is not read here", param="grammar")
        return frozenset([ord(character)])

    def _escape(self) -> Expr[Chars]:
        character = self._character()
        if character in CLASSES:
            return CLASSES[character]
        if character.lower() in CLASSES:
            return Choice((ASCII - CLASSES[character.lower()], OTHER))
        if character in ESCAPES:
            return frozenset([ESCAPES[character]])
        if character == "x" and (code := re.compile(r"[0-7][0-9A-Fa-f]").match(self.pattern, self.at)):
            self.at = code.end()
            return frozenset([int(code[0], 16)])
        if character.isalnum() or ord(character) >= 0x80:
            raise NotInSubset(f"/{self.pattern}/: \\{character} is not read here", param="grammar")
        return frozenset([ord(character)])

    def _character(self) -> str:
        if self.at >= len(self.pattern):
            raise InvalidGrammar(f"/{self.pattern}/ ends too early", param="grammar")
        self.at += 1
        return self.pattern[self.at - 1]

    def _take(self, character: str) -> bool:
        taken = self.pattern[self.at : self.at + 1] == character
        self.at += taken
        return taken
