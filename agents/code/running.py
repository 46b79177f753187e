"""Running a program on its tests, and what came of it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from eudoxus import sandbox
from eudoxus.agents.code.feedback import block_trace, failures
from eudoxus.agents.code.statement import header_in
from eudoxus.agents.programs import parsed
from eudoxus.runtime import Context
from eudoxus.runtime.errors import EffectFailed
from eudoxus.sandbox.model import Outcome, Trace
from eudoxus.sandbox.split_tests import setup_of_prompt

if TYPE_CHECKING:
    from eudoxus.agents.code.task import CodeTask


@dataclass(frozen=True, slots=True)
class Tried:
    """A program that was run on tests."""

    program: str
    """As it was run, the task's setup included: what line numbers count from."""
    tests: tuple[str, ...]
    found: sandbox.RunResult

    @property
    def passed(self) -> tuple[bool, ...]:
        """For each test whether it passed."""
        return tuple(test.outcome == "passed" for test in self.found.tests)

    @property
    def score(self) -> float:
        """The fraction of the tests that passed; without tests 1 when the program can be loaded."""
        return sum(self.passed) / len(self.tests) if self.tests else float(self.ok)

    @property
    def ok(self) -> bool:
        """Whether all tests passed, and no program could have forged that."""
        return self.found.outcome == "passed" and self.found.verdict == "final"

    @property
    def outcome(self) -> Outcome:
        """How the run ended: ``passed``, or the first trouble."""
        return self.found.outcome

    @property
    def failing(self) -> tuple[str, ...]:
        """The tests that did not pass."""
        return tuple(test for test, passed in zip(self.tests, self.passed, strict=True) if not passed)

    @property
    def feedback(self) -> str:
        """The first failing tests and what came out, for a prompt; empty when all passed."""
        return failures(self.program, self.tests, self.found)

    @property
    def trace(self) -> str:
        """The block trace of the first failing test that has one, for a prompt; empty when nothing was traced."""
        texts = (block_trace(self.program, self.tests[test.i], test) for test in self.found.tests if test.outcome != "passed")
        return next((text for text in texts if text), "")


async def run_tests(
    ctx: Context, program: str, task: CodeTask, *, tests: Sequence[str] | None = None, trace: Trace | None = None,
    mode: Literal["split", "bundle"] = "split",
) -> Tried:
    """``program`` on the visible tests of ``task``, or on ``tests``, in the sandbox.

    Whatever the program does is an outcome. Verdicts in mode ``bundle`` are provisional. Raises :class:`EffectFailed` when the sandbox
    itself fails, which says nothing about the program.
    """
    chosen = task.tests if tests is None else tuple(tests)
    effect = sandbox.Run(
        program=as_program(program, task), tests=as_tests(chosen, task.entry_point), mode=mode, limits=task.limits, trace=trace,
    )
    found = await ctx.perform(effect)
    if found.outcome == "infra_error":
        raise EffectFailed(f"the sandbox could not run the program: {found.exc.msg if found.exc else 'it does not say why'}")
    return Tried(effect.program.code, chosen, found)


def as_program(program: str, task: CodeTask) -> sandbox.Program:
    """``program`` behind the task's setup, which the tests get too, with the helpers of the statement's header."""
    header = header_in(task.statement)
    helpers = setup_of_prompt(header) if header else ""
    if helpers and parsed(helpers) is None:
        helpers = header or ""
    before = f"{task.setup.rstrip()}\n\n\n" if task.setup.strip() else ""
    return sandbox.Program(code=before + program, entry=task.entry_point, setup=before + helpers)


def as_tests(tests: Sequence[str], entry: str | None) -> tuple[sandbox.Test, ...]:
    """Tests for the sandbox. Arguments that a test looks at after the call are copied back."""
    return tuple(sandbox.Test(code=test, mutates=_mutated(test, entry) if entry else ()) for test in tests)


def _mutated(test: str, entry: str) -> tuple[tuple[str, int], ...]:
    """The arguments, as (function, index), that are variables, of calls whose value is thrown away."""
    tree = parsed(test)
    calls = [node.value for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)] if tree else []
    own = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == entry]
    return tuple(dict.fromkeys((entry, at) for call in own for at, given in enumerate(call.args) if isinstance(given, ast.Name)))
