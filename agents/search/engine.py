"""The one loop of tree search: select, propose, admit, verify, score, absorb.

Rounds of up to ``width`` nodes are worked on at the same time and applied in the order in which the policy selected them, so a parallel
search does not depend on which answer comes first. Steps are checked by program, equal states are one node, siblings are judged together,
and an answer that is verified ends the search.

Where steps are acts outside, an explorer finds out where they lead: of all new nodes, or, under a lazy policy, of the selected ones only,
which are then verified and scored before steps are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from eudoxus.agents.search.parts import Evaluator, Explorer, LazyPolicy, Policy, Problem, Proposal, Proposer, Rejected, Verifier
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
    explorer: Explorer[S, A] | None = None,
    width: int = 4,
    nodes: int = 200,
    depth: int = MOST_DEPTH,
    enough: float | None = None,
) -> Found[S, A]:
    """Search from the problem's root until an answer is verified, the policy has nothing left, or a limit is reached.

    ``width``: nodes expanded at the same time. ``nodes``: most nodes expanded, a node asked again counted again; of a lazy search, nodes
    visited, the root not among them. ``depth``: most steps from the root. ``enough``: the score at which an answer without a verdict ends
    the search, a lazy search also at a state without an answer; None goes on. A spent budget and failing endpoints end the search with the
    best node so far; only when nothing at all was found is the endpoint's error raised.
    """
    limits = _Limits(width, nodes, min(depth, MOST_DEPTH), enough)
    return await _Search(ctx, problem, proposer, evaluator, policy, verifier, explorer, limits).run()


@dataclass(frozen=True, slots=True)
class _Limits:
    width: int
    nodes: int
    depth: int
    enough: float | None


class _Search(Generic[S, A]):
    def __init__(
        self, ctx: Context, problem: Problem[S, A], proposer: Proposer[S, A], evaluator: Evaluator[S, A] | None, policy: Policy[S, A],
        verifier: Verifier | None, explorer: Explorer[S, A] | None, limits: _Limits,
    ) -> None:
        self._ctx, self._problem, self._proposer, self._evaluator = ctx, problem, proposer, evaluator
        self._policy, self._verifier, self._explorer, self._limits = policy, verifier, explorer, limits
        self._lazy = policy if isinstance(policy, LazyPolicy) and policy.lazy else None
        root = problem.root()
        self._tree: Tree[S, A] = Tree(root, problem.key(root))
        self._refusal: BudgetSpent | None = None
        self._failure: EndpointError | None = None
        self._fruitless = self._expanded = self._rejected = self._merged = 0
        self._visited: set[int] = {self._tree.root.id}
        """Of a lazy search, what was reached and scored. The root is where the search begins."""
        self._done: tuple[Status, Node[S, A]] | None = None
        self._best: str | None = None

    async def run(self) -> Found[S, A]:
        number = 0
        while self._ended() is None and (batch := self._select()):
            scope = self._ctx.scope("round", number)
            number += 1
            if self._lazy is not None:
                batch = await self._visit(scope, batch)
            if self._done is None and batch and (self._lazy is None or self._ended() is None):
                await self._expand(scope, batch)
            if self._done is not None:
                return Found(*self._done, self._tree, rejected=self._rejected, merged=self._merged)
        return self._found()

    # -- one round ---------------------------------------------------------------------------------------------------

    def _select(self) -> list[Node[S, A]]:
        """The next batch. The policy is told at once that final nodes, and those at the greatest depth, have nothing below them."""
        for _ in range(len(self._tree.nodes) + 1):
            batch = list(self._policy.select(self._tree, min(self._limits.width, self._limits.nodes - self._expanded)))
            fertile = self._fertile(batch)
            if fertile or not batch:
                return self._counted(fertile)
        return []

    def _fertile(self, batch: Sequence[Node[S, A]]) -> list[Node[S, A]]:
        """Those of the batch that can be expanded, or must be visited first; the policy is told of the others."""
        fertile = []
        for node in batch:
            unknown = self._lazy is not None and node.id not in self._visited
            if unknown or not (node.final or node.depth >= self._limits.depth):
                fertile.append(node)
            else:
                self._closed(node)
        return fertile

    def _closed(self, node: Node[S, A]) -> None:
        node.asks, node.dead = node.asks + 1, True
        self._policy.absorb(self._tree, node, [])

    def _counted(self, batch: list[Node[S, A]]) -> list[Node[S, A]]:
        """The batch, if all of it may be worked on. A node that was visited, and counted, before its expansion costs no more."""
        count = sum(self._lazy is None or node.asks > 0 or node.id not in self._visited for node in batch)
        try:
            self._ctx.charge_nodes(count)
        except BudgetSpent as refusal:
            self._refusal = refusal
            return []
        self._expanded += count
        return batch

    async def _visit(self, scope: Context, batch: list[Node[S, A]]) -> list[Node[S, A]]:
        """Reach, verify and score what a lazy policy selected; those of it that are to be expanded now."""
        assert self._lazy is not None
        fresh = [node for node in batch if node.id not in self._visited]
        self._visited.update(node.id for node in fresh)
        there = await self._reach(scope, fresh)
        for node in fresh:
            if node not in there:
                self._policy.absorb(self._tree, node, [])
        families = [[node] for node in there]
        if not await self._verify(scope, families):
            await self._score(scope, families)
            best = max(there, key=lambda node: (node.score or 0.0, -node.id), default=None)
            if best is not None and self._limits.enough is not None and (best.score or 0.0) >= self._limits.enough:
                self._done = ("judged", best)
        for node in there:
            self._ctx.emit("node.visited", id=node.id, depth=node.depth, score=node.score, answer=node.answer)
        self._tell_best(there)
        gone = {node.id for node in fresh} - {node.id for node in there}
        return list(self._lazy.settle(self._tree, self._fertile([node for node in batch if node.id not in gone])))

    async def _expand(self, scope: Context, batch: list[Node[S, A]]) -> None:
        """Ask for steps, admit them, and, unless that waits until they are selected, find out how good they are."""
        offers = await scope.map("expand", batch, self._offer)
        grown = [self._admit(node, proposals or ()) for node, proposals in zip(batch, self._granted(offers), strict=True)]
        self._fruitless = self._fruitless + 1 if all(isinstance(offer, EndpointError) for offer in offers) else 0
        if self._lazy is None:
            there = await self._reach(scope, [node for siblings in grown for node in siblings])
            grown = [[node for node in siblings if node in there] for siblings in grown]
            if await self._verify(scope, grown):
                return
            await self._score(scope, grown)
        self._absorb(batch, grown)
        if self._lazy is None and (judged := self._good_enough(grown)) is not None:
            self._done = ("judged", judged)

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
            self._answered(child)
            grown.append(child)
        return grown

    def _answered(self, node: Node[S, A]) -> None:
        if (answer := self._problem.goal(node.state)) is not None:
            self._tree.answer(node, answer.text, final=not answer.open)
            self._judge(node, answer.verdict)

    async def _reach(self, scope: Context, nodes: Sequence[Node[S, A]]) -> list[Node[S, A]]:
        """Those of ``nodes`` whose last step was possible and led somewhere new; the others are taken out of the tree."""
        if self._explorer is None or not nodes:
            return list(nodes)
        try:
            states = await self._explorer.reach(scope, nodes)
        except BudgetSpent as refusal:
            self._refusal, states = refusal, [Rejected("not reached")] * len(nodes)
        there = []
        for node, state in zip(nodes, states, strict=True):
            if isinstance(state, Rejected):
                self._rejected += 1
                self._tree.remove(node)
            elif self._tree.find(key := self._problem.key(state)) not in (None, node):
                self._merged += 1
                self._tree.remove(node)
            else:
                self._tree.reached(node, state, key)
                self._answered(node)
                there.append(node)
        return there

    async def _verify(self, scope: Context, grown: Sequence[Sequence[Node[S, A]]]) -> bool:
        """Judge those of the new nodes that have an answer; whether one is verified: the first, in the order of admission."""
        answered = [node for siblings in grown for node in siblings if node.answer is not None]
        unjudged = [node for node in answered if node.verdict is None]
        if unjudged and self._verifier is not None:
            for node, verdict in zip(unjudged, self._granted(await scope.map("verify", unjudged, self._verdict)), strict=True):
                self._judge(node, verdict)
        verified = next((node for node in answered if node.verdict is not None and node.verdict.ok), None)
        if verified is not None:
            self._done = ("verified", verified)
        return verified is not None

    def _judge(self, node: Node[S, A], verdict: Verdict | None) -> None:
        node.verdict = verdict
        node.score = verdict.score if verdict is not None else None

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
        self._tell_best([child for children in grown for child in children])

    def _tell_best(self, new: Sequence[Node[S, A]]) -> None:
        if all(node.answer is None for node in new):
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
