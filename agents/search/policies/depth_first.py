"""Depth-first search with pruning (Yao et al. 2023, arXiv 2305.10601, algorithm 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from eudoxus.agents.search.policies.best import best_node
from eudoxus.agents.search.tree import Node, Tree

S = TypeVar("S")
A = TypeVar("A")


class DepthFirst(Generic[S, A]):
    """Descends into the best child and backtracks; children below ``threshold`` are pruned, ``per_state`` of the others are kept."""

    def __init__(self, threshold: float = 0.0, per_state: int = 3) -> None:
        self._threshold, self._per_state = threshold, per_state
        self._stack: list[Node[S, A]] | None = None

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        if self._stack is None:
            self._stack = [tree.root]
        return [self._stack.pop() for _ in range(min(width, len(self._stack)))]

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        assert self._stack is not None
        kept = [child for child in children if not child.final and child.promise >= self._threshold]
        kept.sort(key=lambda child: (-child.promise, child.id))
        self._stack += reversed(kept[: self._per_state])

    def best(self, tree: Tree[S, A]) -> Node[S, A] | None:
        return best_node(tree)
