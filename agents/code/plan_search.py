"""PlanSearch (Wang et al. 2024, arXiv 2409.03733, §4): search among plans in words, made of different combinations of observations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from pydantic import Field

from eudoxus.agents.code.generated import PROMPTS as TEST_PROMPTS
from eudoxus.agents.code.selection import Selector, choose, selected
from eudoxus.agents.code.task import CodeTask
from eudoxus.prompts import render
from eudoxus.runtime import Context, Params, Result, strategy
from eudoxus.runtime.errors import BudgetSpent

_ITEM = re.compile(r"^[ \t]*(?:\d+[.):]|[-*•])[ \t]+(.+?)[ \t]*$", re.MULTILINE)
_MOST_OBSERVATION = 1000


class PlanSearch(Params):
    observations: int = Field(6, ge=1, le=16)
    """First observations about the problem."""
    plans: int = Field(4, ge=1, le=64)
    """Combinations of at most two observations that become plans, drawn from all."""
    derived: int = Field(2, ge=0, le=8)
    """Further observations drawn from each combination; 0 leaves this step out."""
    criticise: bool = True
    """Whether each plan gets a second one that mends the faults a critic finds; then there are twice as many programs."""
    selector: Selector = "two_tier"
    """The rule by which one of the programs is chosen."""
    tests: int = Field(8, ge=0, le=64)
    """Tests that the model is asked for when the visible ones leave several programs; 0 asks for none."""
    temperature: float | None = Field(0.9, ge=0, le=2)
    """Sampling temperature of everything. null leaves it to the endpoint."""
    top_p: float | None = Field(0.95, gt=0, le=1)
    """Nucleus of everything. null leaves it to the endpoint."""


PROMPTS = [f"plan_search/{name}" for name in ("observations", "derive", "plan", "criticise", "pseudocode", "program")]


@strategy("plan_search", takes=CodeTask, prompts=[*PROMPTS, *TEST_PROMPTS],
          calls="1 for observations, then for each plan 4, or 7 with criticise, and 1 or 2 for tests")
async def plan_search(task: CodeTask, params: PlanSearch, ctx: Context) -> Result:
    """Return the program that the selector ranks first among those written after different plans.

    ``verified`` by ``public_tests`` when it passes all visible tests. Where the budget ends, the programs written by then are chosen from.
    """
    observations = listed(await say(ctx.scope("observe"), params, "observations", task, count=str(params.observations)))
    observations = observations[: params.observations]
    subsets = drawn(observations, params.plans, ctx.scope("subsets"))
    branches = await ctx.map("plan", subsets, lambda child, subset: programs_after(task, params, child, subset))
    written = [reply for branch in branches for reply in branch]
    if not written:
        return Result(answer=None, outcome="limit", detail=str(ctx.refusal() or "no program was written"))
    chosen = await choose(written, task, ctx.scope("select"), selector=params.selector, generate=params.tests)
    return selected(chosen, candidates=len(written), observations=observations, plans=[list(subset) for subset in subsets])


async def programs_after(task: CodeTask, params: PlanSearch, ctx: Context, subset: Sequence[str]) -> list[str]:
    """The replies with programs after a plan from these observations, and after the plan mended; fewer where the budget ends."""
    replies = list[str]()
    try:
        known = list(subset)
        if params.derived and known:
            further = await say(ctx, params, "derive", task, observations=bulleted(known), count=str(params.derived))
            known += listed(further)[: params.derived]
        plan = await say(ctx, params, "plan", task, observations=bulleted(known) or "(none)")
        replies.append(await program_after(task, params, ctx, plan))
        if params.criticise:
            mended = await say(ctx.scope("mended"), params, "criticise", task, plan=plan)
            replies.append(await program_after(task, params, ctx.scope("mended"), mended))
    except BudgetSpent:
        """What was written until then counts."""
    return replies


async def program_after(task: CodeTask, params: PlanSearch, ctx: Context, plan: str) -> str:
    """The reply with a program after ``plan``, by way of pseudocode."""
    pseudocode = await say(ctx, params, "pseudocode", task, plan=plan)
    return await say(ctx, params, "program", task, wanted=task.wanted, pseudocode=pseudocode)


def drawn(observations: Sequence[str], most: int, ctx: Context) -> list[tuple[str, ...]]:
    """At most ``most`` of the sets of one or two observations, in random order; without observations the empty set."""
    subsets: list[tuple[str, ...]] = [(one,) for one in observations] + list(combinations(observations, 2))
    ctx.random().shuffle(subsets)
    return subsets[:most] or [()]


def listed(reply: str) -> list[str]:
    """The items of the list in ``reply``, numbered or bulleted; without a list its lines."""
    text = reply.rpartition("</think>")[2]
    found = [item[:_MOST_OBSERVATION] for item in _ITEM.findall(text)]
    return found or [line.strip()[:_MOST_OBSERVATION] for line in text.splitlines() if line.strip()]


def bulleted(observations: Sequence[str]) -> str:
    return "\n".join(f"- {observation}" for observation in observations)


async def say(ctx: Context, params: PlanSearch, prompt: str, task: CodeTask, **values: str) -> str:
    """What the model answers to the prompt of this name, without its thinking aloud."""
    request = render(f"plan_search/{prompt}", statement=task.statement, **values)
    sampled = request.model_copy(update={"temperature": params.temperature, "top_p": params.top_p})
    return (await ctx.complete(sampled))[0].text.rpartition("</think>")[2].strip()
