"""Beam search, which Tree of Thoughts calls BFS (Yao et al. 2023, arXiv 2305.10601, algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from eudoxus.agents.search.policies.best import best_node
from eudoxus.agents.search.tree import Node, Tree

S = TypeVar("S")
A = TypeVar("A")


class Beam(Generic[S, A]):
    """Expands the ``size`` most promising nodes of each level, then those of the next."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._level: list[Node[S, A]] | None = None
        self._next: list[Node[S, A]] = []

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        if self._level is None:
            self._level = [tree.root]
        if not self._level:
            ranked = sorted(self._next, key=lambda node: (-node.promise, node.id))
            self._level, self._next = ranked[: self._size], []
        chosen, self._level = self._level[:width], self._level[width:]
        return chosen

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        self._next += [child for child in children if not child.final]

    def best(self, tree: Tree[S, A]) -> Node[S, A] | None:
        return best_node(tree)
