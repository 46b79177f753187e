"""Proposers: one request that lists several steps, or several requests that give one each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from eudoxus.agents.search.parts import Proposal
from eudoxus.agents.search.space import Space
from eudoxus.agents.search.tree import Node
from eudoxus.runtime import Context

S = TypeVar("S")
A = TypeVar("A")


@dataclass(frozen=True)
class Propose(Generic[S, A]):
    """Tree of Thoughts' *propose* (§3.1b): one request for a list of ``count`` next steps; right where the steps are few and short."""

    space: Space[S, A]
    count: int = 8
    temperature: float | None = 0.7

    async def propose(self, ctx: Context, node: Node[S, A]) -> Sequence[Proposal[A]]:
        request = self.space.propose(node, self.count).model_copy(update={"temperature": self.temperature})
        said = (await ctx.complete(request))[0].text
        return [Proposal(step) for step in self.space.read(said)]


@dataclass(frozen=True)
class Sample(Generic[S, A]):
    """Tree of Thoughts' *sample* (§3.1a): ``count`` independent continuations; equal ones are one, and the more frequent the likelier."""

    space: Space[S, A]
    count: int = 5
    temperature: float | None = 1.0

    async def propose(self, ctx: Context, node: Node[S, A]) -> Sequence[Proposal[A]]:
        request = self.space.propose(node, 1).model_copy(update={"temperature": self.temperature})
        drawn = await ctx.complete(request, n=self.count)
        steps = Counter(listed[0] for answer in drawn if (listed := self.space.read(answer.text)))
        return [Proposal(step, times / len(drawn)) for step, times in steps.most_common()]
