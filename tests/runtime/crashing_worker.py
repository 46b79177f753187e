"""A process that runs fifty calls and kills itself with SIGKILL after so many new records: ``crashing_worker FILE SHAPE KILL_AFTER``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Literal

from eudoxus.runtime import (
    ChatRequest,
    ChatTask,
    Context,
    FileJournal,
    Message,
    Order,
    Params,
    Registry,
    Response,
    Result,
    Runtime,
    parse_spec,
    strategy,
)
from eudoxus.runtime.canonical import fingerprint
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.base import Call
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.journal import EffectRecord, Record


class Fifty(Params):
    shape: Literal["chain", "branches"] = "chain"


@strategy("fifty")
async def fifty(task: ChatTask, params: Fifty, ctx: Context) -> Result:
    """Fifty dependent calls, or five branches of ten."""
    if params.shape == "chain":
        return Result(answer=await _chain(ctx, 50))
    return Result(answer=" ".join(await ctx.map("branch", range(5), lambda c, i: _chain(c, 10))))


async def _chain(ctx: Context, length: int) -> str:
    said = ctx.path
    for _ in range(length):
        said = (await ctx.complete(ChatRequest(messages=(Message(role="user", content=said),))))[0].text
    return said


class Counting(SimulatedEndpoint):
    """Writes the path of each call that it is asked into a file, as a meter that survives."""

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        with open(sys.argv[1] + ".asked", "a") as file:
            file.write(call.path + "\n")
        return await super().complete(model, request, n, call)


async def main(path: str, shape: str, kill_after: int) -> None:
    endpoint = Counting(lambda model, request, i: fingerprint("next", request.messages[0].text)[:12], name="sim", latency=0.001)
    runtime = Runtime(Registry([fifty]), Endpoints({"sim": endpoint}, default="sim"))
    journal = FileJournal(path)
    seen = 0

    def count(record: Record) -> None:
        nonlocal seen
        seen += isinstance(record, EffectRecord)
        if seen == kill_after > 0:
            os.kill(os.getpid(), signal.SIGKILL)

    journal.listen(count)
    spec = parse_spec(f"fifty(shape={shape})/sim:m", runtime.registry)
    result = await runtime.execute(Order(spec, ChatTask(messages=(Message(role="user", content="go"),))), journal, run_id="run_1")
    Path(path + ".answer").write_text(str(result.answer))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
