"""``fallback(llm_plus_p, direct)/…``: the next strategy when the one before did not do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from eudoxus.agents.operators.choose import better
from eudoxus.runtime import Context, Params, Result, StrategySpec, Task, strategy
from eudoxus.runtime.errors import EffectFailed, EndpointError, InvalidTask


class Fallback(Params):
    positional = "strategies"

    strategies: tuple[StrategySpec, ...] = Field(min_length=1, max_length=16)
    """What to try, in this order."""
    when: Literal["unverified", "failed"] = "unverified"
    """Go on to the next when the answer is not verified, or only when there is none."""


@strategy("fallback", takes=Task, calls="those of the strategies that are tried")
async def fallback(task: Task, params: Fallback, ctx: Context) -> Result:
    """The first result that will do, else the best of them. An endpoint's failure counts as no answer; the last one's is raised."""
    best: Result | None = None
    failure: Exception | None = None
    for number, part in enumerate(params.strategies):
        try:
            result = await ctx.run(part, task, name="option", index=number)
        except (EndpointError, EffectFailed, InvalidTask) as error:
            failure = error
            continue
        best = better(best, result)
        if result.verified or (params.when == "failed" and result.answer is not None):
            return result
        if best.answer is not None:
            ctx.best(best.answer, best.completion)
    if best is None and failure is not None:
        raise failure
    assert best is not None
    return best
