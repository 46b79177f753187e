"""The lines of a Parsel text, with places: indentation, continuation, and looking for signs outside brackets and strings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eudoxus.agents.code.parsel.language import SEPARATOR, ParselError

MOST_LINES = 10_000
MOST_CHARACTERS = 1_000_000
LONGEST_LINE = 20_000
"""Characters, continuations included."""

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_BLANK = " \t\r"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, joined with those that continue it. ``text`` has no blanks at its ends."""

    number: int
    indent: str
    text: str
    starts: tuple[tuple[int, int, int], ...] = ()
    """Where pieces of the text come from: place in the text, line number, column."""

    def place(self, at: int) -> tuple[int, int]:
        """Line and column, from 1, of the character ``at`` of the text."""
        start, number, column = next(piece for piece in reversed(self.starts) if piece[0] <= at)
        return number, column + at - start

    def error(self, reason: str, at: int = 0) -> ParselError:
        line, column = self.place(at)
        return ParselError(reason, line=line, column=column)


def divided(text: str) -> tuple[str, list[Line]]:
    """The header, and the lines that say something: without blank ones and comments. Raises :class:`ParselError`."""
    if len(text) > MOST_CHARACTERS:
        raise ParselError(f"a program has at most {MOST_CHARACTERS:,} characters, this one has {len(text):,}")
    physical = text.lstrip("\ufeff").split("\n")
    if len(physical) > MOST_LINES + 1 or (len(physical) > MOST_LINES and physical[-1].strip(_BLANK)):
        raise ParselError(f"a program has at most {MOST_LINES:,} lines", line=MOST_LINES + 1, column=1)
    ends = [number for number, line in enumerate(physical) if line.strip(_BLANK) == SEPARATOR]
    if len(ends) > 1:
        raise ParselError(f"a second line {SEPARATOR}; there is one, between header and program", line=ends[1] + 1, column=1)
    header = "\n".join(line.rstrip(_BLANK) for line in physical[: ends[0]]).strip("\n") if ends else ""
    return header, list(_joined(physical, ends[0] + 1 if ends else 0))


def _joined(physical: list[str], begin: int) -> Iterator[Line]:
    rest = iter(range(begin, len(physical)))
    for number in rest:
        raw = physical[number]
        text = raw.strip(_BLANK)
        if not text or text.startswith("#"):
            continue
        indent = raw[: len(raw) - len(raw.lstrip(_BLANK))]
        starts = [(0, number + 1, len(indent) + 1)]
        while text.endswith("\\"):
            after = next(rest, None)
            text = text[:-1].rstrip(_BLANK)
            if after is None:
                raise ParselError("the last line ends in \\, but nothing follows", line=number + 1, column=len(raw.rstrip(_BLANK)))
            more = physical[after].strip(_BLANK)
            starts.append((len(text) + 1, after + 1, physical[after].find(more) + 1))
            text = f"{text} {more}"
            if len(text) > LONGEST_LINE:
                break
        if len(text) > LONGEST_LINE:
            raise ParselError(f"a line has at most {LONGEST_LINE:,} characters", line=number + 1, column=1)
        yield Line(number + 1, indent, text.rstrip(_BLANK), tuple(starts))


def outside(line: Line, signs: tuple[str, ...], begin: int = 0, stop: str = "") -> Iterator[tuple[int, str]]:
    """Where one of ``signs`` stands outside brackets and strings from ``begin`` on, and which; the search ends behind ``stop``.

    Raises :class:`ParselError` for a string without an end and brackets that do not match.
    """
    text, at = line.text, begin
    open: list[int] = []
    while at < len(text):
        character = text[at]
        if character in "\"'":
            at = _string_end(line, at)
            continue
        if not open and (sign := next((s for s in signs if text.startswith(s, at)), "")):
            yield at, sign
            if sign == stop:
                return
            at += len(sign)
            continue
        if character in _CLOSING:
            open.append(at)
        elif character in ")]}":
            if not open or _CLOSING[text[open[-1]]] != character:
                raise line.error(f"a {character} that no bracket is open for", at)
            open.pop()
        at += 1
    if open:
        raise line.error(f"this {text[open[-1]]} is never closed", open[-1])


def closing(line: Line, opened: int) -> int:
    """Where the bracket that opens at ``opened`` is closed. Raises :class:`ParselError`."""
    text, depth, at = line.text, 0, opened
    while at < len(text):
        if text[at] in "\"'":
            at = _string_end(line, at)
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if not depth:
            return at
        at += 1
    raise line.error(f"this {text[opened]} is never closed", opened)


def pieces(line: Line, begin: int, end: int) -> list[tuple[int, str]]:
    """What stands between the commas of ``text[begin:end]`` outside brackets and strings, each with its place; none where it is blank."""
    part = Line(line.number, line.indent, line.text[:end], line.starts)
    cuts = [at for at, _ in outside(part, (",",), begin)]
    found = []
    for start, stop in zip([begin, *(cut + 1 for cut in cuts)], [*cuts, end], strict=True):
        raw = line.text[start:stop]
        found.append((start + len(raw) - len(raw.lstrip(_BLANK)), raw.strip(_BLANK)))
    return found if len(found) > 1 or found[0][1] else []


def _string_end(line: Line, at: int) -> int:
    """The place behind the string that begins at ``at``."""
    text, quote = line.text, line.text[at]
    mark = quote * 3 if text.startswith(quote * 3, at) else quote
    place = at + len(mark)
    while place < len(text):
        if text[place] == "\\":
            place += 2
        elif text.startswith(mark, place):
            return place + len(mark)
        else:
            place += 1
    raise line.error(f"the string that begins here with {mark} has no end", at)
