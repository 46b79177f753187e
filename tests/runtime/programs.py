"""Random strategies: programs over the context that do everything a strategy may do, drawn from the run's seed."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from eudoxus.runtime import ChatRequest, ChatTask, Context, Effect, Message, Params, Result, strategy
from eudoxus.runtime.canonical import fingerprint
from eudoxus.runtime.errors import EndpointError


class Echoed(BaseModel):
    said: str


class Echo(Effect[Echoed]):
    kind: ClassVar[str] = "tool"
    result: ClassVar[type[BaseModel]] = Echoed
    say: str

    async def run(self) -> Echoed:
        return Echoed(said=self.say)


class Program(Params):
    depth: int = 2
    width: int = 8


@strategy("program")
async def program(task: ChatTask, params: Program, ctx: Context) -> Result:
    """A tree of calls, maps, races, limits and draws; its answer depends on everything that it was told."""
    said = await _walk(ctx, task.request(), params.depth, params.width)
    ctx.best(said)
    closing = await ctx.complete(_asking(task.request(), said))
    return Result(answer=said + closing[0].text)


async def _walk(ctx: Context, request: ChatRequest, depth: int, width: int) -> str:
    dice = ctx.random()
    ctx.emit("node.created", depth=depth)
    if depth == 0:
        answers = await ctx.complete(_asking(request, str(dice.randrange(3))), n=dice.randint(1, 3))
        return fingerprint("said", [a.text for a in answers])[:8]
    said = [ctx.now().isoformat()]
    for step in range(dice.randint(1, 2)):
        match dice.randrange(5):
            case 0:
                said += await ctx.map(f"all{step}", range(width), lambda c, i: _walk(c, request, depth - 1, width // 2))
            case 1:
                name, won = await ctx.race(f"race{step}", **{
                    n: (lambda c, n=n: _walk(c, _asking(request, n), depth - 1, 2)) for n in ("one", "two", "three")})
                said += [name, won]
            case 2:
                with ctx.scope("part", step).limit(requests=dice.randint(3, 40)):
                    said.append(await _walk(ctx.scope("part", step), request, depth - 1, width))
            case 3:
                said.append((await ctx.perform(Echo(say=str(dice.random())))).said)
            case _:
                branches = [(lambda c, i=i: _walk(c, _asking(request, str(i)), depth - 1, 2)) for i in range(width)]
                done = await ctx.quorum(f"some{step}", branches, lambda done: len(done) >= 3)
                said += [f"{i}:{text}" for i, text in done.items()]
        try:
            said.append((await ctx.complete(_asking(request, said[-1])))[0].text)
        except EndpointError as error:
            said.append(error.code)
    return fingerprint("said", said)[:8]


def _asking(request: ChatRequest, more: str) -> ChatRequest:
    return request.model_copy(update={"messages": (*request.messages[:1], Message(role="user", content=more))})
