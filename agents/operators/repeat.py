"""``repeat(times=3)/…``: try again until an answer is verified."""

from __future__ import annotations

from pydantic import Field

from eudoxus.agents.operators.choose import better
from eudoxus.runtime import Context, Params, Result, Task, strategy


class Repeat(Params):
    times: int = Field(3, ge=1, le=100)
    """Most tries."""


@strategy("repeat", takes=Task, calls="those of the strategy to the right, up to times times")
async def repeat(task: Task, params: Repeat, ctx: Context) -> Result:
    """Run what stands to the right until its answer is verified, each time in a scope of its own; the best result of all tries."""
    best: Result | None = None
    for attempt in range(params.times):
        best = better(best, await ctx.run(ctx.model, task, name="try", index=attempt))
        if best.verified:
            break
        if best.answer is not None:
            ctx.best(best.answer, best.completion)
    assert best is not None
    return best
