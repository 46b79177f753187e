"""Whether a finished text is one that a grammar describes, and how far it is one: what every answer of a remote endpoint is put to.

llguidance judges where it is installed, by single bytes, so that no tokenizer matters. Its lexer takes the longest lexeme and never comes
back, so it refuses some texts that a grammar does derive: of what it refuses the reference engine has the last word where it can.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any, Protocol

import jsonschema_rs

from eudoxus.decoding.engine import Matcher
from eudoxus.decoding.errors import EngineMissing, InvalidGrammar, MatcherFailed, NotInSubset
from eudoxus.decoding.grammar import Grammar, JsonSchema, check_size
from eudoxus.decoding.grammar import Limits as GrammarLimits
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.reference import ReferenceEngine
from eudoxus.decoding.vocabulary import Vocabulary

LONGEST = 200_000
"""Characters of a text; more is not looked at."""
LONGEST_BY_REFERENCE = 4_000
"""Bytes that the reference engine reads; it takes some 0.1 ms for each."""

BYTES = Vocabulary.from_list([*(bytes([byte]) for byte in range(256)), "<end>"], eos=256)
"""Every byte is a token."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``complaint`` is None for a text of the grammar, else says what is wrong, in words that a model understands.

    ``kept`` is the longest beginning of the text with which some text of the grammar begins, and ``forced`` what must come after it;
    both are empty for JSON schemas, where nothing is said of beginnings.
    """

    complaint: str | None = None
    kept: str = ""
    forced: str = ""


class Checker(Protocol):
    """Judges texts by one grammar."""

    def verdict(self, text: str) -> Verdict: ...


@functools.lru_cache(maxsize=64)
def checker(grammar: Grammar) -> Checker:
    """A judge for ``grammar``. Raises :class:`InvalidGrammar` (and its subclasses), and :class:`EngineMissing` for a grammar that the
    reference engine cannot read where llguidance is not installed."""
    return _OfSchema(grammar) if isinstance(grammar, JsonSchema) else _OfText(grammar)


class _OfText:
    """By bytes, with the engines that can read the grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self._first: Matcher | None = None
        self._second: Matcher | None = None
        unread = ""
        try:
            self._second = _reference().matcher(grammar)
        except NotInSubset as error:
            unread = error.message
        try:
            self._first = _llguidance().matcher(grammar, exact=True)
        except EngineMissing:
            if self._second is None:
                raise EngineMissing(f"{unread}; to check it all the same: pip install 'eudoxus[decoding]'", param="grammar") from None

    def verdict(self, text: str) -> Verdict:
        if len(text) > LONGEST:
            return Verdict(f"it has {len(text):,} characters; at most {LONGEST:,} are read")
        said = text.encode("utf-8", "replace")
        found = _Reach()
        if self._first is not None:
            found = _reach(self._first, said)
        if not found.complete and self._second is not None and len(said) <= LONGEST_BY_REFERENCE:
            found = max(found, _reach(self._second, said), key=lambda one: (one.complete, one.read))
        if found.complete:
            return Verdict(None, text)
        kept = said[: found.read].decode("utf-8", "ignore")
        return Verdict(_complaint(kept, text, found), kept, found.forced if len(kept.encode()) == found.read else "")


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far a matcher comes in a text, and what it wants then."""

    read: int = 0
    complete: bool = False
    forced: str = ""
    nexts: str = ""


def _reach(start: Matcher, said: bytes) -> _Reach:
    matcher = start.fork()
    try:
        read = matcher.allows(list(said))
        for byte in said[:read]:
            matcher.consume(byte)
        if read == len(said) and matcher.accepting:
            return _Reach(read, complete=True)
        mask = matcher.mask()
        nexts = "".join(chr(byte) for byte in range(0x20, 0x7F) if mask[byte >> 5] >> (byte & 31) & 1)
        return _Reach(read, forced=matcher.forced_bytes().decode("utf-8", "ignore"), nexts=nexts)
    except MatcherFailed:
        return _Reach()


def _complaint(kept: str, text: str, found: _Reach) -> str:
    after = f"after {kept[-60:]!r}" if kept else "at the beginning"
    wanted = repr(found.forced[:60]) if found.forced else f"one of {found.nexts}" if 0 < len(found.nexts) <= 40 else ""
    expected = f"; expected {wanted}" if wanted else ""
    if len(kept) == len(text):
        return f"it ends too soon, {after}{expected}"
    return f"{text[len(kept):][:20]!r} may not come {after}{expected or ('; expected the end' if not found.nexts else '')}"


class _OfSchema:
    """By parsing: white space is free."""

    def __init__(self, grammar: JsonSchema) -> None:
        check_size(grammar, GrammarLimits())
        try:
            # A reference in a schema must not make us fetch anything.
            self._validator: Any = jsonschema_rs.validator_for(json.loads(grammar.schema), offline=True)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
            raise InvalidGrammar(f"not a JSON schema: {error}", param="grammar") from None

    def verdict(self, text: str) -> Verdict:
        if len(text) > LONGEST:
            return Verdict(f"it has {len(text):,} characters; at most {LONGEST:,} are read")
        try:
            value = json.loads(text, parse_constant=_refused)
        except (ValueError, RecursionError) as error:
            return Verdict(f"it is not JSON: {error}")
        problem = next(iter(self._validator.iter_errors(value)), None)
        if problem is None:
            return Verdict(None, text)
        place = "/".join(map(str, problem.instance_path))
        return Verdict(f"it breaks its JSON schema{f' at {place}' if place else ''}: {problem.message}")


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@functools.cache
def _llguidance() -> LlguidanceEngine:
    return LlguidanceEngine(BYTES)


@functools.cache
def _reference() -> ReferenceEngine:
    return ReferenceEngine(BYTES)
