"""AB-MCTS-A (Inoue et al. 2025, arXiv 2503.04412, §3): go wider or deeper by Thompson sampling, for trees of whole answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from eudoxus.agents.search.policies.best import best_node
from eudoxus.agents.search.tree import Node, Tree

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; who makes a policy passes ctx.random()

S = TypeVar("S")
A = TypeVar("A")


@dataclass(slots=True)
class _Beta:
    """A posterior over rewards from 0 to 1: Jeffreys' prior, fractional successes."""

    successes: float = 0.5
    failures: float = 0.5

    def add(self, reward: float) -> None:
        self.successes += reward
        self.failures += 1.0 - reward

    def mean(self) -> float:
        return self.successes / (self.successes + self.failures)

    def draw(self, random: Random, in_flight: int) -> float:
        """A sample; expansions under way count as one observation of the mean each, so that a round spreads out."""
        mean = self.mean()
        return random.betavariate(self.successes + in_flight * mean, self.failures + in_flight * (1.0 - mean))


@dataclass(slots=True)
class _Arms:
    """What is known of a node: how good new children turn out, what working on the ones it has gave, and how good all of it is."""

    wider: _Beta = field(default_factory=_Beta)
    deeper: _Beta = field(default_factory=_Beta)
    all: _Beta = field(default_factory=_Beta)
    waiting: int = 0
    """New children of this very node under way."""


class Thompson(Generic[S, A]):
    """At every node one draw decides between a new child and working on those there are, another one among them.

    ``random`` is the search's own. ``most``: expansions in all, after which there is nothing left to select; None sets no end.
    """

    def __init__(self, random: Random, *, most: int | None = None) -> None:
        self._random, self._left = random, most
        self._arms: dict[int, _Arms] = {}

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        chosen: list[Node[S, A]] = []
        width = width if self._left is None else min(width, self._left)
        for _ in range(4 * width):  # a draw may lead to a node that this round has already
            leaf = self._descend(tree.root)
            if leaf not in chosen:
                chosen.append(leaf)
                self._arms_of(leaf).waiting += 1
                for node in leaf.ancestors():
                    node.in_flight += 1
            if len(chosen) == width:
                break
        if self._left is not None:
            self._left -= len(chosen)
        return chosen

    def _descend(self, root: Node[S, A]) -> Node[S, A]:
        node = root
        while node.children:
            arms = self._arms_of(node)
            live = [child for child in node.children if not child.final and not child.dead]
            below = sum(child.in_flight for child in live)
            if not live or arms.wider.draw(self._random, arms.waiting) >= arms.deeper.draw(self._random, below):
                return node
            draws = [(self._arms_of(child).all.draw(self._random, child.in_flight), -child.id, child) for child in live]
            node = max(draws)[2]
        return node

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        self._arms_of(node).waiting -= 1
        for above in node.ancestors():
            above.in_flight -= 1
        if not children:
            self._arms_of(node).wider.add(0.0)  # nothing, or nothing new, is no reward
        for child in children:
            reward = child.promise
            self._arms_of(node).wider.add(reward)
            for above in child.ancestors():
                self._arms_of(above).all.add(reward)
                if above is not child and above is not node:
                    self._arms_of(above).deeper.add(reward)

    def best(self, tree: Tree[S, A]) -> Node[S, A] | None:
        return best_node(tree)

    def _arms_of(self, node: Node[S, A]) -> _Arms:
        return self._arms.setdefault(node.id, _Arms())
