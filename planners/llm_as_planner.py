"""LLM-as-Planner (Liu et al. 2023, arXiv 2304.11477, §4): the model is asked for the plan itself. The baselines of LLM+P."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from eudoxus.planners.english import told
from eudoxus.planners.pddl import PddlError
from eudoxus.planners.spoken import misfit, read_plan, worked_example
from eudoxus.planners.task import PlanningTask
from eudoxus.prompts import load, render
from eudoxus.runtime import ChatRequest, Completion, Context, Message, Params, Result, strategy


class LLMAsPlanner(Params):
    way: Literal["direct", "context", "steps"] = "direct"
    """How the model is asked: directly, with a worked example and its plan, or to think step by step."""
    again: int = Field(1, ge=0, le=1)
    """How often it is asked again when its plan cannot be read or names what the domain does not have."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature; the paper uses 0. null leaves it to the endpoint."""


@strategy("llm_as_planner", takes=PlanningTask, calls="1 completion, 1 more when its plan cannot be used",
          prompts=["llm_as_planner/direct", "llm_as_planner/steps", "llm_as_planner/example", "llm_as_planner/again"])
async def llm_as_planner(task: PlanningTask, params: LLMAsPlanner, ctx: Context) -> Result:
    """Return the plan that the model writes.

    Never ``verified``: there is no problem in PDDL that the plan could be checked by. ``best_effort`` says that every step is an action
    of the domain with as many objects as it takes; ``failed`` that it stays otherwise. With ``way=context`` a planner finds the plan of
    the worked example where the task brings none.
    """
    request = (await question(task, params, ctx)).model_copy(update={"temperature": params.temperature})
    answer = (await ctx.complete(request))[0]
    plan, complaint = read(answer, task)
    for _ in range(params.again if complaint else 0):
        told_again = render("llm_as_planner/again", problem=complaint)
        history = (*request.messages, Message(role="assistant", content=answer.text), *told_again.messages)
        answer = (await ctx.complete(request.model_copy(update={"messages": history, "prompt": told_again.prompt})))[0]
        plan, complaint = read(answer, task)
    if complaint:
        return Result(answer=None, outcome="failed", detail=f"the model's plan cannot be used: {complaint}", artifacts={"plan": plan})
    return Result(
        answer=told(plan, task.parsed, task.pddl), authority="model", artifacts={"plan": plan},
        detail="the model wrote the plan; its steps are actions of the domain, "
               "but that they can be taken and reach the goal was not checked",
    )


async def question(task: PlanningTask, params: LLMAsPlanner, ctx: Context) -> ChatRequest:
    shown = await worked_example(task, ctx) if params.way == "context" else None
    example = load("llm_as_planner/example").render(task=shown[0].description, plan="\n".join(shown[1])) if shown else ""
    return render("llm_as_planner/steps" if params.way == "steps" else "llm_as_planner/direct",
                  domain=task.pddl, example=f"\n{example}\n" if example else "", task=task.description)


def read(answer: Completion, task: PlanningTask) -> tuple[list[str], str]:
    """The plan, and what is wrong with it; no steps where it cannot be read."""
    if answer.finish_reason == "length":
        return [], "the answer was cut off at the most tokens allowed"
    try:
        plan = read_plan(answer.text)
    except PddlError as error:
        return [], str(error)
    return plan, misfit(plan, task.parsed)
