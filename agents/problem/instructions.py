"""The answer follows verifiable instructions, each of which a program decides."""

from __future__ import annotations

import asyncio
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from eudoxus.agents.problem.base import ProblemVerifier
from eudoxus.agents.problem.extractors import AnswerExtractor, Whole
from eudoxus.decoding.instructions import Finding, Given, Instruction, check_loosely
from eudoxus.runtime import Context, Verdict
from eudoxus.runtime.result import Authority

GivenInstructions = Annotated[tuple[Given, ...], Field(max_length=32)]
"""At most 32 instructions, by id and kwargs."""


class FollowsInstructions(ProblemVerifier):
    """The whole reply follows instructions such as "less than 100 words", with the ids and kwargs of IFEval and IFBench."""

    kind: Literal["instructions"] = "instructions"
    authority: ClassVar[Authority] = "exact"
    extractor: ClassVar[AnswerExtractor] = Whole()
    instructions: GivenInstructions = Field(min_length=1)
    """Such as ``{"id": "length_constraints:number_words", "kwargs": {"relation": "less than", "num_words": 100}}``."""
    loose: bool = False
    """Whether a first or last line that breaks them, and asterisks, are overlooked."""

    async def verify(self, ctx: Context, answer: str) -> Verdict:
        return await asyncio.to_thread(self.verdict, answer)

    def verdict(self, answer: str) -> Verdict:
        """The verdict on an answer; its score is the part of the instructions that are followed."""
        broken = [f"{one.describe()} But {found.reason}." for one, found in self.findings(answer) if not found.ok]
        if not broken:
            return self.accepted()
        told = "\n".join(f"{number}. {one}" for number, one in enumerate(broken, start=1))
        score = 1 - len(broken) / len(self.instructions)
        return self.refused(f"{len(broken)} of {len(self.instructions)} instructions are not followed:\n{told}", score)

    def findings(self, answer: str) -> list[tuple[Instruction, Finding]]:
        """Each instruction and whether ``answer`` follows it, what a reasoning model thought aloud left out."""
        answer = answer.rpartition("</think>")[2]
        checked = [one.instruction for one in self.instructions]
        return [(one, check_loosely(one, answer) if self.loose else one.check(answer)) for one in checked]
