"""A grammar in the notations that requests can carry (:data:`eudoxus.runtime.endpoints.dialects.NOTATIONS`)."""

from __future__ import annotations

import re

from eudoxus.decoding.errors import NotInSubset
from eudoxus.decoding.gbnf import as_gbnf
from eudoxus.decoding.grammar import Choice, Grammar, JsonSchema, Lark, Regex


def in_notation(grammar: Grammar, notation: str) -> str | list[str] | None:
    """The grammar in ``notation``; None where it cannot be written so. Raises :class:`InvalidGrammar`."""
    if isinstance(grammar, JsonSchema):
        return None
    match notation:
        case "choice":
            return list(grammar.values) if isinstance(grammar, Choice) else None
        case "regex":
            return grammar.pattern if isinstance(grammar, Regex) else None
        case "lark":
            return in_lark(grammar)
        case "gbnf":
            try:
                return as_gbnf(grammar)
            except NotInSubset:
                return None
    return None


def in_lark(grammar: Lark | Regex) -> str:
    """The grammar in Lark, without directives that only llguidance knows."""
    if isinstance(grammar, Lark):
        return re.sub(r"^%llguidance\b.*\n?", "", grammar.text, flags=re.MULTILINE)
    return f"start: /{re.sub(_SLASH, lambda found: found[0] if found[0] != '/' else _ESCAPED_SLASH, grammar.pattern)}/\n"


_SLASH = r"\\.|/"
_ESCAPED_SLASH = r"\/"
