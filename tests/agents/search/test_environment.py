"""Searching in environments: any policy, ways found again, cycles, failing acts, and what cannot be undone."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from eudoxus.agents.environments import AgentTask, Instance
from eudoxus.agents.environments.blocksworld import Blocksworld
from eudoxus.agents.environments.shop import Shop
from eudoxus.agents.search import Node, Proposal, search
from eudoxus.agents.search.environment import NOT_DONE, EnvironmentExplorer, EnvironmentProblem, Move, Place
from eudoxus.agents.search.policies import Beam, DepthFirst, Puct, Queue, Simulation, Uct
from eudoxus.runtime import ChatTask, Context, MemoryJournal, Message, Order, Registry, Result, Runtime, parse_spec, strategy
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.strategy import NoParams
from tests.agents.search.worlds import Stairs, Walked, after_all, distance, goal_in, state_in

BLOCKS = Blocksworld(blocks=3, seed=2)


class Every:
    """Proposes fixed actions, or every possible one in Blocksworld."""

    def __init__(self, *actions: str) -> None:
        self.actions, self.asked = actions, list[Place]()

    async def propose(self, ctx: Context, node: Node[Place, Move]) -> Sequence[Proposal[Move]]:
        self.asked.append(node.state)
        if self.actions:
            return [Proposal(Move(action)) for action in self.actions]
        assert node.state.seen is not None and node.state.seen.state is not None
        return [Proposal(Move(action)) for action, _ in after_all(_state(node), "abc")]


class Near:
    """Scores by the distance to the goal, as nobody can."""

    def __init__(self) -> None:
        self.scored: list[int] = []

    async def score(self, ctx: Context, siblings: Sequence[Node[Place, Move]]) -> Sequence[float]:
        self.scored += [node.id for node in siblings]
        return [0.95 - distance(_state(node), goal_in(BLOCKS.open().about)) / 20 for node in siblings]


class Flat:
    async def score(self, ctx: Context, siblings: Sequence[Node[Place, Move]]) -> Sequence[float]:
        return [0.5] * len(siblings)


def _state(node: Node[Place, Move]) -> Any:
    from tests.agents.search.worlds import _TOWERS

    assert node.state.seen is not None
    return state_in(_TOWERS.findall(node.state.seen.text)[0])


async def explored(setting: Any, policy: Any, proposer: Any, evaluator: Any = None, *, instances: int = 1, irreversible: bool = True,
                   limits: dict[str, int] | None = None, **options: Any) -> tuple[Any, int]:
    """What a search in ``setting`` found, twice: once live and once as a strict replay that must do nothing outside."""
    found: list[Any] = []

    @strategy("explore")
    async def explore(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        explorer = EnvironmentExplorer([Instance(setting.open()) for _ in range(instances)], irreversible=irreversible)
        first = await Instance(setting.open()).begin(ctx)
        problem = EnvironmentProblem(Place((), first), AgentTask.model_construct(environment="blocksworld", parameters={}, goal=""))
        with ctx.limit(**(limits or {})):
            done = await search(ctx, problem, proposer, evaluator, policy(), problem, explorer=explorer, **options)
        found.append((done, explorer.steps))
        node = done.node
        return Result(answer=node.answer if node else None, detail=done.status, artifacts={
            "path": [str(move) for move in node.path()] if node else [], "steps": explorer.steps,
            "tree": [(one.id, one.state.path, one.score) for one in done.tree.nodes]})

    registry = Registry([explore])
    runtime = Runtime(registry, Endpoints({"sim": SimulatedEndpoint([], name="sim")}, default="sim"))
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec("explore/sim:m", registry), ChatTask(messages=(Message(role="user", content="go"),))),
                                   journal, run_id="run_1")
    performed = len(Walked.performed)
    assert await runtime.replay(journal) == result
    assert len(Walked.performed) == performed, "a replay does nothing outside"
    return found[0]


def koh() -> Queue[Place, Move]:
    return Queue(lazy=True, depth_bonus=0, reasks=0)


@pytest.mark.parametrize("policy", [lambda: Beam(3), lambda: DepthFirst(0.0, 3), Queue, koh, Uct, Puct, Simulation],
                         ids=["beam", "depth_first", "queue", "lazy_queue", "uct", "puct", "simulation"])
@pytest.mark.parametrize("instances", [1, 3])
async def test_any_policy_finds_the_wanted_towers_and_the_environment_verifies_them(policy: Any, instances: int) -> None:
    found, _ = await explored(BLOCKS, policy, Every(), Near(), instances=instances, width=3, nodes=60, depth=12)
    assert (found.status, found.node.verdict.authority) == ("verified", "exact")
    done = await AgentTask(environment="blocksworld", parameters={"blocks": 3, "seed": 2}).verify(None, found.node.answer)  # type: ignore[arg-type]
    assert done is not None and done.ok


async def test_a_lazy_search_scores_and_does_only_what_it_selects() -> None:
    near = Near()
    found, _ = await explored(BLOCKS, koh, Every(), near, width=1, nodes=40, depth=12)
    assert found.status == "verified"
    waiting = [node for node in found.tree.nodes[1:] if node.state.seen is None]
    assert waiting and all(node.score is None and node.promise == node.parent.promise for node in waiting)
    assert all(times == 2 for times in Counter(near.scored).values()), "in the run and in its replay, not when queued again"


async def test_only_where_the_search_goes_on_are_steps_asked_for_unless_it_commits() -> None:
    asked = {}
    for commit in (False, True):
        every = Every()
        policy = functools.partial(Queue, lazy=True, depth_bonus=0, reasks=0, commit_on_pop=commit)
        await explored(BLOCKS, policy, every, Near(), width=1, nodes=8, depth=12)
        asked[commit] = [place.path for place in every.asked]
    assert len(asked[False]) < len(asked[True])


async def test_going_round_in_circles_leads_to_no_new_state() -> None:
    found, _ = await explored(Stairs(top=99), lambda: Queue(reasks=0), Every("+1", "-1"), Flat(), width=2, nodes=30, depth=3)
    at = [node.state.seen.text for node in found.tree.nodes]
    assert len(set(at)) == len(at) == 7 and found.status == "exhausted" and found.merged > 0


@pytest.mark.parametrize("lazy", [False, True])
async def test_an_endless_staircase_ends_at_the_greatest_depth(lazy: bool) -> None:
    policy = lambda: Queue(lazy=lazy, depth_bonus=1.0, reasks=0)  # noqa: E731
    found, _ = await explored(Stairs(top=10**6), policy, Every("+1"), Flat(), width=1, nodes=500, depth=64)
    assert found.status == "exhausted" and max(node.depth for node in found.tree.nodes) == 64


@pytest.mark.parametrize("lazy", [False, True])
async def test_an_act_that_fails_makes_its_place_impossible_and_the_search_goes_around(lazy: bool, monkeypatch: Any) -> None:
    monkeypatch.setattr(Walked, "fails_at", 1)
    found, _ = await explored(Stairs(top=-2), lambda: Queue(lazy=lazy, reasks=0), Every("+1", "-1"), Flat(), width=1, nodes=9, depth=4)
    assert [node.answer for node in found.tree.answered] == ["-1\n-1"] and found.rejected == 1


async def test_impossible_actions_are_left_out_of_the_tree() -> None:
    found, _ = await explored(Stairs(), Queue, Every("fly", "", "+1", "x" * 5000), Flat(), width=1, nodes=1)
    assert [node.state.path for node in found.tree.nodes] == [(), ("+1",)] and found.rejected == 3


@pytest.mark.parametrize("allowed", [True, False])
async def test_what_cannot_be_undone_is_not_done_in_a_search(allowed: bool) -> None:
    before = len(Walked.performed)
    every = Every("+9", "+1")
    found, _ = await explored(Stairs(top=2), lambda: Queue(reasks=0), every, Flat(), irreversible=allowed, width=1, nodes=9, depth=3)
    assert found.node.answer == "+1\n+1"
    assert not any("+9" in way for way in Walked.performed[before:])
    waiting = [node for node in found.tree.nodes if node.state.waiting]
    assert bool(waiting) is allowed and all(node.state.seen.text.startswith(NOT_DONE) and not node.children for node in waiting)


@pytest.mark.parametrize("width", [1, 3])
async def test_without_snapshots_the_way_is_done_again_and_the_tree_is_the_same(width: int) -> None:
    trees, steps = [], []
    for snapshots in (True, False):
        shop, every = Shop(seed=1, snapshots=snapshots), Every("click[6]", "click[7]", "goto[/cart]", "back")
        found, done = await explored(shop, lambda: Beam(3), every, Flat(), instances=2, width=width, nodes=8, depth=3)
        trees.append([(node.id, node.state.path, node.state.seen) for node in found.tree.nodes])
        steps.append(done)
    assert trees[0] == trees[1] and steps[1] > 1.5 * steps[0]


@pytest.mark.parametrize("nodes", [0, 1, 2])
@pytest.mark.parametrize("lazy", [False, True])
async def test_a_budget_of_nodes_is_kept(nodes: int, lazy: bool) -> None:
    found, steps = await explored(Stairs(), lambda: Queue(lazy=lazy, reasks=0), Every("+1", "-1"), Flat(), width=1, limits={"nodes": nodes})
    assert found.status == "limit" and "nodes" in found.detail
    assert (found.node is None) == (nodes == 0) == (steps == 0)
