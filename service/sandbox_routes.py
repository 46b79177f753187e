"""Running programs: the sandbox over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from starlette.responses import JSONResponse, Response

from eudoxus.sandbox import Case, Limits, Program, RunResult, SandboxReport, Test
from eudoxus.sandbox.model import Mode, Trace
from eudoxus.service.api_docs import problems
from eudoxus.service.json_body import sound_json
from eudoxus.service.services import key_of, services_of
from eudoxus.service.streaming import while_connected

router = APIRouter(prefix="/v1/sandbox", tags=["Sandbox"], dependencies=[Depends(sound_json)])

GONE = 499
"""The status for the log when nobody is there any more to read the answer."""


class SandboxRequest(BaseModel):
    """A program, and what to try it on: ``tests`` that call its functions, or ``cases`` of inputs and expected values."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"code": "def double(n):\n    return n + n\n", "tests": [{"code": "assert double(2) == 4"}]}],
        },
    )

    code: str
    """The program, in Python."""
    setup: str = ""
    """Python that the tests need, executed where they are: helper functions of the task."""
    tests: Annotated[list[Test], Field(max_length=10_000)] = []
    """Modes ``split`` and ``bundle``."""
    cases: Annotated[list[Case], Field(max_length=10_000)] = []
    """Mode ``io``. Values that JSON lacks are tagged: ``{"$tuple": [1, 2]}``."""
    entry: str | None = Field(None, max_length=200, validate_default=True)
    """The function that ``cases`` call."""
    mode: Mode | None = None
    """``bundle`` is faster and its verdict provisional: a program can forge it. Default: ``io`` with cases, else ``split``."""
    limits: Limits = Field(default_factory=Limits)
    trace: Trace | None = None
    """What was executed, for people and prompts."""
    seed: int = Field(0, ge=0, lt=2**63)

    # Each complaint is of one field, so that the answer can name it; a field sees those above it.

    @field_validator("cases")
    @classmethod
    def _no_tests(cls, cases: list[Case], info: ValidationInfo) -> list[Case]:
        if cases and info.data.get("tests"):
            raise ValueError("give tests or cases, not both")
        return cases

    @field_validator("entry")
    @classmethod
    def _named(cls, entry: str | None, info: ValidationInfo) -> str | None:
        if not entry and info.data.get("cases"):
            raise ValueError("name the function that the cases call")
        return entry

    @field_validator("mode")
    @classmethod
    def _fits(cls, mode: Mode | None, info: ValidationInfo) -> Mode | None:
        if mode == "io" and info.data.get("tests"):
            raise ValueError("mode io takes cases, not tests")
        if mode not in (None, "io") and info.data.get("cases"):
            raise ValueError(f"cases are for mode io, not {mode}")
        return mode


@router.post(
    "/run", operation_id="runInSandbox", summary="Run a program on tests or cases", response_model=RunResult,
    responses=problems(400, 401, 403, 413, 422, 429, 503),
)
async def run_in_sandbox(order: SandboxRequest, request: Request) -> Response:
    """Whatever the program does is a result with status 200. A client that leaves ends the run."""
    services, key = services_of(request), key_of(request)
    sandbox = await services.sandbox()
    running = sandbox.run(
        Program(code=order.code, entry=order.entry, setup=order.setup),
        order.tests,
        order.cases,
        mode=order.mode or ("io" if order.cases else "split"),
        limits=order.limits,
        trace=order.trace,
        seed=order.seed,
        caller=key.id if key else "",
    )
    found = await while_connected(request.receive, running)
    return Response(status_code=GONE) if found is None else Response(found.model_dump_json(), media_type="application/json")


@router.get(
    "", operation_id="describeSandbox", summary="How programs are isolated here", response_model=SandboxReport,
    responses=problems(401, 403, 503),
)
async def describe_sandbox(request: Request) -> Response:
    """The level, and what a child tried in the jail and how it ended. The first request opens the sandbox."""
    sandbox = await services_of(request).sandbox()
    return JSONResponse(sandbox.report().model_dump(mode="json"))
