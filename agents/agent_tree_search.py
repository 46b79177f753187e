"""Tree search for language-model agents (Koh et al. 2024, arXiv 2407.01476): look ahead in the environment itself, then act.

Before each stretch of actions a best-first search tries actions in instances of its own and judges what is seen after them; the whole path
to the best place is then carried out in the one real instance. What cannot be undone happens only there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field, field_validator

from eudoxus.agents.environments import Instance
from eudoxus.agents.search import Found, Node, search
from eudoxus.agents.search.acting import Actor, Frequent, Work, told, work_of
from eudoxus.agents.search.environment import EnvironmentExplorer, EnvironmentProblem, Move, Place
from eudoxus.agents.search.policies import Queue
from eudoxus.agents.tools.shipped import known
from eudoxus.agents.transcript import continued, mark
from eudoxus.prompts import render
from eudoxus.runtime import Context, Params, Result, Task, strategy

LABELS = {"success": 1.0, "on track": 0.5, "off track": 0.0}
"""What a status is worth (§3.1)."""
_STATUS = re.compile(r"status\W*(success|on[\s-]track|off[\s-]track)", re.IGNORECASE)


class AgentTreeSearch(Params):
    branching: int = Field(5, ge=1, le=32)
    """Actions tried at a place: the paper's b."""
    depth: int = Field(5, ge=1, le=32)
    """Most actions that a search looks ahead: the paper's d."""
    budget: int = Field(20, ge=0, le=1000)
    """Places visited in a search: the paper's c. With 0 nothing is searched: the most frequent action is done."""
    samples: int = Field(20, ge=1, le=64)
    """Actions drawn at a place, of which the most frequent are tried."""
    judges: int = Field(1, ge=1, le=64)
    """Samples of each judgement; the paper takes 20."""
    enough: float = Field(1.0, gt=0, le=1)
    """Score at which a search ends: the paper's threshold."""
    max_actions: int = Field(20, ge=1, le=200)
    """Actions carried out before the work is given up. The paper's searches are limited to 5 of them."""
    width: int = Field(1, ge=1, le=16)
    """Places visited at the same time; 1 is exact best-first search."""
    commit_on_pop: bool = False
    """Whether steps are asked for at every place that is visited, as in the paper, or only where the search goes on. The order of visits is
    the same."""
    irreversible: bool = True
    """Whether actions that cannot be undone may be carried out once a search decided on them. If not, they are impossible."""
    tools: list[str] = Field(["calculator"], max_length=16)
    """Tools for tasks that name no environment."""
    temperature: float | None = Field(1.0, ge=0, le=2)
    """Sampling temperature of the actions. null leaves it to the endpoint."""

    _known_tools = field_validator("tools")(known)


@strategy("agent_tree_search", takes=Task,
          prompts=["environments/act", "environments/act_again", "agent_tree_search/judge", "agent_tree_search/judge_again"],
          calls="for each place visited in a search `judges` completions, and `samples` where the search goes on from there")
async def agent_tree_search(task: Task, params: AgentTreeSearch, ctx: Context) -> Result:
    """Act in an environment until the work ends, with a search before each stretch of actions; other tasks are worked on with tools.

    Costs up to ``budget * (samples + judges)`` completions a search. ``verified`` only by the environment's own test of the goal or the
    task's verifier; an answer that nothing tests is ``best_effort`` with the authority of a model. ``limit`` without an answer after
    ``max_actions`` or at a spent budget, ``failed`` when no action can be read or the same one is repeated. ``artifacts``: the ``turns``,
    the ``searches``, and how many ``environment_steps`` all of it took. Raises :class:`EffectFailed` when the real instance fails.
    """
    work = work_of(task, params.tools)
    actor = Actor(work)
    await actor.begin(ctx.scope("begin"))
    policy = Frequent(work, actor.instance.environment.actions, params.samples, params.branching, params.temperature)
    explorer = EnvironmentExplorer([Instance(work.open()) for _ in range(params.width)], irreversible=params.irreversible)
    searches: list[dict[str, object]] = []
    detail = f"{params.max_actions} actions were carried out, as many as allowed"
    while actor.place.open and len(actor.place.path) < params.max_actions:
        here = ctx.scope("turn", len(searches))
        line, found = await _decide(here, params, policy, explorer, actor)
        searches.append(_told(line, found))
        if not line:
            detail = found.detail if found is not None and found.detail else "no action could be found"
            break
        await actor.carry_out(here, line[: params.max_actions - len(actor.place.path)])
        if actor.stuck:
            detail = f"{actor.place.path[-1][:200]} was repeated"
            break
    limit = len(actor.place.path) >= params.max_actions or ctx.refusal() is not None
    return await actor.result(ctx, detail if actor.place.open else "", limit=limit, searches=searches,
                              environment_steps=explorer.steps + actor.instance.steps)


async def _decide(ctx: Context, params: AgentTreeSearch, policy: Frequent, explorer: EnvironmentExplorer, actor: Actor,
                  ) -> tuple[list[Place], Found[Place, Move] | None]:
    """The places on the way to the best one that a search found; without a search the most frequent action."""
    start = actor.place
    if params.budget == 0 or not actor.searchable:
        proposals = await policy.propose(ctx.scope("act"), Node(0, start))
        allowed = [one.action for one in proposals if params.irreversible or actor.instance.effect(one.action.action) != "irreversible"]
        return [Place((*start.path, move.action), None, before=start, move=move) for move in allowed[:1]], None
    problem = EnvironmentProblem(start, policy.work.task)
    queue: Queue[Place, Move] = Queue(depth_bonus=0.0, reasks=0, lazy=True, commit_on_pop=params.commit_on_pop)
    judge = Judge(policy.work, policy.actions, params.judges)
    found = await search(ctx.scope("search"), problem, policy, judge, queue, problem, explorer=explorer, width=params.width,
                         nodes=params.budget, depth=params.depth, enough=params.enough)
    line = list(found.node.state.line()) if found.node is not None else []
    return line[len(start.line()) :], found


def _told(line: Sequence[Place], found: Found[Place, Move] | None) -> dict[str, object]:
    if found is None:
        return {"actions": len(line), "visited": 0}
    visited = sum(node.score is not None for node in found.tree.nodes)
    return {"actions": len(line), "visited": visited, "score": found.node.score if found.node else None, "status": found.status,
            "rejected": found.rejected, "merged": found.merged}


@dataclass(frozen=True)
class Judge:
    """The value function (§3.1): a status for each place, ``times`` times; the mean of those that can be read counts.

    Where none can be read, also when asked once more, the place keeps the score of the one before.
    """

    work: Work
    actions: str
    times: int = 1

    async def score(self, ctx: Context, siblings: Sequence[Node[Place, Move]]) -> Sequence[float]:
        return await ctx.map("place", siblings, self._score)

    async def _score(self, ctx: Context, node: Node[Place, Move]) -> float:
        so_far = told(node.state)
        request = render("agent_tree_search/judge", actions=self.actions, task=self.work.question, steps=so_far,
                         mark=mark(self.work.question, so_far))
        request = request.model_copy(update={"temperature": 0.0 if self.times == 1 else 1.0})
        replies = [answer.text for answer in await ctx.complete(request, n=self.times)]
        scores = [score for reply in replies if (score := read_status(reply)) is not None]
        if not scores:
            again = render("agent_tree_search/judge_again")
            said = (await ctx.complete(continued(request, replies[0], again)))[0].text
            scores = [score for score in [read_status(said)] if score is not None]
        return sum(scores) / len(scores) if scores else node.promise


def read_status(reply: str) -> float | None:
    """The worth of the last status in a reply; None when it has none."""
    found = _STATUS.findall(reply.rpartition("</think>")[2])
    return LABELS[re.sub(r"[\s-]+", " ", found[-1].lower())] if found else None
