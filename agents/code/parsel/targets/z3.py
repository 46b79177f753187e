"""Asking z3, in a process of its own: whether a formula holds whatever its free symbols stand for."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.planners.engines.process import Bounds, run
from eudoxus.runtime import Effect
from eudoxus.runtime.errors import EffectFailed

MEMORY_MB = 512


class Refuted(BaseModel):
    """What z3 found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["valid", "refuted", "unknown", "error"]
    """``unknown``: neither within the limits. ``error``: the text is not well-formed, or names what is not defined."""
    message: str = ""


class Refute(Effect[Refuted]):
    """Look for values under which ``formula`` is false. The digest covers both texts and the limit."""

    kind: ClassVar[str] = "solver"
    result: ClassVar[type[BaseModel]] = Refuted

    definitions: str = Field(max_length=1_000_000)
    """Definitions that consist of nothing but ``define-fun`` and ``define-fun-rec``; whoever makes this sees to that."""
    formula: str = Field(max_length=100_000)
    seconds: float = Field(5.0, gt=0, le=60)
    """Processor time."""

    async def run(self) -> Refuted:
        """Raises :class:`EffectFailed` where z3 is not installed."""
        program = _program()
        if program is None:
            raise EffectFailed('z3 is not found, which the target smt needs: pip install z3-solver, or put z3 on the PATH')
        script = f"{self.definitions}\n(assert (not {self.formula}))\n(check-sat)\n"
        with tempfile.TemporaryDirectory(prefix="eudoxus-smt-", ignore_cleanup_errors=True) as folder:
            place = Path(folder)
            place.joinpath("script.smt2").write_text(script, "utf-8")
            command = [program, "-smt2", f"-T:{max(1, round(self.seconds))}", f"-memory:{MEMORY_MB}", "script.smt2"]
            ended = await run(command, place, wall_seconds=2 * self.seconds + 2, bounds=Bounds(self.seconds + 1, MEMORY_MB + 128))
        return _told(ended.output)


def _program() -> str | None:
    """The z3 of this environment, else that on the path."""
    beside = Path(sys.executable).parent / "z3"
    return str(beside) if beside.is_file() else shutil.which("z3")


def _told(output: str) -> Refuted:
    lines = output.strip().split("\n")
    if problem := next((line for line in lines if line.startswith("(error")), ""):
        return Refuted(status="error", message=problem[:300])
    status = {"unsat": "valid", "sat": "refuted"}.get(lines[-1].strip(), "unknown")
    return Refuted(status=status, message="" if status == "valid" else f"z3 says {lines[-1].strip()[:100] or 'nothing'}")
