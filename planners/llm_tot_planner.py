"""Tree of Thoughts as a planner (Yao et al. 2023, arXiv 2305.10601; the baseline of Liu et al. 2023, arXiv 2304.11477, §4).

Best-first search: the model proposes actions and judges partial plans; the queue is ordered by the sum of 1 / judgement along the plan.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from eudoxus.planners.english import told
from eudoxus.planners.spoken import misfit, worked_example
from eudoxus.planners.task import PlanningTask
from eudoxus.prompts import load, render
from eudoxus.runtime import Context, Params, Result, strategy

Steps = tuple[str, ...]
Judgement = float | Literal["reached"] | None
"""None: impossible, or nothing that can be read."""

_PROPOSAL = re.compile(r"^\s*(?:[-*]|\d+\s*[:.)])?\s*\(([^()]+)\)", re.MULTILINE)
_JUDGEMENT = re.compile(r"judge?ment\W*?(reached|impossible|[01]?\.\d+|[01])\b", re.IGNORECASE)
_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>")


class LLMToTPlanner(Params):
    width: int = Field(3, ge=1, le=10)
    """Most actions proposed after each partial plan."""
    depth: int = Field(10, ge=1, le=60)
    """Most steps of a plan; the paper's limit is 10."""
    expansions: int = Field(20, ge=1, le=500)
    """Most partial plans that are continued."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature; the paper uses 0. null leaves it to the endpoint."""


@strategy("llm_tot_planner", takes=PlanningTask, calls="up to expansions times 1 proposal and width judgements",
          prompts=["llm_tot_planner/propose", "llm_tot_planner/value", "llm_tot_planner/judged", "llm_as_planner/example"])
async def llm_tot_planner(task: PlanningTask, params: LLMToTPlanner, ctx: Context) -> Result:
    """Return the first plan of which the model says that it reaches the goal.

    Never ``verified``: there is no problem in PDDL that the plan could be checked by. ``failed`` when no plan is judged to reach the goal
    within the limits. A spent budget gives the partial plan that was judged best, which is not finished. Each judged plan counts as a node.
    """
    propose_by, judge_by = await examples(task, ctx)
    queue: list[tuple[float, int, Steps]] = [(0.0, 0, ())]
    best: tuple[float, Steps] = (0.0, ())
    seen: set[Steps] = {()}
    pushed = expanded = 0
    while queue and expanded < params.expansions:
        cost, _, done = heapq.heappop(queue)
        here = ctx.scope("node", expanded)
        expanded += 1
        plans = [plan for step in await proposed(done, propose_by, task, params, here) if (plan := (*done, step)) not in seen]
        seen.update(plans)
        ctx.charge_nodes(len(plans))
        judgements = await here.map("value", plans, lambda child, plan: judged(plan, judge_by, task, params, child))
        for plan, judgement in zip(plans, judgements, strict=True):
            if judgement == "reached":
                return finished(plan, task, expanded)
            if judgement is not None and len(plan) < params.depth:
                pushed += 1
                heapq.heappush(queue, (cost + 1 / judgement, pushed, plan))
            if judgement is not None and judgement > best[0]:
                best = judgement, plan
                ctx.best("This is the beginning of a plan; it is not finished.\n\n" + told(plan, task.parsed, task.pddl))
    why = f"within {params.expansions} expansions" if queue else f"of at most {params.depth} steps, and nothing is left to try"
    return Result(answer=None, outcome="failed", detail=f"no plan was judged to reach the goal {why}",
                  artifacts={"plan": None, "partial": list(best[1]), "expanded": expanded})


async def proposed(done: Steps, example: str, task: PlanningTask, params: LLMToTPlanner, ctx: Context) -> list[str]:
    """The different next actions that the model proposes, as far as they are actions of the domain."""
    request = render("llm_tot_planner/propose", domain=task.pddl, example=example, task=task.description, done=listed(done),
                     width=str(params.width))
    said = _spoken((await ctx.complete(request.model_copy(update={"temperature": params.temperature})))[0].text)
    steps = dict.fromkeys(f"({' '.join(found.lower().split())})" for found in _PROPOSAL.findall(said) if found.strip())
    return [step for step in steps if not misfit([step], task.parsed)][:params.width]


async def judged(plan: Steps, example: str, task: PlanningTask, params: LLMToTPlanner, ctx: Context) -> Judgement:
    """What the model thinks of a partial plan."""
    request = render("llm_tot_planner/value", domain=task.pddl, example=example, task=task.description, done=listed(plan))
    return read_judgement((await ctx.complete(request.model_copy(update={"temperature": params.temperature})))[0].text)


def read_judgement(answer: str) -> Judgement:
    """The last ``judgement: …`` of the answer; numbers count when they are above 0 and at most 1."""
    found = _JUDGEMENT.findall(_spoken(answer))
    if not found or found[-1].lower() == "impossible":
        return None
    if found[-1].lower() == "reached":
        return "reached"
    number = float(found[-1])
    return number if 0 < number <= 1 else None


async def examples(task: PlanningTask, ctx: Context) -> tuple[str, str]:
    """The worked example as the two questions show it; empty texts where there is none."""
    shown = await worked_example(task, ctx)
    if shown is None:
        return "", ""
    example, plan = shown
    # The paper's five judgements: a beginning is promising, the whole reaches the goal, a plan without its beginning is impossible.
    parts = [(plan[:1], "0.8"), (plan[:2], "0.9"), (plan, "reached"), (plan[1:], "impossible"), (plan[2:], "impossible")]
    different = [(steps, said) for steps, said in parts if steps and (steps != plan or said == "reached")]
    judgements = "\n\n".join(f"{listed(steps)}\njudgement: {said}" for steps, said in different)
    return (f"\n{load('llm_as_planner/example').render(task=example.description, plan=listed(plan))}\n",
            f"\n{load('llm_tot_planner/judged').render(task=example.description, judgements=judgements)}\n")


def finished(plan: Steps, task: PlanningTask, expanded: int) -> Result:
    return Result(
        answer=told(plan, task.parsed, task.pddl), authority="model", artifacts={"plan": list(plan), "expanded": expanded},
        detail="the model judged that the plan reaches the goal; that its steps can be taken was not checked",
    )


def listed(steps: Sequence[str]) -> str:
    return "\n".join(steps) or "(nothing yet)"


def _spoken(answer: str) -> str:
    return _THOUGHT_ENDS.split(answer)[-1]
