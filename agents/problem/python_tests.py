"""The answer is a program that passes tests, in the sandbox."""

from __future__ import annotations

import ast
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from eudoxus.agents.problem.base import ProblemVerifier
from eudoxus.agents.problem.extractors import AnswerExtractor, Program
from eudoxus.runtime import Context, Verdict
from eudoxus.runtime.errors import EffectFailed
from eudoxus.runtime.result import Authority
from eudoxus.sandbox import Limits, Run, RunResult, Test
from eudoxus.sandbox import Program as SandboxProgram

MOST_FEEDBACK = 3
"""Tests that feedback tells of."""
_FORGEABLE = "the tests passed, but programs are not isolated here, so that a program could forge this verdict: it does not count"


def _is_python(code: str) -> str:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"not Python: {getattr(error, 'msg', None) or error}") from None
    return code


Python = Annotated[str, Field(max_length=100_000), AfterValidator(_is_python)]


class PassesTests(ProblemVerifier):
    """The answer is Python that passes tests. They run in a process that the program cannot reach (sandbox mode *split*)."""

    kind: Literal["python_tests"] = "python_tests"
    authority: ClassVar[Authority] = "public_tests"
    extractor: ClassVar[AnswerExtractor] = Program()
    tests: list[Python] = Field(min_length=1, max_length=200)
    """Python that calls the program's functions, each text a test: ``assert add(1, 2) == 3``."""
    setup: Python = ""
    """Python that the tests need: imports and functions of theirs."""
    seconds: float = Field(5.0, gt=0, le=60)
    """For the program and all tests together."""
    memory_mb: int = Field(512, ge=64, le=4096)

    async def verify(self, ctx: Context, answer: str) -> Verdict:
        limits = Limits(wall_s=self.seconds, call_s=self.seconds, cpu_s=self.seconds, memory_mb=self.memory_mb)
        tests = tuple(Test(code=code, name=code[:200]) for code in self.tests)
        ran = await ctx.perform(Run(program=SandboxProgram(code=answer, setup=self.setup), tests=tests, limits=limits))
        if ran.outcome == "infra_error":
            raise EffectFailed(f"the sandbox failed: {ran.exc.msg if ran.exc else ran.outcome}")
        passed = sum(test.outcome == "passed" for test in ran.tests) / len(self.tests)
        if ran.outcome == "passed" and ran.verdict == "final":
            return self.accepted()
        return self.refused(self._feedback(ran), score=min(passed, 0.99))

    def _feedback(self, ran: RunResult) -> str:
        """The first tests that did not pass and what came of each."""
        if ran.outcome == "passed":
            return _FORGEABLE
        if ran.outcome == "load_error" and ran.exc is not None:
            return f"the program cannot be loaded: {ran.exc.type}: {ran.exc.msg} (line {ran.exc.line})"
        bad = [test for test in ran.tests if test.outcome != "passed"]
        told = [f"{self.tests[test.i].strip()}\n  {test.outcome}" + (f": {test.exc.type}: {test.exc.msg}" if test.exc else "")
                for test in bad[:MOST_FEEDBACK]]
        more = f"\nand {len(bad) - MOST_FEEDBACK} more" if len(bad) > MOST_FEEDBACK else ""
        return f"{len(bad)} of {len(self.tests)} tests do not pass:\n" + "\n".join(told) + more
