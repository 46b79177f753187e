"""ARC (Chollet 2019, arXiv 1911.01547; rules of the ARC Prize): grids must be exactly right, in one of at most two attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eudoxus.agents.induction.grids import Grid, attempts_in, written
from eudoxus.evaluation.grading.base import Grade

ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class GridGrader:
    """``score`` is the share of test inputs with a right attempt (ARC Prize); ``solved`` wants all of them (the README's rule)."""

    outputs: Sequence[Grid]
    """The right output for each test input."""
    attempts: int = ATTEMPTS
    """Attempts per test input that count; further ones are not looked at."""

    async def self_test(self) -> Grade:
        """The gold answer must be read and found right."""
        return await self.grade(written([[grid] for grid in self.outputs]))

    async def grade(self, answer: str | None) -> Grade:
        """An answer that cannot be read is wrong for every test input."""
        given = attempts_in(answer or "", len(self.outputs))
        if given is None:
            wrong = dict.fromkeys(map(str, range(len(self.outputs))), False)
            return Grade(solved=False, score=0.0, detail="no grids were found", parts=wrong)
        right = [gold in tried[: self.attempts] for gold, tried in zip(self.outputs, given, strict=True)]
        detail = "passed" if all(right) else f"{sum(right)} of {len(right)} test inputs are right"
        return Grade(solved=all(right), score=sum(right) / len(right), detail=detail, parts={str(i): ok for i, ok in enumerate(right)})
