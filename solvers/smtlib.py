"""SMT-LIB 2 (Barrett et al. 2017): expressions read and written, and values as literals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

Sort = Literal["Int", "Real", "Bool", "String"]
Expression = str | list["Expression"]
"""An atom as it is written, or a list."""

MOST_CHARACTERS = 256_000
MOST_DEPTH = 1_000
MOST_DIGITS = 1_000

_TOKEN = re.compile(r"""[ \t\r\n]+|;[^\n]*|(?P<sign>[()]|"(?:[\x20-\x21\x23-\x7e\t\n]|"")*"|\|[\x20-\x5b\x5d-\x7b\x7d\x7e\t\n]*\||"""
                    r"""[\w~!@$%^&*+=<>.?/:#-]+)""", re.ASCII)
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)
_REAL = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:\s*/\s*\d+)?", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "yes"}), frozenset({"false", "no"})


class Refused(ValueError):
    """The text is no SMT-LIB, or holds a command that is not allowed; the message says where."""


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
