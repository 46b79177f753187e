"""``limit(requests=20, seconds=60)/…``: the strategy to the right, under a budget of its own."""

from __future__ import annotations

from eudoxus.runtime import Context, Limits, Params, Result, Task, strategy


class Limit(Limits, Params):
    """The limits to set; those around it hold as well, so a limit of limits is their minimum."""


@strategy("limit", takes=Task, calls="those of the strategy to the right, at most the limit")
async def limit(task: Task, params: Limit, ctx: Context) -> Result:
    """Run what stands to the right within the limits; the best answer so far when one is reached."""
    with ctx.limit(**params.model_dump()):
        return await ctx.run(ctx.model, task, name="limited", stream=True)
