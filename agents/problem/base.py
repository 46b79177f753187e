"""What a verifier of a problem is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from eudoxus.agents.problem.extractors import AnswerExtractor, Final
from eudoxus.runtime import Context, Verdict
from eudoxus.runtime.result import Authority


class ProblemVerifier(BaseModel, ABC):
    """Decides whether an answer is right. Subclasses are told apart by their ``kind``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    authority: ClassVar[Authority]
    """Whose word its verdict is."""
    extractor: ClassVar[AnswerExtractor] = Final()
    """Where the answer is looked for when the task does not say."""

    @abstractmethod
    async def verify(self, ctx: Context, answer: str) -> Verdict:
        """The verdict on an extracted answer. What is wrong goes into ``feedback``, which models read: never the solution itself."""

    def accepted(self) -> Verdict:
        """The answer is right."""
        return Verdict(ok=True, score=1.0, authority=self.authority)

    def refused(self, feedback: str, score: float = 0.0) -> Verdict:
        """The answer is wrong, to a part ``score`` right."""
        return Verdict(ok=False, score=score, authority=self.authority, feedback=feedback)
