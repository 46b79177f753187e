"""Monte-Carlo tree search over steps, guided by a judge instead of rollouts, several leaves at a time (WU-UCT, arXiv 1810.11755)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from eudoxus.agents.search import Policy, search
from eudoxus.agents.search.judging import Listwise
from eudoxus.agents.search.listing import Propose
from eudoxus.agents.search.outcome import result_of
from eudoxus.agents.search.policies import Puct, Uct
from eudoxus.agents.search.space import PROMPTS, space_of
from eudoxus.runtime import Context, Params, Result, Task, strategy


class Mcts(Params):
    selection: Literal["puct", "uct"] = "puct"
    """``puct`` explores the better judged first (Silver et al. 2017), ``uct`` tries every child (Kocsis and Szepesvári 2006)."""
    c: float = Field(1.0, ge=0, le=10)
    """Weight of exploration."""
    width: int = Field(8, ge=1, le=64)
    """Leaves expanded at the same time."""
    count: int = Field(8, ge=1, le=32)
    """Steps listed at a state."""
    depth: int = Field(8, ge=1, le=64)
    """Most steps."""
    nodes: int = Field(60, ge=1, le=10_000)
    """Most states expanded."""
    enough: float = Field(1.0, ge=0, le=1)
    """Score at which an answer that nothing can verify ends the search; 1 is the judge's *sure*."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of the steps. null leaves it to the endpoint."""


@strategy("mcts", takes=Task, prompts=PROMPTS,
          calls="for each expanded state 1 request for steps and 1 for judging its children (2 when labels are missing)")
async def mcts(task: Task, params: Mcts, ctx: Context) -> Result:
    """Search over steps in words, or over exact steps where the task has them (Game of 24, crosswords), until an answer is verified.

    Costs a request for steps and one for judging at each state expanded. ``verified`` only by the task's own verifier; else the best
    judged answer is ``best_effort`` with the authority of a model, or ``limit`` when ``nodes`` or a budget ended the search. ``failed``
    when no way led to an answer.
    """
    space = space_of(task)
    policy: Policy[Any, Any] = Puct(params.c) if params.selection == "puct" else Uct(params.c)
    found = await search(
        ctx, space.problem, Propose(space, params.count, params.temperature), Listwise(space), policy, space,
        width=params.width, nodes=params.nodes, depth=params.depth, enough=params.enough)
    return result_of(found, judged=True)
