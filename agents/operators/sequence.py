"""``sequence(parsel, refine)/…``: each strategy sees the task and the answer of the one before."""

from __future__ import annotations

from pydantic import Field

from eudoxus.prompts import render
from eudoxus.runtime import ChatTask, Context, Message, Params, Result, StrategySpec, Task, strategy
from eudoxus.runtime.errors import EffectFailed


class Sequence(Params):
    positional = "strategies"

    strategies: tuple[StrategySpec, ...] = Field(min_length=1, max_length=16)
    """The steps, in order."""


@strategy("sequence", takes=Task, prompts=["sequence/next"], calls="the sum of the steps")
async def sequence(task: Task, params: Sequence, ctx: Context) -> Result:
    """The last step's result. A step sees the original task and the last answer only, so the operator is associative."""
    result: Result | None = None
    for number, step in enumerate(params.strategies):
        last = number == len(params.strategies) - 1
        result = await ctx.run(step, task, name="step", index=number, stream=last)
        if result.answer is None:
            return result
        if not last:
            ctx.best(result.answer, result.completion)
            task = carry(task, result.answer)
    if result is None:
        raise EffectFailed("a sequence needs at least one step")
    return result


def carry(task: Task, answer: str) -> ChatTask:
    """``task`` with ``answer`` as the last thing said about it; an answer that it carried before is replaced."""
    chat = task if isinstance(task, ChatTask) else ChatTask(**task.request().__dict__)
    asked = chat.messages[: len(chat.messages) - chat.carried]
    added = (Message(role="assistant", content=answer), *render("sequence/next").messages)
    return chat.model_copy(update={"messages": (*asked, *added), "carried": len(added)})
