"""Verifiers that need nothing but the answer: a pattern, and a number."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from eudoxus.agents import quantities
from eudoxus.agents.problem.base import ProblemVerifier
from eudoxus.agents.problem.extractors import AnswerExtractor, Number
from eudoxus.agents.problem.patterns import LONGEST_TEXT, Pattern, compiled, searched
from eudoxus.runtime import Context, Verdict
from eudoxus.runtime.result import Authority

MOST_SHOWN = 200


class MatchesRegex(ProblemVerifier):
    """The answer has a form."""

    kind: Literal["regex"] = "regex"
    authority: ClassVar[Authority] = "exact"
    pattern: Pattern
    """In RE2's syntax."""
    match: Literal["full", "search"] = "full"
    """``full``: all of the answer matches; ``search``: a part of it."""

    async def verify(self, ctx: Context, answer: str) -> Verdict:
        pattern = compiled(self.pattern)
        if len(answer) > LONGEST_TEXT:
            return self.refused(f"the answer has {len(answer):,} characters")
        found = pattern.fullmatch(searched(answer)) if self.match == "full" else pattern.search(searched(answer))
        whole = "as a whole" if self.match == "full" else "anywhere"
        return self.accepted() if found else self.refused(f"{answer[:MOST_SHOWN]!r} does not match {self.pattern} {whole}")


class IsNumber(ProblemVerifier):
    """The answer is a number. Its value is never told."""

    kind: Literal["number"] = "number"
    authority: ClassVar[Authority] = "exact"
    extractor: ClassVar[AnswerExtractor] = Number()
    value: int | float | str = Field(union_mode="left_to_right")
    """The number, also as text: ``"2/3"``, ``"1,234.5"``."""
    tolerance: float = Field(0.0, ge=0, allow_inf_nan=False)
    """How far the answer may be from it."""
    relative: float = Field(0.0, ge=0, lt=1, allow_inf_nan=False)
    """The same as a share of the number; the larger of the two counts."""

    @field_validator("value")
    @classmethod
    def _is_a_number(cls, value: float | str) -> int | float | str:
        if quantities.parse(str(value)) is None:
            raise ValueError("expected a number, also as text such as 2/3 or 1,234.5")
        return value

    async def verify(self, ctx: Context, answer: str) -> Verdict:
        said, wanted = quantities.parse(answer), quantities.parse(str(self.value))
        assert wanted is not None
        if said is None:
            return self.refused(f"{answer[:MOST_SHOWN]!r} is no number")
        allowed = max(Fraction(self.tolerance), Fraction(self.relative) * abs(wanted.value))
        if any(abs(value - wanted.value) <= allowed for value in _meant(said)):
            return self.accepted()
        return self.refused(f"{answer[:MOST_SHOWN]} is not the number that is asked for")


def _meant(said: quantities.Quantity) -> list[Fraction]:
    """50 % may be meant as 50 or as 0.5."""
    return [said.value, said.value / 100] if said.unit == "%" else [said.value]
