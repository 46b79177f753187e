"""What is likely to be wrong with a grammar, said before a model suffers from it.

Errors make a grammar useless, warnings make it mean less than it says or cost more than it need. A grammar outside the subset of
:mod:`eudoxus.decoding.lark` gets one note that it was not looked into.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from eudoxus.decoding.bnf import Bnf, Production, compile_bnf
from eudoxus.decoding.errors import InvalidGrammar, NotInSubset, Unsatisfiable
from eudoxus.decoding.grammar import Grammar, Lark
from eudoxus.decoding.lark import Item, Lexeme, Name, Rules, leaves, parse_lark
from eudoxus.decoding.regex import Choice, Expr, Repeat, Sequence

Kind = Literal["invalid", "unsatisfiable", "lexeme_prefix", "ambiguous", "left_recursion", "unreachable", "unproductive", "not_read"]


MOST_RULES = 1000
"""Which symbol can begin with which is a matrix: its cost grows with the square of the productions."""


@dataclass(frozen=True)
class Finding:
    """``severity`` of an error, a warning or a note; ``rule`` is where, if it is at one place."""

    kind: Kind
    severity: Literal["error", "warning", "note"]
    message: str
    rule: str = ""


def lint(grammar: Grammar) -> list[Finding]:
    """All findings, errors first. Never raises on a bad grammar: that is a finding, too."""
    try:
        compiled = compile_bnf(grammar)
    except NotInSubset as error:
        return [Finding("not_read", "note", error.message)]
    except Unsatisfiable as error:
        return [Finding("unsatisfiable", "error", error.message, "start")]
    except InvalidGrammar as error:
        return [Finding("invalid", "error", error.message)]
    if not isinstance(grammar, Lark):
        return []
    rules = parse_lark(grammar.text)
    if len(compiled.rules) > MOST_RULES:
        return [Finding("not_read", "note", f"the grammar has {len(compiled.rules)} productions; only up to {MOST_RULES} are looked into")]
    found = [*_useless(rules, compiled), *_recursion(compiled, rules), *_prefixes(rules)]
    return sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity))


def _useless(rules: Rules, compiled: Bnf) -> Iterable[Finding]:
    reached, waiting = {"start"}, ["start"]
    while waiting:
        for item in leaves(rules[waiting.pop()]):
            if isinstance(item, Name) and item.name not in reached:
                reached.add(item.name)
                waiting.append(item.name)
    for name in rules:
        if name not in reached:
            yield Finding("unreachable", "warning", f"the rule {name} is never used", name)
        elif name not in compiled.rules:
            yield Finding("unproductive", "warning", f"the rule {name} derives no text: every way through it goes on for ever", name)


def _recursion(compiled: Bnf, rules: Rules) -> Iterable[Finding]:
    """Left recursion costs an Earley parser little; a rule that recurs on both sides, or derives itself, is ambiguous."""
    first = _reach(compiled, left=True)
    last = _reach(compiled, left=False)
    alone = _unit(compiled)
    for name in compiled.rules:
        shown = name if name in rules else f"a part of a rule ({name})"
        if name in alone[name]:
            yield Finding("ambiguous", "warning", f"{shown} derives itself alone, so its texts have endlessly many parses", name)
        elif _on_both_sides(compiled, name, first, last):
            yield Finding("ambiguous", "warning", f"{shown} recurs on its left and its right, as in s: s s; parsing grows with the cube of "
                          "the length. Write a repetition instead", name)
        elif name in first[name] and name in rules:
            yield Finding("left_recursion", "note", f"{name} is left-recursive; fine here, not for engines of other kinds", name)


def _on_both_sides(compiled: Bnf, name: str, first: Mapping[str, set[str]], last: Mapping[str, set[str]]) -> bool:
    """Whether one production begins and ends, at different symbols, with something that leads back to ``name``."""
    for production in compiled.rules[name]:
        begins = [at for at, s in _edge(compiled, production) if s == name or name in first[s]]
        ends = [len(production) - 1 - at for at, s in _edge(compiled, production[::-1]) if s == name or name in last[s]]
        if begins and ends and min(begins) < max(ends):
            return True
    return False


def _edge(compiled: Bnf, production: Production) -> list[tuple[int, str]]:
    """The nonterminals that a production can begin with, those before them being empty."""
    found: list[tuple[int, str]] = []
    for at, symbol in enumerate(production):
        if not isinstance(symbol, str):
            break
        found.append((at, symbol))
        if compiled.shortest[symbol]:
            break
    return found


def _reach(compiled: Bnf, *, left: bool) -> dict[str, set[str]]:
    """Which nonterminals each one can begin (or end) with."""
    step = {name: {s for p in ps for _, s in _edge(compiled, p if left else p[::-1])} for name, ps in compiled.rules.items()}
    return _closure(step)


def _unit(compiled: Bnf) -> dict[str, set[str]]:
    """Which nonterminals each one can derive alone, everything beside them being empty."""
    step: dict[str, set[str]] = {name: set() for name in compiled.rules}
    for name, productions in compiled.rules.items():
        for production in productions:
            full = [s for s in production if not isinstance(s, str) or compiled.shortest[s]]
            if not full:
                step[name] |= {s for s in production if isinstance(s, str)}
            elif len(full) == 1 and isinstance(full[0], str):
                step[name].add(full[0])
    return _closure(step)


def _closure(step: Mapping[str, set[str]]) -> dict[str, set[str]]:
    closed: dict[str, set[str]] = {}
    for name in step:
        seen, waiting = set[str](), [name]
        while waiting:
            fresh = step[waiting.pop()] - seen
            seen |= fresh
            waiting.extend(fresh)
        closed[name] = seen
    return closed


def _prefixes(rules: Rules) -> Iterable[Finding]:
    """llguidance's lexer takes the longest lexeme and does not come back: one that is a prefix of another at its place hides ways on."""
    for name, expr in rules.items():
        for starts in _choices(expr, rules):
            for one, other in combinations(sorted(starts, key=len), 2):
                if other.startswith(one) and one != other:
                    pair = f"{one.decode()!r} can begin where {other.decode()!r} can and is a prefix of it"
                    yield Finding("lexeme_prefix", "warning", f"in {name}, {pair}: write the alternatives as whole lexemes", name)



def _choices(expr: Expr[Item], rules: Rules) -> Iterable[set[bytes]]:
    """For each place with a choice, the strings that can begin there."""
    match expr:
        case Choice(parts):
            yield set().union(*(_first(part, rules, frozenset())[0] for part in parts))
        case Sequence(parts):
            for at, part in enumerate(parts):
                if _first(part, rules, frozenset())[1]:
                    yield _first(Sequence(parts[at:]), rules, frozenset())[0]
    match expr:
        case Choice(parts) | Sequence(parts):
            for part in parts:
                yield from _choices(part, rules)
        case Repeat(part, _, _):
            yield from _choices(part, rules)


def _first(expr: Expr[Item], rules: Rules, seen: frozenset[str]) -> tuple[set[bytes], bool]:
    """The strings that can begin here, and whether nothing at all can stand here."""
    match expr:
        case Name(name):
            return (set(), False) if name in seen else _first(rules[name], rules, seen | {name})
        case Lexeme(_, Sequence(parts)) if all(isinstance(part, frozenset) and len(part) == 1 for part in parts):
            return {b"".join(bytes(part) for part in parts if isinstance(part, frozenset))}, False
        case Lexeme(_, inner):
            return set(), _nullable(inner)
        case Choice(parts):
            found = [_first(part, rules, seen) for part in parts]
            return set().union(*(strings for strings, _ in found)), any(empty for _, empty in found)
        case Sequence(parts):
            strings: set[bytes] = set()
            for part in parts:
                more, empty = _first(part, rules, seen)
                strings |= more
                if not empty:
                    return strings, False
            return strings, True
        case Repeat(part, low, _):
            strings, empty = _first(part, rules, seen)
            return strings, empty or low == 0


def _nullable(expr: object) -> bool:
    match expr:
        case Choice(parts):
            return any(map(_nullable, parts))
        case Sequence(parts):
            return all(map(_nullable, parts))
        case Repeat(part, low, _):
            return low == 0 or _nullable(part)
    return False
