"""``race(llm_plus_p, best_of_n)/…``: all at once, the first verified answer wins."""

from __future__ import annotations

from functools import partial

from pydantic import Field

from eudoxus.agents.operators.choose import better
from eudoxus.runtime import Context, Params, Result, StrategySpec, Task, strategy


class Race(Params):
    positional = "strategies"

    strategies: tuple[StrategySpec, ...] = Field(min_length=1, max_length=16)
    """Who runs."""


@strategy("race", takes=Task, calls="those of all strategies, until one has a verified answer")
async def race(task: Task, params: Race, ctx: Context) -> Result:
    """The first verified result; the others are cancelled. When none is verified, the best one, the first named of equals."""
    runners = [partial(_run, part, task) for part in params.strategies]
    results = await ctx.quorum("runner", runners, lambda done: any(r.verified for r in done.values()))
    best: Result | None = None
    for result in results.values():
        best = better(best, result)
    assert best is not None
    return best


async def _run(part: StrategySpec, task: Task, ctx: Context) -> Result:
    return await ctx.play(part, task)
