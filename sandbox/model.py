"""What goes into a sandboxed run, what comes out of it, and how a run is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_settings import BaseSettings, SettingsConfigDict

from eudoxus.runtime.errors import EudoxusError
from eudoxus.sandbox.codec import CodecError, Json, decode

VALUE_BYTES = 64 << 10
"""Of JSON of one value that is handed on."""
TOTAL_BYTES = 1 << 20
"""Of JSON of all values of a run that are handed on."""
Mode = Literal["split", "io", "bundle"]
Trace = Literal["lines", "blocks"]
Backend = Literal["bwrap", "lockdown", "wasi", "monty", "unsafe"]
Level = Literal["bwrap+lockdown", "lockdown", "interpreter", "none"]
"""``interpreter``: held by an interpreter in a process of its own, not by the kernel; all verdicts are provisional."""
Outcome = Literal[
    "passed", "failed", "error", "timeout", "memory", "output_limit", "crashed", "protocol_error", "load_error", "invalid_test",
    "infra_error",
]
"""``failed``: an assertion, or another value than expected. ``error``: an exception. ``infra_error``: the sandbox's own fault."""


class SandboxSettings(BaseSettings):
    """How programs are isolated, and how many at a time. Read from ``EUDOXUS_SANDBOX_…`` where not given."""

    model_config = SettingsConfigDict(env_prefix="EUDOXUS_SANDBOX_", frozen=True)

    backend: Literal["auto", "bwrap", "lockdown", "wasi", "monty", "unsafe"] = "auto"
    """*auto* takes the strongest that this machine has. *unsafe* isolates nothing."""
    i_understand: bool = False
    """Must be true beside ``unsafe``."""
    slots: int | None = Field(None, ge=1, le=256)
    """Programs run at a time. Default: one per processor core."""
    queue: int = Field(256, ge=0)
    """Programs that wait at most."""
    uid: int = Field(61234, ge=1, lt=2**31)
    """First of the unprivileged user ids, four per slot, that a service of root runs programs under."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Limits(_Frozen):
    """What one run may use."""

    wall_s: float = Field(5.0, gt=0, le=300)
    """Seconds of the whole run."""
    call_s: float = Field(2.0, gt=0, le=300)
    """Seconds of one call of the program."""
    cpu_s: float = Field(5.0, gt=0, le=300)
    """Seconds of processor time, rounded up to whole ones."""
    memory_mb: int = Field(1024, ge=64, le=16384)
    """MiB of address space."""
    output_bytes: int = Field(65536, ge=0, le=16 << 20)
    """Bytes that are kept of stdout and of stderr each. Past 16 times as much, and past 1 MiB, writing fails."""
    threads: int = Field(0, ge=0, le=64)
    """Threads that the program may start."""
    scratch_mb: SkipJsonSchema[Literal[0]] = 0
    """Not offered: a program has nowhere to write. It is here because the digests of recorded runs have it."""


class Test(_Frozen):
    """Python that calls the program's functions and asserts."""

    __test__: ClassVar[bool] = False

    code: str
    name: str | None = None
    mutates: tuple[tuple[str, int], ...] = ()
    """Arguments, as (function, index), that are copied back after each call: for functions that work in place."""


class Call(_Frozen):
    """One call. Values are tagged JSON: ``{"$tuple": [1, 2]}``."""

    args: list[Json] = []
    kwargs: dict[str, Json] = {}

    @field_validator("args", "kwargs")
    @classmethod
    def _readable(cls, json: Json) -> Json:
        return readable(json)


class Case(Call):
    """One call and what it must give."""

    expected: Json = None
    raises: str | None = None
    """Name of a built-in exception class that the call must raise, in place of ``expected``."""

    @field_validator("expected")
    @classmethod
    def _expected_readable(cls, json: Json) -> Json:
        return readable(json)


def readable(json: Json) -> Json:
    """``json``, or an object of such values. Raises ValueError where it is no tagged JSON."""
    try:
        for value in json.values() if type(json) is dict and not any(key.startswith("$") for key in json) else (json,):
            decode(value)
    except CodecError as error:
        raise ValueError(str(error)) from None
    return json


class Program(_Frozen):
    """A program in Python."""

    code: str
    entry: str | None = None
    """The function that cases call, and that tests find as ``candidate``."""
    setup: str = ""
    """Python that the tests need, executed where they are: helper functions of the task."""


class Raised(_Frozen):
    """An exception."""

    type: str
    msg: str = ""
    line: int | None = None
    frames: list[tuple[int, str]] = []
    """Line and function of the last calls in the program's own file, outermost first."""


class CallRecord(_Frozen):
    """One call of the program by a test, as shortened texts."""

    function: str
    args: str
    value: str | None = None
    raised: str | None = None


class TestResult(_Frozen):
    """The verdict on one test or case."""

    __test__: ClassVar[bool] = False

    i: int
    outcome: Outcome
    exc: Raised | None = None
    ms: float = 0.0
    calls: list[CallRecord] = []
    trace: Json = None
    """What was executed: untrusted text for people and prompts."""
    value: Json = None
    """Of :class:`Evaluate`: what the call gave, as tagged JSON. Untrusted: it is what the program says, and no more."""


class Isolation(_Frozen):
    """What held a program."""

    backend: Backend
    level: Level
    landlock_abi: int = 0


class RunResult(_Frozen):
    """How a run ended. ``passed`` only if every test passed."""

    outcome: Outcome
    verdict: Literal["final", "provisional"] = "final"
    """``provisional`` verdicts a program could have forged."""
    tests: list[TestResult] = []
    exc: Raised | None = None
    """What kept the program from being loaded, or the run from its end."""
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    """Whether output was cut."""
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    maxrss_kb: int = 0
    signal: int | None = None
    """What killed the program, if it was not the sandbox itself."""
    isolation: Isolation
    trace: Json = None
    """That of the first test that did not pass, else of the last."""
    retried: bool = False
    """Whether a first try ended in an ``infra_error``."""


class MatrixResult(_Frozen):
    """Outcomes by program and test or case."""

    outcomes: list[list[Outcome | None]]
    """A row per program; None where the budget ended before."""
    complete: bool
    verdict: Literal["final", "provisional"] = "final"
    wall_ms: float = 0.0
    isolation: Isolation


class Tried(_Frozen):
    """One forbidden act of the self-test."""

    what: str
    outcome: str
    """How it ended: the kernel's answer, or what was got."""
    ok: bool
    """Whether it was refused."""


class SandboxReport(_Frozen):
    """How programs are isolated here, found out by trying."""

    backend: Backend
    level: Level
    landlock_abi: int = 0
    interpreter: str = ""
    slots: int = 1
    table: list[Tried] = []

    @property
    def isolated(self) -> bool:
        return self.level != "none" and all(tried.ok for tried in self.table)


class SandboxUnavailable(EudoxusError):
    """Nothing isolates programs here, so none is run. ``missing`` says what is missing and what to do about each."""

    code = "sandbox_unavailable"

    def __init__(self, missing: Sequence[tuple[str, str]]) -> None:
        self.missing = list(missing)
        super().__init__("programs cannot be isolated here: " + "; ".join(f"{what} ({fix})" for what, fix in self.missing))


class SandboxBusy(EudoxusError):
    """As many programs wait for a slot as may. ``retry_after`` is in seconds."""

    code = "sandbox_busy"
    retryable = True

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many programs wait for the sandbox; try again in {retry_after:.0f} s")
