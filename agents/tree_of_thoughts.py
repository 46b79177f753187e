"""Tree of Thoughts (Yao et al. 2023, arXiv 2305.10601): explore several steps at a time, judge the states, keep the best.

Where the original returns all its final states, this returns one: the first that the task's verifier accepts, else the best judged.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from eudoxus.agents.search import Evaluator, Policy, Proposer, search
from eudoxus.agents.search.judging import Alone, Listwise, Vote
from eudoxus.agents.search.listing import Propose, Sample
from eudoxus.agents.search.outcome import result_of
from eudoxus.agents.search.policies import Beam, DepthFirst
from eudoxus.agents.search.space import PROMPTS, Space, space_of
from eudoxus.runtime import Context, Params, Result, Task, strategy


class TreeOfThoughts(Params):
    order: Literal["bfs", "dfs"] = "bfs"
    """``bfs`` keeps the best states of each level, ``dfs`` follows the best one and backtracks."""
    beam: int = Field(5, ge=1, le=64)
    """States kept of each level (bfs), or followed from each state (dfs)."""
    threshold: float = Field(0.25, ge=0, le=1)
    """Score below which dfs prunes: a state judged impossible has 0, likely 0.5, sure 1."""
    generate: Literal["propose", "sample"] = "propose"
    """``propose``: one request lists the next steps; ``sample``: independent requests give one each."""
    count: int = Field(8, ge=1, le=32)
    """Steps listed or sampled at a state."""
    lists: int = Field(1, ge=1, le=64)
    """Lists drawn at a state and added up (propose); for crosswords the paper's program takes 8."""
    evaluate: Literal["listwise", "value", "vote"] = "listwise"
    """``listwise``: siblings judged in one request; ``value``: one by one, as in the paper; ``vote``: which one is best."""
    judges: int = Field(1, ge=1, le=16)
    """Samples of each judgement; the paper takes 3."""
    depth: int = Field(8, ge=1, le=64)
    """Most steps."""
    nodes: int = Field(100, ge=1, le=10_000)
    """Most states expanded."""
    enough: float = Field(1.0, ge=0, le=1)
    """Score at which an answer that nothing can verify ends the search; 1 is the judge's *sure*."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of the steps. null leaves it to the endpoint."""


@strategy("tree_of_thoughts", takes=Task, prompts=[*PROMPTS, "search/vote"],
          calls="for each expanded state 1 request for steps and 1 for judging its children (with value one for each of them)")
async def tree_of_thoughts(task: Task, params: TreeOfThoughts, ctx: Context) -> Result:
    """Search over steps in words, or over exact steps where the task has them (Game of 24, crosswords), until an answer is verified.

    Costs a request for steps and one for judging at each state expanded. ``verified`` only by the task's own verifier; else the best
    judged answer is ``best_effort`` with the authority of a model, or ``limit`` when ``nodes`` or a budget ended the search. ``failed``
    when no way led to an answer.
    """
    space = space_of(task)
    policy: Policy[Any, Any] = Beam(params.beam) if params.order == "bfs" else DepthFirst(params.threshold, params.beam)
    width = params.beam if params.order == "bfs" else 1
    found = await search(
        ctx, space.problem, proposer(params, space), evaluator(params, space), policy, space,
        width=width, nodes=params.nodes, depth=params.depth, enough=params.enough)
    return result_of(found, judged=True)


def proposer(params: TreeOfThoughts, space: Space[Any, Any]) -> Proposer[Any, Any]:
    """Who suggests steps."""
    if params.generate == "sample":
        return Sample(space, params.count, params.temperature)
    return Propose(space, params.count, params.temperature, params.lists)


def evaluator(params: TreeOfThoughts, space: Space[Any, Any]) -> Evaluator[Any, Any]:
    """Who judges states."""
    judges: dict[str, type[Listwise[Any, Any] | Alone[Any, Any] | Vote[Any, Any]]] = {"listwise": Listwise, "value": Alone, "vote": Vote}
    return judges[params.evaluate](space, params.judges)
