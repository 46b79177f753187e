"""Deterministic finite automata over the segments of a run: product, minimisation, and which steps never lead into a trap."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from eudoxus.decoding.ltl.errors import SpecTooLarge

MOST_STATES = 4_000
"""States of an automaton before minimisation."""

MOST_EFFORT = 300_000
"""Of all automata of one specification together; about two seconds of work."""

S = TypeVar("S", bound=Hashable)


class Effort:
    """What the automata of one specification may cost together. Counted in steps, so that it ends at the same place everywhere."""

    def __init__(self, most: int = MOST_EFFORT) -> None:
        self.left = most

    def spend(self, steps: int) -> None:
        """Raises :class:`SpecTooLarge` when nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise SpecTooLarge("the behaviour takes too much work to compile; use fewer or simpler constraints", param="behavior")


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """One segment of a run as the automaton sees it: its state, and the proposition that the host says holds of it, if any."""

    state: str
    proposition: str = ""

    @property
    def holding(self) -> frozenset[str]:
        """The propositions that hold at this position."""
        return frozenset({self.state, self.proposition} - {""})

    def __str__(self) -> str:
        return f"{self.state}({self.proposition})" if self.proposition else self.state


@dataclass(frozen=True)
class Automaton:
    """A complete DFA; state 0 is the start and never accepts, for a run has at least one segment."""

    alphabet: tuple[Symbol, ...]
    rows: tuple[tuple[int, ...], ...]
    """``rows[state][number of the symbol]`` is the next state."""
    accepting: frozenset[int]

    @classmethod
    def built(cls, alphabet: Sequence[Symbol], start: S, step: Callable[[S, Symbol], S], accepts: Callable[[S], bool],
              effort: Effort) -> Self:
        """The minimal automaton of the states reachable from ``start``. Raises :class:`SpecTooLarge` above ``MOST_STATES``, and when
        ``effort`` is spent.

        Whether ``start`` itself accepts is not asked; a state equal to it that is reached again is another one.
        """
        numbers: dict[S, int] = {}
        order, rows = list[S](), list[list[int]]()

        def number(state: S) -> int:
            if state not in numbers:
                if len(order) >= MOST_STATES:
                    raise SpecTooLarge(f"the behaviour needs more than {MOST_STATES:,} states; use smaller counts", param="behavior")
                numbers[state] = len(order) + 1
                order.append(state)
            return numbers[state]

        rows.append([number(step(start, symbol)) for symbol in alphabet])
        while len(rows) <= len(order):
            state = order[len(rows) - 1]
            effort.spend(len(alphabet))
            rows.append([number(step(state, symbol)) for symbol in alphabet])
        accepting = {numbers[state] for state in order if accepts(state)}
        return cls(*_minimal(tuple(alphabet), rows, accepting))

    def both(self, other: Self, effort: Effort | None = None) -> Self:
        """The minimal automaton of the runs that this and ``other`` accept, over the same alphabet."""
        place = {symbol: number for number, symbol in enumerate(self.alphabet)}

        def step(at: tuple[int, int], symbol: Symbol) -> tuple[int, int]:
            number = place[symbol]
            return self.rows[at[0]][number], other.rows[at[1]][number]

        return type(self).built(self.alphabet, (0, 0), step, lambda at: at[0] in self.accepting and at[1] in other.accepting,
                                effort or Effort())

    def step(self, state: int, symbol: Symbol) -> int:
        """The state after ``symbol``. Raises KeyError for a symbol outside the alphabet."""
        try:
            return self.rows[state][self.alphabet.index(symbol)]
        except ValueError:
            raise KeyError(symbol) from None

    def accepts(self, run: Iterable[Symbol]) -> bool:
        """Whether it accepts the run; never the empty one."""
        state = 0
        for symbol in run:
            state = self.step(state, symbol)
        return state in self.accepting

    def shortest(self) -> list[Symbol] | None:
        """A shortest accepted run, the first in the order of the alphabet; None when there is none."""
        came: dict[int, tuple[int, Symbol] | None] = {0: None}
        queue = deque([0])
        while queue:
            state = queue.popleft()
            if state in self.accepting:
                return _back(came, state)
            for symbol, after in zip(self.alphabet, self.rows[state], strict=True):
                if after not in came:
                    came[after] = state, symbol
                    queue.append(after)
        return None

    def live(self) -> frozenset[int]:
        """The states from which an accepting one can be reached, by some run."""
        came_from: list[set[int]] = [set() for _ in self.rows]
        for state, row in enumerate(self.rows):
            for after in row:
                came_from[after].add(state)
        found, waiting = set(self.accepting), list(self.accepting)
        while waiting:
            more = came_from[waiting.pop()] - found
            found |= more
            waiting += more
        return frozenset(found)

    def distances(self) -> dict[int, int]:
        """For each state from which acceptance can be *forced*, the most segments that it takes on the best way.

        The writer chooses the next state; which of its propositions holds is the host's matter, so all of them must lead on. Where
        states have no propositions, these are the states from which acceptance can be reached. Any other state is a trap.
        """
        open_ways: dict[tuple[int, str], int] = {}
        came_from: list[list[tuple[int, str]]] = [[] for _ in self.rows]
        for state, row in enumerate(self.rows):
            for symbol, after in zip(self.alphabet, row, strict=True):
                open_ways[state, symbol.state] = open_ways.get((state, symbol.state), 0) + 1
                came_from[after].append((state, symbol.state))
        known = dict.fromkeys(sorted(self.accepting), 0)
        queue = deque(known)
        while queue:
            after = queue.popleft()
            for state, written in came_from[after]:
                open_ways[state, written] -= 1
                if open_ways[state, written] == 0 and state not in known:
                    known[state] = known[after] + 1
                    queue.append(state)
        return known


def _back(came: dict[int, tuple[int, Symbol] | None], state: int) -> list[Symbol]:
    run = list[Symbol]()
    while (link := came[state]) is not None:
        state, symbol = link
        run.append(symbol)
    return run[::-1]


def _minimal(alphabet: tuple[Symbol, ...], rows: Sequence[Sequence[int]], accepting: set[int]) -> tuple[
        tuple[Symbol, ...], tuple[tuple[int, ...], ...], frozenset[int]]:
    """Hopcroft's partition refinement (1971); blocks are numbered in the order of a breadth-first walk, so that equal automata are equal.

    The start keeps a block of its own: nothing leads back to it, and it stands for the empty run.
    """
    before: list[list[list[int]]] = [[[] for _ in rows] for _ in alphabet]
    for state, row in enumerate(rows):
        for number, after in enumerate(row):
            before[number][after].append(state)
    block_of = [1 if state in accepting else 0 for state in range(len(rows))]
    blocks = [{state for state in range(len(rows)) if state not in accepting}, set(accepting)]
    if len(rows) > 1:
        blocks[0].discard(0)
        blocks.append({0})
        block_of[0] = 2
    waiting = {(block, number) for block in range(len(blocks)) for number in range(len(alphabet))}
    while waiting:
        splitter, number = waiting.pop()
        touched: dict[int, set[int]] = {}
        for after in blocks[splitter]:
            for state in before[number][after]:
                touched.setdefault(block_of[state], set()).add(state)
        for block, inside in touched.items():
            if len(inside) == len(blocks[block]):
                continue
            outside = blocks[block] - inside
            small = inside if len(inside) <= len(outside) else outside
            new = len(blocks)
            blocks[block] -= small
            blocks.append(small)
            for state in small:
                block_of[state] = new
            waiting |= {(new, other) for other in range(len(alphabet))}
    return _numbered(alphabet, rows, accepting, block_of)


def _numbered(alphabet: tuple[Symbol, ...], rows: Sequence[Sequence[int]], accepting: set[int], block_of: list[int]) -> tuple[
        tuple[Symbol, ...], tuple[tuple[int, ...], ...], frozenset[int]]:
    first = {block_of[0]: 0}
    members = [0]
    for member in members:
        for after in rows[member]:
            if block_of[after] not in first:
                first[block_of[after]] = len(members)
                members.append(after)
    merged = tuple(tuple(first[block_of[after]] for after in rows[member]) for member in members)
    return alphabet, merged, frozenset(number for number, member in enumerate(members) if member in accepting)
