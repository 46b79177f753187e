"""Best-first search over all open nodes, with a second chance for nodes that were asked already.

The queue of Koh et al. 2024 (arXiv 2407.01476, §3.2) with ``depth_bonus=0`` and ``reasks=0``. An estimate by a model is no lower bound, so
the order is a ranking and nothing is optimal, as A* would have it.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Generic, TypeVar

from eudoxus.agents.search.policies.best import best_node
from eudoxus.agents.search.tree import Node, Tree

S = TypeVar("S")
A = TypeVar("A")


class Queue(Generic[S, A]):
    """Expands the open nodes of the highest ``promise + depth_bonus * depth``; ties go to the earlier node.

    After an expansion a node is queued again, up to ``reasks`` times, each time at ``discount`` of its priority before.
    """

    def __init__(self, *, depth_bonus: float = 0.3, reasks: int = 2, discount: float = 0.5) -> None:
        self._depth_bonus, self._reasks, self._discount = depth_bonus, reasks, discount
        self._heap: list[tuple[float, int, Node[S, A]]] | None = None

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        if self._heap is None:
            self._heap = []
            self._push(tree.root)
        return [heapq.heappop(self._heap)[2] for _ in range(min(width, len(self._heap)))]

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        for child in children:
            if not child.final:
                self._push(child)
        if node.asks <= self._reasks and not node.dead:
            self._push(node)

    def best(self, tree: Tree[S, A]) -> Node[S, A] | None:
        return best_node(tree)

    def _push(self, node: Node[S, A]) -> None:
        assert self._heap is not None
        priority = (node.promise + self._depth_bonus * node.depth) * self._discount**node.asks
        heapq.heappush(self._heap, (-priority, node.id, node))
