"""Every policy keeps the contract, and each does what its algorithm says."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from eudoxus.agents.search.contracts import PolicyContract
from eudoxus.agents.search.policies import Archive, Beam, DepthFirst, First, Puct, Queue, RandomRollout, Thompson, Uct
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


class TestUct(PolicyContract):
    def policy(self) -> Uct[Any, Any]:
        return Uct()


class TestPuct(PolicyContract):
    def policy(self) -> Puct[Any, Any]:
        return Puct()


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


@pytest.mark.parametrize("policy", [Uct(), Puct()])
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
