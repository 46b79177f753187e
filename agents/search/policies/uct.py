"""Monte-Carlo tree search: UCT (Kocsis and Szepesvári 2006) and PUCT (Silver et al. 2017), several leaves a round by WU-UCT.

Expansions under way count as visits and leave the mean alone (Liu et al. 2020, arXiv 1810.11755), so that one round selects different
leaves without inventing losses.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from eudoxus.agents.search.policies.best import best_node
from eudoxus.agents.search.tree import Node, Tree

S = TypeVar("S")
A = TypeVar("A")


class Descent(ABC, Generic[S, A]):
    """Selection by descending from the root along the children of the highest :meth:`worth`, and backing up by means."""

    @abstractmethod
    def worth(self, parent: Node[S, A], child: Node[S, A]) -> float:
        """How much speaks for descending from ``parent`` to ``child`` now."""

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        chosen: list[Node[S, A]] = []
        while len(chosen) < width:
            leaf = self._descend(tree.root)
            if leaf is None or leaf in chosen:
                break  # nothing left, or nothing different this round
            for node in leaf.ancestors():
                node.in_flight += 1
            chosen.append(leaf)
        return chosen

    def _descend(self, root: Node[S, A]) -> Node[S, A] | None:
        node = root
        while not node.dead:
            if not node.asks:
                return node
            live = [child for child in node.children if not child.dead]
            if not live:
                node.dead = True
                node = node.parent or node
                continue
            node = max(live, key=lambda child: (self.worth(node, child), -child.id))
        return None

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        for child in children:
            child.dead = child.dead or child.final
        self.back_up(node, max((child.promise for child in children), default=0.0))
        node.dead = node.dead or all(child.dead for child in node.children)

    def back_up(self, node: Node[S, A], reward: float) -> None:
        """Note at ``node``, which was selected, and above it what came of it."""
        self.release((node,))
        for above in node.ancestors():
            above.visits += 1
            above.value += reward

    def release(self, nodes: Iterable[Node[S, A]]) -> None:
        """``nodes``, which were selected, are not under way any more."""
        for node in nodes:
            for above in node.ancestors():
                above.in_flight -= 1

    def best(self, tree: Tree[S, A]) -> Node[S, A] | None:
        return best_node(tree)


def _mean(node: Node[S, A]) -> float:
    """What was backed up through a node; before anything was, its promise."""
    return node.value / node.visits if node.visits else node.promise


class Uct(Descent[S, A]):
    """``mean + c * sqrt(2 ln(N + O) / (n + o))``; children nobody visited come first, the most promising before the others."""

    def __init__(self, c: float = 1.0) -> None:
        self._c = c

    def worth(self, parent: Node[S, A], child: Node[S, A]) -> float:
        tried = child.visits + child.in_flight
        if not tried:
            return math.inf if child.promise >= 1.0 else 1e9 + child.promise
        seen = max(1, parent.visits + parent.in_flight)
        return _mean(child) + self._c * math.sqrt(2 * math.log(seen) / tried)


class Puct(Descent[S, A]):
    """``mean + c * P * sqrt(N + O) / (1 + n + o)`` with priors P from the softmax of ``sharpness`` times the scores."""

    def __init__(self, c: float = 1.0, sharpness: float = 4.0) -> None:
        self._c, self._sharpness = c, sharpness

    def worth(self, parent: Node[S, A], child: Node[S, A]) -> float:
        seen = max(1, parent.visits + parent.in_flight)
        return _mean(child) + self._c * child.prior * math.sqrt(seen) / (1 + child.visits + child.in_flight)

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        weights = [math.exp(self._sharpness * child.promise) * child.prior for child in children]
        for child, weight in zip(children, weights, strict=True):
            child.prior = weight / (sum(weights) or 1.0)
        super().absorb(tree, node, children)
