"""MCT Self-Refine (Zhang et al. 2024, arXiv 2406.07394): a tree of whole answers, each a rewrite of its parent after a critique.

Where the released program stops at the gold answer, this stops only at an answer that the task's own verifier accepts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import Field

from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.refine import criticise
from eudoxus.agents.transcript import mark, reply, transcript, with_media
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Message, Params, Result, Task, Verdict, strategy

MOST_CHILDREN = 3
_SCORE = re.compile(r"\bscore\b\W*?(-?\d{1,3}(?:\.\d+)?)", re.IGNORECASE)
CAP, CAPPED = 95.0, 50.0
"""Scores from 95 on are not believed: they count as 50."""


class Mctsr(Params):
    rollouts: int = Field(4, ge=1, le=64)
    """Rewrites."""
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

    @property
    def own(self) -> float:
        """The mean of the least and the average score: an answer is as good as it is reliably."""
        return (min(self.scores) + sum(self.scores) / len(self.scores)) / 2

    @property
    def full(self) -> bool:
        """Whether rewriting it again promises nothing: enough children, and one that is better."""
        return len(self.children) >= MOST_CHILDREN and any(child.value > self.value for child in self.children)


@strategy("mctsr", takes=Task, prompts=["mctsr/judge", "refine/feedback", "refine/refine"],
          calls="1 answer, then rollouts times a critique and a rewrite, and 1 judge request for each answer and for each one chosen again")
async def mctsr(task: Task, params: Mctsr, ctx: Context) -> Result:
    """Return the first answer that the task's verifier accepts, else the one with the best value in the tree.

    Costs 2 completions, and 4 more for each rollout. ``verified`` only by the task's verifier; else ``best_effort`` by a model's judgement.
    """
    request = task.request(temperature=params.temperature)
    tree = [await _attempt(task, (await ctx.complete(request))[0], None, 0, ctx.scope("answer", 0))]
    ctx.best(tree[0].completion.text, tree[0].completion)
    for rollout in range(params.rollouts):
        if (done := next((one for one in tree if one.verdict is not None and one.verdict.ok), None)) is not None:
            return outcome(done.completion, done.verdict, answers=len(tree))
        here = ctx.scope("rollout", rollout)
        chosen = select(tree, params.c)
        chosen.scores.append(await _judged(request, chosen.completion, here.scope("again")))
        rewritten = await _rewritten(request, chosen, here)
        child = await _attempt(task, rewritten, chosen, len(tree), here)
        tree.append(child)
        backup(child)
        best = _best(tree)
        ctx.best(best.completion.text, best.completion)
    best = _best(tree)
    return outcome(best.completion, best.verdict, judged=True, answers=len(tree), value=best.value)


def select(tree: Sequence[Attempt], c: float) -> Attempt:
    """The answer to rewrite: the highest ``Q + c sqrt(ln(N_parent + 1) / n)`` among those worth it (§3.5); the earliest of equals."""

    def worth(one: Attempt) -> float:
        around = one.parent.visits if one.parent else sum(child.visits for child in one.children)
        return one.value / 100 + c * math.sqrt(math.log(around + 1) / (one.visits + 1e-5))

    candidates = [one for one in tree if not one.full] or list(tree)
    return max(candidates, key=lambda one: (worth(one), -one.number))


def backup(child: Attempt) -> None:
    """Note a new answer upwards: ``Q' = (Q + max Q of the children) / 2`` (§3.4)."""
    child.value, child.visits = child.own, 1
    node = child.parent
    while node is not None:
        node.visits += 1
        node.value = (node.own + max(one.value for one in node.children)) / 2
        node = node.parent


def _best(tree: Sequence[Attempt]) -> Attempt:
    return max(tree, key=lambda one: (one.verdict.score if one.verdict else 0.0, one.own, -one.number))


async def _attempt(task: Task, completion: Completion, parent: Attempt | None, number: int, ctx: Context) -> Attempt:
    """An answer, verified and judged, in its place in the tree."""
    verdict = await verdict_on(completion, task, ctx.scope("verify"))
    made = Attempt(number, completion, verdict, parent, visits=1)
    made.scores.append(await _judged(task.request(), completion, ctx.scope("judge")))
    made.value = made.own
    if parent is not None:
        parent.children.append(made)
    return made


async def _rewritten(request: ChatRequest, chosen: Attempt, ctx: Context) -> Completion:
    feedback = chosen.verdict.feedback if chosen.verdict is not None else ""
    feedback = feedback or await criticise(request, chosen.completion, ctx)
    told = render("refine/refine", feedback=feedback)
    history = (*request.messages, Message(role="assistant", content=chosen.completion.text), *told.messages)
    return (await ctx.complete(request.model_copy(update={"messages": history, "prompt": told.prompt})))[0]


async def _judged(request: ChatRequest, answer: Completion, ctx: Context) -> float:
    """The judge's score from -100 to 100; 0 where none can be read."""
    question, said = transcript(request.messages), reply(answer)
    asked = render("mctsr/judge", task=question, answer=said, mark=mark(question, said)).model_copy(update={"temperature": 0.7})
    found = _SCORE.findall((await ctx.complete(with_media(asked, request.messages)))[0].text.rpartition("</think>")[2])
    score = max(-100.0, min(100.0, float(found[-1]))) if found else 0.0
    return CAPPED if score >= CAP else score
