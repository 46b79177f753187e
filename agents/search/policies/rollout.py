"""UCT with random rollouts (rStar, arXiv 2408.06195): from a leaf on, one random child after the other until an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from eudoxus.agents.search.policies.uct import Uct
from eudoxus.agents.search.tree import Node, Tree

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; who makes a policy passes ctx.random()

S = TypeVar("S")
A = TypeVar("A")


class RandomRollout(Uct[S, A]):
    """``rollouts`` times: descend by UCT, then go on at random, by the priors, to an answer or a dead end.

    The answer's score is backed up, for a dead end 0. What a rollout expands stays in the tree. Rollouts of one round run side by side.
    ``random`` is the search's own.
    """

    def __init__(self, random: Random, *, rollouts: int, c: float = 1.4) -> None:
        super().__init__(c)
        self._random, self._left = random, rollouts
        self._tips: list[Node[S, A]] = []
        """Where the rollouts under way are to go on."""

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        chosen, self._tips = self._tips[:width], self._tips[width:]
        while len(chosen) < width and self._left:
            leaf = self._descend(tree.root)
            if leaf is None or leaf in chosen or leaf in self._tips:
                break
            for node in leaf.ancestors():
                node.in_flight += 1
            self._left -= 1
            chosen.append(leaf)
        return chosen

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        for child in children:
            child.dead = child.dead or child.final
        if not children:
            node.dead = True
            self._end(node, 0.0)
            return
        child = self._random.choices(children, [one.prior for one in children])[0]
        child.in_flight += 1
        if child.final:
            self._end(child, child.promise)
        else:
            self._tips.append(child)

    @staticmethod
    def _end(leaf: Node[S, A], reward: float) -> None:
        """A rollout is over: back up what it gave."""
        for node in leaf.ancestors():
            node.in_flight -= 1
            node.visits += 1
            node.value += reward
