"""Right programs by how fast they are, against a reference that is measured on the same machine (ENAMEL, arXiv 2406.06647, §3)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from eudoxus import sandbox
from eudoxus.evaluation.efficiency import REPETITIONS, SLOWEST, efficiency, hodges_lehmann, level_efficiency
from eudoxus.evaluation.grading.base import Grade, GradingFault
from eudoxus.evaluation.grading.code import CheckGrader, in_words, judged
from eudoxus.sandbox import RunResult

REFERENCE_SECONDS = 20.0
"""What the reference may take for one test."""
LEAST_SECONDS = 0.005
"""A reference must take so long on its slowest test: the measurement's own noise is about a tenth of this."""
_measuring: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""One measurement at a time in an event loop, whatever else is graded."""


@dataclass(frozen=True, slots=True)
class Level:
    """Tests of one size. Later levels are harder and weigh more."""

    weight: float
    tests: Sequence[sandbox.Test]


@dataclass(slots=True)
class EfficiencyGrader:
    """``solved`` as the check says; ``efficiency`` is 0 for a wrong program, 1 for one as fast as the reference, more for a faster one.

    A test's time is the processor time that the sandbox measures for the test's run (program and test together) less that of the same run
    with a program that does nothing.
    """

    check: CheckGrader
    levels: Sequence[Level]
    _idle: list[list[float]] = field(default_factory=list)
    """Seconds of each test's run with a program that does nothing."""
    _slowest: list[float] = field(default_factory=list)
    """The reference's time on the slowest test of each level."""

    async def self_test(self) -> Grade:
        """The grade of the reference, which is measured first. Raises :class:`GradingFault` where it is too fast to be measured."""
        grade = await self.check.self_test()
        if grade is None:
            raise GradingFault("a task with levels needs a reference")
        return grade if not grade.solved else await self._graded(self.check.reference or "", grade)

    async def grade(self, answer: str | None) -> Grade:
        program = self.check.program_in(answer)
        return program if isinstance(program, Grade) else await self.verdict(program)

    async def verdict(self, program: str) -> Grade:
        """The grade of ``program`` just as it is."""
        found = await self.check.verdict(program)
        return await self._graded(program, found) if found.solved else found.model_copy(update={"efficiency": 0.0})

    async def _graded(self, program: str, grade: Grade) -> Grade:
        async with _measuring.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if not self._slowest:
                await self._measure_reference()
            limit, scores = SLOWEST * max(self._slowest), list[float]()
            for at, level in enumerate(self.levels):
                seconds = 0.0
                for number, test in enumerate(level.tests):
                    took = await self._seconds(program, test, limit + 1.0)
                    if isinstance(took, RunResult) and took.outcome == "timeout":
                        seconds = math.inf
                        break
                    if isinstance(took, RunResult):
                        return Grade(solved=False, score=0.0, detail=f"level {at + 1}: {in_words(took)}", efficiency=0.0)
                    seconds = max(seconds, took - self._idle[at][number])
                if seconds == math.inf:
                    break  # harder levels would take longer
                scores.append(level_efficiency(seconds, self._slowest[at], limit))
            scores += [0.0] * (len(self.levels) - len(scores))
            return grade.model_copy(update={"efficiency": efficiency(scores, [level.weight for level in self.levels])})

    async def _measure_reference(self) -> None:
        """The limits come from here. Raises :class:`GradingFault`."""
        nothing = f"def {self.check.task.entry_point}(*_, **__):\n    return None\n"
        idle, slowest = list[list[float]](), list[float]()
        for level in self.levels:
            idle.append([await self._idling(nothing, test) for test in level.tests])
            times = []
            for number, test in enumerate(level.tests):
                took = await self._seconds(self.check.reference or "", test, REFERENCE_SECONDS)
                if isinstance(took, RunResult):
                    raise GradingFault(f"the reference does not pass {test.name}: {in_words(took)}")
                times.append(took - idle[-1][number])
            slowest.append(max(times))
        if max(slowest) < LEAST_SECONDS:
            said = f"the reference takes {max(slowest):.4f} s on its slowest test, too little to be measured ({LEAST_SECONDS} s)"
            raise GradingFault(said)
        self._idle, self._slowest = idle, slowest

    async def _seconds(self, program: str, test: sandbox.Test, most: float) -> float | RunResult:
        """The time of a test's run; the result of one that does not pass."""
        times = []
        for _ in range(REPETITIONS):
            found = await judged(program, self.check, test, most)
            if found.outcome != "passed":
                return found
            times.append(found.cpu_ms / 1000)
        return hodges_lehmann(times)

    async def _idling(self, nothing: str, test: sandbox.Test) -> float:
        return hodges_lehmann([(await judged(nothing, self.check, test, REFERENCE_SECONDS)).cpu_ms / 1000 for _ in range(REPETITIONS)])
