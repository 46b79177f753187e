"""An archive of candidates to vary: evolutionary search (FunSearch, ShinkaEvolve) as a policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Generic, TypeVar

from eudoxus.agents.search.policies.best import best_node
from eudoxus.agents.search.tree import Node, Tree

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; who makes a policy passes ctx.random()

S = TypeVar("S")
A = TypeVar("A")


class Archive(Generic[S, A]):
    """Draws parents by ``sigmoid((score - median) / spread) / (1 + children)``: good ones, and those not varied much yet.

    ``size`` is how many of the best are kept; ``random`` is the search's own.
    """

    def __init__(self, random: Random, size: int = 32) -> None:
        self._random, self._size = random, size

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        if not tree.root.children:
            return [] if tree.root.asks else [tree.root]
        pool = sorted(tree.nodes[1:], key=lambda node: (-node.promise, node.id))[: self._size]
        pool = [node for node in pool if not node.dead and not node.final]
        chosen: list[Node[S, A]] = []
        while pool and len(chosen) < width:
            parent = self._random.choices(pool, _weights(pool))[0]
            pool.remove(parent)
            chosen.append(parent)
        return chosen

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        """The archive is the tree."""

    def best(self, tree: Tree[S, A]) -> Node[S, A] | None:
        return best_node(tree)


def _weights(pool: Sequence[Node[S, A]]) -> list[float]:
    middle = median(node.promise for node in pool)
    spread = median(abs(node.promise - middle) for node in pool) or 1.0
    return [1 / (1 + math.exp(-(node.promise - middle) / spread)) / (1 + node.asks) for node in pool]
