"""Depth one: the root is expanded once (best-of-N, self-consistency)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from eudoxus.agents.search.policies.best import best_node
from eudoxus.agents.search.tree import Node, Tree

S = TypeVar("S")
A = TypeVar("A")


class First(Generic[S, A]):
    """Expands the root, and nothing else."""

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        return [] if tree.root.asks else [tree.root]

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        """Nothing to remember."""

    def best(self, tree: Tree[S, A]) -> Node[S, A] | None:
        return best_node(tree)
