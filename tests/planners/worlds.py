"""Random blocks worlds, and one way to run the strategy."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from eudoxus.planners.llm_as_planner import llm_as_planner
from eudoxus.planners.llm_plus_p import llm_plus_p
from eudoxus.planners.llm_tot_planner import llm_tot_planner
from eudoxus.planners.pddl.formulas import And, Atom, Holds, Typed
from eudoxus.planners.pddl.model import Problem
from eudoxus.planners.task import DomainTask, PlanningTask
from eudoxus.planners.text_to_domain import text_to_domain
from eudoxus.prompts import load
from eudoxus.runtime import ChatTask, Limits, MemoryJournal, Order, Registry, Result, Runtime, Task, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint

Towers = list[list[str]]


@st.composite
def towers(draw: st.DrawFn, blocks: list[str]) -> Towers:
    """The blocks in some order, cut into towers, each from bottom to top."""
    order = draw(st.permutations(blocks))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(blocks) - 1)))))
    ends = [*[cut for cut in cuts if cut < len(blocks)], len(blocks)]
    return [list(order[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


@st.composite
def blocks_problems(draw: st.DrawFn, most: int = 7) -> Problem:
    """A problem of the shipped blocks world; its goal names every block's place."""
    blocks = [f"b{number}" for number in range(1, draw(st.integers(1, most)) + 1)]
    init, goal = draw(towers(blocks)), draw(towers(blocks))
    return Problem("drawn", "blocksworld", tuple(Typed(block, ("block",)) for block in blocks),
                   (*standing(init), *(("clear", tower[-1]) for tower in init), ("arm-empty",)),
                   And(tuple(Holds(atom) for atom in standing(goal))))


def standing(world: Towers) -> list[Atom]:
    stacked = [("on", above, below) for tower in world for below, above in itertools.pairwise(tower)]
    return [*(("on-table", tower[0]) for tower in world), *stacked]


async def plan(task: Task, answers: Any, path: str = "llm_plus_p", **limits: Any) -> tuple[Result, SimulatedEndpoint]:
    """The result of ``path`` on ``task`` when the model gives ``answers``; strict replay must give the same, without model and planner."""
    endpoint = answers if isinstance(answers, SimulatedEndpoint) else SimulatedEndpoint(answers, name="sim")
    registry = Registry((llm_plus_p, llm_as_planner, llm_tot_planner, text_to_domain), (ChatTask, PlanningTask, DomainTask))
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
    journal = MemoryJournal()
    order = Order(parse_spec(f"{path}/sim:m", registry), task, limits=Limits(**limits))
    result = await runtime.execute(order, journal, run_id="run_1")
    assert (await runtime.replay(journal)).model_dump() == result.model_dump()
    return result, endpoint
