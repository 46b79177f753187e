"""``route(code=parsel, planning=llm_plus_p, other=direct)/…``: one strategy, chosen by the kind of task or by the model."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from eudoxus.prompts import render
from eudoxus.runtime import Context, Params, Result, StrategySpec, Task, strategy


class Route(Params):
    named = "routes"

    routes: dict[str, StrategySpec] = Field(min_length=1, max_length=32)
    """Name → strategy. The names tell the model what each is for."""
    by: Literal["model", "kind"] = "model"
    """Let the model choose by one request, or go by the task's kind (``chat``, ``planning``, …)."""


@strategy("route", takes=Task, prompts=["route/choose"], calls="one to choose (by=model), then those of the chosen strategy")
async def route(task: Task, params: Route, ctx: Context) -> Result:
    """The chosen strategy's result. The last route is taken when the choice names none of them."""
    names = list(params.routes)
    if params.by == "kind" or len(names) == 1:
        chosen = task.kind if task.kind in names else names[-1]
    else:
        chosen = await _choose(task, names, ctx)
    ctx.emit("route.chosen", route=chosen)
    result = await ctx.run(params.routes[chosen], task, name="route", stream=True)
    return result.model_copy(update={"artifacts": {**result.artifacts, "route": chosen}})


async def _choose(task: Task, names: list[str], ctx: Context) -> str:
    asked = "\n\n".join(f"{m.role}: {m.text}" for m in task.request().messages)
    request = render("route/choose", routes="\n".join(f"- {n}" for n in names), task=asked).model_copy(update={"temperature": 0.0})
    said = (await ctx.complete(request))[0].text
    words = re.findall(r"[A-Za-z0-9_]+", said.lower())
    return next((name for name in names if name.lower() in words), names[-1])
