"""Strategies for tests of the service: one that goes on in steps, one with a bug, one that finds nothing."""

from __future__ import annotations

from eudoxus.agents.best_of_n import best_of_n
from eudoxus.agents.direct import direct
from eudoxus.agents.operators.fallback import fallback
from eudoxus.agents.operators.repeat import repeat
from eudoxus.agents.self_consistency import self_consistency
from eudoxus.runtime import ChatTask, Context, NoParams, Params, Registry, Result, strategy
from eudoxus.runtime.chat import ChatRequest, user


class Steps(Params):
    count: int = 5
    """Questions asked one after the other."""


@strategy("steps")
async def steps(task: ChatTask, params: Steps, ctx: Context) -> Result:
    """Ask ``count`` questions; the answers joined."""
    said: list[str] = []
    for number in range(params.count):
        [answer] = await ctx.complete(ChatRequest(messages=(user(f"step {number}"),)))
        said.append(answer.text)
        ctx.best(" ".join(said))
    return Result(answer=" ".join(said))


@strategy("buggy")
async def buggy(task: ChatTask, params: NoParams, ctx: Context) -> Result:
    """Has a bug."""
    raise ZeroDivisionError("a secret inside")


@strategy("clueless")
async def clueless(task: ChatTask, params: NoParams, ctx: Context) -> Result:
    """Finds nothing."""
    return Result(answer=None, outcome="failed", detail="nothing to be found")


def registry(presets: dict[str, str] | None = None) -> Registry:
    return Registry([direct, best_of_n, self_consistency, fallback, repeat, steps, buggy, clueless], presets=presets or {})
