"""Best-first search over all open nodes, with a second chance for nodes that were asked already.

The queue of Koh et al. 2024 (arXiv 2407.01476, §3.2) with ``depth_bonus=0``, ``reasks=0`` and ``lazy=True``. An estimate by a model is
no lower bound, so the order is a ranking and nothing is optimal, as A* would have it.
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

    ``lazy``: children wait with their parent's score and are scored when they are selected; ties go to the descendants of the first of
    the root's children, then to the first of siblings. A node whose own score is then lower than what is on top is queued again with it,
    unless ``commit_on_pop``; the order in which nodes are visited is the same, but steps are asked for only where the search goes on.
    """

    def __init__(self, *, depth_bonus: float = 0.3, reasks: int = 2, discount: float = 0.5, lazy: bool = False,
                 commit_on_pop: bool = False) -> None:
        self._depth_bonus, self._reasks, self._discount = depth_bonus, reasks, discount
        self._lazy, self._commit_on_pop = lazy, commit_on_pop
        self._heap: list[tuple[float, tuple[int, ...], Node[S, A]]] | None = None
        self._visited: dict[int, int] = {}

    @property
    def lazy(self) -> bool:
        return self._lazy

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        if self._heap is None:
            self._heap = []
            self._push(tree.root)
        chosen = [heapq.heappop(self._heap)[2] for _ in range(min(width, len(self._heap)))]
        for node in chosen:
            self._visited.setdefault(node.id, len(self._visited))
        return chosen

    def settle(self, tree: Tree[S, A], batch: Sequence[Node[S, A]]) -> Sequence[Node[S, A]]:
        assert self._heap is not None
        top = -self._heap[0][0] if self._heap else 0.0
        kept = [node for node in batch if self._commit_on_pop or self._priority(node) >= top]
        for node in batch:
            if node not in kept:
                self._push(node)
        return kept

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        for child in children:
            if not child.final:
                self._push(child)
        if node.asks <= self._reasks and not node.dead:
            self._push(node)

    def best(self, tree: Tree[S, A]) -> Node[S, A] | None:
        """Of a lazy search the visited node of the highest score, of equals the one visited first. An answer needs no score of its own."""
        if not self._lazy:
            return best_node(tree)
        visited = [node for node in tree.nodes[1:] if node.score is not None or node.answer is not None]
        return max(visited, key=lambda node: (node.promise, -self._visited[node.id]), default=None)

    def _priority(self, node: Node[S, A]) -> float:
        return (node.promise + self._depth_bonus * node.depth) * self._discount**node.asks

    def _push(self, node: Node[S, A]) -> None:
        assert self._heap is not None
        order = (*_ranks(node), node.id) if self._lazy else (node.id,)
        heapq.heappush(self._heap, (-self._priority(node), order, node))


def _ranks(node: Node[S, A]) -> tuple[int, int]:
    """The place of the root's child above ``node`` among its siblings, and of ``node`` among its own."""
    line = list(node.ancestors())
    if node.parent is None:
        return 0, 0
    return line[-1].children.index(line[-2]), node.parent.children.index(node)
