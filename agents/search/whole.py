"""Trees of whole answers: a step makes a new answer, or an improved one from another and what is wrong with it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from eudoxus.agents.examiner import examine
from eudoxus.agents.refine import criticise, is_done
from eudoxus.agents.scores import HIGHEST, UnreadableScores
from eudoxus.agents.search.parts import Answer, Proposal, Rejected
from eudoxus.agents.search.tree import Node
from eudoxus.agents.transcript import continued
from eudoxus.prompts import render
from eudoxus.runtime import Completion, Context, Task, Verdict

Attempt = str | None
"""An answer; None at the root."""


@dataclass(frozen=True)
class Whole:
    """The problem of answering a task well."""

    task: Task
    temperature: float | None = 0.8

    def root(self) -> Attempt:
        return None

    def key(self, state: Attempt) -> Hashable:
        return None if state is None else " ".join(state.split())

    def apply(self, state: Attempt, action: str) -> Attempt | Rejected:
        return action if action.strip() else Rejected("an empty answer")

    def goal(self, state: Attempt) -> Answer | None:
        return None if state is None else Answer(state, open=True)

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        """The task's own verifier."""
        return await self.task.verify(ctx, answer)


@dataclass(frozen=True)
class AnswerOrImprove:
    """At the root a fresh answer, elsewhere a better version of the node's answer."""

    whole: Whole

    async def propose(self, ctx: Context, node: Node[Attempt, str]) -> Sequence[Proposal[str]]:
        request = self.whole.task.request(temperature=self.whole.temperature)
        if node.state is None:
            return [Proposal((await ctx.complete(request))[0].text)]
        feedback = node.verdict.feedback if node.verdict is not None else ""
        if not feedback:
            feedback = await criticise(request, Completion(text=node.state), ctx)
            if is_done(feedback):
                return []
        told = render("refine/refine", feedback=feedback)
        improved = await ctx.complete(continued(request, node.state, told))
        return [Proposal(improved[0].text)]


@dataclass(frozen=True)
class Examiner:
    """Scores answers, those of one parent in one request; where the scores cannot be read, 0.5 counts."""

    whole: Whole

    async def score(self, ctx: Context, siblings: Sequence[Node[Attempt, str]]) -> Sequence[float]:
        try:
            return [score / HIGHEST for score in await examine(self.whole.task, [node.answer or "" for node in siblings], ctx)]
        except UnreadableScores:
            return [0.5] * len(siblings)
