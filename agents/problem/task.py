"""The generic task: a conversation, where the answer stands in a reply, and how it is verified."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field

from eudoxus.agents.problem.extractors import AnswerExtractor, Extractor, Final
from eudoxus.agents.problem.verifiers import AnyVerifier
from eudoxus.runtime import ChatTask, Context, Verdict


class ProblemTask(ChatTask):
    """A chat task that says where the answer stands and how it is verified. Every strategy for chat takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "problem"

    answer: Extractor | None = None
    """Where the answer stands in a reply. Default: what fits the verifier; without one, the final answer or the whole reply."""
    verifier: AnyVerifier | None = None
    """What decides whether an answer is right. Only this ends a search as *verified*."""
    step_prompt: str | None = Field(None, min_length=1, max_length=4_000)
    """For searches over steps: what a step is, and what makes a good one."""

    @property
    def extractor(self) -> AnswerExtractor:
        """Where the answer is looked for."""
        return self.answer or (self.verifier.extractor if self.verifier else Final())

    def extract(self, reply: str) -> str | None:
        return self.extractor(reply)

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        """The verdict on the answer in a reply; None without a verifier."""
        if self.verifier is None:
            return await super().verify(ctx, answer)
        found = self.extract(answer)
        if found is None:
            return self.verifier.refused(f"no answer was found in the reply; expected {self.extractor.expected}")
        return await self.verifier.verify(ctx, found)
