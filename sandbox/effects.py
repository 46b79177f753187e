"""Running programs as effects: journaled, so that a replay has the outcomes without the programs."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from eudoxus.runtime import Effect
from eudoxus.sandbox.model import Case, Limits, MatrixResult, Mode, Program, RunResult, Test, Trace
from eudoxus.sandbox.pool import shared


class Run(Effect[RunResult]):
    """Run a program on tests or cases. The digest covers both, the mode, the limits, the trace and the seed."""

    kind: ClassVar[str] = "sandbox"
    result: ClassVar[type[BaseModel]] = RunResult

    program: Program
    tests: tuple[Test, ...] = ()
    """Python that calls the program's functions; modes ``split`` and ``bundle``."""
    cases: tuple[Case, ...] = ()
    """Inputs and expected values; mode ``io``."""
    mode: Mode = "split"
    limits: Limits = Limits()
    trace: Trace | None = None
    """``lines`` or ``blocks``: what was executed, for people and prompts."""
    seed: int = Field(0, ge=0)
    """Seed of the program's and the tests' random numbers."""

    async def run(self) -> RunResult:
        """Whatever the program does is an outcome. Waits for its turn, however many wait. Raises :class:`SandboxUnavailable`."""
        sandbox = await shared()
        return await sandbox.run(
            self.program, self.tests, self.cases, mode=self.mode, limits=self.limits, trace=self.trace, seed=self.seed,
            patient=True,
        )


class Matrix(Effect[MatrixResult]):
    """Run many programs on the same tests or cases. The digest covers all of them, the mode, the limits, the budget and the seed."""

    kind: ClassVar[str] = "sandbox_matrix"
    result: ClassVar[type[BaseModel]] = MatrixResult

    programs: tuple[Program, ...]
    tests: tuple[Test, ...] = ()
    cases: tuple[Case, ...] = ()
    mode: Mode = "io"
    limits: Limits = Limits()
    """Limits of each program."""
    budget_s: float = Field(60.0, gt=0, le=3600)
    """Seconds for all of them; what is not reached has no outcome."""
    seed: int = Field(0, ge=0)

    async def run(self) -> MatrixResult:
        """Waits for its turn, however many wait. Raises :class:`SandboxUnavailable`."""
        sandbox = await shared()
        return await sandbox.run_matrix(
            self.programs, self.tests, self.cases, mode=self.mode, limits=self.limits, budget_s=self.budget_s, seed=self.seed,
            patient=True,
        )
