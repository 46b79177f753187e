"""LLM+P (Liu et al. 2023, arXiv 2304.11477): the model translates the task into PDDL, a planner solves it, and the plan is told."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from eudoxus.planners.domains import shipped
from eudoxus.planners.draft import Draft, read_draft
from eudoxus.planners.engines import EngineName, PlanResult
from eudoxus.planners.english import told
from eudoxus.planners.pddl import PddlError, PlanVerdict, validate
from eudoxus.planners.solve import Solve
from eudoxus.planners.task import PlanningTask
from eudoxus.prompts import load, render
from eudoxus.runtime import ChatRequest, Context, Params, Result, strategy

PROMPTS = ["llm_plus_p/problem", "llm_plus_p/example", "llm_plus_p/example_elsewhere", "llm_plus_p/repair"]


class LLMPlusP(Params):
    engine: EngineName | None = None
    """The planner: auto, fast-downward or pyperplan; None takes the task's."""
    seconds: float | None = Field(None, gt=0, le=300)
    """Processor time for the planner, up to 300 seconds; None takes the task's."""
    repairs: int = Field(1, ge=0, le=1)
    """How often the model is asked again when its problem cannot be read or does not fit the domain."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature of the translation; the paper uses 0. None leaves it to the endpoint."""


@strategy("llm_plus_p", takes=PlanningTask, prompts=PROMPTS,
          calls="1 completion, 1 more when its problem cannot be used, and 1 run of a planner")
async def llm_plus_p(task: PlanningTask, params: LLMPlusP, ctx: Context) -> Result:
    """Translate, plan, validate, and tell the plan step by step.

    ``verified`` by the authority ``solver`` means that the plan reaches the goal of the problem that the model wrote; whether that
    problem says what the description says is not checked. ``failed`` when the model's problem stays unusable or the planner finds no
    plan: ``detail`` says why, and the problem is among the artifacts.
    """
    draft = await translate(translation(task), task, params, ctx)
    for attempt in range(params.repairs):
        if draft.findings:
            draft = await translate(correction(task, draft), task, params, ctx.scope("repair", attempt))
    if draft.problem is None or draft.findings:
        return failed(f"the model's problem cannot be used: {listed(draft)}", draft)

    found = await ctx.perform(Solve(
        domain=task.pddl, problem=draft.source, engine=params.engine or task.engine, seconds=params.seconds or task.seconds))
    if found.status != "solved":
        return failed(why(found), draft, found)

    verdict = checked(task, draft, found)
    if not verdict.valid:
        return failed(f"{found.engine} gave a plan that does not work: {verdict.message}", draft, found)
    return Result(
        answer=told(found.plan, task.parsed, task.pddl), outcome="verified", authority="solver",
        detail=f"{found.engine} found the plan, and it was validated step by step against the problem that the model wrote; "
               "whether that problem says what the description says was not checked",
        artifacts=artifacts(draft, found) | {"cost": verdict.cost},
    )


async def translate(request: ChatRequest, task: PlanningTask, params: LLMPlusP, ctx: Context) -> Draft:
    """One question to the model, and what its answer says as a problem of the domain."""
    completion = (await ctx.complete(request.model_copy(update={"temperature": params.temperature})))[0]
    draft = read_draft(completion, task.parsed)
    ctx.emit("planning.problem", problem=draft.source, changes=list(draft.changes), findings=[str(finding) for finding in draft.findings])
    return draft


def translation(task: PlanningTask) -> ChatRequest:
    """The first question, with the task's worked example, else the shipped domain's, else one of another domain."""
    if task.example:
        example = load("llm_plus_p/example").render(task=task.example.description, problem=task.example.problem)
    elif task.shipped:
        example = load("llm_plus_p/example").render(task=task.shipped.example_description, problem=task.shipped.example_problem)
    else:
        other = shipped()["blocksworld"]
        example = load("llm_plus_p/example_elsewhere").render(
            domain=other.pddl, task=other.example_description, problem=other.example_problem)
    return render("llm_plus_p/problem", domain=task.pddl, example=example, task=task.description)


def correction(task: PlanningTask, draft: Draft) -> ChatRequest:
    """The question asked again, with everything that is wrong."""
    numbered = "\n".join(f"{number}. {finding}" for number, finding in enumerate(draft.findings, start=1))
    return render("llm_plus_p/repair", domain=task.pddl, task=task.description, answer=draft.source, findings=numbered)


def checked(task: PlanningTask, draft: Draft, found: PlanResult) -> PlanVerdict:
    """What our own validator says of the planner's plan."""
    assert draft.problem is not None
    try:
        return validate(task.parsed, draft.problem, found.plan)
    except PddlError as error:
        return PlanVerdict(valid=False, length=len(found.plan), message=str(error))


def why(found: PlanResult) -> str:
    """In a sentence, why there is no plan."""
    match found.status:
        case "unsolvable":
            return (f"{found.engine} proved that the problem which the model wrote has no plan: either the task cannot be done, "
                    "or the problem does not say what the description says")
        case "timeout":
            return f"{found.engine} found no plan in time: {found.message}; allow more seconds"
        case "unavailable":
            return found.message
        case status:
            return f"{found.engine} found no plan ({status.replace('_', ' ')}): {found.message}"


def listed(draft: Draft) -> str:
    """The first findings, for a person."""
    more = f"; and {len(draft.findings) - 3} more" if len(draft.findings) > 3 else ""
    return "; ".join(str(finding) for finding in draft.findings[:3]) + more


def failed(detail: str, draft: Draft, found: PlanResult | None = None) -> Result:
    return Result(answer=None, outcome="failed", detail=detail, artifacts=artifacts(draft, found))


def artifacts(draft: Draft, found: PlanResult | None = None) -> dict[str, Any]:
    return {
        "problem": draft.source, "changes": list(draft.changes), "findings": [finding.model_dump() for finding in draft.findings],
        "engine": found.engine if found else None, "status": found.status if found else None,
        "plan": found.plan if found and found.status == "solved" else None,
    }
