"""Instructions on the number of words, sentences and paragraphs, with the keys of IFEval (Zhou et al. 2023, arXiv 2311.07911, table 1)."""

from __future__ import annotations

import re
from typing import ClassVar, Self

from pydantic import Field, model_validator

from eudoxus.decoding.instructions.base import FOLLOWED, MOST, Count, Finding, Instruction, Phrase, Relation, counted, exactly
from eudoxus.decoding.instructions.reading import sentences, words

_DIVIDER = re.compile(r"\s?\*\*\*\s?")
_FIRST_WORD = re.compile(r"[^.,?!'\"]*")


class NumberWords(Instruction):
    """So many words."""

    key: ClassVar[str] = "length_constraints:number_words"
    num_words: Count
    relation: Relation
    """``less than`` or ``at least`` so many."""

    def describe(self) -> str:
        return f"Answer with {self.relation} {self.num_words} words."

    def judge(self, text: str) -> Finding:
        return counted(len(words(text)), self.num_words, "words", self.relation)

    def broken(self, begun: str) -> bool:
        return self.relation == "less than" and len(words(begun)) >= self.num_words


class NumberSentences(Instruction):
    """So many sentences."""

    key: ClassVar[str] = "length_constraints:number_sentences"
    num_sentences: Count
    relation: Relation
    """``less than`` or ``at least`` so many."""

    def describe(self) -> str:
        return f"The response should contain {self.relation} {self.num_sentences} sentences."

    def judge(self, text: str) -> Finding:
        return counted(len(sentences(text)), self.num_sentences, "sentences", self.relation)


class NumberParagraphs(Instruction):
    """So many paragraphs, between lines of three asterisks."""

    key: ClassVar[str] = "length_constraints:number_paragraphs"
    num_paragraphs: Count

    def describe(self) -> str:
        return f"There should be {self.num_paragraphs} paragraphs, separated by the markdown divider: ***"

    def judge(self, text: str) -> Finding:
        parts = [part.strip() for part in _DIVIDER.split(text)]
        if "" in parts[1:-1]:
            return Finding(False, "between two dividers *** stands nothing")
        return exactly(sum(map(bool, parts)), self.num_paragraphs, "paragraphs separated by ***")


class NthParagraphFirstWord(Instruction):
    """So many paragraphs, between empty lines, and the first word of one of them."""

    key: ClassVar[str] = "length_constraints:nth_paragraph_first_word"
    num_paragraphs: int = Field(ge=1, le=MOST)
    nth_paragraph: int = Field(ge=1, le=MOST)
    """Counted from 1."""
    first_word: Phrase

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.nth_paragraph > self.num_paragraphs:
            raise ValueError(f"nth_paragraph={self.nth_paragraph}: there are only {self.num_paragraphs} paragraphs")
        return self

    def describe(self) -> str:
        return (f"There should be {self.num_paragraphs} paragraphs, separated by one empty line each and by nothing else. "
                f"Paragraph {self.nth_paragraph} must start with the word {self.first_word}.")

    def judge(self, text: str) -> Finding:
        parts = text.split("\n\n")
        found = exactly(sum(bool(part.strip()) for part in parts), self.num_paragraphs, "paragraphs separated by an empty line")
        there = parts[self.nth_paragraph - 1].split() if self.nth_paragraph <= len(parts) else []
        begins = _FIRST_WORD.match(there[0].lstrip("'").lstrip('"').lower()) if there else None
        if begins is not None and begins[0] == self.first_word.lower():
            return found if not found.ok else FOLLOWED
        wrong = f'paragraph {self.nth_paragraph} begins with "{there[0][:40] if there else ""}", expected "{self.first_word}"'
        return Finding(False, f"{found.reason}; {wrong}" if found.reason else wrong, found.score / 2)


LENGTHS: tuple[type[Instruction], ...] = (NumberWords, NumberSentences, NumberParagraphs, NthParagraphFirstWord)
