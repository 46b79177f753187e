r"""A small reader of regular expressions over bytes, for lint, closing and the reference engine; engines bring their own.

Read: literals, escapes with ``\x{H…}``, ``.``, classes, groups, ``|``, ``* + ? {m,n}``. As in llguidance, ``.`` is any character but a
newline, and characters are UTF-8.
Not read (:class:`NotInSubset`): look-around, back references, anchors, lazy or possessive repetition, flags but ``(?s:…)``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
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


def utf8(low: int, high: int) -> Iterator[Expr[Chars]]:
    """The characters from ``low`` to ``high`` as byte sequences, each a range of bytes after another; surrogates are no characters."""
    for first, last in ((0x00, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)):
        if max(low, first) <= min(high, last):
            yield from _aligned(max(low, first), min(high, last), 0)


def _aligned(low: int, high: int, tail: int) -> Iterator[Expr[Chars]]:
    """Split until all bytes after the first in which the ends differ run over their whole range."""
    for bits in range(6 * (3 - tail), 0, -6):
        rest = (1 << bits) - 1
        if bits // 6 < len(chr(high).encode()) and low | rest < high | rest:
            if low & rest:
                yield from (*_aligned(low, low | rest, tail), *_aligned((low | rest) + 1, high, tail))
                return
            if high & rest != rest:
                yield from (*_aligned(low, (high & ~rest) - 1, tail), *_aligned(high & ~rest, high, tail))
                return
    ends = zip(chr(low).encode(), chr(high).encode(), strict=True)
    yield Sequence(tuple(frozenset(range(first, last + 1)) for first, last in ends))


OTHER: Expr[Chars] = Choice(tuple(utf8(0x80, 0x10FFFF)))
"""One character beyond ASCII, as well-formed UTF-8."""


def characters(ranges: Iterable[tuple[int, int]]) -> Expr[Chars]:
    """One character out of ranges of code points, ends included."""
    return _characters(tuple(sorted(ranges)))


@functools.lru_cache(maxsize=1024)
def _characters(ranges: tuple[tuple[int, int], ...]) -> Expr[Chars]:
    merged = list[tuple[int, int]]()
    for low, high in ranges:
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    ascii = frozenset(code for low, high in merged for code in range(low, min(high, 0x7F) + 1))
    beyond = [(max(low, 0x80), high) for low, high in merged if high >= 0x80]
    if not beyond:
        return ascii
    parts = (OTHER,) if beyond == [(0x80, 0x10FFFF)] else tuple(part for low, high in beyond for part in utf8(low, high))
    return Choice((ascii, *parts)) if ascii else parts[0] if len(parts) == 1 else Choice(parts)


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
        members: list[tuple[int, int]] = []
        first = True
        while first or not self._take("]"):
            first = False
            low = self._member()
            if self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] != "]" and _single(low):
                self.at += 1
                high = self._member()
                if not _single(high) or high[0][0] < low[0][0]:
                    raise InvalidGrammar(f"/{self.pattern}/: a range goes from one character to a later one", param="grammar")
                members.append((low[0][0], high[0][0]))
            else:
                members += low
        return characters(_others(members) if negated else members)

    def _member(self) -> list[tuple[int, int]]:
        character = self._character()
        if character == "\\":
            return self._escaped()
        if character == "[":
            raise NotInSubset(f"/{self.pattern}/: {character!r} in a class is not read here", param="grammar")
        return [(ord(character), ord(character))]

    def _escape(self) -> Expr[Chars]:
        return characters(self._escaped())

    def _escaped(self) -> list[tuple[int, int]]:
        """Ranges of the characters that an escape stands for."""
        character = self._character()
        if character.lower() in CLASSES:
            members = [(code, code) for code in CLASSES[character.lower()]]
            return members if character in CLASSES else _others(members)
        if character in ESCAPES:
            return [(ESCAPES[character], ESCAPES[character])]
        if character == "x" and (code := re.compile(r"([0-7][0-9A-Fa-f])|\{([0-9A-Fa-f]{1,6})\}").match(self.pattern, self.at)):
            self.at = code.end()
            value = int(code[1] or code[2], 16)
            if value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
                raise InvalidGrammar(f"/{self.pattern}/: {code[0]} is no character", param="grammar")
            return [(value, value)]
        if character.isalnum() or ord(character) >= 0x80:
            raise NotInSubset(f"/{self.pattern}/: \\{character} is not read here", param="grammar")
        return [(ord(character), ord(character))]

    def _character(self) -> str:
        if self.at >= len(self.pattern):
            raise InvalidGrammar(f"/{self.pattern}/ ends too early", param="grammar")
        self.at += 1
        return self.pattern[self.at - 1]

    def _take(self, character: str) -> bool:
        taken = self.pattern[self.at : self.at + 1] == character
        self.at += taken
        return taken


def _single(members: list[tuple[int, int]]) -> bool:
    return len(members) == 1 and members[0][0] == members[0][1]


def _others(members: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges of all other characters."""
    found, begin = list[tuple[int, int]](), 0
    for low, high in sorted(members):
        if begin < low:
            found.append((begin, low - 1))
        begin = max(begin, high + 1)
    return [*found, (begin, 0x10FFFF)] if begin <= 0x10FFFF else found
