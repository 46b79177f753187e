"""Linear temporal logic over finite traces (LTLf, De Giacomo & Vardi 2013): the formulas, their text form, and what they mean.

Text form, the tighter operators first::

    atom  true  false  last  ( φ )      an atom is a lower-case name; last: there is no next position
    ! φ   X φ   N φ   F φ   G φ         not; strong next; weak next; finally; globally
    φ U ψ   φ R ψ   φ W ψ               until; release; weak until (to the right)
    φ & ψ      φ | ψ      φ -> ψ      φ <-> ψ      (-> to the right, the others to the left)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from eudoxus.decoding.ltl.errors import FormulaError

LONGEST = 20_000
"""Characters of a formula."""
DEEPEST = 100
"""Operators inside each other."""

_TOKEN = re.compile(r"<->|->|[!&|()]|[A-Za-z_]\w*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_UNARY = ("!", "X", "N", "F", "G")
_BINARY = {"<->": 1, "->": 2, "|": 3, "&": 4, "U": 5, "R": 5, "W": 5}
_TO_THE_RIGHT = ("->", "U", "R", "W")
_TIGHTEST = 6


@dataclass(frozen=True, slots=True)
class Atom:
    """A proposition."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Constant:
    """``true``, ``false`` or ``last``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Unary:
    """``op`` is one of ! X N F G."""

    op: str
    of: Formula

    def __str__(self) -> str:
        inner = _within(self.of, _TIGHTEST)
        return f"!{inner}" if self.op == "!" else f"{self.op} {inner}" if not inner.startswith("(") else f"{self.op}{inner}"


@dataclass(frozen=True, slots=True)
class Binary:
    """``op`` is one of & | -> <-> U R W."""

    op: str
    left: Formula
    right: Formula

    def __str__(self) -> str:
        own, right_first = _BINARY[self.op], self.op in _TO_THE_RIGHT
        return f"{_within(self.left, own + right_first)} {self.op} {_within(self.right, own + (not right_first))}"


Formula = Atom | Constant | Unary | Binary

TRUE, FALSE, LAST = Constant("true"), Constant("false"), Constant("last")


def _within(formula: Formula, tightness: int) -> str:
    """``formula`` as an operand, in parentheses where it binds less tightly than ``tightness``."""
    bare = not isinstance(formula, Binary) or _BINARY[formula.op] >= tightness
    return str(formula) if bare else f"({formula})"


def conjuncts(formula: Formula) -> Iterator[Formula]:
    """The parts that a top-level conjunction joins, in order."""
    if isinstance(formula, Binary) and formula.op == "&":
        yield from conjuncts(formula.left)
        yield from conjuncts(formula.right)
    else:
        yield formula


def atoms(formula: Formula) -> Iterator[str]:
    """The names of its propositions, with repetitions."""
    match formula:
        case Atom(name):
            yield name
        case Unary(_, of):
            yield from atoms(of)
        case Binary(_, left, right):
            yield from atoms(left)
            yield from atoms(right)
        case _:
            pass


def holds(formula: Formula, trace: Sequence[Collection[str]], at: int = 0) -> bool:
    """Whether ``trace``, the propositions that hold at each position, satisfies ``formula`` at position ``at``; the textbook semantics.

    A trace has at least one position: raises ValueError for an empty one. Takes exponential time in the worst case; automata do not.
    """
    if not 0 <= at < len(trace):
        raise ValueError(f"position {at} of a trace with {len(trace)} positions")
    rest = range(at, len(trace))
    match formula:
        case Atom(name):
            return name in trace[at]
        case Constant(name):
            return name == "true" or (name == "last" and at == len(trace) - 1)
        case Unary("!", of):
            return not holds(of, trace, at)
        case Unary("X", of):
            return at + 1 < len(trace) and holds(of, trace, at + 1)
        case Unary("N", of):
            return at + 1 == len(trace) or holds(of, trace, at + 1)
        case Unary("F", of):
            return any(holds(of, trace, i) for i in rest)
        case Unary(_, of):
            return all(holds(of, trace, i) for i in rest)
        case Binary("&", left, right):
            return holds(left, trace, at) and holds(right, trace, at)
        case Binary("|", left, right):
            return holds(left, trace, at) or holds(right, trace, at)
        case Binary("->", left, right):
            return not holds(left, trace, at) or holds(right, trace, at)
        case Binary("<->", left, right):
            return holds(left, trace, at) == holds(right, trace, at)
        case Binary("R", left, right):
            return all(holds(right, trace, i) or any(holds(left, trace, k) for k in range(at, i)) for i in rest)
        case Binary(op, left, right):
            until = any(holds(right, trace, i) and all(holds(left, trace, k) for k in range(at, i)) for i in rest)
            return until or (op == "W" and all(holds(left, trace, i) for i in rest))


def parse(text: str) -> Formula:
    """The formula that ``text`` writes. Raises :class:`FormulaError` with line and column."""
    return _Reader(text).read()


class _Reader:
    """Precedence climbing over the tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            raise FormulaError(f"a formula has at most {LONGEST:,} characters, this one {len(text):,}", text=text, at=LONGEST)
        self.tokens: list[tuple[str, int]] = []
        at = 0
        while at < len(text):
            if text[at].isspace():
                at += 1
            elif found := _TOKEN.match(text, at):
                self.tokens.append((found.group(), at))
                at = found.end()
            else:
                raise self.error(f"unexpected {text[at]!r}", at)
        self.next = 0

    def read(self) -> Formula:
        formula, _ = self.binary(1, 1)
        if self.peek():
            raise self.error(f"unexpected {self.peek()!r}; expected an operator such as &, |, -> or U, or the end")
        return formula

    def binary(self, least: int, depth: int) -> tuple[Formula, int]:
        """A formula whose outermost binary operator binds at least as tightly as ``least``, and how deep it is."""
        formula, height = self.unary(depth)
        while (own := _BINARY.get(op := self.peek(), 0)) >= least:
            at = self.place()
            self.next += 1
            right, other = self.binary(own if op in _TO_THE_RIGHT else own + 1, depth + 1)
            formula, height = Binary(op, formula, right), max(height, other) + 1
            if height > DEEPEST:
                raise self.error(f"more than {DEEPEST} operators inside each other; give long conjunctions as a list of checks", at)
        return formula, height

    def unary(self, depth: int) -> tuple[Formula, int]:
        if depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} operators inside each other")
        word = self.peek()
        self.next += 1
        if word in _UNARY:
            of, height = self.unary(depth + 1)
            return Unary(word, of), height + 1
        if word == "(":
            inner = self.binary(1, depth + 1)
            if self.peek() != ")":
                raise self.error("a ')' is missing" if not self.peek() else f"unexpected {self.peek()!r}; expected an operator or ')'")
            self.next += 1
            return inner
        if word in ("true", "false", "last"):
            return Constant(word), 1
        if _NAME.fullmatch(word):
            return Atom(word), 1
        self.next -= 1
        if not word:
            raise self.error("a formula is missing" if self.tokens else "an empty formula")
        if word[0].isalpha() and word not in _BINARY:
            raise self.error(f"{word!r} is neither an operator nor a name, which has lower-case letters only")
        raise self.error(f"unexpected {word!r}; expected a name, !, X, N, F, G or '('")

    def peek(self) -> str:
        return self.tokens[self.next][0] if self.next < len(self.tokens) else ""

    def place(self) -> int:
        return self.tokens[self.next][1] if self.next < len(self.tokens) else len(self.text)

    def error(self, reason: str, at: int | None = None) -> FormulaError:
        return FormulaError(reason, text=self.text, at=self.place() if at is None else at)
