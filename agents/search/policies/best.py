"""Which node answers for a tree."""

from __future__ import annotations

from typing import TypeVar

from eudoxus.agents.search.tree import Node, Tree

S = TypeVar("S")
A = TypeVar("A")


def best_node(tree: Tree[S, A]) -> Node[S, A] | None:
    """The node with the best verdict on its answer, then the best score, then the earliest; without any answer, the most
    promising node, of equals the deepest.

    None for a tree that is only its root.
    """
    candidates = tree.answered or tree.nodes[1:]
    return max(candidates, key=_merit, default=None)


def _merit(node: Node[S, A]) -> tuple[float, float, int, int]:
    verified = node.verdict.score if node.verdict is not None else -1.0
    return (verified, node.promise, 0 if node.answer is not None else node.depth, -node.id)
