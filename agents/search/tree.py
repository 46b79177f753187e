"""The search tree: every state once, numbered in the order in which it was admitted."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from eudoxus.runtime import Verdict

S = TypeVar("S")
A = TypeVar("A")


@dataclass(slots=True, eq=False)
class Node(Generic[S, A]):
    """A state and how it was reached. Everything below ``score`` belongs to the policy."""

    id: int
    state: S
    parent: Node[S, A] | None = None
    action: A | None = None
    """The step from the parent."""
    depth: int = 0
    prior: float = 1.0
    answer: str | None = None
    """What the state answers, if anything."""
    final: bool = False
    """Whether there are no steps from here."""
    verdict: Verdict | None = None
    """What the verifier says of the answer."""
    children: list[Node[S, A]] = field(default_factory=list)
    asks: int = 0
    """How often steps were asked for here."""
    score: float | None = None
    """From 0 to 1; None as long as nobody judged it."""
    visits: int = 0
    value: float = 0.0
    """Sum of what was backed up through here; the mean is ``value / visits``."""
    in_flight: int = 0
    """Expansions under way at or below this node (WU-UCT, Liu et al. 2020, arXiv 1810.11755)."""
    dead: bool = False
    """Nothing is left to find here."""

    @property
    def promise(self) -> float:
        """The score, of an unjudged node its parent's; 0.5 at the very beginning."""
        if self.score is not None:
            return self.score
        return self.parent.promise if self.parent is not None else 0.5

    def ancestors(self) -> Iterator[Node[S, A]]:
        """This node, its parent, and so on up to the root."""
        node: Node[S, A] | None = self
        while node is not None:
            yield node
            node = node.parent

    def path(self) -> list[A]:
        """The steps from the root to here."""
        steps = [node.action for node in self.ancestors() if node.action is not None]
        return steps[::-1]


class Tree(Generic[S, A]):
    """All nodes, by number and by key."""

    def __init__(self, root: S, key: Hashable) -> None:
        self.root: Node[S, A] = Node(0, root)
        self.nodes = [self.root]
        self._count = 1
        self.answered: list[Node[S, A]] = []
        """The nodes that have an answer."""
        self._by_key: dict[Hashable, Node[S, A]] = {key: self.root}

    def find(self, key: Hashable) -> Node[S, A] | None:
        return self._by_key.get(key)

    def grow(self, parent: Node[S, A], action: A, state: S, key: Hashable, prior: float) -> Node[S, A]:
        """Add a child with a new key."""
        child = Node(self._count, state, parent, action, parent.depth + 1, prior)
        self._count += 1
        self.nodes.append(child)
        self._by_key[key] = child
        parent.children.append(child)
        return child

    def reached(self, node: Node[S, A], state: S, key: Hashable) -> None:
        """``node`` turned out to be in ``state``."""
        node.state = state
        self._by_key[key] = node

    def remove(self, node: Node[S, A]) -> None:
        """Take out a node that has no children: its step was impossible, or led to a state that is there already."""
        node.dead = True
        self.nodes.remove(node)
        if node.parent is not None:
            node.parent.children.remove(node)

    def answer(self, node: Node[S, A], text: str, *, final: bool) -> None:
        """Note what a node answers, and whether there is nothing below it."""
        node.answer, node.final = text, final
        self.answered.append(node)
