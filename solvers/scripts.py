"""A z3 script in Python that a model wrote, as an effect: off unless the operator allows it, and never run outside the sandbox.

What the script says of its own result is a claim. The constraints that it leaves in ``solver`` come out of the sandbox as SMT-LIB text,
which a z3 of ours can solve behind the gate that every such text passes.
"""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from weakref import WeakKeyDictionary

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from eudoxus.runtime import Effect
from eudoxus.runtime.errors import EudoxusError
from eudoxus.sandbox import Limits, Program, RunResult, shared
from eudoxus.solvers.smtlib import MOST_CHARACTERS

MOST_CODE = 100_000
"""Characters of a script."""
MOST_PRINTED = 2_000
"""Of what it prints to stderr that a model is shown: the end."""
MUST = "must: "
"""Before the name of a constraint, in that of the truth value that it is tracked by."""
TRACKED = "tracked "
"""Before that, in the name of the assertion that it is true."""
_TOLD = "\x1eeudoxus "
_OUTPUT_BYTES = 2 << 20
_OVERHEAD_MB = 256
"""Of Python and z3 themselves."""
_START_S = 2.0
_THREADS = 4
"""z3 keeps a limit of time with a thread."""
REFUSED = "scripts in Python are off: the operator allows them with EUDOXUS_SOLVERS_PYTHON=true"
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Scalar = StrictBool | StrictInt | Finite | Annotated[StrictStr, Field(max_length=1_000)] | None


class ScriptSettings(BaseSettings):
    """Whether models may write Python for z3. Read from ``EUDOXUS_SOLVERS_…`` where not given."""

    model_config = SettingsConfigDict(env_prefix="EUDOXUS_SOLVERS_", frozen=True)

    python: bool = False
    """Whether ``form=python`` is allowed."""


_configured: WeakKeyDictionary[asyncio.AbstractEventLoop, ScriptSettings] = WeakKeyDictionary()


def configure_scripts(settings: ScriptSettings) -> None:
    """What is allowed in this event loop from now on; without this, what the environment says."""
    _configured[asyncio.get_running_loop()] = settings


def allowed() -> bool:
    """Whether the operator allows scripts."""
    return (_configured.get(asyncio.get_running_loop()) or ScriptSettings()).python


class Permission(BaseModel):
    """Whether scripts are allowed."""

    allowed: bool


class AskPermission(Effect[Permission]):
    """The operator's decision, journaled: a replay elsewhere goes the same way."""

    kind: ClassVar[str] = "permission"
    result: ClassVar[type[BaseModel]] = Permission

    async def run(self) -> Permission:
        """Nothing is raised."""
        return Permission(allowed=allowed())


class Claim(BaseModel):
    """What a script says of its result. Untrusted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    objective: Scalar = None
    """A number; a fraction as text, ``7/3``."""
    values: dict[str, Scalar] = Field({}, max_length=10_000)


class Scripted(BaseModel):
    """What came of a script. Every failure is an outcome, none an exception."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["ran", "wrong", "refused", "unavailable"]
    """*wrong*: the script's own fault. *refused*: the operator does not allow scripts. *unavailable*: no sandbox, or no z3 in it."""
    claim: Claim | None = None
    constraints: str = ""
    """SMT-LIB of what ``solver`` holds; empty where the script leaves none, or more than the gate reads."""
    message: str = ""


class Script(Effect[Scripted]):
    """Run a z3 script. The digest covers the code and the limits; whether it may run is the operator's decision at the time."""

    kind: ClassVar[str] = "z3_script"
    result: ClassVar[type[BaseModel]] = Scripted

    code: str = Field(max_length=MOST_CODE)
    seconds: float = Field(20.0, gt=0, le=290)
    """Wall-clock and processor time of the script."""
    memory_mb: int = Field(1024, ge=64, le=16128)
    """Beyond what Python and z3 take themselves, in MiB."""

    async def run(self) -> Scripted:
        """Nothing is raised but cancellation."""
        if not allowed():
            return Scripted(status="refused", message=REFUSED)
        before, after = _around()
        seconds = self.seconds + _START_S
        limits = Limits(wall_s=seconds, call_s=seconds, cpu_s=seconds, memory_mb=self.memory_mb + _OVERHEAD_MB,
                        output_bytes=_OUTPUT_BYTES, threads=_THREADS)
        try:
            ran = await (await shared()).run(Program(code=f"{before}\n{self.code}\n{after}"), limits=limits, patient=True)
        except EudoxusError as error:
            return Scripted(status="unavailable", message=str(error))
        return _read(ran, self.seconds, lines_before=before.count("\n") + 1)


@cache
def _around() -> tuple[str, str]:
    """What stands before a script, and what stands after it and tells what it leaves."""
    before, after = Path(__file__).with_name("around_script.txt").read_text("utf-8").split("# -- the script --\n")
    return before.replace("MUST", repr(MUST)).strip(), after.replace("TOLD", repr(_TOLD)).replace("TRACKED", repr(TRACKED)).strip()


def _read(ran: RunResult, seconds: float, *, lines_before: int) -> Scripted:
    if ran.isolation.level == "interpreter":
        return Scripted(status="unavailable", message=f"z3 needs CPython in the sandbox, and here it is {ran.isolation.backend}")
    if ran.outcome != "passed":
        return _failed(ran, seconds, lines_before)
    told = ran.stdout.rpartition(_TOLD)
    try:
        found: Any = orjson.loads(told[2]) if told[1] and not ran.truncated else {}
    except ValueError:  # also what no journal can hold, such as halves of characters
        found = {}
    if not isinstance(found, dict) or not found:
        most = f"{_OUTPUT_BYTES:,} bytes"
        return Scripted(status="wrong", message=f"what it leaves cannot be read, or is more than {most} with what it prints")
    text = found.get("constraints")
    constraints = text if isinstance(text, str) and len(text) <= MOST_CHARACTERS else ""
    try:
        claim = None if found.get("result") is None else Claim.model_validate(found["result"])
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, ("result", *first["loc"])))
        return Scripted(status="wrong", message=f"{place}: {first['msg']}")
    if claim is None and not constraints:
        return Scripted(status="wrong", message="it leaves neither `solver` (a Solver or Optimize with all constraints) nor `result`")
    return Scripted(status="ran", claim=claim, constraints=constraints)


def _failed(ran: RunResult, seconds: float, lines_before: int) -> Scripted:
    """Why it did not come to its end, in words for who wrote it."""
    if ran.outcome == "infra_error":
        return Scripted(status="unavailable", message=f"the sandbox failed: {ran.exc.msg if ran.exc else ran.outcome}")
    if ran.outcome == "timeout":
        return Scripted(status="wrong", message=f"it ran longer than {seconds:g} s, and was ended")
    if ran.outcome == "memory":
        return Scripted(status="wrong", message="it took more memory than it may, and was ended")
    if ran.exc is None:
        return Scripted(status="wrong", message=f"it ended with {ran.outcome}")
    if ran.exc.type == "ModuleNotFoundError" and "'z3'" in ran.exc.msg:
        return Scripted(status="unavailable", message="z3 is not installed where programs of the sandbox find it: pip install z3-solver")
    line = f"line {ran.exc.line - lines_before}: " if ran.exc.line is not None and ran.exc.line > lines_before else ""
    printed = f"\n{ran.stderr[-MOST_PRINTED:].strip()}" if ran.stderr.strip() else ""
    return Scripted(status="wrong", message=f"{line}{ran.exc.type}: {ran.exc.msg}{printed}")
