"""Beam search over steps (Lowerre 1976; over thoughts: Yao et al. 2023, arXiv 2305.10601, algorithm 1): the best of each level are kept.

Unlike ``tree_of_thoughts`` as in the paper, siblings are judged in one request, and a verified answer ends the search at once.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from eudoxus.agents.search import Policy, search
from eudoxus.agents.search.judging import Listwise
from eudoxus.agents.search.listing import Propose
from eudoxus.agents.search.outcome import result_of
from eudoxus.agents.search.policies import Beam
from eudoxus.agents.search.space import PROMPTS, space_of
from eudoxus.runtime import Context, Params, Result, Task, strategy


class BeamSearch(Params):
    size: int = Field(3, ge=1, le=64)
    """States kept of each level, and expanded at the same time."""
    count: int = Field(5, ge=1, le=32)
    """Steps listed at a state."""
    depth: int = Field(8, ge=1, le=64)
    """Most steps, which is also the number of levels."""
    nodes: int = Field(60, ge=1, le=10_000)
    """Most states expanded."""
    enough: float = Field(1.0, ge=0, le=1)
    """Score at which an answer that nothing can verify ends the search; 1 is the judge's *sure*."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of the steps. null leaves it to the endpoint."""


@strategy("beam", takes=Task, prompts=PROMPTS,
          calls="for each expanded state 1 request for steps and 1 for judging its children (2 when labels are missing)")
async def beam(task: Task, params: BeamSearch, ctx: Context) -> Result:
    """Search level by level over steps in words, or over exact steps where the task has them, until an answer is verified.

    Costs a request for steps and one for judging at each state expanded, at most ``size * depth`` of each. ``verified`` only by the
    task's own verifier; else the best judged answer is ``best_effort`` with the authority of a model, or ``limit`` when ``nodes`` or a
    budget ended the search. ``failed`` when no way led to an answer.
    """
    space = space_of(task)
    policy: Policy[Any, Any] = Beam(params.size)
    found = await search(
        ctx, space.problem, Propose(space, params.count, params.temperature), Listwise(space), policy, space,
        width=params.size, nodes=params.nodes, depth=params.depth, enough=params.enough)
    return result_of(found, judged=True)
