"""Verifiable instructions, judged strictly."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from eudoxus.decoding.instructions import Instruction
from eudoxus.evaluation.grading.base import Grade


@dataclass(frozen=True, slots=True)
class InstructionGrader:
    """Solved when all instructions are followed; the score is the part of them that are."""

    instructions: tuple[Instruction, ...]

    async def self_test(self) -> None:
        """There is no reference answer."""
        return

    async def grade(self, answer: str | None) -> Grade:
        """One part for each instruction, by its key, with a number behind a key that comes again."""
        if answer is None or not answer.strip():
            return Grade(solved=False, score=0.0, detail="no answer")
        parts, reasons, seen = dict[str, bool](), list[str](), Counter[str]()
        for one in self.instructions:
            seen[one.key] += 1
            found = one.check(answer)
            parts[one.key if seen[one.key] == 1 else f"{one.key}#{seen[one.key]}"] = found.ok
            reasons += [] if found.ok else [f"{one.key}: {found.reason}"]
        followed = sum(parts.values())
        return Grade(solved=not reasons, score=followed / len(parts), detail="; ".join(reasons)[:1_000] or "passed", parts=parts)
