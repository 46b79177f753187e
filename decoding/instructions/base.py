"""What a verifiable instruction is: it describes itself in words, judges a text, and sees when a begun text can no longer follow it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LONGEST_TEXT = 200_000
"""Characters of a text that is judged; a longer one follows no instruction."""
MOST = 1_000_000
"""Highest count that an instruction may name."""

Relation = Literal["less than", "at least"]
Count = Annotated[int, Field(ge=0, le=MOST)]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Words = Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a text follows an instruction; if not, why, in words for its author, and how far it is from it."""

    ok: bool
    reason: str = ""
    score: float = 0.0
    """Between 0 and 1, and 1 when ok: the part that is done, as a reward for searches."""


FOLLOWED = Finding(True, score=1.0)


class Instruction(BaseModel, ABC):
    """One instruction; the fields are the keyword arguments of the benchmark that it comes from.

    Subclasses implement :meth:`judge`, which is given a text that is neither blank nor too long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    key: ClassVar[str]
    """Its name in the benchmark: ``length_constraints:number_words``."""

    @abstractmethod
    def describe(self) -> str:
        """The instruction in words, as a person would give it."""

    @abstractmethod
    def judge(self, text: str) -> Finding: ...

    def check(self, text: str) -> Finding:
        """Whether ``text`` follows it. A blank text follows nothing (Zhou et al. 2023, arXiv 2311.07911)."""
        if not text.strip():
            return Finding(False, "the text is empty")
        if len(text) > LONGEST_TEXT:
            return Finding(False, f"the text has {len(text):,} characters; at most {LONGEST_TEXT:,} are judged")
        return self.judge(text)

    def broken(self, begun: str) -> bool:
        """Whether no continuation of ``begun`` can follow it. False when that is not known."""
        return False


def check_loosely(instruction: Instruction, text: str) -> Finding:
    """:meth:`Instruction.check` of the kindest reading: of the text and of it without its first line, its last line or both, each with and
    without asterisks, any one that follows is enough (Zhou et al. 2023, §4). Otherwise the finding on the text itself.
    """
    lines = text.split("\n")
    readings = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    first = instruction.check(text)
    if first.ok:
        return first
    different = dict.fromkeys([*readings[1:], *(one.replace("*", "") for one in readings)])
    return next((found for one in different if (found := instruction.check(one)).ok), first)


def counted(found: int, wanted: int, what: str, relation: Relation = "at least") -> Finding:
    """``found`` of ``what`` against what is wanted."""
    if relation == "at least":
        if found >= wanted:
            return FOLLOWED
        return Finding(False, f"found {found} {what}; expected at least {wanted}", found / wanted)
    if found < wanted:
        return FOLLOWED
    return Finding(False, f"found {found} {what}; expected less than {wanted}", max(0, wanted - 1) / found if found else 0.0)


def exactly(found: int, wanted: int, what: str) -> Finding:
    """The same, where just ``wanted`` will do."""
    if found == wanted:
        return FOLLOWED
    return Finding(False, f"found {found} {what}; expected exactly {wanted}", min(found, wanted) / max(found, wanted))
