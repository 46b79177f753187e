"""What checks find."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Rule = Literal[
    "syntax", "truncated", "domain_name", "name", "duplicate_object", "unknown_type", "unknown_predicate", "unknown_function", "arity",
    "undeclared_object", "undeclared_variable", "variable_in_init", "type_mismatch", "empty_goal", "negated_init", "static_empty",
    "unreachable_goal", "goal_holds", "goal_conflict", "init_conflict", "not_checked",
]

MOST_FINDINGS = 50
"""Findings told at once; a text with more than that is wrong as a whole."""


class Finding(BaseModel):
    """One thing that is wrong: where, with what, and what was expected there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Rule
    severity: Literal["error", "warning"] = "error"
    """An error keeps the problem from being solved or understood; a warning is suspicious only."""
    where: str
    """``objects``, ``init``, ``goal``, ``action NAME``, or ``the file``."""
    atom: str
    """The exact piece of text at fault; empty where it is the whole."""
    expected: str
    """What the domain expects instead, as a phrase or sentence."""

    def __str__(self) -> str:
        return ": ".join(filter(None, [self.where, self.atom, self.expected]))
