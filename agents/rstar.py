"""rStar (Qi et al. 2024, arXiv 2408.06195): a rich tree of typed moves, and a second model that must come to the same answers.

A model explores solutions by Monte-Carlo tree search; then for each of them a second model gets the beginning and finishes it. An answer
that both reach counts more. Nothing here sees a right answer: rewards are shares of votes, unless the task has a verifier of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from eudoxus.agents.answers import same
from eudoxus.agents.search import Found, Node, Policy, search
from eudoxus.agents.search.outcome import result_of
from eudoxus.agents.search.policies import RandomRollout
from eudoxus.agents.search.traces import Move, Trace, Traces, Typed, VoteShare, asked, read_move, told
from eudoxus.runtime import ChatTask, Context, Params, Result, StrategySpec, Task, Verdict, strategy
from eudoxus.runtime.errors import EffectFailed, EndpointError

PROMPTS = ["rstar/step", "rstar/finish", "rstar/subquestion", "rstar/reanswer", "rstar/rephrase", "rstar/again"]
KEPT = (0.2, 0.8)
"""Share of a solution that the second model is given, drawn evenly between these."""


class Rstar(Params):
    model2: StrategySpec | None = None
    """Who finishes the beginnings, for example ``direct/other:model``; None is the model itself, which repeats its own mistakes."""
    rollouts: int = Field(8, ge=1, le=256)
    """Ways from the root to an answer; the paper takes 16 to 32."""
    count: int = Field(2, ge=1, le=8)
    """Steps, sub-questions and new replies sampled at a state."""
    votes: int = Field(4, ge=1, le=64)
    """Ways to the end sampled at a state."""
    depth: int = Field(5, ge=1, le=16)
    """Most moves."""
    width: int = Field(2, ge=1, le=32)
    """Rollouts at the same time."""
    candidates: int = Field(8, ge=1, le=64)
    """Solutions that the second model checks: one with each answer, then another with each, and so on."""
    c: float = Field(1.4, ge=0, le=10)
    """Weight of exploration."""
    temperature: float | None = Field(0.8, ge=0, le=2)
    """Sampling temperature of the moves. null leaves it to the endpoint."""


@dataclass
class Group:
    """Solutions with one answer."""

    answer: str
    reward: float = 0.0
    checked: int = 0
    survived: int = 0
    nodes: list[Node[Trace, Move]] = field(default_factory=list)


@strategy("rstar", takes=Task, prompts=PROMPTS,
          calls="up to 4 requests with 2 * count + votes + 1 samples for each state expanded, and 1 of the second model per candidate")
async def rstar(task: Task, params: Rstar, ctx: Context) -> Result:
    """Return the first answer that the task's verifier accepts, else the one with the best votes and most agreement of ``model2``.

    Costs a request for each kind of move at each state expanded (at most ``rollouts * depth`` states), and one completion of the second
    model for each candidate when there is more than one answer to choose from. ``verified`` only by the task's verifier. ``failed`` when
    no way led to an answer.
    """
    policy: Policy[Any, Any] = RandomRollout(ctx.random(), rollouts=params.rollouts, c=params.c)
    proposer = Typed(task, params.count, params.votes, params.depth, params.temperature)
    found = await search(ctx, Traces(), proposer, VoteShare(), policy, _OwnVerifier(task), width=params.width,
                         nodes=params.rollouts * params.depth + 1, depth=params.depth)
    if found.status == "verified" or not found.tree.answered:
        return result_of(found, judged=True)
    await _recounted(found.tree.answered, ctx)
    groups = grouped(sorted(found.tree.answered, key=lambda node: (-node.promise, node.id)))
    ctx.best(groups[0].answer)
    if len(groups) > 1 and found.status != "limit":
        await _check(task, params, groups, ctx)
    return _result(found, groups)


@dataclass(frozen=True)
class _OwnVerifier:
    task: Task

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        return await self.task.verify(ctx, answer)


async def _recounted(nodes: Sequence[Node[Trace, Move]], ctx: Context) -> None:
    """Rewards anew, now that all votes are in."""
    for node, share in zip(nodes, await VoteShare().score(ctx, nodes), strict=True):
        node.score = share if node.verdict is None else node.verdict.score


def grouped(nodes: Sequence[Node[Trace, Move]]) -> list[Group]:
    """Solutions by answer, the answer of the best solution first."""
    groups: list[Group] = []
    for node in nodes:
        assert node.answer is not None
        group = next((one for one in groups if same(one.answer, node.answer, "number")), None)
        if group is None:
            groups.append(group := Group(node.answer))
        group.nodes.append(node)
        group.reward += node.promise
    return groups


async def _check(task: Task, params: Rstar, groups: Sequence[Group], ctx: Context) -> None:
    """Let the second model finish each candidate from a random cut (§3.3), and note which come to the same answer."""
    pairs = _candidates(groups, params.candidates)

    async def survives(child: Context, pair: tuple[Group, Node[Trace, Move]]) -> bool | None:
        group, node = pair
        lines = told(node.state).splitlines()
        kept = min(len(lines) - 1, round(len(lines) * child.random().uniform(*KEPT)))
        reached = await _finished(task, params, "\n".join(lines[: max(0, kept)]), child)
        return None if reached is None else same(reached, group.answer, "number")

    for (group, _), survived in zip(pairs, await ctx.map("check", pairs, survives), strict=True):
        group.checked += survived is not None
        group.survived += survived is True


def _candidates(groups: Sequence[Group], most: int) -> list[tuple[Group, Node[Trace, Move]]]:
    """The first solution of each group, then the second of each, up to so many."""
    deepest = max(len(group.nodes) for group in groups)
    return [(group, group.nodes[place]) for place in range(deepest) for group in groups if place < len(group.nodes)][:most]


async def _finished(task: Task, params: Rstar, beginning: str, ctx: Context) -> str | None:
    """The answer that the second model reaches from a beginning; None when it gives none."""
    request = asked("finish", task, beginning).model_copy(update={"temperature": params.temperature})
    try:
        if params.model2 is None:
            said: str | None = (await ctx.complete(request))[0].text
        else:
            said = (await ctx.play(params.model2, ChatTask(**request.__dict__))).answer
    except (EndpointError, EffectFailed):
        return None
    move = read_move("finish", said or "")
    return move.answer if move is not None else None


def _result(found: Found[Trace, Move], groups: Sequence[Group]) -> Result:
    """The answer with the highest sum of its share of the rewards and of how often it survived (§3.3)."""
    rewards = sum(group.reward for group in groups) or 1.0

    def score(group: Group) -> float:
        return group.reward / rewards + (group.survived / group.checked if group.checked else 0.0)

    chosen = max(groups, key=score)
    result = result_of(Found(found.status, chosen.nodes[0], found.tree, found.detail, found.rejected, found.merged), judged=True)
    answers = [{"answer": group.answer, "reward": round(group.reward / rewards, 6), "checked": group.checked, "survived": group.survived}
               for group in groups]
    return result.model_copy(update={"artifacts": {**result.artifacts, "answers": answers}})
