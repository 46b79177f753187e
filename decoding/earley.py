"""An Earley recogniser over bytes (Earley 1970; empty productions as in Aycock and Horspool 2002), written to be read, not to be fast.

As every production in a :class:`~eudoxus.decoding.bnf.Bnf` can be completed, a text whose last column is not empty can be continued to an
accepted one: the recogniser decides viable prefixes exactly, which makes it the judge of other engines.
"""

from __future__ import annotations

import math
from typing import Self

from eudoxus.decoding.bnf import Bnf, Production, Symbol
from eudoxus.decoding.errors import MatcherFailed

Dotted = tuple[str, Production, int, int]
"""Nonterminal, production, how many of its symbols are read, and the column where it began."""


class Column:
    """The items after some bytes. ``need[A]``: fewest bytes that complete a text once an ``A`` that began here is complete."""

    def __init__(self, items: list[Dotted], waiting: dict[str, list[Dotted]]) -> None:
        self.items, self.waiting = items, waiting
        self.need: dict[str, float] | None = None


class Recogniser:
    """What has been read of a text, byte by byte. ``most_items`` bounds one column: ambiguous grammars need many."""

    def __init__(self, grammar: Bnf, most_items: int = 5_000) -> None:
        self.grammar = grammar
        self.most_items = most_items
        self.columns: list[Column] = []
        first: list[Dotted] = [(grammar.start, production, 0, 0) for production in grammar.rules[grammar.start]]
        self.columns.append(self._closed(first, 0))

    def copy(self) -> Self:
        """Independent of this one; columns are shared, for they never change."""
        other = object.__new__(type(self))
        other.grammar, other.most_items, other.columns = self.grammar, self.most_items, self.columns[:]
        return other

    def push(self, byte: int) -> bool:
        """Read one byte if some accepted text goes on with it."""
        read: list[Dotted] = []
        for name, production, dot, origin in self.columns[-1].items:
            if dot < len(production):
                symbol = production[dot]
                if not isinstance(symbol, str) and byte in symbol:
                    read.append((name, production, dot + 1, origin))
        if read:
            self.columns.append(self._closed(read, len(self.columns)))
        return bool(read)

    def read(self, text: bytes) -> bool:
        """Read all of ``text``, or nothing if no accepted text goes on with it."""
        for count, byte in enumerate(text):
            if not self.push(byte):
                self.pop(count)
                return False
        return True

    def pop(self, count: int) -> None:
        """Take back the last ``count`` bytes."""
        if count:
            del self.columns[-count:]

    @property
    def accepting(self) -> bool:
        """Whether the text read is complete."""
        start = self.grammar.start
        return any(name == start and origin == 0 and dot == len(production) for name, production, dot, origin in self.columns[-1].items)

    def next_bytes(self) -> frozenset[int]:
        """The bytes with which an accepted text can go on."""
        found: set[int] = set()
        for _, production, dot, _ in self.columns[-1].items:
            if dot < len(production) and not isinstance(production[dot], str):
                found |= production[dot]  # type: ignore[arg-type]
        return frozenset(found)

    def remaining(self) -> int:
        """Bytes of the shortest way to complete the text read so far; 0 where it is complete."""
        needs = [column.need if column.need is not None else self._need(at) for at, column in enumerate(self.columns)]
        return int(min(self.grammar.length(p[dot:]) + needs[origin][name] for name, p, dot, origin in self.columns[-1].items))

    def _need(self, at: int) -> dict[str, float]:
        """Fixed point over the items of a column, each waiting for a nonterminal that began there; earlier columns come first."""
        column = self.columns[at]
        need = dict.fromkeys(column.waiting, math.inf)
        need.setdefault(self.grammar.start, math.inf)
        if at == 0:
            need[self.grammar.start] = 0
        changed = True
        while changed:
            changed = False
            for awaited, items in column.waiting.items():
                for name, production, dot, origin in items:
                    outer = need if origin == at else self.columns[origin].need
                    assert outer is not None
                    length = self.grammar.length(production[dot + 1 :]) + outer[name]
                    if length < need[awaited]:
                        need[awaited], changed = length, True
        column.need = need
        return need

    def _closed(self, items: list[Dotted], at: int) -> Column:
        """Predict and complete until nothing is new."""
        column = Column(items, {})
        seen = set(items)
        nullable = self.grammar.shortest

        def add(item: Dotted) -> None:
            if item not in seen:
                seen.add(item)
                items.append(item)

        for name, production, dot, origin in items:
            if len(items) > self.most_items:
                raise MatcherFailed(f"more than {self.most_items} parser items after {at} bytes: is the grammar ambiguous?")
            if dot == len(production):
                for waiting in (column if origin == at else self.columns[origin]).waiting.get(name, ()):
                    add((*waiting[:2], waiting[2] + 1, waiting[3]))
                continue
            symbol: Symbol = production[dot]
            if isinstance(symbol, str):
                column.waiting.setdefault(symbol, []).append((name, production, dot, origin))
                for alternative in self.grammar.rules[symbol]:
                    add((symbol, alternative, 0, at))
                if nullable[symbol] == 0:
                    add((name, production, dot + 1, origin))
        return column
