"""One attempt at a code task: a reply, the program in it, and how it does on the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.agents.code.running import Tried, run_tests
from eudoxus.agents.code.task import CodeTask
from eudoxus.runtime import Context, Result


@dataclass(frozen=True, slots=True)
class Attempt:
    """A reply and what became of it."""

    reply: str
    program: str | None
    """None when the reply holds none."""
    tried: Tried | None
    problem: str = ""
    """Why there is no program."""

    @property
    def score(self) -> float:
        """The fraction of tests passed; below 0 without a program."""
        return self.tried.score if self.tried else -1.0

    @property
    def ok(self) -> bool:
        """Whether there is a program and it passes all tests."""
        return self.tried is not None and self.tried.ok

    @property
    def feedback(self) -> str:
        """What is wrong, for a prompt; empty when nothing is."""
        return self.tried.feedback if self.tried else f"The reply could not be used: {self.problem}."

    @property
    def shown(self) -> str:
        """The program, or else the reply, for a prompt."""
        return self.program.strip() if self.program is not None else self.reply.strip()


async def attempt(ctx: Context, reply: str, task: CodeTask, tests: Sequence[str] | None = None) -> Attempt:
    """Read the program in ``reply`` and run it on the task's tests, or on ``tests``."""
    try:
        program = program_in(reply, task)
    except NoProgram as problem:
        return Attempt(reply, None, None, str(problem))
    return Attempt(reply, program, await run_tests(ctx, program, task, tests=tests))


def finished(best: Attempt, task: CodeTask, detail: str = "", **artifacts: object) -> Result:
    """The result with the program of ``best``: *verified* by ``public_tests`` when it passes the task's own tests, all of those run.

    Tests that a model wrote verify nothing: then it is the best effort, by the authority of the model where all passed. *failed* without a
    program.
    """
    if best.program is None:
        return Result(answer=None, outcome="failed", detail=detail or f"no program: {best.problem}", artifacts=dict(artifacts))
    trusted = task.tests_from != "generated" and bool(task.tests)
    if best.ok and trusted:
        return Result(answer=best.program, outcome="verified", authority="public_tests", detail=detail, artifacts=dict(artifacts))
    by_model = best.ok and best.tried is not None and bool(best.tried.tests)
    said = detail or (best.feedback if not best.ok else "it passes tests that a model wrote" if by_model else "there was no test to run")
    return Result(answer=best.program, authority="model" if by_model else "none", detail=said, artifacts=dict(artifacts))
