"""Evaluators: how promising states are, judged together, one by one, or by vote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from eudoxus.agents.search.space import Space
from eudoxus.agents.search.tree import Node
from eudoxus.agents.transcript import continued
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Message

S = TypeVar("S")
A = TypeVar("A")

LABELS = {"sure": 1.0, "likely": 0.5, "maybe": 0.5, "impossible": 0.0}
"""What a label is worth. The paper's 20, 1 and 0.001 order them in the same way."""
_LABEL = re.compile(rf"\b({'|'.join(LABELS)})\b", re.IGNORECASE)
_NUMBERED_LABEL = re.compile(rf"^[^\w\n]*(?:state\s*)?(\d{{1,4}})\b.*?\b({'|'.join(LABELS)})\b[^\w\n]*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Listwise(Generic[S, A]):
    """All siblings in one request, one label each; asked once more when labels are missing, and what is still missing counts as 0.5.

    Judged ``times`` times, the mean counts. Once serves: a model repeats its mistakes.
    """

    space: Space[S, A]
    times: int = 1

    async def score(self, ctx: Context, siblings: Sequence[Node[S, A]]) -> Sequence[float]:
        request = self.space.judge(siblings).model_copy(update={"temperature": 0.0 if self.times == 1 else 0.7})
        replies = [answer.text for answer in await ctx.complete(request, n=self.times)]
        labels = [read_labels(reply, len(siblings)) for reply in replies]
        if all(None in found for found in labels):
            again = render("search/judge_again", count=str(len(siblings)))
            said = (await ctx.complete(continued(request, replies[0], again)))[0].text
            labels.append(read_labels(said, len(siblings)))
        return [_mean([found[place] for found in labels]) for place in range(len(siblings))]


@dataclass(frozen=True)
class Alone(Generic[S, A]):
    """Tree of Thoughts' *value* (§3.2a): every state in a request of its own, ``times`` samples each."""

    space: Space[S, A]
    times: int = 1

    async def score(self, ctx: Context, siblings: Sequence[Node[S, A]]) -> Sequence[float]:
        judge = Listwise(self.space, self.times)
        scores = await ctx.map("state", siblings, lambda child, node: judge.score(child, [node]))
        return [score for [score] in scores]


@dataclass(frozen=True)
class Vote(Generic[S, A]):
    """Tree of Thoughts' *vote* (§3.2b): which state is the best, asked ``times`` times; the score is the share of the votes."""

    space: Space[S, A]
    times: int = 1

    async def score(self, ctx: Context, siblings: Sequence[Node[S, A]]) -> Sequence[float]:
        if len(siblings) == 1:
            return [1.0]
        asked = self.space.judge(siblings)
        ballot: ChatRequest = render("search/vote", count=str(len(siblings)))
        messages = (*asked.messages[:-1], _joined(asked.messages[-1], ballot.messages[-1]))
        request = asked.model_copy(update={"messages": messages, "temperature": 0.7})
        votes = [read_vote(answer.text, len(siblings)) for answer in await ctx.complete(request, n=self.times)]
        valid = [vote for vote in votes if vote is not None]
        return [valid.count(place) / len(valid) if valid else 0.5 for place in range(len(siblings))]


def read_labels(reply: str, count: int) -> list[float | None]:
    """The worth of the label of each of ``count`` states, None where there is none; the last word on a state counts."""
    text = reply.rpartition("</think>")[2]
    found: list[float | None] = [None] * count
    for number, label in _NUMBERED_LABEL.findall(text):
        if 1 <= int(number) <= count:
            found[int(number) - 1] = LABELS[label.lower()]
    if count == 1 and found == [None] and (labels := _LABEL.findall(text)):
        found = [LABELS[labels[-1].lower()]]
    return found


def read_vote(reply: str, count: int) -> int | None:
    """The place, from 0, of the state that a reply names last; None when it names none."""
    numbers = [int(found) for found in re.findall(r"\b\d{1,4}\b", reply.rpartition("</think>")[2])]
    valid = [number for number in numbers if 1 <= number <= count]
    return valid[-1] - 1 if valid else None


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.5


def _joined(first: Message, second: Message) -> Message:
    return first.model_copy(update={"content": f"{first.text}\n\n{second.text}"})
