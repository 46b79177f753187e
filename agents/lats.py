"""Language agent tree search (Zhou et al. 2023, arXiv 2310.04406): Monte-Carlo tree search over thoughts, actions and observations.

What decides is outside feedback where there is any, the environment's test of the goal or the task's own verifier, and else a judge. The
original stops at, and on HotpotQA is rewarded for, the gold answer; nothing of that kind reaches this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import Field, field_validator

from eudoxus.agents.environments import Instance
from eudoxus.agents.scores import HIGHEST, UnreadableScores, read_scores
from eudoxus.agents.search import Found, Node, Proposal, search
from eudoxus.agents.search.acting import Actor, Frequent, told, work_of
from eudoxus.agents.search.environment import EnvironmentExplorer, EnvironmentProblem, Move, Place
from eudoxus.agents.search.policies import Simulation
from eudoxus.agents.tools.shipped import known
from eudoxus.agents.transcript import continued, mark
from eudoxus.prompts import render
from eudoxus.runtime import Context, Params, Result, Task, strategy

INSTANCES = 4
"""Instances of the environment in which children are tried at the same time."""


class Lats(Params):
    children: int = Field(5, ge=1, le=32)
    """Actions sampled at a node: the paper's n. Equal ones are one node."""
    nodes: int = Field(30, ge=1, le=10_000)
    """Most nodes expanded, those of simulations too."""
    depth: int = Field(7, ge=1, le=64)
    """Most actions of an attempt."""
    c: float = Field(1.0, ge=0, le=10)
    """Weight of exploration: the paper's w."""
    judge_weight: float = Field(0.5, ge=0, le=1)
    """Share of the judge in a node's value; the rest is the share of the samples that chose its action. The paper's lambda."""
    enough: float = Field(0.75, ge=0, le=1)
    """Value at which an end that nothing verifies is taken; below it the attempt has failed."""
    reflections: int = Field(4, ge=0, le=16)
    """Most notes written on failed attempts; the last three are shown."""
    irreversible: bool = True
    """Whether actions that cannot be undone may be carried out once the search decided on them. If not, they are impossible."""
    tools: list[str] = Field(["calculator"], max_length=16)
    """Tools for tasks that name no environment."""
    temperature: float | None = Field(1.0, ge=0, le=2)
    """Sampling temperature of the actions. null leaves it to the endpoint."""

    _known_tools = field_validator("tools")(known)


@strategy("lats", takes=Task,
          prompts=["environments/act", "environments/act_again", "lats/judge", "best_of_n/judge_again", "reflexion/reflect"],
          calls="for each expanded node `children` completions and 1 for scoring what they lead to; 1 for each note on a failed attempt")
async def lats(task: Task, params: Lats, ctx: Context) -> Result:
    """Search for a way to the goal in instances of the environment, then go it in the real one; other tasks are worked on with tools.

    Costs ``children + 1`` completions at each node expanded, and one a reflection. ``verified`` only by the environment's own test of the
    goal or the task's verifier; an answer that nothing tests is ``best_effort`` with the authority of a model. Without an end of the work
    ``limit`` when ``nodes`` or a budget ended the search, else ``failed``. After an action that cannot be undone, the search begins anew
    from there; where the environment has no snapshots, the work ends with it. ``artifacts``: the ``turns``, the ``notes``, and how many
    ``environment_steps`` all of it took. Raises :class:`EffectFailed` when the real instance fails.
    """
    work = work_of(task, params.tools)
    actor = Actor(work)
    await actor.begin(ctx.scope("begin"))
    explorer = EnvironmentExplorer([Instance(work.open()) for _ in range(INSTANCES)], irreversible=params.irreversible)
    frequent = Frequent(work, actor.instance.environment.actions, params.children, params.children, params.temperature)
    notes, detail, limit, expanded, turn = list[str](), "", False, 0, 0
    while actor.place.open and expanded < params.nodes and actor.searchable:
        here, problem = ctx.scope("search", turn), EnvironmentProblem(actor.place, work.task)
        proposer = Reflecting(frequent, params, notes)
        found = await search(here, problem, proposer, Value(frequent, params.judge_weight), Simulation(params.c), problem,
                             explorer=explorer, width=1, nodes=params.nodes - expanded, depth=params.depth, enough=params.enough)
        detail, limit, turn = found.detail, found.status == "limit", turn + 1
        expanded += sum(node.asks for node in found.tree.nodes)
        end = _end(found)
        if end is None:
            break
        await actor.carry_out(here, end.line()[len(actor.place.line()) :])
        if not end.waiting:
            break
    return await actor.result(ctx, detail, limit=limit, notes=notes, expanded=expanded,
                              environment_steps=explorer.steps + actor.instance.steps)


def _end(found: Found[Place, Move]) -> Place | None:
    """Where to go: to the verified end, else to the best end or action that cannot be undone; None when there is neither."""
    if found.status == "verified" and found.node is not None:
        return found.node.state
    ends = [node for node in found.tree.nodes if node.final or node.state.waiting]
    best = max(ends, key=lambda node: (node.promise, -node.id), default=None)
    return best.state if best is not None else None


@dataclass
class Reflecting:
    """Samples actions, with notes on what went wrong before; a new failed attempt is reflected on first (§4)."""

    frequent: Frequent
    params: Lats
    notes: list[str]
    considered: set[object] = field(default_factory=set)
    """The failed attempts there are notes on, by their answer or, without one, by where they came from."""

    async def propose(self, ctx: Context, node: Node[Place, Move]) -> Sequence[Proposal[Move]]:
        root = list(node.ancestors())[-1]
        failed = next((end for end in _ends(root, self.params) if _attempt(end) not in self.considered), None)
        if failed is not None and len(self.considered) < self.params.reflections:
            self.considered.add(_attempt(failed))
            self.notes.append(await self._lesson(ctx.scope("reflect"), failed))
        return await self.frequent.after(ctx, node.state, self.notes[-3:])

    async def _lesson(self, ctx: Context, failed: Node[Place, Move]) -> str:
        question, attempt, seen = self.frequent.work.question, told(failed.state), failed.state.seen
        verdict = failed.verdict or (seen.verdict if seen is not None else None)
        if verdict is not None and verdict.feedback:
            known = verdict.feedback
        elif failed.final:
            known = f"nobody knows the right answer, but a judge gave the attempt {10 * failed.promise:.0f} of 10"
        else:
            known = f"the goal was not reached within {self.params.depth} actions"
        asked = render("reflexion/reflect", task=question, answer=attempt, feedback=known, mark=mark(question, attempt))
        said = (await ctx.complete(asked.model_copy(update={"temperature": 0.0})))[0].text
        return said.rpartition("</think>")[2].strip()


def _ends(root: Node[Place, Move], params: Lats) -> list[Node[Place, Move]]:
    """The nodes at which an attempt has failed, in the order in which they came into the tree."""
    found, queue = list[Node[Place, Move]](), [root]
    while queue:
        node = queue.pop()
        queue += node.children
        if node.final or (node.depth >= params.depth and node.asks):
            found.append(node)
    return sorted(found, key=lambda node: node.id)


def _attempt(end: Node[Place, Move]) -> object:
    return end.answer if end.final else end.parent.id if end.parent is not None else end.id


@dataclass(frozen=True)
class Value:
    """``weight`` times a judge's score plus the rest times the share of the samples that chose the action (§4, evaluation).

    Siblings are judged in one request; where the scores cannot be read, also when asked once more, 0.5 counts.
    """

    frequent: Frequent
    weight: float

    async def score(self, ctx: Context, siblings: Sequence[Node[Place, Move]]) -> Sequence[float]:
        judged = [0.0] * len(siblings) if self.weight == 0 else await self._judged(ctx, siblings)
        return [self.weight * score + (1 - self.weight) * node.prior for score, node in zip(judged, siblings, strict=True)]

    async def _judged(self, ctx: Context, siblings: Sequence[Node[Place, Move]]) -> list[float]:
        before = siblings[0].state.before
        assert before is not None
        work, so_far, candidates = self.frequent.work, told(before), [_told(node) for node in siblings]
        fence = mark(work.question, so_far, *candidates)
        shown = "\n\n".join(f"[{fence}] candidate {number}\n{text}\n[{fence}] end of candidate {number}"
                            for number, text in enumerate(candidates, start=1))
        request = render("lats/judge", actions=self.frequent.actions, task=work.question, steps=so_far, candidates=shown, mark=fence,
                         count=str(len(siblings))).model_copy(update={"temperature": 0.0})
        said = (await ctx.complete(request))[0].text
        try:
            return [score / HIGHEST for score in read_scores(said, len(siblings))]
        except UnreadableScores as problem:
            again = render("best_of_n/judge_again", problem=str(problem), count=str(len(siblings)))
            said = (await ctx.complete(continued(request, said, again)))[0].text
        try:
            return [score / HIGHEST for score in read_scores(said, len(siblings))]
        except UnreadableScores:
            return [0.5] * len(siblings)


def _told(node: Node[Place, Move]) -> str:
    move, seen = node.state.move, node.state.seen
    assert move is not None and seen is not None
    return f"Thought: {move.thought}\nAction: {move.action}\nObservation: {seen.text}"
