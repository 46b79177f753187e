"""The answer is a plan that our validator accepts."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from eudoxus.agents.problem.base import ProblemVerifier
from eudoxus.agents.problem.extractors import AnswerExtractor, Whole, blocks_of
from eudoxus.planners.desk import UnreadablePddl, checked, domain_text, judged
from eudoxus.runtime import Context, Verdict
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.runtime.result import Authority

MOST_STEPS = 5_000
_STEPS = re.compile(r"\s*(?:[-*]|(?:step\s*)?\d{1,5}\s*[.:)])?\s*(?P<steps>(?:\([^()]*\)[\s,;]*)+)", re.IGNORECASE)
_STEP = re.compile(r"\(([^()]*)\)")


class SolvesPddl(ProblemVerifier):
    """The answer is a plan: steps such as ``(stack b1 b2)`` in a fenced block, or lines of nothing but steps."""

    kind: Literal["pddl_plan"] = "pddl_plan"
    authority: ClassVar[Authority] = "exact"
    extractor: ClassVar[AnswerExtractor] = Whole()
    domain: str = Field(min_length=1, max_length=200_000)
    """In PDDL, or the name of a shipped domain (``blocksworld``)."""
    problem: str = Field(min_length=1, max_length=200_000)
    """In PDDL."""
    most_steps: int | None = Field(None, ge=0, le=MOST_STEPS)
    """Steps that the plan may have."""

    @field_validator("domain")
    @classmethod
    def _domain_can_be_used(cls, domain: str) -> str:
        return _usable(domain, None)

    @field_validator("problem")
    @classmethod
    def _problem_can_be_used(cls, problem: str, info: ValidationInfo) -> str:
        """It is one of the domain, and not one that lint proves to be without a plan."""
        return _usable(info.data["domain"], problem) if "domain" in info.data else problem

    async def verify(self, ctx: Context, answer: str) -> Verdict:
        steps = steps_in(answer)
        if steps is None:
            return self.refused("no plan was found: write one step such as (stack b1 b2) a line, and nothing else on these lines")
        if len(steps) > (most := MOST_STEPS if self.most_steps is None else self.most_steps):
            return self.refused(f"the plan has {len(steps)} steps; at most {most} are allowed")
        try:
            found = await asyncio.to_thread(judged, self.domain, self.problem, steps)
        except UnreadablePddl as error:
            return self.refused(str(error))
        if found.valid:
            return self.accepted()
        score = 0.0 if found.failed_step is None else 0.5 * (found.failed_step - 1) / max(1, len(steps))
        return self.refused(f"the plan is not valid: {found.message}", score=0.5 if found.failed_step is None and steps else score)


def _usable(domain: str, problem: str | None) -> str:
    """``problem``, or ``domain`` without one. Raises ValueError with the worst findings."""
    try:
        found = checked(domain_text(domain), problem)
        if found.usable and problem is not None:
            judged(domain, problem, "")  # what the validator cannot read
    except InvalidRequest as error:
        raise ValueError(str(error)) from None
    if not found.usable:
        raise ValueError("; ".join(str(finding) for finding in found.findings[:3]))
    return domain if problem is None else problem


def steps_in(text: str) -> list[str] | None:
    """The steps of the last fenced block that holds some, else those on lines of nothing but steps; None when there are none."""
    for _, block in reversed(blocks_of(text)):
        if steps := _steps(block):
            return steps
    return _steps(text) or None


def _steps(text: str) -> list[str]:
    found = list[str]()
    for line in text.splitlines():
        whole = _STEPS.fullmatch(line.partition(";")[0]) if len(line) < 10_000 else None
        found += [f"({' '.join(step.split())})" for step in _STEP.findall(whole["steps"])] if whole else []
    return found
