"""Answers in words: a number, a choice, or a text that must be the same."""

from __future__ import annotations

from dataclasses import dataclass

from eudoxus.agents import answers
from eudoxus.evaluation.grading.base import Grade
from eudoxus.runtime.task import AnswerFormat


@dataclass(frozen=True, slots=True)
class AnswerGrader:
    """Compares the final answer in a reply with the gold one: the value of a number, the letter of a choice, the words of a text."""

    gold: str
    format: AnswerFormat

    async def self_test(self) -> Grade:
        """The gold answer must be read and found right."""
        return await self.grade(f"Answer: {self.gold}")

    async def grade(self, answer: str | None) -> Grade:
        """Solved when the extracted answer says the same as the gold one."""
        if answer is None or not answer.strip():
            return Grade(solved=False, score=0.0, detail="no answer")
        found = answers.extract(answer, self.format)
        if found is None:
            found = answer.strip() if _alone(answer) else None
        if found is None:
            return Grade(solved=False, score=0.0, detail=f"no final answer was found; expected {self.gold}")
        if _same(found, self.gold, self.format):
            return Grade(solved=True, score=1.0, detail="passed")
        return Grade(solved=False, score=0.0, detail=f"expected {self.gold}, got {found[:200]}")


def _same(found: str, gold: str, format: AnswerFormat) -> bool:
    """As strategies compare answers; but texts word by word, so that no article is lost from a list of words."""
    if format == "text":
        return found.casefold().split() == gold.casefold().split()
    return answers.same(found, gold, format)


def _alone(answer: str) -> bool:
    """Whether the reply is nothing but an answer: strategies that extract give it bare."""
    return "\n" not in answer.strip() and len(answer) <= 200
