"""Whatever comes, a search ends: with a status and the best node so far."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from random import Random
from typing import Any

import pytest

from eudoxus.agents.search import Answer, Found, Node, Policy, Proposal, Rejected, search
from eudoxus.agents.search.engine import FRUITLESS_ROUNDS, MOST_CHILDREN, MOST_DEPTH
from eudoxus.agents.search.policies import Archive, Beam, DepthFirst, First, Puct, Queue, RandomRollout, Thompson, Uct
from eudoxus.runtime import (
    ChatRequest,
    ChatTask,
    Context,
    Limits,
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
from eudoxus.runtime.errors import EndpointUnavailable

POLICIES: dict[str, Callable[[], Policy[Any, Any]]] = {
    "first": First, "beam": lambda: Beam(3), "depth_first": lambda: DepthFirst(0.0), "queue": Queue, "uct": Uct, "puct": Puct,
    "archive": lambda: Archive(Random(0)), "thompson": lambda: Thompson(Random(0)),
    "rollout": lambda: RandomRollout(Random(0), rollouts=30),
}
Steps = Callable[[int], Sequence[int]]
STATUSES = {"verified", "judged", "exhausted", "limit", "failed"}


class Numbers:
    """States are numbers; ``steps`` says where one can go from each."""

    def __init__(self, steps: Steps, evaluator: Callable[[int], float] = lambda state: 0.5, *, asks: bool = False) -> None:
        self._steps, self._evaluator, self._asks = steps, evaluator, asks

    def root(self) -> int:
        return 0

    def key(self, state: int) -> Hashable:
        return state

    def apply(self, state: int, action: int) -> int | Rejected:
        return action if action >= 0 else Rejected("negative")

    def goal(self, state: int) -> Answer | None:
        return None

    async def propose(self, ctx: Context, node: Node[int, int]) -> Sequence[Proposal[int]]:
        if self._asks:
            await ctx.complete(ChatRequest(messages=(Message(role="user", content=f"{node.state} {node.asks}"),)))
        return [Proposal(state) for state in self._steps(node.state)]

    async def score(self, ctx: Context, siblings: Sequence[Node[int, int]]) -> Sequence[float]:
        return [self._evaluator(node.state) for node in siblings]


def down(state: int) -> float:
    raise EndpointUnavailable("down", endpoint="judge")


async def searched(problem: Numbers, policy: str, *, limits: Limits | None = None, **options: Any) -> Found[int, int]:
    """What was found; the run replays to the same."""
    found: list[Found[int, int]] = []

    @strategy("walk", calls="none or one a node")
    async def walk(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        found.append(await search(ctx, problem, problem, problem, POLICIES[policy](), **options))
        best = found[-1].node
        return Result(answer=None, detail=found[-1].status, artifacts={"path": best.path() if best else []})

    registry = Registry([walk])
    runtime = Runtime(registry, Endpoints({"sim": SimulatedEndpoint(lambda *_: "ok", name="sim")}, default="sim"))
    order = Order(parse_spec("walk/sim:m", registry), ChatTask(messages=(Message(role="user", content="go"),)), limits=limits or Limits())
    journal = MemoryJournal()
    assert await runtime.execute(order, journal, run_id="run_1") == await runtime.replay(journal)
    assert found[0].status in STATUSES
    return found[0]


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_proposer_that_returns_nothing(policy: str) -> None:
    found = await searched(Numbers(lambda state: ()), policy, nodes=50)
    assert found.status in ("exhausted", "limit") and found.node is None


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_proposer_that_returns_only_duplicates(policy: str) -> None:
    found = await searched(Numbers(lambda state: [1] * 500), policy, nodes=50)
    assert [node.state for node in found.tree.nodes] == [0, 1] and found.node is not None and found.merged > 0


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_graph_of_circles(policy: str) -> None:
    found = await searched(Numbers(lambda state: [(state + 1) % 5, (state - 1) % 5, state]), policy, nodes=200)
    assert sorted(node.state for node in found.tree.nodes) == ([0, 1, 4] if policy == "first" else [0, 1, 2, 3, 4])
    assert found.node is not None and len(found.node.path()) <= 4


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_way_that_never_ends(policy: str) -> None:
    found = await searched(Numbers(lambda state: [state + 1]), policy, nodes=1000, width=1)
    assert max(node.depth for node in found.tree.nodes) <= MOST_DEPTH and found.node is not None


@pytest.mark.parametrize("policy", POLICIES)
async def test_ten_thousand_children_of_every_node(policy: str) -> None:
    found = await searched(Numbers(lambda state: range(state * 10_000 + 1, (state + 1) * 10_000)), policy, nodes=5, width=1)
    assert len(found.tree.nodes) <= 5 * MOST_CHILDREN + 1 and found.node is not None


@pytest.mark.parametrize("policy", POLICIES)
async def test_steps_that_are_all_impossible(policy: str) -> None:
    found = await searched(Numbers(lambda state: [-1, -2]), policy, nodes=50)
    assert found.node is None and found.rejected > 0


@pytest.mark.parametrize("policy", POLICIES)
async def test_an_evaluator_that_always_errs(policy: str) -> None:
    found = await searched(Numbers(lambda state: [2 * state + 1, 2 * state + 2], down), policy, nodes=20)
    assert found.node is not None and all(node.score is None for node in found.tree.nodes)


@pytest.mark.parametrize("policy", POLICIES)
async def test_scores_out_of_range_count_as_the_nearest_that_is_not(policy: str) -> None:
    found = await searched(Numbers(lambda state: [2 * state + 1, 2 * state + 2], lambda state: state * 1e300 - 1.0), policy, nodes=20)
    assert all(0 <= node.score <= 1 for node in found.tree.nodes if node.score is not None) and found.node is not None


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("requests", [0, 1])
async def test_a_budget_of_nothing_or_one(policy: str, requests: int) -> None:
    found = await searched(Numbers(lambda state: [state + 1], asks=True), policy, limits=Limits(requests=requests), width=2)
    if policy == "first" and requests:
        assert found.status == "exhausted"
    else:
        assert found.status == "limit" and "requests" in found.detail
    assert (found.node is not None) == bool(requests)


async def test_a_budget_of_nothing_for_nodes() -> None:
    found = await searched(Numbers(lambda state: [state + 1]), "queue", nodes=0)
    assert (found.status, found.node) == ("limit", None)


async def test_a_proposer_that_fails_from_the_second_round_on() -> None:
    calls = iter(range(100))

    def failing(state: int) -> Sequence[int]:
        if next(calls):
            raise EndpointUnavailable("down", endpoint="sim")
        return [1, 2]

    @strategy("walk", calls="none")
    async def walk(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        problem = Numbers(failing)
        found = await search(ctx, problem, problem, problem, Queue(), width=1)
        assert found.status == "failed" and f"last {FRUITLESS_ROUNDS} rounds" in found.detail and found.node is not None
        return Result(answer="ended")

    registry = Registry([walk])
    runtime = Runtime(registry, Endpoints({"sim": SimulatedEndpoint(["ok"], name="sim")}, default="sim"))
    order = Order(parse_spec("walk/sim:m", registry), ChatTask(messages=(Message(role="user", content="go"),)))
    assert (await runtime.execute(order, MemoryJournal(), run_id="run_1")).answer == "ended"
