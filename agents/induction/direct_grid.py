"""Direct prompting on grids, the baseline of Hypothesis Search (Wang et al. 2024, arXiv 2309.05660): the model writes the output."""

from __future__ import annotations

from collections import Counter

from pydantic import Field

from eudoxus.agents.induction.grids import Grid, grids_in, written
from eudoxus.agents.induction.task import InductionTask
from eudoxus.runtime import Context, Params, Result, strategy


class DirectGrid(Params):
    samples: int = Field(2, ge=1, le=64)
    """Replies drawn, 1 to 64."""
    temperature: float | None = Field(0.5, ge=0, le=2)
    """Sampling temperature; null leaves it to the endpoint."""
    attempts: int = Field(2, ge=1, le=3)
    """Different outputs kept for each test input, the most frequent first."""


@strategy("direct_grid", takes=InductionTask, prompts=["induction/direct_grid"], calls="samples completions")
async def direct_grid(task: InductionTask, params: DirectGrid, ctx: Context) -> Result:
    """Ask for the output grids ``samples`` times; for each test input the most frequent outputs are the attempts.

    ``best_effort`` by the ``model``; ``failed`` when no reply holds as many grids as there are test inputs.
    """
    drawn = await ctx.complete(task.request(temperature=params.temperature), n=params.samples)
    read = [found for answer in drawn if (found := grids_in(answer.text, len(task.test))) is not None]
    if not read:
        return Result(answer=None, outcome="failed", detail=f"none of {len(drawn)} replies holds the {len(task.test)} grids asked for")
    votes = [Counter[Grid](found[at] for found in read) for at in range(len(task.test))]
    attempts = [[one for one, _ in counted.most_common(params.attempts)] for counted in votes]
    return Result(answer=written(attempts), authority="model", artifacts={"replies": len(drawn), "read": len(read)})
