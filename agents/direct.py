"""One question, one answer: the model as it is."""

from __future__ import annotations

from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.runtime import Context, NoParams, Result, Task, strategy


@strategy("direct", takes=Task, calls="1 completion")
async def direct(task: Task, params: NoParams, ctx: Context) -> Result:
    """Pass the task to the model and return its first completion, tool calls and finish reason included.

    Costs 1 completion, which is streamed. ``verified`` when the task has a verifier and it accepts the answer.
    """
    completion = (await ctx.complete(task.request(), stream=True))[0]
    return outcome(completion, await verdict_on(completion, task, ctx.scope("verify")))
