"""Calls of one program for their values: a fresh child after each call that ends one."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.sandbox.comparing import Question
from eudoxus.sandbox.matrix import MOST_ENDS
from eudoxus.sandbox.model import Limits, Program
from eudoxus.sandbox.slot import Finding, Slot
from eudoxus.sandbox.verdict import Judgement, Verdict, summary
from eudoxus.sandbox.zygotes import monotonic


async def evaluated(slot: Slot, program: Program, questions: Sequence[Question], limits: Limits, *, seed: int) -> Finding:
    """What the program answers to all questions, within ``limits.wall_s`` for them together. Raises :class:`ZygoteFailed`."""
    end = monotonic() + limits.wall_s
    tests, parts = list[Judgement](), list[Finding]()
    while True:
        part = await slot.ask(program, questions[len(tests) :], limits, trace=None, seed=seed, wall_s=max(end - monotonic(), 0.001))
        parts.append(part)
        verdict = part.verdict
        reached = len(tests) + verdict.reached
        if verdict.outcome == "infra_error":
            return part._replace(verdict=Verdict("infra_error", verdict.tests[:1] * len(questions), 0, verdict.exc))
        if reached >= len(questions) or len(parts) == MOST_ENDS or monotonic() >= end:
            tests += verdict.tests
            break
        tests += verdict.tests[: verdict.reached]
    return part._replace(
        verdict=Verdict(summary(tests), tests, reached, verdict.exc, verdict.signal), cpu_ms=sum(part.cpu_ms for part in parts),
        wall_ms=sum(part.wall_ms for part in parts), maxrss_kb=max(part.maxrss_kb for part in parts),
    )
