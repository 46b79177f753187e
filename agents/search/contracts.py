"""What every search policy must keep to. Subclass :class:`PolicyContract` in your tests and give the policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from eudoxus.agents.search.parts import LazyPolicy, Policy
from eudoxus.agents.search.tree import Node, Tree

Grow = Callable[[Node[Any, Any]], Sequence[float]]
"""The scores of the children that a node gets at an expansion; a score of 1 makes a final one."""


class PolicyContract(ABC):
    """Tests for one policy, run by pytest. ``policy`` must give a fresh one each time."""

    @abstractmethod
    def policy(self) -> Policy[Any, Any]: ...

    def test_it_begins_at_the_root(self) -> None:
        tree: Tree[Any, Any] = Tree(0, 0)
        assert [node.id for node in self.policy().select(tree, 4)] == [0]

    def test_it_selects_different_nodes_that_are_not_final_and_no_more_than_asked_for(self) -> None:
        for width in (1, 2, 5):
            for batch in _rounds(self.policy(), _bushy, width)[1]:
                assert len(set(batch)) == len(batch) <= width

    def test_equal_trees_are_searched_equally(self) -> None:
        assert _rounds(self.policy(), _bushy, 3)[1] == _rounds(self.policy(), _bushy, 3)[1]

    def test_a_search_that_finds_no_steps_ends(self) -> None:
        assert len(_rounds(self.policy(), lambda node: (), 2)[1]) < 20

    def test_nothing_is_in_flight_between_rounds(self) -> None:
        tree, _ = _rounds(self.policy(), _bushy, 3)
        assert all(node.in_flight == 0 for node in tree.nodes)

    def test_the_best_is_the_one_with_the_best_answer(self) -> None:
        policy = self.policy()
        tree, _ = _rounds(policy, lambda node: (0.9, 1.0, 0.2) if node.depth == 0 else (), 1)
        found = policy.best(tree)
        assert found is not None and found.answer == "2"

    def test_there_is_no_best_before_anything_was_found(self) -> None:
        policy = self.policy()
        tree: Tree[Any, Any] = Tree(0, 0)
        policy.select(tree, 1)
        assert policy.best(tree) is None


def _bushy(node: Node[Any, Any]) -> Sequence[float]:
    """Three children down to depth four, with scores that go up and down."""
    if node.depth >= 4 or node.asks > 1:
        return ()
    return [((node.id * 7 + number * 3) % 10) / 10 for number in range(3)]


def _rounds(policy: Policy[Any, Any], grow: Grow, width: int, most: int = 60) -> tuple[Tree[Any, Any], list[list[int]]]:
    """Drive ``policy`` as the engine does; the tree and the ids of every batch."""
    tree: Tree[Any, Any] = Tree(0, 0)
    batches: list[list[int]] = []
    waiting: dict[int, float] | None = {} if isinstance(policy, LazyPolicy) and policy.lazy else None
    while len(batches) < most and (batch := list(policy.select(tree, width))):
        assert all(not node.final for node in batch)
        batches.append([node.id for node in batch])
        if isinstance(policy, LazyPolicy) and waiting is not None:
            batch = _visited(policy, tree, batch, waiting)
        grown = []
        for node in batch:
            node.asks += 1
            grown.append([_child(tree, node, score, waiting) for score in grow(node)])
        for node, children in zip(batch, grown, strict=True):
            policy.absorb(tree, node, children)
    return tree, batches


def _child(tree: Tree[Any, Any], parent: Node[Any, Any], score: float, waiting: dict[int, float] | None) -> Node[Any, Any]:
    """A new child with its score; of a lazy search the score waits until the child is selected."""
    number = len(tree.nodes)
    child = tree.grow(parent, number, number, number, 1.0)
    if waiting is not None:
        waiting[child.id] = score
    else:
        _score(tree, child, score)
    return child


def _score(tree: Tree[Any, Any], node: Node[Any, Any], score: float) -> None:
    node.score = score
    if score >= 1.0:
        tree.answer(node, str(node.id), final=True)


def _visited(policy: LazyPolicy[Any, Any], tree: Tree[Any, Any], batch: list[Node[Any, Any]], waiting: dict[int, float],
             ) -> list[Node[Any, Any]]:
    """Score what was selected for the first time; what is to be expanded now."""
    for node in batch:
        if node.id in waiting:
            _score(tree, node, waiting.pop(node.id))
        if node.final:
            node.dead = True
            policy.absorb(tree, node, [])
    return list(policy.settle(tree, [node for node in batch if not node.final]))
