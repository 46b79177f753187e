"""Plan-and-Solve prompting (Wang et al. 2023, arXiv 2305.04091): make a plan first, then carry it out step by step."""

from __future__ import annotations

from pydantic import Field

from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.transcript import mark, transcript, with_media
from eudoxus.prompts import render
from eudoxus.runtime import Context, Params, Result, Task, strategy


class PlanAndSolve(Params):
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature of the plan, and of the answer where the task sets none; the paper uses 0. null leaves it to the endpoint."""


@strategy("plan_and_solve", takes=Task, prompts=["plan_and_solve/plan", "plan_and_solve/solve"],
          calls="1 plan and 1 answer, which is streamed")
async def plan_and_solve(task: Task, params: PlanAndSolve, ctx: Context) -> Result:
    """Return the answer that carrying out the model's own plan leads to.

    Costs 2 completions. ``verified`` when the task has a verifier and it accepts the answer. The plan is among the artifacts.
    """
    request = task.request(temperature=params.temperature)
    question = transcript(request.messages)
    asked = render("plan_and_solve/plan", task=question, mark=mark(question)).model_copy(update={"temperature": params.temperature})
    plan = (await ctx.complete(with_media(asked, request.messages)))[0].text.rpartition("</think>")[2].strip()

    told = render("plan_and_solve/solve", plan=plan)
    solving = request.model_copy(update={"messages": (*request.messages, *told.messages), "prompt": told.prompt})
    answer = (await ctx.complete(solving, stream=True))[0]
    return outcome(answer, await verdict_on(answer, task, ctx), plan=plan)
