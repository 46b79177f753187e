"""Regular expressions as values: read from a small common subset, joined, and written in the notation of each grammar engine.

Characters are those that may stand within a line: tab and everything from U+0020 on but control characters. So no pattern that is read runs
over the end of a line; only free text does (:func:`text_without`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 2_000
"""Characters of a pattern."""
MOST_REPEATS = 256
DEEPEST = 50

Ranges = tuple[tuple[int, int], ...]
"""Sorted, disjoint ranges of code points, both ends included."""

LINE: Ranges = ((0x09, 0x09), (0x20, 0x7E), (0xA0, 0xD7FF), (0xE000, 0x10FFFF))
"""What may stand within a line."""


class PatternError(ValueError):
    """A pattern cannot be read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of ``ranges``."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other; without parts, the empty text."""

    parts: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """One of several, at least one."""

    options: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``of``, at least ``least`` and at most ``most`` times; None is without end."""

    of: Pattern
    least: int
    most: int | None


Pattern = Chars | Seq | Alt | Repeat
EMPTY = Seq(())


def literal(text: str) -> Pattern:
    """Exactly ``text``."""
    return Seq(tuple(Chars(((ord(sign), ord(sign)),)) for sign in text))


def one_of(texts: Iterable[str]) -> Pattern:
    """One of several texts."""
    return Alt(tuple(map(literal, texts)))


def text_without(markers: Iterable[str]) -> Pattern:
    """Free text of one or more lines, the first of which begins with something visible; none of the others begins with a marker."""
    lines = Repeat(Seq((literal("\n"), _line_without(tuple(sorted(set(markers)))))), 0, None)
    return Seq((Chars(_minus(LINE, ((0x09, 0x09), (0x20, 0x20)))), Repeat(Chars(LINE), 0, None), lines))


def _line_without(markers: tuple[str, ...]) -> Pattern:
    """A line, perhaps empty, that begins with none of ``markers``, which are not empty: a walk down the tree of their beginnings."""
    options: list[Pattern] = [EMPTY]
    nexts: dict[str, list[str]] = {}
    for marker in markers:
        nexts.setdefault(marker[0], []).append(marker[1:])
    others = _minus(LINE, tuple((ord(sign), ord(sign)) for sign in nexts))
    options.append(Seq((Chars(others), Repeat(Chars(LINE), 0, None))))
    for sign, rests in nexts.items():
        if all(rests):
            options.append(Seq((literal(sign), _line_without(tuple(rests)))))
    return Alt(tuple(options))


def _minus(ranges: Ranges, without: Ranges) -> Ranges:
    kept = list(ranges)
    for low, high in without:
        kept = [piece for a, b in kept for piece in ((a, min(b, low - 1)), (max(a, high + 1), b)) if piece[0] <= piece[1]] if kept else kept
    return tuple(sorted(set(kept)))


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    merged = list[tuple[int, int]]()
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return tuple(merged)


# Notations --------------------------------------------------------------------------------------------------------------


def as_regex(pattern: Pattern) -> str:
    r"""In the notation that RE2 and Rust's ``regex`` share; code points beyond ASCII, and "/", as ``\x{…}``."""
    match pattern:
        case Chars(((low, high),)) if low == high:
            return _in_regex(low)
        case Chars(ranges):
            return "[" + "".join(_in_regex(low) if low == high else f"{_in_regex(low)}-{_in_regex(high)}" for low, high in ranges) + "]"
        case Seq(parts):
            return "".join(f"(?:{as_regex(part)})" if isinstance(part, Alt) else as_regex(part) for part in parts)
        case Alt(options):
            return "|".join(map(as_regex, options))
        case Repeat(of, least, most):
            return f"{as_regex(of) if isinstance(of, Chars) else f'(?:{as_regex(of)})'}{_times(least, most)}"


def as_gbnf(pattern: Pattern) -> str:
    """The right side of a rule in GBNF, the notation of llama.cpp."""
    match pattern:
        case Chars(ranges):
            return "[" + "".join(_in_gbnf(low) if low == high else f"{_in_gbnf(low)}-{_in_gbnf(high)}" for low, high in ranges) + "]"
        case Seq(parts):
            return _runs_in_gbnf(parts)
        case Alt(options):
            return "(" + " | ".join(map(as_gbnf, options)) + ")"
        case Repeat(of, least, most):
            return f"{as_gbnf(of) if isinstance(of, (Chars, Alt)) else f'({as_gbnf(of)})'}{_times(least, most)}"


def _runs_in_gbnf(parts: tuple[Pattern, ...]) -> str:
    """Single characters in a row as one quoted text."""
    said, run = list[str](), ""
    for part in (*parts, EMPTY):
        if isinstance(part, Chars) and len(part.ranges) == 1 and part.ranges[0][0] == part.ranges[0][1]:
            run += _in_gbnf(part.ranges[0][0], quoted=True)
            continue
        if run:
            said.append(f'"{run}"')
            run = ""
        if part != EMPTY:
            said.append(as_gbnf(part))
    return " ".join(said) or '""'


def _times(least: int, most: int | None) -> str:
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most))
    return short or (f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}")


def _in_regex(code: int) -> str:
    sign = chr(code)
    if sign.isascii() and (sign.isalnum() or sign in " _\"'<>,:;=@%!`"):
        return sign
    return f"\\{sign}" if sign in ".+*?()|[]{}^$-#&~\\" else f"\\x{{{code:X}}}"


def _in_gbnf(code: int, *, quoted: bool = False) -> str:
    sign = chr(code)
    if sign.isascii() and (sign.isalnum() or (quoted and sign.isprintable() and sign not in '"\\')):
        return sign
    return f"\\x{code:02X}" if code < 0x80 else sign  # servers differ in how they read escapes beyond ASCII


# Reading ----------------------------------------------------------------------------------------------------------------

_CLASSES: dict[str, Ranges] = {
    "d": ((0x30, 0x39),), "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)), "s": ((0x09, 0x09), (0x20, 0x20)),
}
_COUNT = re.compile(r"\{(\d{1,4})(,(\d{0,4}))?\}")


def read(text: str) -> Pattern:
    r"""The pattern that ``text`` writes.

    Known are characters, ``.``, classes, ``\d \w \s`` (ASCII) and their negations, groups, ``|``, ``* + ?`` and ``{m,n}``. It must match
    the whole content. Raises :class:`PatternError` for what else regular expressions know: anchors, look-around, back-references, lazy
    operators.
    """
    if len(text) > LONGEST:
        raise PatternError(f"a pattern has at most {LONGEST:,} characters, this one {len(text):,}")
    reader = _Reader(text)
    pattern = reader.alternatives(0)
    if reader.at < len(text):
        raise reader.error(f"unexpected {text[reader.at]!r}")
    return pattern


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def alternatives(self, depth: int) -> Pattern:
        if depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} groups inside each other")
        options = [self.sequence(depth)]
        while self.take("|"):
            options.append(self.sequence(depth))
        return options[0] if len(options) == 1 else Alt(tuple(options))

    def sequence(self, depth: int) -> Pattern:
        parts = list[Pattern]()
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated(self.single(depth)))
        return parts[0] if len(parts) == 1 else Seq(tuple(parts))

    def repeated(self, of: Pattern) -> Pattern:
        least, most = 1, None
        if self.take("*"):
            least = 0
        elif self.take("?"):
            least, most = 0, 1
        elif not self.take("+"):
            found = _COUNT.match(self.text, self.at)
            if found is None:
                if self.peek() == "{":
                    raise self.error("'{' begins a count such as {2,5}; as a character it is \\{")
                return of
            least = int(found[1])
            most = least if found[2] is None else int(found[3]) if found[3] else None
            if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
                raise self.error(f"a count goes from a smaller to a larger number, at most {MOST_REPEATS}")
            self.at = found.end()
        if self.peek() in ("*", "+", "?", "{"):
            raise self.error("one repetition after another; lazy and possessive ones are not known")
        return Repeat(of, least, most)

    def single(self, depth: int) -> Pattern:
        sign = self.peek()
        self.at += 1
        match sign:
            case "(":
                if self.peek() == "?" and not self.text.startswith("?:", self.at):
                    raise self.error("groups are (…) or (?:…); there is no look-around")
                self.at += 2 if self.peek() == "?" else 0
                inner = self.alternatives(depth + 1)
                if not self.take(")"):
                    raise self.error("a ')' is missing")
                return Alt((inner,)) if isinstance(inner, Seq) else inner
            case "[":
                return Chars(self.klass())
            case ".":
                return Chars(LINE)
            case "\\":
                return Chars(self.escape())
            case "^" | "$":
                raise self.error(f"{sign!r} is not needed: a pattern always matches the whole content", self.at - 1)
            case "*" | "+" | "?" | "{" | "}" | "]":
                raise self.error(f"{sign!r} has nothing before it; as a character it is \\{sign}", self.at - 1)
        return Chars(self.known(ord(sign)))

    def klass(self) -> Ranges:
        negated, ranges, begin = self.take("^"), list[tuple[int, int]](), self.at
        while not (self.peek() == "]" and self.at > begin):
            low = self.member()
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.member()
                if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or high[0][0] < low[0][0]:
                    raise self.error("a range goes from one character to a later one")
                low = ((low[0][0], high[0][1]),)
            ranges += low
        self.at += 1
        found = _minus(LINE, _joined(ranges)) if negated else _minus(LINE, _minus(((0, 0x10FFFF),), _joined(ranges)))
        if not found:
            raise self.error("a class that no character of a line is in")
        return found

    def member(self) -> Ranges:
        sign = self.peek()
        if not sign:
            raise self.error("a ']' is missing")
        self.at += 1
        return self.escape() if sign == "\\" else self.known(ord(sign))

    def escape(self) -> Ranges:
        sign = self.peek()
        self.at += 1
        if sign.lower() in _CLASSES and sign:
            return _CLASSES[sign] if sign in _CLASSES else _minus(LINE, _CLASSES[sign.lower()])
        if sign == "t":
            return ((9, 9),)
        if not sign or sign.isalnum():
            raise self.error(f"\\{sign} is not known; there are \\d \\w \\s \\D \\W \\S \\t and escaped signs", self.at - 1)
        return self.known(ord(sign))

    def known(self, code: int) -> Ranges:
        if not any(low <= code <= high for low, high in LINE):
            raise self.error(f"U+{code:04X} cannot stand within a line", self.at - 1)
        return ((code, code),)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, sign: str) -> bool:
        found = self.peek() == sign
        self.at += found
        return found

    def error(self, reason: str, at: int | None = None) -> PatternError:
        return PatternError(f"column {(self.at if at is None else at) + 1} of {self.text[:200]!r}: {reason}")


