"""Choosing among candidate programs without a model: the selectors of the code strategies over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from starlette.responses import Response

from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.selection import PassMatrix, Selector
from eudoxus.agents.code.selection.desk import Prepared, Selected, select
from eudoxus.agents.code.selection.rules import ALPHA, BETA0
from eudoxus.agents.code.syntax import compilable, complaint, identifier
from eudoxus.sandbox import Limits
from eudoxus.service.api_docs import problems
from eudoxus.service.json_body import sound_json
from eudoxus.service.sandbox_routes import GONE
from eudoxus.service.services import key_of, services_of
from eudoxus.service.streaming import while_connected

router = APIRouter(prefix="/v1/code", tags=["Code"], dependencies=[Depends(sound_json)])

MOST_CANDIDATES, MOST_TESTS, MOST_CELLS = 500, 1000, 100_000

Tests = Annotated[list[Annotated[str, Field(max_length=100_000)]], Field(max_length=MOST_TESTS)]


class SelectRequest(BaseModel):
    """Candidates with tests to run them on, or a matrix of what was found out before."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {"candidates": ["def double(n):\n    return n + n\n", "def double(n):\n    return n * n\n"], "entry_point": "double",
                 "tests": ["assert double(2) == 4"], "generated": ["assert double(3) == 6", "assert double(0) == 0"]},
                {"matrix": {"rows": [[True, True], [True, False]], "trusted": [True, False]}},
            ],
        },
    )

    entry_point: str | None = Field(None, min_length=1, max_length=200)
    """The function that the tests call; found in them when it is not named."""
    statement: str = Field("", max_length=100_000)
    """The task, when candidates are bodies that continue its header, or need its imports and helpers."""
    setup: str = Field("", max_length=100_000)
    """Python before each candidate."""
    tests: Tests = []
    """Tests that are known to be right: asserts."""
    generated: Tests = []
    """Tests that may be wrong, such as a model's."""
    candidates: list[Annotated[str, Field(max_length=200_000)]] = Field([], max_length=MOST_CANDIDATES)
    """Programs, or replies of a model that hold one."""
    matrix: PassMatrix | None = Field(None, validate_default=True)
    """In place of candidates and tests: which candidate passes which test."""
    selector: Selector = "two_tier"
    alpha: float = Field(ALPHA, gt=0, le=1e9)
    """B4: Beta(alpha, 1) is the prior of a candidate, and of a test, to be right."""
    beta0: float = Field(BETA0, gt=0, le=1e12)
    """B4: Beta(1, beta0) is the prior of a wrong candidate to pass a wrong test."""
    limits: Limits = Field(default_factory=Limits)
    """What each candidate may use on all tests."""
    seconds: float = Field(60.0, gt=0, le=600)
    """For all candidates together."""

    # Each complaint is of one field, so that the answer can name it; a field sees those above it.

    _is_a_name = field_validator("entry_point")(identifier)

    @field_validator("tests", "generated")
    @classmethod
    def _are_python(cls, tests: list[str]) -> list[str]:
        for number, test in enumerate(tests):
            if problem := complaint(test):
                raise ValueError(f"test {number} is no Python: {problem[1]}")
        return tests

    _is_python = field_validator("setup")(compilable)

    @field_validator("candidates")
    @classmethod
    def _not_too_many(cls, candidates: list[str], info: ValidationInfo) -> list[str]:
        tests = len(info.data.get("tests") or ()) + len(info.data.get("generated") or ())
        if candidates and not tests:
            raise ValueError("give tests beside the candidates: in tests those that are known to be right, in generated others")
        if len(candidates) * tests > MOST_CELLS:
            raise ValueError(f"{len(candidates)} candidates on {tests} tests; expected at most {MOST_CELLS} runs of a test")
        return candidates

    @field_validator("matrix")
    @classmethod
    def _one_or_the_other(cls, matrix: PassMatrix | None, info: ValidationInfo) -> PassMatrix | None:
        given = info.data.get("candidates", [])
        if (matrix is None) is not bool(given) and "candidates" in info.data:
            raise ValueError("give candidates with tests, or a matrix")
        if matrix is not None and len(matrix.rows) * matrix.width > MOST_CELLS:
            raise ValueError(f"{len(matrix.rows)} rows of {matrix.width}; expected at most {MOST_CELLS} cells")
        return matrix

    def task(self) -> CodeTask:
        """The candidates' task."""
        said = self.statement or f"Write the function {self.entry_point or 'that the tests call'}."
        tests = (*self.tests, *self.generated)
        found = CodeTask.model_validate(
            {"statement": said, "entry_point": self.entry_point, "tests": tests, "tests_from": "given", "setup": self.setup,
             "limits": self.limits})
        return found.model_copy(update={"tests": tuple(self.tests)})


@router.post(
    "/select", operation_id="selectProgram", summary="Choose among candidate programs", response_model=Selected,
    responses=problems(400, 401, 403, 413, 422, 429, 503),
)
async def select_program(order: SelectRequest, request: Request) -> Response:
    """Runs every candidate on every test in the sandbox, or takes the matrix, and ranks the candidates. A client that leaves ends it."""
    if order.matrix is not None:
        said = await asyncio.to_thread(select, order.matrix, order.selector, alpha=order.alpha, beta0=order.beta0)
        return Response(said.model_dump_json(), media_type="application/json")
    services, key = services_of(request), key_of(request)
    prepared = await asyncio.to_thread(Prepared, order.candidates, order.task(), order.generated)
    run = prepared.run(order.seconds)
    sandbox = await services.sandbox()
    running = sandbox.run_matrix(
        run.programs, run.tests, mode=run.mode, limits=run.limits, budget_s=run.budget_s, caller=key.id if key else "")
    found = await while_connected(request.receive, running)
    if found is None:
        return Response(status_code=GONE)
    said = await asyncio.to_thread(prepared.selected, found, order.selector, alpha=order.alpha, beta0=order.beta0)
    return Response(said.model_dump_json(), media_type="application/json")
