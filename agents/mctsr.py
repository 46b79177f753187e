"""MCT Self-Refine (Zhang et al. 2024, arXiv 2406.07394): a tree of whole answers, each a rewrite of its parent after a critique.

Where the released program stops at the gold answer, this stops only at an answer that the task's own verifier accepts. An answer that the
critic has no objection to is not rewritten again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.refine import criticise, is_done
from eudoxus.agents.transcript import continued, mark, reply, transcript, with_media
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Params, Result, Task, Verdict, strategy

MOST_CHILDREN = 3
_SCORE = re.compile(r"\bscore\b\W*?(-?\d{1,3}(?:\.\d+)?)", re.IGNORECASE)
CAP, CAPPED = 95.0, 50.0
"""Scores from 95 on are not believed: they count as 50."""
HIGHEST = 100.0
DUMMY = "I don't know."


class Mctsr(Params):
    rollouts: int = Field(4, ge=1, le=64)
    """Rewrites."""
    root: Literal["answer", "dummy"] = "answer"
    """What the tree grows from: the model's first answer, or *I don't know*, which keeps it from clinging to a bad start (§3.2)."""
    c: float = Field(1.4, ge=0, le=10)
    """Weight of exploration."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of the answers, where the task sets none. null leaves it to the endpoint."""


@dataclass(eq=False)
class Attempt:
    """One answer in the tree."""

    number: int
    completion: Completion
    verdict: Verdict | None
    parent: Attempt | None = None
    children: list[Attempt] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    value: float = 0.0
    """Q, with what the children taught."""
    visits: int = 0
    settled: bool = False
    """The critic has no objection to it."""

    @property
    def verified(self) -> bool:
        """Whether the task's verifier accepts it. Such an answer is not judged."""
        return self.verdict is not None and self.verdict.ok

    @property
    def own(self) -> float:
        """The mean of the least and the average score: an answer is as good as it is reliably."""
        return (min(self.scores) + sum(self.scores) / len(self.scores)) / 2

    @property
    def full(self) -> bool:
        """Whether rewriting it again promises nothing: no objection to it, or enough children, and one that is better."""
        return self.settled or (len(self.children) >= MOST_CHILDREN and any(child.value > self.value for child in self.children))


@strategy("mctsr", takes=Task, prompts=["mctsr/judge", "mctsr/judge_again", "refine/feedback", "refine/refine"],
          calls="1 answer, then rollouts times a critique and a rewrite, and 1 judge request for each answer and for each one chosen again")
async def mctsr(task: Task, params: Mctsr, ctx: Context) -> Result:
    """Return the first answer that the task's verifier accepts, else the one with the best value in the tree.

    Costs 2 completions (1 with a dummy root), and 4 more for each rollout, 2 where the critic has no objection. ``verified`` only by the
    task's verifier; else ``best_effort`` by a model's judgement. Ends early when nothing is left that the critic objects to.
    """
    request = task.request(temperature=params.temperature)
    dummy = params.root == "dummy"
    first = Completion(text=DUMMY) if dummy else (await ctx.complete(request))[0]
    if not dummy:
        ctx.best(first.text, first)
    tree = [await _attempt(task, first, None, 0, ctx.scope("answer", 0))]
    for rollout in range(params.rollouts):
        if tree[-1].verified:
            break
        if (chosen := select(tree, params.c)) is None:
            break
        here = ctx.scope("rollout", rollout)
        chosen.scores.append(await _judged(request, chosen.completion, here.scope("again")))
        if (rewritten := await _rewritten(request, chosen, here)) is None:
            chosen.settled = True
            backup(chosen)
            continue
        tree.append(await _attempt(task, rewritten, chosen, len(tree), here))
        backup(tree[-1])
        best = _best(tree)
        ctx.best(best.completion.text, best.completion)
    best = next((one for one in tree if one.verified), None) or _best(tree)
    detail = "the critic has no objection" if best.settled else ""
    return outcome(best.completion, best.verdict, judged=True, detail=detail, answers=len(tree), value=best.value)


def select(tree: Sequence[Attempt], c: float) -> Attempt | None:
    """The answer to rewrite: the highest ``Q + c sqrt(ln(N_parent + 1) / n)`` among those worth it (§3.5); the earliest of equals.

    None when the critic has no objection to any of them.
    """

    def worth(one: Attempt) -> float:
        around = one.parent.visits if one.parent else sum(child.visits for child in one.children)
        return one.value / 100 + c * math.sqrt(math.log(around + 1) / (one.visits + 1e-5))

    candidates = [one for one in tree if not one.full] or [one for one in tree if not one.settled]
    return max(candidates, key=lambda one: (worth(one), -one.number), default=None)


def backup(attempt: Attempt) -> None:
    """Note a new answer, or a new score of one, upwards: ``Q' = (Q + max Q of the children) / 2`` (§3.4)."""
    attempt.value = _value(attempt)
    node = attempt.parent
    while node is not None:
        node.visits += 1
        node.value = _value(node)
        node = node.parent


def _value(one: Attempt) -> float:
    return (one.own + max(child.value for child in one.children)) / 2 if one.children else one.own


def _best(tree: Sequence[Attempt]) -> Attempt:
    candidates = [one for one in tree if one.completion.text != DUMMY] or list(tree)
    return max(candidates, key=lambda one: (one.verdict.score if one.verdict else 0.0, one.own, -one.number))


async def _attempt(task: Task, completion: Completion, parent: Attempt | None, number: int, ctx: Context) -> Attempt:
    """An answer, verified or else judged, in its place in the tree."""
    verdict = await verdict_on(completion, task, ctx.scope("verify"))
    made = Attempt(number, completion, verdict, parent, visits=1)
    made.scores.append(HIGHEST if made.verified else await _judged(task.request(), completion, ctx.scope("judge")))
    made.value = made.own
    if parent is not None:
        parent.children.append(made)
    return made


async def _rewritten(request: ChatRequest, chosen: Attempt, ctx: Context) -> Completion | None:
    """A better version of an answer; None when the critic has no objection to it. What the verifier says takes the critic's place."""
    feedback = chosen.verdict.feedback if chosen.verdict is not None else ""
    if not feedback:
        feedback = await criticise(request, chosen.completion, ctx)
        if is_done(feedback):
            return None
    told = render("refine/refine", feedback=feedback)
    return (await ctx.complete(continued(request, chosen.completion.text, told)))[0]


async def _judged(request: ChatRequest, answer: Completion, ctx: Context) -> float:
    """The judge's score from -100 to 100; asked once more when none can be read, then 0."""
    question, said = transcript(request.messages), reply(answer)
    asked = render("mctsr/judge", task=question, answer=said, mark=mark(question, said)).model_copy(update={"temperature": 0.7})
    asked = with_media(asked, request.messages)
    judged = (await ctx.complete(asked))[0].text
    score = read_score(judged)
    if score is None:
        again = render("mctsr/judge_again")
        score = read_score((await ctx.complete(continued(asked, judged, again)))[0].text)
    return score or 0.0


def read_score(said: str) -> float | None:
    """The last score in a reply, between -100 and 100; one that is too good to be believed is capped."""
    found = _SCORE.findall(said.rpartition("</think>")[2])
    if not found:
        return None
    score = max(-100.0, min(100.0, float(found[-1])))
    return CAPPED if score >= CAP else score
