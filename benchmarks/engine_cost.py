"""What the search engine itself costs: time per node without any model, and how much working side by side saves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Sequence
from typing import Any

from eudoxus.agents.search import Answer, Node, Proposal, Rejected, search
from eudoxus.agents.search.policies import Puct, Queue
from eudoxus.runtime import (
    ChatRequest,
    ChatTask,
    Context,
    MemoryJournal,
    Message,
    NoParams,
    Order,
    Registry,
    Result,
    Runtime,
    parse_spec,
    strategy,
)
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint

NODES, CHILDREN = 10_000, 4
EXPANSIONS, CALL_SECONDS = 24, 0.05


class Counting:
    """A tree of numbers without end or answer, proposed and scored by program or by a model that waits."""

    def __init__(self, *, asks: bool) -> None:
        self._asks = asks

    def root(self) -> int:
        return 1

    def key(self, state: int) -> Hashable:
        return state

    def apply(self, state: int, action: int) -> int | Rejected:
        return CHILDREN * state + action

    def goal(self, state: int) -> Answer | None:
        return None

    async def propose(self, ctx: Context, node: Node[int, int]) -> Sequence[Proposal[int]]:
        if self._asks:
            await ctx.complete(_question(f"next after {node.state}"))
        return [Proposal(number) for number in range(CHILDREN)] if not node.asks else []

    async def score(self, ctx: Context, siblings: Sequence[Node[int, int]]) -> Sequence[float]:
        if self._asks:
            await ctx.complete(_question(f"judge {siblings[0].state}"))
        return [(node.state * 7919 % 101) / 100 for node in siblings]


def microseconds_per_node(policy: str) -> float:
    """Processor time of a search of width 4 whose tree has about 10,000 nodes, with program parts only."""
    expansions = NODES // CHILDREN
    _, spent, nodes = asyncio.run(_searched(Counting(asks=False), policy, width=4, nodes=expansions, latency=0.0))
    return 1e6 * spent / nodes


def seconds(width: int) -> float:
    """Of a search that expands 24 nodes, every call of the model taking 50 ms."""
    return asyncio.run(_searched(Counting(asks=True), "queue", width=width, nodes=EXPANSIONS, latency=CALL_SECONDS))[0]


async def _searched(parts: Counting, policy: str, *, width: int, nodes: int, latency: float) -> tuple[float, float, int]:
    """Seconds of the search, those of the processor, and how many nodes its tree had."""
    made: list[tuple[float, float, int]] = []

    @strategy("counting", calls="two for each node")
    async def counting(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        chosen: Any = Queue(reasks=0) if policy == "queue" else Puct()
        start, busy = time.perf_counter(), time.process_time()
        found = await search(ctx, parts, parts, parts, chosen, width=width, nodes=nodes)
        made.append((time.perf_counter() - start, time.process_time() - busy, len(found.tree.nodes)))
        return Result(answer=None)

    registry = Registry([counting])
    runtime = Runtime(registry, Endpoints({"sim": SimulatedEndpoint(lambda *_: "ok", name="sim", latency=latency)}, default="sim"))
    order = Order(parse_spec("counting/sim:m", registry), ChatTask(messages=(Message(role="user", content="go"),)))
    await runtime.execute(order, MemoryJournal(), run_id="run_1")
    return made[0]


def _question(text: str) -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", content=text),))
