"""S-expressions with places: the surface of PDDL.

The text may come from a model or a stranger, so size and depth are capped and nothing here calls itself on the way down.
PDDL does not distinguish upper and lower case: names are read as lower case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from eudoxus.planners.pddl.errors import PddlError

LARGEST_TEXT = 1_000_000
"""Most bytes of one text (UTF-8)."""
DEEPEST_NESTING = 200
"""Most parentheses open at once."""

_TOKEN = re.compile(r"[()]|[^\s();]+|;[^\n]*")


@dataclass(frozen=True, slots=True)
class Word:
    """A name, variable, keyword or number. Two words are equal when their texts are, wherever they stand."""

    text: str
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Group:
    """A parenthesised list. The place is that of its opening parenthesis."""

    items: tuple[Node, ...]
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)

    @property
    def head(self) -> str:
        """The first word, or an empty text when the group is empty or begins with another group."""
        return self.items[0].text if self.items and isinstance(self.items[0], Word) else ""

    def __str__(self) -> str:
        return write(self)


Node = Word | Group


def read(text: str) -> Group:
    """The one expression that ``text`` holds, comments aside. Raises :class:`PddlError` naming line and column."""
    found = read_all(text)
    if not found:
        raise PddlError("there is no expression: the text is empty or holds comments only", line=1, column=1)
    if len(found) > 1:
        raise PddlError("the text goes on after the expression has ended", line=found[1].line, column=found[1].column)
    return found[0]


def read_all(text: str) -> list[Group]:
    """Every expression of ``text``, in order. Raises :class:`PddlError` naming line and column."""
    if len(text) > LARGEST_TEXT or len(text.encode("utf-8", "replace")) > LARGEST_TEXT:
        raise PddlError(f"the text is longer than {LARGEST_TEXT:,} bytes")
    done: list[Group] = []
    open_groups: list[tuple[list[Node], int, int]] = []
    line, line_start, seen = 1, 0, 0
    for token in _TOKEN.finditer(text):
        start, word = token.start(), token.group()
        breaks = text.count("\n", seen, start)
        if breaks:
            line, line_start = line + breaks, text.rfind("\n", seen, start) + 1
        seen, column = start, start - line_start + 1
        if word == "(":
            if len(open_groups) == DEEPEST_NESTING:
                raise PddlError(f"more than {DEEPEST_NESTING} parentheses are open at once", line=line, column=column)
            open_groups.append(([], line, column))
        elif word == ")":
            if not open_groups:
                raise PddlError("this ')' closes nothing", line=line, column=column)
            items, *place = open_groups.pop()
            group = Group(tuple(items), *place)
            (open_groups[-1][0] if open_groups else done).append(group)
        elif word[0] != ";":
            if not open_groups:
                raise PddlError(f"expected '(', found {_shown(word)}", line=line, column=column)
            open_groups[-1][0].append(Word(word.lower(), line, column))
    if open_groups:
        _, at_line, at_column = open_groups[-1]
        missing = "1 ')' is" if len(open_groups) == 1 else f"{len(open_groups)} ')' are"
        raise PddlError(f"{missing} missing at the end of the text; this '(' is not closed", line=at_line, column=at_column)
    return done


def write(node: Node) -> str:
    """``node`` as text on one line; reading it gives an equal node."""
    pieces: list[str] = []
    rest: list[Node | str] = [node]
    while rest:
        item = rest.pop()
        if isinstance(item, Group):
            rest.append(")")
            for position, part in enumerate(reversed(item.items)):
                rest.extend([part] if position == len(item.items) - 1 else [part, " "])
            rest.append("(")
        else:
            pieces.append(item if isinstance(item, str) else item.text)
    return "".join(pieces)


def brief(node: Node) -> str:
    """``node`` on one line, cut to what an error message can show."""
    text = write(node)
    return text if len(text) <= 60 else text[:57] + "..."


def _shown(word: str) -> str:
    return repr(word if len(word) <= 40 else word[:37] + "...")
