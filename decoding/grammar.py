"""What a text must look like, independent of the engine that enforces it. Lark in llguidance's dialect is the canonical form."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from eudoxus.decoding.errors import GrammarTooLarge, InvalidGrammar


@dataclass(frozen=True)
class Lark:
    """A context-free grammar. ``text`` is Lark in llguidance's dialect; texts derive from the rule ``start``."""

    text: str


@dataclass(frozen=True)
class Regex:
    """Texts that ``pattern`` matches as a whole."""

    pattern: str


@dataclass(frozen=True)
class Choice(Regex):
    """Exactly one of ``values``. Made by :meth:`of`."""

    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Iterable[str]) -> Choice:
        """Raises :class:`InvalidGrammar` where there are none, or an empty one."""
        listed = tuple(values)
        if not listed or not all(listed):
            raise InvalidGrammar(f"choice={list(listed)!r}: expected at least one text, and no empty one", param="grammar")
        return cls("|".join(_ESCAPED.sub(_escape, value) for value in listed), listed)


_ESCAPED = re.compile(r"[.+*?()|\[\]{}^$\\\n\r\t]")


def _escape(found: re.Match[str]) -> str:
    return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(found[0], f"\\{found[0]}")


@dataclass(frozen=True)
class JsonSchema:
    """JSON texts that ``schema`` accepts. Engines here write them without white space between tokens: where it is free, a model may never
    end."""

    schema: str

    @classmethod
    def of(cls, schema: Mapping[str, Any] | str) -> JsonSchema:
        """From a schema as a mapping or as JSON text."""
        return cls(schema if isinstance(schema, str) else json.dumps(schema))


Grammar = Lark | Regex | JsonSchema


@dataclass(frozen=True)
class Limits:
    """What a grammar may cost. An engine refuses more with a typed error, at load or in the step that reaches the limit."""

    grammar_bytes: int = 256 * 1024
    """Longest grammar text or schema."""
    nesting: int = 200
    """Deepest nesting of brackets in it."""
    quantifiers: int = 5_000
    """Most ``?``, ``*`` and ``+``: the time of compiling grows with their square."""
    states: int = 50_000
    """Most states of the automaton of one regular expression, counted without building it: repetitions multiply."""
    items_in_row: int = 2_000
    """Most parser items per byte of text; ambiguous grammars need many."""
    items_per_step: int = 50_000
    """Most parser items per mask."""
    lexer_states: int = 100_000
    """Most states that the lexer builds lazily; about 1 to 2 kB each."""
    step_seconds: float = 1.0
    """Longest time of one mask or one consumed token, checked when the step is done."""
    kept_grammars: int = 256
    """Most compiled grammars that an engine keeps; the one used the longest ago goes first."""


def as_grammar(value: object) -> Grammar:
    """A grammar from one of ours or from a type of outlines (``JsonSchema``, ``Regex``, ``CFG``), which need not be installed.

    Raises :class:`InvalidGrammar` on anything else.
    """
    if isinstance(value, Lark | Regex | JsonSchema):
        return value
    if type(value).__module__.partition(".")[0] == "outlines":
        match type(value).__name__:
            case "JsonSchema":
                return JsonSchema.of(value.schema)  # type: ignore[attr-defined]
            case "Regex":
                return Regex(str(value.pattern))  # type: ignore[attr-defined]
            case "CFG":
                return Lark(str(value.definition))  # type: ignore[attr-defined]
    raise InvalidGrammar(
        f"grammar is a {type(value).__name__}, expected Lark, Regex, JsonSchema, or outlines' JsonSchema, Regex or CFG", param="grammar"
    )


def digest(grammar: Grammar) -> str:
    """Names the grammar in keys of caches and saved tries."""
    kind, text = type(grammar).__name__, text_of(grammar)
    return hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()


def text_of(grammar: Grammar) -> str:
    """The text that the grammar is written in."""
    match grammar:
        case Lark(text):
            return text
        case Regex(pattern):
            return pattern
        case JsonSchema(schema):
            return schema


def check_size(grammar: Grammar, limits: Limits) -> None:
    """Refuse what is too long, nested too deeply, or would expand too far, before an engine reads it. Linear in the text.

    Raises :class:`GrammarTooLarge`; :class:`InvalidGrammar` on a schema that is not JSON.
    """
    text = text_of(grammar)
    size = len(text.encode())
    if size > limits.grammar_bytes:
        raise GrammarTooLarge(f"the grammar has {size} bytes, allowed are {limits.grammar_bytes}", param="grammar")
    depth = deepest = 0
    unquoted = re.sub(r'\\.|"(?:[^"\\\n]|\\.)*"', "", text)
    quantifiers = sum(map((text if isinstance(grammar, JsonSchema) else unquoted).count, "?*+"))
    if quantifiers > limits.quantifiers:
        raise GrammarTooLarge(f"the grammar has {quantifiers} quantifiers, allowed are {limits.quantifiers}", param="grammar")
    for character in unquoted:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > limits.nesting:
        raise GrammarTooLarge(f"the grammar nests {deepest} deep, allowed is {limits.nesting}", param="grammar")
    if isinstance(grammar, JsonSchema):
        try:
            if not isinstance(json.loads(text), dict | bool):
                raise InvalidGrammar("the schema is neither a JSON object nor a boolean", param="grammar")
        except ValueError as error:
            raise InvalidGrammar(f"the schema is not JSON: {error}", param="grammar") from None
    else:
        _check_repetitions(text, limits)


def _check_repetitions(text: str, limits: Limits) -> None:
    """Bound the expansion of nested counted repetitions by the product of the counts around each piece of text."""
    factors: list[int] = [1]
    for counted in re.finditer(r"(\\.|\[(?:\\.|[^\]\\])*\])|([()])|\{(\d+)(?:,(\d*))?\}", text):
        _, bracket, low, high = counted.groups()
        if bracket == "(":
            factors.append(1)
        elif bracket == ")" and len(factors) > 1:
            inner = factors.pop()
            after = re.match(r"\{(\d+)(?:,(\d*))?\}", text[counted.end() : counted.end() + 30])
            factors[-1] = max(factors[-1], inner * _times(*(after.groups() if after else ("1", ""))))
        elif low and text[counted.start() - 1 : counted.start()] != ")":
            factors[-1] = max(factors[-1], _times(low, high))
        if factors[-1] > limits.states:
            raise GrammarTooLarge(f"a repetition expands to {factors[-1]} copies, allowed are {limits.states}", param="grammar")


def _times(low: str, high: str | None) -> int:
    return max(1, int(low[:12]), int((high or "0")[:12]))
