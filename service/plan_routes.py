"""Planning without a model: PDDL in, plans, verdicts, findings and comparisons out. Nothing is journaled."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from eudoxus.planners import desk
from eudoxus.planners.engines import AUTO, ENGINES, EngineName, Mode, SecondOpinion, Status
from eudoxus.planners.pddl import Finding, PlanVerdict
from eudoxus.planners.solve import Confirm
from eudoxus.runtime.chat import Json
from eudoxus.service.api_docs import problems
from eudoxus.service.json_body import sound_json
from eudoxus.service.while_wanted import while_wanted

router = APIRouter(prefix="/v1/plan", tags=["Planning"], dependencies=[Depends(sound_json)])

_ERRORS = problems(400, 401, 403, 413, 422, 429, 503)
Text = Annotated[str, Field(min_length=1, max_length=1_000_000)]
_EXAMPLE: Json = {
    "domain": "blocksworld",
    "problem": "(define (problem p) (:domain blocksworld) (:objects a b - block) (:init (on a b) (on-table b) (clear a) (arm-empty))"
               " (:goal (on b a)))",
}


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    domain: Text
    """The domain in PDDL, or the name of a shipped one (`blocksworld`, `gripper`)."""


class PlanRequest(_Asked):
    """A planning problem in PDDL."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    problem: Text
    """The problem in PDDL."""
    engine: EngineName = "auto"
    """The planner; `GET /v1/plan/engines` lists them."""
    mode: Mode = "fast"
    """`fast`: the first plan that is found. `anytime`: the best one found in the time. `optimal`: only one that is proved cheapest."""
    seconds: float = Field(10.0, gt=0, le=300)
    """Processor time for the planner."""
    memory_mb: int = Field(2048, ge=64, le=16384)
    """Memory for the planner in MiB."""
    confirm: bool = False
    """Whether unified-planning, if it is installed, validates the plan besides us."""


class ValidateRequest(_Asked):
    """A plan and the problem that it is for."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE | {"plan": ["(unstack a b)", "(put-down a)"]}]})

    problem: Text
    plan: Annotated[str, Field(max_length=4_000_000)] | Annotated[list[Annotated[str, Field(max_length=10_000)]], Field(max_length=100_000)]
    """Its text, one step a line, or a list of steps such as `(stack a b)`."""
    confirm: bool = False
    """Whether unified-planning, if it is installed, validates the plan besides us."""


class LintRequest(_Asked):
    """A domain, and a problem if it is not the domain alone that is to be checked."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    problem: Text | None = None


class EquivalentRequest(_Asked):
    """Two problems of a domain."""

    a: Text
    b: Text
    placeholder: bool = False
    """Whether the objects of the goal stand for any objects, so that initial facts and goal are compared one by one."""


class Plan(BaseModel):
    """What came of planning. Anything but `solved` is no error of HTTP: `status` and `message` say why there is no plan."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    object: Literal["plan"]
    status: Status
    plan: list[str]
    """The steps; empty too when the goal holds already."""
    cost: float | None
    optimal: bool
    """Whether the planner proved that no plan is cheaper."""
    engine: str
    message: str
    seconds: float
    """Wall-clock time of the planner."""
    tried: list[str]
    """Planners that were run before without success."""
    findings: list[Finding]
    """What the checks say; with an error among them no planner is run."""
    changes: list[str]
    """What was read otherwise than written."""
    verdict: PlanVerdict | None
    """Our validator on the plan; null without a plan, and for constructs that it does not read."""
    second: SecondOpinion | None


class Verdict(PlanVerdict):
    """Whether the plan reaches the goal, and if not, the first thing that keeps it from doing so."""

    model_config = ConfigDict(frozen=False)

    object: Literal["plan.verdict"] = "plan.verdict"
    second: SecondOpinion | None = None


class Lint(desk.Checked):
    """What is wrong or suspicious."""

    object: Literal["plan.lint"] = "plan.lint"


class Comparison(desk.Comparison):
    """Whether two problems say the same."""

    object: Literal["plan.comparison"] = "plan.comparison"


class Engine(BaseModel):
    """A planner."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    available: bool
    detail: str
    """Why it cannot be used here and what helps; empty when it can."""
    licence: str
    modes: list[Mode]
    features: list[str]
    """What it handles beyond STRIPS with types."""
    note: str


class Engines(BaseModel):
    """The planners that the service knows; `up:NAME` names any other engine of unified-planning."""

    object: Literal["list"]
    data: list[Engine]


@router.post("", operation_id="createPlan", summary="Find a plan", response_model=Plan, responses=_ERRORS)
async def create_plan(asked: PlanRequest, request: Request) -> Response:
    """Checks the problem, runs the planner, and validates its plan. The planner ends when the client goes away."""
    work = desk.plan(asked.domain, asked.problem, engine=asked.engine, mode=asked.mode, seconds=asked.seconds, memory_mb=asked.memory_mb,
                     confirm=asked.confirm)
    found = await while_wanted(request, work, "planning")
    if found is None:
        return Response(status_code=499)
    said = found.model_dump(mode="json")
    return JSONResponse({"object": "plan", **said.pop("result"), **said})


@router.post("/validate", operation_id="validatePlan", summary="Whether a plan reaches the goal", response_model=Verdict, responses=_ERRORS)
async def validate_plan(asked: ValidateRequest, request: Request) -> Response:
    """Step by step, by our own validator, which shares no code with any planner."""
    found = await while_wanted(request, _validated(asked), "planning")
    return Response(status_code=499) if found is None else JSONResponse(found.model_dump(mode="json"))


@router.post("/lint", operation_id="lintProblem", summary="What is wrong with a problem or domain", response_model=Lint, responses=_ERRORS)
async def lint_problem(asked: LintRequest, request: Request) -> Response:
    """Without searching: names, types, facts that nothing can make true, goals out of reach. Text that cannot be read is a finding, too."""
    found = await while_wanted(request, asyncio.to_thread(desk.checked, asked.domain, asked.problem), "planning")
    return Response(status_code=499) if found is None else JSONResponse({"object": "plan.lint", **found.model_dump(mode="json")})


@router.post("/equivalent", operation_id="compareProblems", summary="Whether two problems say the same", response_model=Comparison,
             responses=_ERRORS)
async def compare_problems(asked: EquivalentRequest, request: Request) -> Response:
    """Up to the names of objects, and up to what the goal implies where the domain is known."""
    work = asyncio.to_thread(desk.compared, asked.domain, asked.a, asked.b, placeholder=asked.placeholder)
    found = await while_wanted(request, work, "planning")
    return Response(status_code=499) if found is None else JSONResponse({"object": "plan.comparison", **found.model_dump()})


@router.get("/engines", operation_id="listPlanners", summary="Planners", response_model=Engines, responses=problems(401, 403))
async def list_planners() -> Response:
    """What is known of each without running it."""
    return JSONResponse({"object": "list", "data": await asyncio.to_thread(_listed)})


async def _validated(asked: ValidateRequest) -> Verdict:
    verdict = await asyncio.to_thread(desk.judged, asked.domain, asked.problem, asked.plan)
    second = None
    if asked.confirm:
        plan = asked.plan if isinstance(asked.plan, str) else "\n".join(asked.plan)
        second = await Confirm(domain=desk.domain_text(asked.domain), problem=asked.problem, plan=plan).run()
    return Verdict(**verdict.model_dump(), second=second)


def _listed() -> list[dict[str, Any]]:
    return [
        {"name": name, "available": (why := planner.available()) is None, "detail": why or "",
         **planner.capability.model_dump(mode="json", include={"licence", "modes", "features", "note"})}
        for name, planner in {"auto": AUTO, **ENGINES}.items()
    ]
