"""Best-first search: expand the most promising state of the whole tree, ask a state again before giving it up, stop when verified.

The queue is that of Koh et al. 2024 (arXiv 2407.01476, §3.2) with a bonus for depth and a discount for states asked before.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from eudoxus.agents.search import Policy, search
from eudoxus.agents.search.judging import Listwise
from eudoxus.agents.search.listing import Propose
from eudoxus.agents.search.outcome import result_of
from eudoxus.agents.search.policies import Queue
from eudoxus.agents.search.space import PROMPTS, space_of
from eudoxus.runtime import Context, Params, Result, Task, strategy


class BestFirst(Params):
    width: int = Field(4, ge=1, le=64)
    """States expanded at the same time; 1 is exact best-first search."""
    count: int = Field(8, ge=1, le=32)
    """Steps listed at a state."""
    reasks: int = Field(2, ge=0, le=8)
    """How often a state may be asked again for other steps."""
    depth_bonus: float = Field(0.3, ge=0, le=10)
    """What a step is worth beside the score, which is between 0 and 1."""
    depth: int = Field(8, ge=1, le=64)
    """Most steps."""
    nodes: int = Field(60, ge=1, le=10_000)
    """Most states expanded."""
    enough: float = Field(1.0, ge=0, le=1)
    """Score at which an answer that nothing can verify ends the search; 1 is the judge's *sure*."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of the steps. null leaves it to the endpoint."""


@strategy("best_first", takes=Task, prompts=PROMPTS,
          calls="for each expanded state 1 request for steps and 1 for judging its children (2 when labels are missing)")
async def best_first(task: Task, params: BestFirst, ctx: Context) -> Result:
    """Search over steps in words, or over exact steps where the task has them (Game of 24, crosswords), until an answer is verified.

    Costs a request for steps and one for judging at each state expanded. ``verified`` only by the task's own verifier; else the best
    judged answer is ``best_effort`` with the authority of a model, or ``limit`` when ``nodes`` or a budget ended the search. ``failed``
    when no way led to an answer.
    """
    space = space_of(task)
    policy: Policy[Any, Any] = Queue(depth_bonus=params.depth_bonus, reasks=params.reasks)
    found = await search(
        ctx, space.problem, Propose(space, params.count, params.temperature), Listwise(space), policy, space,
        width=params.width, nodes=params.nodes, depth=params.depth, enough=params.enough)
    return result_of(found, judged=True)
