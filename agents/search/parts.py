"""What a search is made of: a problem, who proposes, who scores, who verifies, and the policy that decides where to look next."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from eudoxus.agents.search.tree import Node, Tree
from eudoxus.runtime import Context, Verdict

S = TypeVar("S")
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
A_contra = TypeVar("A_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a step cannot be taken from a state."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable(Rejected):
    """Why something is no step at all, from whatever state. Whoever lists only such steps is asked once more."""


@dataclass(frozen=True, slots=True)
class Proposal(Generic[A_co]):
    """A step that might be taken."""

    action: A_co
    prior: float = 1.0
    """How likely its proposer holds it, among its siblings; any positive scale."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a state answers."""

    text: str
    open: bool = False
    """Whether there are steps from here all the same: a whole answer that can be improved."""
    verdict: Verdict | None = None
    """What the state itself shows of the answer; then no verifier is asked."""


class Problem(Protocol[S, A_contra]):
    """States and steps, without any outside act."""

    def root(self) -> S:
        """Where the search begins."""
        ...

    def key(self, state: S) -> Hashable:
        """States with equal keys are one node."""
        ...

    def apply(self, state: S, action: A_contra) -> S | Rejected:
        """The state after a step, or why the step is not possible there."""
        ...

    def goal(self, state: S) -> Answer | None:
        """What the state answers; None while there is more to do."""
        ...


class Proposer(Protocol[S, A]):
    """Suggests steps from a node."""

    async def propose(self, ctx: Context, node: Node[S, A]) -> Sequence[Proposal[A]]:
        """Steps in order of preference, perhaps none. A node may be asked again: ``node.asks`` says how often it was."""
        ...


class Explorer(Protocol[S, A]):
    """Finds out where steps lead, for problems whose steps are acts outside: their ``apply`` gives a state that is not known yet."""

    async def reach(self, ctx: Context, nodes: Sequence[Node[S, A]]) -> Sequence[S | Rejected]:
        """What the state of each of ``nodes`` turns out to be, or why its last step was impossible after all."""
        ...


class Evaluator(Protocol[S, A]):
    """Judges how promising states are."""

    async def score(self, ctx: Context, siblings: Sequence[Node[S, A]]) -> Sequence[float]:
        """One score from 0 to 1 for each of the ``siblings``, which have one parent: they can share a request."""
        ...


class Verifier(Protocol):
    """Decides whether an answer is right. Only what it says may end a search early."""

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        """The verdict, None when there is nothing to go by."""
        ...


class Policy(Protocol[S, A]):
    """Where to look next: pure, synchronous, made anew for each search. Every search algorithm is one of these.

    The engine calls :meth:`select` and, for each node that it gave and in that order, :meth:`absorb`.
    """

    def select(self, tree: Tree[S, A], width: int) -> Sequence[Node[S, A]]:
        """Up to ``width`` different nodes to expand now; none ends the search."""
        ...

    def absorb(self, tree: Tree[S, A], node: Node[S, A], children: Sequence[Node[S, A]]) -> None:
        """``node`` was expanded: its new ``children`` are in the tree, scored, those with a verdict too."""
        ...

    def best(self, tree: Tree[S, A]) -> Node[S, A] | None:
        """The node to answer with, as things are."""
        ...


@runtime_checkable
class LazyPolicy(Policy[S, A], Protocol[S, A]):
    """A policy whose nodes may be reached and scored only when they are selected, not when they are new."""

    @property
    def lazy(self) -> bool:
        """Whether this one is so."""
        ...

    def settle(self, tree: Tree[S, A], batch: Sequence[Node[S, A]]) -> Sequence[Node[S, A]]:
        """Those of a selected ``batch``, now scored, that are to be expanded at once; the others are queued again."""
        ...
