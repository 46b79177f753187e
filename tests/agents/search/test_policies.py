"""Every policy keeps the contract, and each does what its algorithm says."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.search.contracts import PolicyContract
from eudoxus.agents.search.policies import (
    Archive,
    Beam,
    DepthFirst,
    First,
    PriorUct,
    Puct,
    Queue,
    RandomRollout,
    Simulation,
    Thompson,
    Uct,
)
from eudoxus.agents.search.tree import Node, Tree


class TestFirst(PolicyContract):
    def policy(self) -> First[Any, Any]:
        return First()


class TestBeam(PolicyContract):
    def policy(self) -> Beam[Any, Any]:
        return Beam(3)


class TestDepthFirst(PolicyContract):
    def policy(self) -> DepthFirst[Any, Any]:
        return DepthFirst(0.2)


class TestQueue(PolicyContract):
    def policy(self) -> Queue[Any, Any]:
        return Queue()


class TestLazyQueue(PolicyContract):
    def policy(self) -> Queue[Any, Any]:
        return Queue(depth_bonus=0.0, reasks=0, lazy=True)


class TestLazyQueueThatCommits(PolicyContract):
    def policy(self) -> Queue[Any, Any]:
        return Queue(depth_bonus=0.0, reasks=0, lazy=True, commit_on_pop=True)


class TestSimulation(PolicyContract):
    def policy(self) -> Simulation[Any, Any]:
        return Simulation()


class TestUct(PolicyContract):
    def policy(self) -> Uct[Any, Any]:
        return Uct()


class TestPuct(PolicyContract):
    def policy(self) -> Puct[Any, Any]:
        return Puct()


class TestPriorUct(PolicyContract):
    def policy(self) -> PriorUct[Any, Any]:
        return PriorUct()


class TestRandomRollout(PolicyContract):
    def policy(self) -> RandomRollout[Any, Any]:
        return RandomRollout(Random(0), rollouts=6)

    def test_a_rollout_goes_on_until_an_answer_which_is_backed_up(self) -> None:
        policy, tree = RandomRollout[Any, Any](Random(0), rollouts=1), Tree[Any, Any](0, 0)
        assert policy.select(tree, 4) == [tree.root]
        [child] = grown(tree, tree.root, 0.5)
        policy.absorb(tree, tree.root, [child])
        assert policy.select(tree, 4) == [child]
        [end] = grown(tree, child, 1.0)
        tree.answer(end, "x", final=True)
        policy.absorb(tree, child, [end])
        assert policy.select(tree, 4) == []
        assert [(node.visits, node.value, node.in_flight) for node in (tree.root, child, end)] == [(1, 1.0, 0)] * 3


class TestArchive(PolicyContract):
    def policy(self) -> Archive[Any, Any]:
        return Archive(Random(0))


class TestThompson(PolicyContract):
    def policy(self) -> Thompson[Any, Any]:
        return Thompson(Random(0))

    def test_a_search_that_finds_no_steps_ends(self) -> None:
        """It may always ask the root again: the engine's limit of nodes ends it."""


def grown(tree: Tree[Any, Any], parent: Node[Any, Any], *scores: float) -> list[Node[Any, Any]]:
    """Children of ``parent`` with these scores."""
    parent.asks += 1
    children = []
    for score in scores:
        child = tree.grow(parent, len(tree.nodes), len(tree.nodes), len(tree.nodes), 1.0)
        child.score = score
        children.append(child)
    return children


def begun(policy: Any, *scores: float) -> Tree[Any, Any]:
    """A tree whose root was expanded into children with these scores."""
    tree: Tree[Any, Any] = Tree(0, 0)
    assert policy.select(tree, 1)
    policy.absorb(tree, tree.root, grown(tree, tree.root, *scores))
    return tree


def ids(nodes: Any) -> list[int]:
    return [node.id for node in nodes]


def test_a_beam_keeps_the_best_of_each_level() -> None:
    policy: Beam[Any, Any] = Beam(2)
    tree = begun(policy, 0.1, 0.9, 0.5)
    level = [*policy.select(tree, 1), *policy.select(tree, 4)]
    assert ids(level) == [2, 3]
    for node in level:
        policy.absorb(tree, node, grown(tree, node, 0.3, 0.4))
    assert ids(policy.select(tree, 9)) == [5, 7]


def test_depth_first_descends_prunes_and_backtracks() -> None:
    policy: DepthFirst[Any, Any] = DepthFirst(threshold=0.4, per_state=2)
    tree = begun(policy, 0.5, 0.3, 0.9, 0.6)
    [first] = policy.select(tree, 1)
    assert first.id == 3
    policy.absorb(tree, first, grown(tree, first, 0.1))
    assert ids(policy.select(tree, 5)) == [4], "the child at 0.1 and the third best at 0.5 are pruned"


def test_a_queue_takes_the_most_promising_of_all_levels_and_asks_again_at_a_discount() -> None:
    policy: Queue[Any, Any] = Queue(depth_bonus=0.0, reasks=1, discount=0.5)
    tree = begun(policy, 0.2, 0.8)
    assert ids(policy.select(tree, 1)) == [2]
    policy.absorb(tree, tree.nodes[2], grown(tree, tree.nodes[2], 0.1))
    assert ids(policy.select(tree, 9)) == [2, 0, 1, 3], "asked again at 0.8 / 2, the root at 0.5 / 2, then 0.2 and 0.1"


def test_uct_tries_every_child_before_one_twice_and_then_prefers_the_better() -> None:
    policy: Uct[Any, Any] = Uct(c=0.5)
    tree = begun(policy, 0.9, 0.1)
    first = policy.select(tree, 2)
    assert ids(first) == [1, 2]
    for node, score in zip(first, (0.9, 0.1), strict=True):
        policy.absorb(tree, node, grown(tree, node, score, score))
    assert ids(policy.select(tree, 1)) == [3]


def edge(formula: Any, q: float, prior: float, seen: int, tried: int, c: float = 4.0, base: float = 10.0) -> float:
    """The published score of an edge below a decision node that was visited ``seen`` times; visits begin at 1."""
    beta = math.log((seen + base + 1) / base) + c
    weight = {"var_p_uct": beta * prior, "p_uct": c * prior, "uct": c}[formula]
    return q + weight * math.sqrt(math.log(seen)) / (1 + tried)


@given(st.sampled_from(["var_p_uct", "p_uct", "uct"]), st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=4),
       st.lists(st.floats(0, 1.2), min_size=1, max_size=16))
def test_prior_uct_selects_by_the_published_formula_and_backs_up_the_discounted_maximum(
    formula: Any, priors: list[list[float]], rewards: list[float],
) -> None:
    policy: PriorUct[Any, Any] = PriorUct(formula=formula, discount=0.9)
    tree: Tree[Any, Any] = Tree(0, 0)
    returns: dict[int, list[float]] = {}

    def grow(node: Node[Any, Any]) -> None:
        for prior in priors[node.id % len(priors)]:
            tree.grow(node, len(tree.nodes), 0, len(tree.nodes), prior)

    policy.release(policy.select(tree, 1))
    tree.root.asks = 1
    grow(tree.root)
    for reward in rewards:
        node, path = tree.root, []
        while node.asks:
            seen = 1 + sum(len(returns.get(child.id, [])) for child in node.children) + (node is not tree.root)
            scores = [edge(formula, max(returns.get(child.id, [0.0])), child.prior, seen, len(returns.get(child.id, [])))
                      for child in node.children]
            node = node.children[scores.index(max(scores))]
            path.append(node)
        [chosen] = policy.select(tree, 1)
        assert chosen is node
        policy.back_up(chosen, reward)
        for steps, above in enumerate(reversed(path), start=1):
            returns.setdefault(above.id, []).append(reward * 0.9**steps)
            assert above.value == pytest.approx(max(returns[above.id])) and above.visits == len(returns[above.id])
        node.asks = 1
        grow(node)


def test_a_selection_that_is_given_back_leaves_no_trace() -> None:
    policy: PriorUct[Any, Any] = PriorUct()
    tree = begun(policy, 0.5, 0.5, 0.5)
    before = [(node.visits, node.in_flight) for node in tree.nodes]
    policy.release(policy.select(tree, 3))
    assert [(node.visits, node.in_flight) for node in tree.nodes] == before


@pytest.mark.parametrize("policy", [Uct(), Puct(), PriorUct()])
def test_expansions_under_way_spread_a_round_over_different_leaves(policy: Any) -> None:
    tree = begun(policy, 0.5, 0.5, 0.5)
    assert sorted(ids(policy.select(tree, 5))) == [1, 2, 3], "no leaf twice"


@pytest.mark.parametrize(("anew", "improved", "wider"), [(0.9, 0.05, True), (0.05, 0.9, False)])
def test_thompson_sampling_goes_wider_or_deeper_by_what_paid(anew: float, improved: float, wider: bool) -> None:
    policy: Thompson[Any, Any] = Thompson(Random(1))
    tree = begun(policy, anew)
    at_root = 0
    for _ in range(60):
        [node] = policy.select(tree, 1)
        at_root += node is tree.root
        policy.absorb(tree, node, grown(tree, node, anew if node is tree.root else improved))
    assert (at_root > 45) if wider else (at_root < 15)


def test_an_archive_prefers_good_parents_that_were_not_varied_yet() -> None:
    policy: Archive[Any, Any] = Archive(Random(0))
    tree = begun(policy, 0.1, 0.9, 0.5)
    drawn = [policy.select(tree, 1)[0].id for _ in range(300)]
    assert drawn.count(2) > drawn.count(3) > drawn.count(1) > 0
    tree.nodes[2].asks = 20
    drawn = [policy.select(tree, 1)[0].id for _ in range(300)]
    assert drawn.count(2) < drawn.count(3)


def lazily(scores: dict[tuple[int, ...], float], *, commit: bool, expansions: int) -> list[tuple[int, ...]]:
    """The order in which a lazy queue visits places of a tree of two actions each, named by their path; 0.5 where no score is given."""
    tree: Tree[Any, Any] = Tree((), ())
    queue: Queue[Any, Any] = Queue(depth_bonus=0.0, reasks=0, lazy=True, commit_on_pop=commit)
    visited: list[tuple[int, ...]] = []
    while len(visited) < expansions and (batch := queue.select(tree, 1)):
        [node] = batch
        if node.score is None and node is not tree.root:
            node.score = scores.get(node.state, 0.5)
            visited.append(node.state)
        for kept in queue.settle(tree, [node]):
            kept.asks += 1
            children = [tree.grow(kept, rank, (*kept.state, rank), (*kept.state, rank), 1.0) for rank in range(2)]
            queue.absorb(tree, kept, children)
    best = queue.best(tree)
    assert best is not None and best.score == max(node.score or 0.0 for node in tree.nodes)
    return visited


@pytest.mark.parametrize("commit", [True, False])
def test_a_lazy_queue_visits_in_the_order_of_the_parents_values(commit: bool) -> None:
    scores = {(0,): 0.2, (1,): 0.9, (1, 0): 0.1, (1, 1): 0.4}
    assert lazily(scores, commit=commit, expansions=6) == [(0,), (1,), (1, 0), (1, 1), (1, 1, 0), (1, 1, 0, 0)]


@pytest.mark.parametrize("commit", [True, False])
def test_ties_of_a_lazy_queue_go_down_the_first_branch(commit: bool) -> None:
    assert lazily({}, commit=commit, expansions=4) == [(0,), (0, 0), (0, 0, 0), (0, 0, 0, 0)]
