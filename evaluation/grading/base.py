"""What every grader does."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict

from eudoxus.runtime.errors import EudoxusError


class Grade(BaseModel):
    """The judgement of one answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    solved: bool
    """Right by the data set's strict rule."""
    score: float
    """Between 0 and 1; 1 when solved. With ARC the share of test inputs that are right."""
    detail: str = ""
    """Why not, in words: ``failed: AssertionError``, ``timed out``, ``expected 18``."""
    parts: dict[str, bool] = {}
    """Verdicts that make up the grade, where there are several: ``base`` and ``plus``, or one per test input."""
    details: dict[str, str] = {}
    """Why not, for each part that is not passed, where all of them were tried."""
    efficiency: float | None = None
    """How fast, against the reference, where the task measures that: 0 when not solved, 1 for a program as fast as the reference."""


class GradingFault(EudoxusError):
    """The grader itself could not do its work. It says nothing about the answer, which stays ungraded and can be graded later."""

    code = "grading_fault"
    retryable = True


class Grader(Protocol):
    """Grades the answers to one task."""

    async def self_test(self) -> Grade | None:
        """The grade of the reference answer, which must be solved; None where the data set gives none."""
        ...

    async def grade(self, answer: str | None) -> Grade:
        """The grade of ``answer``; None, when there is no answer, is never solved.

        Raises :class:`GradingFault` and :class:`SandboxUnavailable` where the grader is at fault and not the answer.
        """
        ...
