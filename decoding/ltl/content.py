"""What the content of a segment may be: free text, a line, a name, a pattern, a JSON value."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jsonschema_rs
import re2  # type: ignore[import-untyped]

from eudoxus.decoding.bnf import compile_bnf
from eudoxus.decoding.checking import checker
from eudoxus.decoding.errors import InvalidGrammar
from eudoxus.decoding.grammar import Lark
from eudoxus.decoding.ltl.pattern import LINE, Chars, Pattern, PatternError, Repeat, Seq, as_regex, one_of, read, text_without

LONGEST = 50_000
"""Characters of a content; more is not looked at."""

Kind = Literal["text", "line", "tool", "enum", "regex", "lark", "json_schema"]


@dataclass(frozen=True, slots=True)
class Content:
    """A constraint on the content of a segment, which is taken without the blanks around it and is never empty.

    *text*: anything, over several lines, none of which begins with a marker. *line*: one line. *tool*: the name of a tool; which there are
    is said when an agent is put to work. *enum*: one of ``values``. *regex*: a line that ``regex`` matches as a whole. *lark*: a line
    that derives from the grammar ``lark``. *json_schema*: JSON that ``schema`` accepts.
    """

    kind: Kind
    values: tuple[str, ...] = ()
    regex: str = ""
    schema: str = ""
    """The JSON schema, as JSON."""
    lark: str = ""
    """The grammar."""

    def pattern(self, markers: Sequence[str]) -> Pattern | None:
        """What matches exactly the contents that are allowed, in an agent with these markers; None for JSON and grammars, which no pattern
        describes."""
        match self.kind:
            case "text":
                return text_without(markers)
            case "line":
                return Seq((Chars(_VISIBLE), Repeat(Chars(LINE), 0, None)))
            case "regex":
                return read(self.regex)
            case "json_schema" | "lark":
                return None
        return one_of(self.values) if self.values else read(r"\w+")

    def complaint(self, content: str, markers: Sequence[str]) -> str | None:
        """Why ``content`` is not allowed, in words that a model understands; None when it is."""
        if not content.strip(" \t\n"):
            return f"it is empty; expected {self.expected()}"
        if len(content) > LONGEST:
            return f"it has {len(content):,} characters; at most {LONGEST:,} are read"
        if self.kind == "json_schema":
            return self._json_complaint(content)
        if self.kind == "lark":
            problem = checker(Lark(self.lark)).verdict(content).complaint
            return None if problem is None else f"it is not of the grammar: {problem}"
        if _matcher(self, tuple(markers)).fullmatch(content.encode("utf-8", "replace").decode()):
            return None
        shown = content if len(content) <= 120 else f"{content[:117]}..."
        return f"{shown!r} is not {self.expected()}"

    def expected(self) -> str:
        """The constraint in words, for a prompt."""
        match self.kind:
            case "text":
                return "free text"
            case "line":
                return "one line of text"
            case "regex":
                return f"one line that matches the regular expression {self.regex}"
            case "lark":
                return f"one line that the rule start of this grammar in the notation of Lark derives:\n{self.lark.strip()}\n"
            case "json_schema":
                return f"a JSON value of this JSON schema: {self.schema}"
        return f"exactly one of: {', '.join(self.values)}" if self.values else "the name of a tool"

    def _json_complaint(self, content: str) -> str | None:
        try:
            value = json.loads(content, parse_constant=_refused)
        except (ValueError, RecursionError) as error:
            return f"it is not JSON: {error}"
        problem = next(iter(_validator(self.schema).iter_errors(value)), None)
        return None if problem is None else f"it breaks its JSON schema: {problem.message}"


_VISIBLE = tuple(piece for low, high in LINE for piece in ([(0x21, high)] if low == 0x20 else [] if low == 0x09 else [(low, high)]))

TEXT = Content("text")


def content_of(said: Any) -> Content:
    """The constraint that a specification writes: ``text``, ``line``, ``tool``, ``{enum: …}``, ``{regex: …}``, ``{lark: …}`` or
    ``{json_schema: …}``.

    Raises ValueError saying what is wrong with it.
    """
    if said in ("text", "line", "tool"):
        return Content(said)
    if not isinstance(said, dict) or len(said) != 1:
        kinds = "text, line, tool, {enum: […]}, {regex: …}, {lark: …} or {json_schema: …}"
        raise ValueError(f"{said!r} is no content; expected {kinds}")
    (kind, value), = said.items()
    match kind:
        case "enum":
            return Content("enum", values=_values(value))
        case "regex":
            if not isinstance(value, str):
                raise ValueError(f"regex={value!r}: expected text")
            content = Content("regex", regex=value)
            try:
                if _matcher(content, ()).fullmatch(""):
                    raise ValueError(f"regex={value!r} matches the empty text; a content is never empty")
            except re2.error as error:
                raise PatternError(f"regex={value!r}: {error}") from None
            return content
        case "lark":
            return Content("lark", lark=_grammar(value))
        case "json_schema":
            text = json.dumps(value, sort_keys=True)
            try:
                _validator(text)
            except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
                raise ValueError(f"json_schema: not a JSON schema: {error}") from None
            return Content("json_schema", schema=text)
    raise ValueError(f"{kind!r} is no kind of content; expected enum, regex, lark or json_schema")


def _values(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= 256 or not all(isinstance(one, str) for one in value):
        raise ValueError(f"enum={value!r}: expected a list of 1 to 256 texts")
    for one in value:
        if one != one.strip() or not one or "\n" in one or len(one) > 200 or not one.isprintable():
            raise ValueError(f"enum: {one!r} cannot be a content; expected 1 to 200 printable characters without blanks around them")
    if len(set(value)) < len(value):
        raise ValueError(f"enum={value!r}: a value is given twice")
    return tuple(value)


def _grammar(value: Any) -> str:
    """A grammar of single lines, none of them empty: then no content can hold a marker or be lost between two."""
    if not isinstance(value, str):
        raise ValueError(f"lark={value!r}: expected text")
    try:
        compiled = compile_bnf(Lark(value))
    except InvalidGrammar as error:
        raise ValueError(f"lark: {error.message}") from None
    if compiled.shortest[compiled.start] == 0:
        raise ValueError("lark: the grammar derives the empty text; a content is never empty")
    for name, productions in compiled.rules.items():
        for code in (0x0A, 0x0D):
            if any(not isinstance(symbol, str) and code in symbol for production in productions for symbol in production):
                raise ValueError(f"lark: the rule {name} can write a line break (U+{code:04X}); a content in a grammar is one line")
    return value


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@functools.lru_cache(maxsize=256)
def _matcher(content: Content, markers: tuple[str, ...]) -> Any:
    pattern = content.pattern(markers)
    assert pattern is not None
    options = re2.Options()
    options.log_errors = False
    return re2.compile(as_regex(pattern), options)


@functools.lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(json.loads(schema), offline=True)


