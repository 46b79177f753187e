"""Asking z3 whether constraints can be met, as an effect: journaled, so that a replay has the outcome without the solver."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.runtime import Effect
from eudoxus.solvers.smtlib import MOST_CHARACTERS, Refused, gate
from eudoxus.solvers.z3 import ask

Status = Literal["sat", "unsat", "unknown", "timeout", "memory", "invalid", "crashed", "unavailable"]
"""*unknown*: z3 gave up. *invalid*: the text was refused, or z3 cannot make sense of it. *unavailable*: z3 is not installed."""


class CheckResult(BaseModel):
    """What came of a check. Every failure is an outcome, none an exception."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    model: dict[str, str] = {}
    """With *sat*: values of constants, in SMT-LIB, and functions as definitions."""
    core: list[str] = []
    """With *unsat*: names of assertions that contradict each other."""
    message: str = ""


class Check(Effect[CheckResult]):
    """Decide satisfiability. The digest covers the text and the limits."""

    kind: ClassVar[str] = "solver"
    result: ClassVar[type[BaseModel]] = CheckResult

    text: str = Field(max_length=MOST_CHARACTERS)
    """SMT-LIB 2: declarations, definitions and assertions; see :func:`eudoxus.solvers.smtlib.gate`."""
    seconds: float = Field(5.0, gt=0, le=300)
    """Wall-clock time for the solver."""
    memory_mb: int = Field(512, ge=64, le=65536)
    """Memory for the solver, in MiB."""

    async def run(self) -> CheckResult:
        """Nothing is raised but cancellation."""
        try:
            script = gate(self.text)
        except Refused as problem:
            return CheckResult(status="invalid", message=str(problem))
        found = await ask(script.text, seconds=self.seconds, memory_mb=self.memory_mb)
        model = {name: value for name, value in found.model.items() if name not in script.assertions}
        return CheckResult(status=found.status, model=model, core=found.core, message=found.message)
