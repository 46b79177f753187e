"""A reader for the part of Lark that grammars for models use, so that lint, closing and the reference engine can look inside a grammar.

Read: rules and terminals, strings, regular expressions (:mod:`eudoxus.decoding.regex`), ``| ( ) [ ] * + ? ~n {m,n}``, comments and
directives of llguidance. Not read (:class:`NotInSubset`): ``%json``, ``%ignore``, ``%import``, rule attributes, templates, flags.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from eudoxus.decoding.errors import InvalidGrammar, NotInSubset, Unsatisfiable
from eudoxus.decoding.regex import Chars, Choice, Expr, Repeat, Sequence, literal, parse_regex


@dataclass(frozen=True)
class Name:
    """A rule or terminal by its name."""

    name: str


@dataclass(frozen=True)
class Lexeme:
    """What llguidance's lexer reads as one piece: a string or a regular expression as written in ``source``."""

    source: str
    expr: Expr[Chars]


LONGEST_CHECKED = 32_768
"""Characters of a grammar that :func:`check_ends` looks at."""
Item = Name | Lexeme
Rules: TypeAlias = "dict[str, Expr[Item]]"

TOKEN = re.compile(
    r'(?P<space>[ \t\r]+|//[^\n]*|\#[^\n]*)|(?P<newline>\n)|(?P<string>"(?:[^"\\\n]|\\.)*"i?)|(?P<regex>/(?:[^/\\\n]|\\.)+/[a-z]*)'
    r"|(?P<name>[!?]?[A-Za-z_][A-Za-z0-9_]*)|(?P<count>\{\d+(?:,\d*)?\}|~\d+(?:\.\.\d+)?)|(?P<mark>[:|()\[\]*+?])|(?P<other>.)"
)


def parse_lark(text: str) -> Rules:
    """The rules of a grammar by name. Raises :class:`InvalidGrammar` with the line, or :class:`NotInSubset`."""
    return _Reader(text).rules()


def renamed(text: str, prefix: str) -> str:
    """The same rules with ``prefix`` before each name, in capitals before those of terminals, as a part of another grammar."""
    without = re.sub(r"^%llguidance\b.*$", "", text, flags=re.MULTILINE)

    def name(found: re.Match[str]) -> str:
        if found.lastgroup != "name":
            return found[0]
        plain = found[0].lstrip("!?")
        return (prefix.upper() if plain.lstrip("_")[:1].isupper() else prefix) + plain

    return TOKEN.sub(name, without).strip() + "\n"


class _Reader:
    def __init__(self, text: str) -> None:
        text = re.sub(r"^%llguidance\b.*$", "", text, flags=re.MULTILINE)
        self.tokens: list[tuple[str, str, int]] = []
        line = 1
        for found in TOKEN.finditer(text):
            kind = found.lastgroup or ""
            if kind == "other":
                raise NotInSubset(f"line {line}: {found[0]!r} is not in the subset of Lark that is read here", param="grammar")
            if kind != "space":
                self.tokens.append((kind, found[0], line))
            line += kind == "newline"
        self.at = 0

    def rules(self) -> Rules:
        rules: Rules = {}
        while self._skip_newlines():
            kind, name, line = self._next()
            name = name.lstrip("!?")
            if kind != "name" or self._next()[1] != ":":
                raise InvalidGrammar(f"line {line}: expected a rule, NAME: …, not {name!r}", param="grammar")
            if name in rules:
                raise InvalidGrammar(f"line {line}: the rule {name} is there twice", param="grammar")
            rules[name] = self._choice(self._end_of_rule)
        if "start" not in rules:
            raise InvalidGrammar("the grammar has no rule start", param="grammar")
        for rule, expr in rules.items():
            for item in leaves(expr):
                if isinstance(item, Name) and item.name not in rules:
                    raise InvalidGrammar(f"the rule {rule} uses {item.name}, which is not defined", param="grammar")
        return rules

    def _choice(self, ends: Callable[[], bool]) -> Expr[Item]:
        alternatives: list[Expr[Item]] = [self._sequence(ends)]
        while not ends():
            self._next()  # only a bar stops a sequence otherwise
            alternatives.append(self._sequence(ends))
        return alternatives[0] if len(alternatives) == 1 else Choice(tuple(alternatives))

    def _sequence(self, ends: Callable[[], bool]) -> Expr[Item]:
        parts: list[Expr[Item]] = []
        while not ends() and not self._at_bar():
            parts.append(self._repeated())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self) -> Expr[Item]:
        part = self._atom()
        while self.at < len(self.tokens):
            kind, text, _ = self.tokens[self.at]
            if kind == "count":
                numbers = [int(n) if n else None for n in re.split(r",|\.\.", text.strip("{}~"))]
                part = Repeat(part, numbers[0] or 0, numbers[-1])
            elif kind == "mark" and text in "*+?":
                part = Repeat(part, int(text == "+"), 1 if text == "?" else None)
            else:
                break
            self.at += 1
        return part

    def _atom(self) -> Expr[Item]:
        kind, text, line = self._next()
        if kind == "name":
            return Name(text)
        if kind == "string":
            if text.endswith("i"):
                raise NotInSubset(f"line {line}: case-insensitive strings are not read here", param="grammar")
            return Lexeme(text, literal(_unquoted(text, line))) if text != '""' else Sequence(())
        if kind == "regex":
            if not text.endswith("/"):
                raise NotInSubset(f"line {line}: flags of regular expressions are not read here", param="grammar")
            return Lexeme(text, parse_regex(text[1:-1]))
        if text in ("(", "["):
            close = ")" if text == "(" else "]"
            inner = self._choice(lambda: self._at_mark(close, line))
            self._next()
            return inner if text == "(" else Repeat(inner, 0, 1)
        raise InvalidGrammar(f"line {line}: {text!r} is not expected here", param="grammar")

    def _next(self) -> tuple[str, str, int]:
        if self.at >= len(self.tokens):
            raise InvalidGrammar("the grammar ends in the middle of a rule", param="grammar")
        self.at += 1
        return self.tokens[self.at - 1]

    def _skip_newlines(self) -> bool:
        while self.at < len(self.tokens) and self.tokens[self.at][0] == "newline":
            self.at += 1
        return self.at < len(self.tokens)

    def _at_bar(self) -> bool:
        self._pass_newline_before_bar()
        return self.tokens[self.at][1] == "|"

    def _at_mark(self, mark: str, opened: int) -> bool:
        self._skip_newlines()
        if self.at >= len(self.tokens):
            raise InvalidGrammar(f"line {opened}: a bracket is never closed", param="grammar")
        return self.tokens[self.at][1] == mark

    def _end_of_rule(self) -> bool:
        self._pass_newline_before_bar()
        return self.at >= len(self.tokens) or self.tokens[self.at][0] == "newline"

    def _pass_newline_before_bar(self) -> None:
        at = self.at
        while at < len(self.tokens) and self.tokens[at][0] == "newline":
            at += 1
        if at < len(self.tokens) and self.tokens[at][1] == "|":
            self.at = at


def check_ends(text: str) -> None:
    """Raise :class:`Unsatisfiable` where every way from ``start`` goes on for ever, as in ``start: "a" start``.

    Grammars outside the subset that is read here are not judged, nor are very large ones: looking is to cost less than compiling.
    """
    if len(text) > LONGEST_CHECKED:
        return
    try:
        rules = parse_lark(text)
    except InvalidGrammar:
        return
    if len(rules) * len(text) > LONGEST_CHECKED * 100:
        return
    ending, before = set[str](), -1
    while len(ending) > before and "start" not in ending:
        before = len(ending)
        ending |= {name for name, expr in rules.items() if name not in ending and _ends(expr, ending)}
    if "start" not in ending:
        raise Unsatisfiable("the grammar derives no text: every way from start goes on for ever", param="grammar")


def _ends(expr: Expr[Item], ending: set[str]) -> bool:
    match expr:
        case Name(name):
            return name in ending
        case Choice(parts):
            return any(_ends(part, ending) for part in parts)
        case Sequence(parts):
            return all(_ends(part, ending) for part in parts)
        case Repeat(part, low, _):
            return low == 0 or _ends(part, ending)
    return True


def _unquoted(text: str, line: int) -> bytes:
    r"""What a quoted text says: JSON's escapes, and ``\xHH`` below 80."""
    plain = re.sub(r"\\(?:x([0-7][0-9A-Fa-f])|.)", lambda found: f"\\u00{found[1]}" if found[1] else found[0], text)
    try:
        return str(json.loads(plain, strict=False)).encode()
    except ValueError:
        raise NotInSubset(f"line {line}: an escape in {text[:60]} is not read here", param="grammar") from None


def leaves(expr: Expr[Item]) -> list[Item]:
    """The names and lexemes in an expression, from left to right."""
    match expr:
        case Choice(parts) | Sequence(parts):
            return [item for part in parts for item in leaves(part)]
        case Repeat(part, _, _):
            return leaves(part)
    return [expr]
