"""Instructions on keywords and letters, with the keys of IFEval (Zhou et al. 2023, arXiv 2311.07911, table 1).

Keywords are texts, not patterns, and letters count as equal whatever their case.
"""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import Field

from eudoxus.decoding.instructions.base import FOLLOWED, Count, Finding, Instruction, Phrase, Relation, Words, counted
from eudoxus.decoding.instructions.reading import settled


def occurrences(keyword: str, text: str) -> int:
    """How often ``keyword`` stands in ``text``, also inside words, without overlaps."""
    return len(re.findall(re.escape(keyword), text, re.IGNORECASE))


def stands_alone(word: str, text: str) -> bool:
    """Whether ``word`` stands in ``text`` with the edge of a word on either side."""
    return re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) is not None


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f'"{word}"' for word in words)


class Existence(Instruction):
    """All keywords occur."""

    key: ClassVar[str] = "keywords:existence"
    keywords: Words
    """Texts that must occur, also inside words."""

    def describe(self) -> str:
        return f"Include the keywords {_quoted(self.keywords)} in the response."

    def judge(self, text: str) -> Finding:
        missing = tuple(word for word in self.keywords if not occurrences(word, text))
        if not missing:
            return FOLLOWED
        return Finding(False, f"these keywords are missing: {_quoted(missing)}", 1 - len(missing) / len(self.keywords))


class Frequency(Instruction):
    """A keyword occurs so often."""

    key: ClassVar[str] = "keywords:frequency"
    keyword: Phrase
    """Text that is counted, also inside words."""
    frequency: Count
    relation: Relation
    """``less than`` or ``at least`` so many."""

    def describe(self) -> str:
        return f'In the response, "{self.keyword.strip()}" should appear {self.relation} {self.frequency} times.'

    def judge(self, text: str) -> Finding:
        keyword = self.keyword.strip()
        return counted(occurrences(keyword, text), self.frequency, f'occurrences of "{keyword}"', self.relation)

    def broken(self, begun: str) -> bool:
        return self.relation == "less than" and occurrences(self.keyword.strip(), begun) >= self.frequency


class ForbiddenWords(Instruction):
    """No forbidden word occurs."""

    key: ClassVar[str] = "keywords:forbidden_words"
    forbidden_words: Words
    """Words or phrases that must not occur; inside longer words they may."""

    def describe(self) -> str:
        return f"Do not use the words {_quoted(self.forbidden_words)} in the response."

    def judge(self, text: str) -> Finding:
        used = tuple(word for word in self.forbidden_words if stands_alone(word, text))
        if not used:
            return FOLLOWED
        return Finding(False, f"these forbidden words are used: {_quoted(used)}", 1 - len(used) / len(self.forbidden_words))

    def broken(self, begun: str) -> bool:
        return any(stands_alone(word, settled(begun)) for word in self.forbidden_words)


class LetterFrequency(Instruction):
    """A letter occurs so often."""

    key: ClassVar[str] = "keywords:letter_frequency"
    letter: str = Field(min_length=1, max_length=1)
    """One character."""
    let_frequency: Count
    let_relation: Relation
    """``less than`` or ``at least`` so many."""

    def describe(self) -> str:
        return f"In the response, the letter {self.letter} should appear {self.let_relation} {self.let_frequency} times."

    def judge(self, text: str) -> Finding:
        return counted(self._count(text), self.let_frequency, f"times the letter {self.letter}", self.let_relation)

    def broken(self, begun: str) -> bool:
        return self.let_relation == "less than" and self._count(begun) >= self.let_frequency

    def _count(self, text: str) -> int:
        return text.lower().count(self.letter.lower())


KEYWORDS: tuple[type[Instruction], ...] = (Existence, Frequency, ForbiddenWords, LetterFrequency)
