"""Running programs as effects: journaled, so that a replay has the outcomes without the programs."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from eudoxus.runtime import Effect
from eudoxus.sandbox.model import TOTAL_BYTES, VALUE_BYTES, Call, Case, Limits, MatrixResult, Mode, Program, RunResult, Test, Trace
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


class Evaluate(Effect[RunResult]):
    """Call a program's entry and have its values back: ``value`` of each test, in the form that :func:`values.given` describes.

    A test ``passed`` where the call gave a value that is plain data and has room. Values are what the program says: compare them with what
    it cannot know, and never take them for a verdict. The digest covers the program, the calls, all limits and the seed.
    """

    kind: ClassVar[str] = "sandbox_evaluate"
    result: ClassVar[type[BaseModel]] = RunResult

    program: Program
    calls: tuple[Call, ...]
    limits: Limits = Limits()
    """Limits of all calls together; ``call_s`` of each."""
    value_bytes: int = Field(VALUE_BYTES, ge=1, le=1 << 20)
    """Bytes of JSON of one value."""
    total_bytes: int = Field(TOTAL_BYTES, ge=1, le=8 << 20)
    """Bytes of JSON of all values."""
    seed: int = Field(0, ge=0)

    async def run(self) -> RunResult:
        """Whatever the program does is an outcome. Waits for its turn, however many wait. Raises :class:`SandboxUnavailable`."""
        sandbox = await shared()
        return await sandbox.evaluate(
            self.program, self.calls, limits=self.limits, value_bytes=self.value_bytes, total_bytes=self.total_bytes, seed=self.seed,
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
