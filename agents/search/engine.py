"""The one loop of tree search: select, propose, admit, verify, score, absorb.

Rounds of up to ``width`` nodes are worked on at the same time and applied in the order in which the policy selected them, so a parallel
search does not depend on which answer comes first. Steps are checked by program, equal states are one node, siblings are judged together,
and an answer that is verified ends the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from eudoxus.agents.search.parts import Evaluator, Policy, Problem, Proposal, Proposer, Rejected, Verifier
from eudoxus.agents.search.tree import Node, Tree
from eudoxus.runtime import Context, Verdict
from eudoxus.runtime.errors import BudgetSpent, EndpointError

S = TypeVar("S")
A = TypeVar("A")
T = TypeVar("T")

Status = Literal["verified", "judged", "exhausted", "limit", "failed"]
"""*judged*: an answer that nothing could verify was judged good enough."""

MOST_CHILDREN = 64
"""Proposals that one expansion may bring; more are left out."""
MOST_DEPTH = 64
"""Steps from the root; deeper nodes are not expanded."""
FRUITLESS_ROUNDS = 3
"""Rounds in a row in which every call failed, after which the search gives up."""


@dataclass(frozen=True, slots=True)
class Found(Generic[S, A]):
    """How a search ended. ``node`` is what to answer with: verified, else the policy's best; None when nothing was found."""

    status: Status
    node: Node[S, A] | None
    tree: Tree[S, A]
    detail: str = ""
    rejected: int = 0
    """Proposals that the problem's step check refused."""
    merged: int = 0
    """Proposals that led to a state which was there already."""


async def search(
    ctx: Context,
    problem: Problem[S, A],
    proposer: Proposer[S, A],
    evaluator: Evaluator[S, A] | None,
    policy: Policy[S, A],
    verifier: Verifier | None = None,
    *,
    width: int = 4,
    nodes: int = 200,
    depth: int = MOST_DEPTH,
    enough: float | None = None,
) -> Found[S, A]:
    """Search from the problem's root until an answer is verified, the policy has nothing left, or a limit is reached.

    ``width``: nodes expanded at the same time. ``nodes``: most nodes expanded, a node asked again counted again. ``depth``: most steps
    from the root. ``enough``: the score at which an answer without a verdict ends the search; None goes on. A spent budget and failing
    endpoints end the search with the best node so far; only when nothing at all was found is the endpoint's error raised.
    """
    limits = _Limits(width, nodes, min(depth, MOST_DEPTH), enough)
    return await _Search(ctx, problem, proposer, evaluator, policy, verifier, limits).run()


@dataclass(frozen=True, slots=True)
class _Limits:
    width: int
    nodes: int
    depth: int
    enough: float | None


class _Search(Generic[S, A]):
    def __init__(
        self, ctx: Context, problem: Problem[S, A], proposer: Proposer[S, A], evaluator: Evaluator[S, A] | None, policy: Policy[S, A],
        verifier: Verifier | None, limits: _Limits,
    ) -> None:
        self._ctx, self._problem, self._proposer, self._evaluator = ctx, problem, proposer, evaluator
        self._policy, self._verifier, self._limits = policy, verifier, limits
        root = problem.root()
        self._tree: Tree[S, A] = Tree(root, problem.key(root))
        self._refusal: BudgetSpent | None = None
        self._failure: EndpointError | None = None
        self._fruitless = self._expanded = self._rejected = self._merged = 0
        self._best: str | None = None

    async def run(self) -> Found[S, A]:
        number = 0
        while self._ended() is None and (batch := self._select()):
            scope = self._ctx.scope("round", number)
            offers = await scope.map("expand", batch, self._offer)
            grown = [self._admit(node, proposals or ()) for node, proposals in zip(batch, self._granted(offers), strict=True)]
            self._fruitless = self._fruitless + 1 if all(isinstance(offer, EndpointError) for offer in offers) else 0
            if (verified := await self._verify(scope, grown)) is not None:
                return Found("verified", verified, self._tree, rejected=self._rejected, merged=self._merged)
            await self._score(scope, grown)
            self._absorb(batch, grown)
            if (judged := self._good_enough(grown)) is not None:
                return Found("judged", judged, self._tree, rejected=self._rejected, merged=self._merged)
            number += 1
        return self._found()

    # -- one round ---------------------------------------------------------------------------------------------------

    def _select(self) -> list[Node[S, A]]:
        """The next batch. The policy is told at once that final nodes, and those at the greatest depth, have nothing below them."""
        for _ in range(len(self._tree.nodes) + 1):
            batch = list(self._policy.select(self._tree, min(self._limits.width, self._limits.nodes - self._expanded)))
            barren = [node for node in batch if node.final or node.depth >= self._limits.depth]
            for node in barren:
                node.asks, node.dead = node.asks + 1, True
                self._policy.absorb(self._tree, node, [])
            if len(barren) < len(batch) or not batch:
                return self._counted([node for node in batch if node not in barren])
        return []

    def _counted(self, batch: list[Node[S, A]]) -> list[Node[S, A]]:
        try:
            self._ctx.charge_nodes(len(batch))
        except BudgetSpent as refusal:
            self._refusal = refusal
            return []
        self._expanded += len(batch)
        return batch

    async def _offer(self, ctx: Context, node: Node[S, A]) -> Sequence[Proposal[A]] | BudgetSpent | EndpointError:
        try:
            return await self._proposer.propose(ctx, node)
        except (BudgetSpent, EndpointError) as failure:
            return failure

    def _granted(self, outcomes: Sequence[T | BudgetSpent | EndpointError]) -> list[T | None]:
        """What was not refused and did not fail. Of refusals and failures the first in order is kept, whichever came first in time."""
        for outcome in outcomes:
            if isinstance(outcome, BudgetSpent):
                self._refusal = self._refusal or outcome
            elif isinstance(outcome, EndpointError):
                self._failure = self._failure or outcome
        return [None if isinstance(outcome, BudgetSpent | EndpointError) else outcome for outcome in outcomes]

    def _admit(self, node: Node[S, A], proposals: Sequence[Proposal[A]]) -> list[Node[S, A]]:
        """The new nodes that the proposals lead to: possible steps to states that are not there yet."""
        node.asks += 1
        grown: list[Node[S, A]] = []
        for proposal in proposals[:MOST_CHILDREN]:
            state = self._problem.apply(node.state, proposal.action)
            if isinstance(state, Rejected):
                self._rejected += 1
                continue
            key = self._problem.key(state)
            if self._tree.find(key) is not None:
                self._merged += 1
                continue
            child = self._tree.grow(node, proposal.action, state, key, proposal.prior)
            if (answer := self._problem.goal(state)) is not None:
                self._tree.answer(child, answer.text, final=not answer.open)
            grown.append(child)
        return grown

    async def _verify(self, scope: Context, grown: Sequence[Sequence[Node[S, A]]]) -> Node[S, A] | None:
        """Judge those of the new nodes that have an answer; the first that is verified, in the order of admission."""
        answered = [node for siblings in grown for node in siblings if node.answer is not None]
        if not answered or self._verifier is None:
            return None
        for node, verdict in zip(answered, self._granted(await scope.map("verify", answered, self._verdict)), strict=True):
            node.verdict = verdict
            node.score = verdict.score if verdict is not None else None
        return next((node for node in answered if node.verdict is not None and node.verdict.ok), None)

    async def _verdict(self, ctx: Context, node: Node[S, A]) -> Verdict | BudgetSpent | EndpointError | None:
        assert self._verifier is not None and node.answer is not None
        try:
            return await self._verifier.verify(ctx, node.answer)
        except (BudgetSpent, EndpointError) as failure:
            return failure

    async def _score(self, scope: Context, grown: Sequence[Sequence[Node[S, A]]]) -> None:
        """Judge, family by family, what no verifier judged. Where the judge fails there is no score: the parent's counts."""
        families = [open_ones for siblings in grown if (open_ones := [node for node in siblings if node.score is None])]
        if self._evaluator is None or not families:
            return
        judged = self._granted(await scope.map("score", families, self._scores))
        for family, scores in zip(families, judged, strict=True):
            for node, score in zip(family, scores or [], strict=scores is not None):
                node.score = min(1.0, max(0.0, score))

    async def _scores(self, ctx: Context, family: Sequence[Node[S, A]]) -> Sequence[float] | BudgetSpent | EndpointError:
        assert self._evaluator is not None
        try:
            return await self._evaluator.score(ctx, family)
        except (BudgetSpent, EndpointError) as failure:
            return failure

    def _good_enough(self, grown: Sequence[Sequence[Node[S, A]]]) -> Node[S, A] | None:
        """The best of the new answers that have no verdict, if its score suffices."""
        answers = [node for siblings in grown for node in siblings if node.answer is not None and node.verdict is None]
        best = max(answers, key=lambda node: (node.score or 0.0, -node.id), default=None)
        return best if best and best.score is not None and self._limits.enough is not None and best.score >= self._limits.enough else None

    def _absorb(self, batch: Sequence[Node[S, A]], grown: Sequence[Sequence[Node[S, A]]]) -> None:
        for node, children in zip(batch, grown, strict=True):
            self._policy.absorb(self._tree, node, children)
            said = [{"id": child.id, "score": child.score, "answer": child.answer} for child in children]
            self._ctx.emit("node.expanded", id=node.id, depth=node.depth, asks=node.asks, children=said)
        if not any(child.answer is not None for children in grown for child in children):
            return
        best = self._policy.best(self._tree)
        if best is not None and best.answer is not None and best.answer != self._best:
            self._best = best.answer
            self._ctx.best(best.answer)

    # -- the end -----------------------------------------------------------------------------------------------------

    def _ended(self) -> tuple[Status, str] | None:
        """Why the search must not go on."""
        if self._refusal is not None:
            return "limit", str(self._refusal)
        if self._fruitless >= FRUITLESS_ROUNDS:
            return "failed", f"no call of the last {FRUITLESS_ROUNDS} rounds was answered: {self._failure}"
        if self._expanded >= self._limits.nodes:
            return "limit", f"{self._expanded} nodes were expanded, as many as allowed"
        return None

    def _found(self) -> Found[S, A]:
        if self._failure is not None and len(self._tree.nodes) == 1:
            raise self._failure
        status, detail = self._ended() or ("exhausted", "")
        return Found(status, self._policy.best(self._tree), self._tree, detail, self._rejected, self._merged)
