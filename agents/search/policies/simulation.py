"""UCT with greedy simulations: the selected leaf is followed to an end before anything is backed up (LATS, arXiv 2310.04406, §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from eudoxus.agents.search.policies.uct import Uct
from eudoxus.agents.search.tree import Node, Tree

S = TypeVar("S")
A = TypeVar("A")


class Simulation(Uct[S, A]):
    """Selects by UCT, then expands the best child, and its best child, until one is final or nothing is below; its score is backed up once.

    One node at a time, whatever width is asked for. The nodes of a simulation stay in the tree.
    """

    def __init__(self, c: float = 1.0) -> None:
        super().__init__(c)
        self._next: Node[S, A] | None = None

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        if self._next is None:
            return super().select(tree, min(width, 1))
        for above in self._next.ancestors():
            above.in_flight += 1
        return [self._next]

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        for above in node.ancestors():
            above.in_flight -= 1
        for child in children:
            child.dead = child.dead or child.final
        best = max(children, key=lambda child: (child.promise, -child.id), default=None)
        self._next = best if best is not None and not best.dead else None
        if self._next is not None:
            return
        end = best or node
        for above in end.ancestors():
            above.visits += 1
            above.value += end.promise
        node.dead = node.dead or all(child.dead for child in node.children)
