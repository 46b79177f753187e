"""The loop: order, limits, failures, merging, and the same search at every replay."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable, Sequence
from typing import Any

import pytest

from eudoxus.agents.search import Answer, Node, Problem, Proposal, Rejected, search
from eudoxus.agents.search.engine import FRUITLESS_ROUNDS, MOST_CHILDREN
from eudoxus.agents.search.policies import Beam, Queue
from eudoxus.runtime import (
    ChatRequest,
    ChatTask,
    Context,
    MemoryJournal,
    Message,
    Order,
    Registry,
    Result,
    Runtime,
    Verdict,
    parse_spec,
    strategy,
)
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import EndpointUnavailable
from eudoxus.runtime.strategy import NoParams

GOAL = 13


class Walk(Problem[int, int]):
    """From 1, by doubling and adding one, to 13. Circles are possible: halving."""

    def root(self) -> int:
        return 1

    def key(self, state: int) -> Hashable:
        return state

    def apply(self, state: int, action: int) -> int | Rejected:
        return action if 0 < action < 40 else Rejected("out of range")

    def goal(self, state: int) -> Answer | None:
        return Answer(str(state)) if state in (GOAL, 11) else None


class Asking:
    """Asks the model which numbers come next."""

    async def propose(self, ctx: Context, node: Node[int, int]) -> Sequence[Proposal[int]]:
        said = (await ctx.complete(ChatRequest(messages=(Message(role="user", content=f"{node.state} ask {node.asks}"),))))[0].text
        return [Proposal(int(word)) for word in said.split()]


class Nearness:
    """Scores by distance, with one request for all siblings."""

    async def score(self, ctx: Context, siblings: Sequence[Node[int, int]]) -> Sequence[float]:
        words = " ".join(str(node.state) for node in siblings)
        said = (await ctx.complete(ChatRequest(messages=(Message(role="user", content=f"judge {words}"),))))[0].text
        return [float(word) for word in said.split()]


class Exactly:
    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        return Verdict(ok=answer == str(GOAL), score=float(answer == str(GOAL)), feedback="" if answer == str(GOAL) else "not 13")


def walker(model: str, request: ChatRequest, number: int) -> str:
    text = request.messages[0].text
    if text.startswith("judge"):
        return " ".join(str(1 - min(abs(GOAL - int(word)), 20) / 20) for word in text.split()[1:])
    here = int(text.split()[0])
    return f"{here * 2} {here + 1} {here // 2} {here} 99"


async def searched(answers: Any = walker, *, policy: Any = Queue, evaluator: Any = None, verifier: Any = None, proposer: Any = None,
                   latency: Any = 0.0, **options: Any) -> tuple[Any, SimulatedEndpoint]:
    """What a search over :class:`Walk` found, and the endpoint."""
    found: list[Any] = []

    @strategy("walk")
    async def walk(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        parts = (proposer or Asking(), evaluator or Nearness(), policy(), verifier or Exactly())
        found.append(await search(ctx, Walk(), *parts, **options))
        node = found[-1].node
        return Result(answer=node.answer if node else None, detail=found[-1].detail, artifacts={"path": node.path() if node else []})

    registry = Registry([walk])
    endpoint = SimulatedEndpoint(answers, name="sim", latency=latency)
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"))
    order = Order(parse_spec("walk/sim:m", registry), ChatTask(messages=(Message(role="user", content="go"),)))
    journal = MemoryJournal()
    result = await runtime.execute(order, journal, run_id="run_1")
    replayed = await runtime.replay(journal)
    assert replayed == result
    return found[0], endpoint


async def test_it_stops_at_the_first_verified_answer() -> None:
    found, _ = await searched(width=1)
    assert (found.status, found.node.answer) == ("verified", "13")
    assert found.node.path()[-1] == 13
    assert all(node.verdict is not None for node in found.tree.nodes if node.answer is not None)


async def test_equal_states_are_one_node_and_impossible_steps_none() -> None:
    found, _ = await searched(width=1, nodes=10)
    states = [node.state for node in found.tree.nodes]
    assert len(set(states)) == len(states) and found.merged > 0 and found.rejected > 0


async def test_siblings_are_judged_in_one_request() -> None:
    asked: list[str] = []

    def answering(model: str, request: ChatRequest, number: int) -> str:
        asked.append(request.messages[0].text)
        return walker(model, request, number)

    await searched(answering, width=1, nodes=1)
    assert asked == ["1 ask 0", "judge 2"], "1 + 1 and 1 * 2 are one state, 1 // 2 and 99 are out of range"


async def test_a_round_is_applied_in_the_order_of_selection_whatever_comes_first() -> None:
    trees = []
    for seed in range(6):
        draw = random.Random(seed).random
        found, _ = await searched(width=8, nodes=40, verifier=Never(), latency=lambda draw=draw: draw() * 0.004)
        trees.append([(node.id, node.state, node.parent.id if node.parent else None, node.score) for node in found.tree.nodes])
    assert all(tree == trees[0] for tree in trees)


class Never:
    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        return Verdict(ok=False)


async def test_without_a_verdict_a_well_judged_answer_ends_the_search() -> None:
    class Unknown:
        async def verify(self, ctx: Context, answer: str) -> Verdict | None:
            return None

    found, _ = await searched(verifier=Unknown(), width=1, enough=0.95)
    assert (found.status, found.node.answer) == ("judged", "13")


@pytest.mark.parametrize("width", [1, 4])
async def test_the_limit_of_nodes_holds_and_the_best_so_far_comes_back(width: int) -> None:
    found, _ = await searched(width=width, nodes=3, verifier=Never())
    assert found.status == "limit" and "3 nodes" in found.detail and found.node is not None
    assert sum(node.asks for node in found.tree.nodes) == 3


async def test_the_depth_is_kept() -> None:
    found, _ = await searched(width=4, depth=2, policy=lambda: Beam(10), verifier=Never())
    assert found.status == "exhausted" and max(node.depth for node in found.tree.nodes) == 2


async def test_a_proposer_that_returns_nothing_ends_the_search_without_an_answer() -> None:
    found, _ = await searched(lambda *_: "", width=4)
    assert (found.status, found.node) == ("exhausted", None)


async def test_of_ten_thousand_children_the_first_are_taken() -> None:
    class Many:
        async def propose(self, ctx: Context, node: Node[int, int]) -> Sequence[Proposal[int]]:
            return [Proposal(number) for number in range(2, 10_002)]

    found, _ = await searched(proposer=Many(), nodes=2, verifier=Never(), width=1)
    assert len(found.tree.nodes) <= 2 * MOST_CHILDREN + 1


async def test_an_evaluator_that_always_fails_leaves_a_search_without_scores() -> None:
    class Failing:
        async def score(self, ctx: Context, siblings: Sequence[Node[int, int]]) -> Sequence[float]:
            raise EndpointUnavailable("down", endpoint="sim")

    found, _ = await searched(evaluator=Failing(), width=2, nodes=30)
    assert found.status in ("verified", "limit", "exhausted") and all(node.score is None or node.final for node in found.tree.nodes)


async def test_when_nothing_can_be_asked_the_endpoints_error_is_raised() -> None:
    def down(model: str, request: ChatRequest, number: int) -> str:
        raise EndpointUnavailable("down", endpoint="sim")

    with pytest.raises(EndpointUnavailable, match="down"):
        await searched(down)


async def test_an_endpoint_that_fails_later_ends_the_search_with_what_there_is() -> None:
    calls = iter(range(10_000))

    def failing(model: str, request: ChatRequest, number: int) -> str:
        if next(calls) >= 4:
            raise EndpointUnavailable("down", endpoint="sim")
        return walker(model, request, number)

    found, _ = await searched(failing, width=1, verifier=Never())
    assert found.status == "failed" and f"last {FRUITLESS_ROUNDS} rounds" in found.detail and found.node is not None


@pytest.mark.parametrize("requests", [1, 2, 7])
async def test_a_spent_budget_ends_the_search_with_the_best_so_far(requests: int) -> None:
    class Limited(Asking):
        async def propose(self, ctx: Context, node: Node[int, int]) -> Sequence[Proposal[int]]:
            return await super().propose(ctx, node)

    outer: list[Any] = []

    @strategy("limited")
    async def limited(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        with ctx.limit(requests=requests):
            outer.append(await search(ctx, Walk(), Limited(), Nearness(), Queue(), Never(), width=3))
        return Result(answer=str(len(outer[-1].tree.nodes)), detail=outer[-1].detail)

    registry = Registry([limited])
    endpoint = SimulatedEndpoint(walker, name="sim")
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"))
    journal = MemoryJournal()
    order = Order(parse_spec("limited/sim:m", registry), ChatTask(messages=(Message(role="user", content="go"),)))
    result = await runtime.execute(order, journal, run_id="run_1")
    assert outer[0].status == "limit" and "requests" in outer[0].detail and result == await runtime.replay(journal)


async def test_rounds_are_worked_on_at_the_same_time() -> None:
    loop = asyncio.get_running_loop()
    spent = {}
    for width in (1, 4):
        start = loop.time()
        await searched(width=width, nodes=12, verifier=Never(), latency=0.02)
        spent[width] = loop.time() - start
    assert spent[4] < spent[1] * 0.6
