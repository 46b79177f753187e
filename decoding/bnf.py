"""Grammars as plain productions over bytes: the form in which the reference engine, lint and closing compute."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from eudoxus.decoding.errors import GrammarTooLarge, NotInSubset, Unsatisfiable
from eudoxus.decoding.grammar import Grammar, Lark, Limits, Regex, check_size
from eudoxus.decoding.lark import Item, Lexeme, Name, Rules, parse_lark
from eudoxus.decoding.regex import Chars, Choice, Expr, Repeat, Sequence, parse_regex

Symbol = str | Chars
Production = tuple[Symbol, ...]
MOST_PRODUCTIONS = 20_000


@dataclass(frozen=True)
class Bnf:
    """Productions by nonterminal, from ``start``; every one of them can be completed. ``shortest`` is in bytes."""

    rules: Mapping[str, tuple[Production, ...]]
    shortest: Mapping[str, int]
    """Bytes of the shortest text that each nonterminal derives."""
    start: str = "start"

    def length(self, symbols: Production) -> int:
        """Bytes of the shortest text that ``symbols`` derive one after the other."""
        return sum(self.shortest[symbol] if isinstance(symbol, str) else 1 for symbol in symbols)


    @functools.cached_property
    def nests(self) -> bool:
        """Whether some nonterminal can stand inside itself with text before and after it, as brackets do. Where none can, what is still
        wanted never grows with the length of the text."""
        inside: dict[str, set[str]] = {name: set() for name in self.rules}
        edges: list[tuple[str, str, bool, bool]] = []
        for name, productions in self.rules.items():
            for production in productions:
                for at, symbol in enumerate(production):
                    if isinstance(symbol, str):
                        inside[name].add(symbol)
                        edges.append((name, symbol, at > 0, at + 1 < len(production)))
        knot = _knots(inside)
        before = {knot[name] for name, symbol, left, _ in edges if left and knot[name] == knot[symbol]}
        return any(right and knot[name] == knot[symbol] and knot[name] in before for name, symbol, _, right in edges)


def _knots(steps: Mapping[str, set[str]]) -> dict[str, int]:
    """The strongly connected component of each node, by number (Kosaraju and Sharir 1981)."""
    back: dict[str, set[str]] = {name: set() for name in steps}
    for name, nexts in steps.items():
        for other in nexts:
            back[other].add(name)
    finished: list[str] = []
    seen = set[str]()
    for name in steps:
        stack = [(name, iter(steps[name]))] if name not in seen else []
        seen.add(name)
        while stack:
            further = next((other for other in stack[-1][1] if other not in seen), None)
            if further is None:
                finished.append(stack.pop()[0])
            else:
                seen.add(further)
                stack.append((further, iter(steps[further])))
    number: dict[str, int] = {}
    for name in reversed(finished):
        waiting = [name] if name not in number else []
        while waiting:
            here = waiting.pop()
            if here not in number:
                number[here] = len(number) if here == name else number[name]
                waiting += [other for other in back[here] if other not in number]
    return number


def compile_bnf(grammar: Grammar, limits: Limits | None = None) -> Bnf:
    """Productions of a regular expression or a grammar in the subset of Lark that is read here.

    Raises :class:`NotInSubset`, :class:`InvalidGrammar`, :class:`GrammarTooLarge`, or :class:`Unsatisfiable` where no text is derived.
    """
    return _compiled(grammar, limits or Limits())


@functools.lru_cache(maxsize=32)
def _compiled(grammar: Grammar, limits: Limits) -> Bnf:
    check_size(grammar, limits)
    try:
        return pruned(_productions(grammar))
    except RecursionError:
        raise GrammarTooLarge("the grammar nests too deeply for the reference reader", param="grammar") from None


def _productions(grammar: Grammar) -> dict[str, list[Production]]:
    match grammar:
        case Lark(text):
            rules = parse_lark(text)
        case Regex(pattern):
            rules = {"start": Lexeme(pattern, parse_regex(pattern))}
        case _:
            raise NotInSubset("a JSON schema is not read here: only Lark and regular expressions", param="grammar")
    return _Writer(rules).written


def pruned(rules: Mapping[str, list[Production]]) -> Bnf:
    """Without productions that can never be completed. Raises :class:`Unsatisfiable` where none is left for ``start``."""
    shortest = shortest_texts(rules)
    if math.isinf(shortest["start"]):
        raise Unsatisfiable("the grammar derives no text: every way from start goes on for ever or uses an empty class", param="grammar")
    finite = {name: int(length) for name, length in shortest.items() if not math.isinf(length)}
    kept = {
        name: tuple(dict.fromkeys(p for p in rules[name] if all(s in finite if isinstance(s, str) else s for s in p))) for name in finite
    }
    return Bnf(kept, finite)


def shortest_texts(rules: Mapping[str, list[Production]]) -> dict[str, float]:
    """Bytes of the shortest text of each nonterminal, infinite where it derives none: a least fixed point (Knuth 1977)."""
    shortest = dict.fromkeys(rules, math.inf)
    users: dict[str, set[str]] = {name: set() for name in rules}
    for name, productions in rules.items():
        for symbol in (symbol for production in productions for symbol in production if isinstance(symbol, str)):
            users[symbol].add(name)
    waiting = list(rules)
    while waiting:
        name = waiting.pop()
        found = min((sum(shortest[s] if isinstance(s, str) else 1 if s else math.inf for s in p) for p in rules[name]), default=math.inf)
        if found < shortest[name]:
            shortest[name] = found
            waiting.extend(users[name])
    return shortest


@dataclass
class _Writer:
    """Writes expressions as productions; parts that are no plain sequence get a nonterminal of their own."""

    source: Rules
    written: dict[str, list[Production]] = field(default_factory=dict)
    known: dict[tuple[str, object], str] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        for name, expr in self.source.items():
            self.written[name] = self.alternatives(expr)

    def alternatives(self, expr: Expr[Item] | Expr[Chars]) -> list[Production]:
        if isinstance(expr, Choice):
            return [production for part in expr.parts for production in self.alternatives(part)]
        return [self.symbols(expr)]

    def symbols(self, expr: Expr[Item] | Expr[Chars]) -> Production:
        match expr:
            case Name(name):
                return (name,)
            case Lexeme(_, inner):
                return self.symbols(inner)
            case Sequence(parts):
                return tuple(symbol for part in parts for symbol in self.symbols(part))
            case Choice():
                return (self.named("choice", expr, lambda: self.alternatives(expr)),)
            case Repeat(part, low, high):
                return self.repeated(self.symbols(part), low, high)
        assert isinstance(expr, frozenset)
        return (expr,)

    def repeated(self, part: Production, low: int, high: int | None) -> Production:
        if high is None:
            more = self.named("star", part, lambda: [()])
            # Left recursion: the recogniser's work per byte does not grow with the length of the repetition.
            self.written[more] = [(), (more, *part)]
            return (*part * low, more)
        tail: Production = ()
        for _ in range(high - low):
            follow = (*part, *tail)
            tail = (self.named("maybe", follow, lambda follow=follow: [(), follow]),)
        if len(part) * low > MOST_PRODUCTIONS:
            raise GrammarTooLarge(f"a repetition of {low} is too long for the reference reader", param="grammar")
        return (*part * low, *tail)

    def named(self, kind: str, key: object, productions: object) -> str:
        """One nonterminal per different part, so that equal parts share it."""
        if (kind, key) not in self.known:
            self.count += 1
            if self.count > MOST_PRODUCTIONS:
                raise GrammarTooLarge(f"the grammar needs more than {MOST_PRODUCTIONS} productions", param="grammar")
            name = self.known[kind, key] = f"{kind} {self.count}"
            self.written[name] = [()]
            assert callable(productions)
            self.written[name] = productions()
        return self.known[kind, key]
