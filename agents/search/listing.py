"""Proposers: one request that lists several steps, or several requests that give one each.

A model whose reply holds no step, possible or not, is told why and asked once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from eudoxus.agents.search.engine import MOST_CHILDREN
from eudoxus.agents.search.parts import Proposal, Unreadable
from eudoxus.agents.search.space import Space
from eudoxus.agents.search.tree import Node
from eudoxus.agents.transcript import continued
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context

S = TypeVar("S")
A = TypeVar("A")


@dataclass(frozen=True)
class Propose(Generic[S, A]):
    """Tree of Thoughts' *propose* (§3.1b): one request for a list of ``count`` next steps; right where the steps are few and short.

    Several lists (``times``), and lists that say how much each step is held, are added up: the steps held most come first.
    """

    space: Space[S, A]
    count: int = 8
    temperature: float | None = 0.7
    times: int = 1

    async def propose(self, ctx: Context, node: Node[S, A]) -> Sequence[Proposal[A]]:
        request = self.space.propose(node, self.count).model_copy(update={"temperature": self.temperature})
        replies = await _replies(ctx, self.space, node, request, self.times)
        if self.times == 1 and self.space.weigh is None:
            return [Proposal(step) for step in self.space.read(replies[-1])]
        held: dict[A, float] = {}
        for said in replies:
            for step, weight in self.space.weigh(said) if self.space.weigh else [(step, 1.0) for step in self.space.read(said)]:
                held[step] = held.get(step, 0.0) + weight
        return [Proposal(step, weight) for step, weight in sorted(held.items(), key=lambda one: -one[1])]


@dataclass(frozen=True)
class Sample(Generic[S, A]):
    """Tree of Thoughts' *sample* (§3.1a): ``count`` independent continuations; equal ones are one, and the more frequent the likelier."""

    space: Space[S, A]
    count: int = 5
    temperature: float | None = 1.0

    async def propose(self, ctx: Context, node: Node[S, A]) -> Sequence[Proposal[A]]:
        request = self.space.propose(node, 1).model_copy(update={"temperature": self.temperature})
        replies = await _replies(ctx, self.space, node, request, self.count)
        steps = Counter(listed[0] for said in replies if (listed := self.space.read(said)))
        return [Proposal(step, times / len(replies)) for step, times in steps.most_common()]


async def _replies(ctx: Context, space: Space[S, A], node: Node[S, A], request: ChatRequest, times: int) -> list[str]:
    """So many replies, and when none of them holds a step, one more, at the end, to a request that says what is wrong."""
    replies = [answer.text for answer in await ctx.complete(request, n=times)]
    problem = "it lists none"
    for step in (step for said in replies for step in space.read(said)[:MOST_CHILDREN]):
        state = space.problem.apply(node.state, step)
        if not isinstance(state, Unreadable):
            return replies
        problem = state.reason
    asked = continued(request, replies[0], render("search/steps_again", problem=problem))
    return [*replies, (await ctx.complete(asked))[0].text]
