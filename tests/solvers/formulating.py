"""One way to run the strategies that formulate, and the answers of a model to a small task."""

from __future__ import annotations

import json
from typing import Any

from eudoxus.prompts import load
from eudoxus.runtime import ChatTask, Limits, MemoryJournal, Order, Registry, Result, Runtime, Task, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.journal.lines import decoded, text_of
from eudoxus.solvers.formal_planner import formal_planner
from eudoxus.solvers.llmfp import llmfp
from eudoxus.solvers.llmopt import llmopt
from eudoxus.solvers.task import FormulationTask, RepairTask

BUSES = FormulationTask(
    description="A school hires buses for a trip of all its pupils, at the least cost. Every bus needs a driver.",
    data={"TYPES": ["minibus", "coach"], "seats": {"minibus": 12, "coach": 40}, "cost": {"minibus": 90, "coach": 220}, "pupils": 100,
          "drivers": 8})
FORMULATION: dict[str, Any] = {
    "variables": {"n": {"type": "int", "index": ["TYPES"], "lb": 0}},
    "constraints": [{"name": "seats for all", "expr": "sum(seats[t] * n[t] for t in TYPES) >= pupils"},
                    {"name": "a driver each", "expr": "sum(n[t] for t in TYPES) <= drivers"}],
    "objective": {"sense": "min", "expr": "sum(cost[t] * n[t] for t in TYPES)"},
}
"""Its optimum is 620: two of each."""
DEFINITION = {"kind": "optimization", "goal": "Least cost.", "variables": ["n: buses of each type"], "reasoning": "SECRET",
              "constraints": ["All pupils have a seat.", "There is a driver for every bus."]}


def defined(**change: Any) -> str:
    return json.dumps(DEFINITION | change)


def drafted(*edits: dict[str, Any], **change: Any) -> str:
    return json.dumps({"formulation": FORMULATION | change, "edits": edits})


def rated(define: bool = True, formulate: bool = True, modified: Any = None) -> str:
    wrong = {"right": False, "why": "because", "modified": modified}
    right = {"right": True, "why": "", "modified": None}
    return json.dumps({"define": right if define else wrong, "formulate": right if formulate else wrong})


async def run(path: str, task: Task, answers: Any, **limits: Any) -> tuple[Result, SimulatedEndpoint]:
    """The result of ``path`` on ``task`` when the model gives ``answers``; strict replay must give the same, without model and solver."""
    endpoint = answers if isinstance(answers, SimulatedEndpoint) else SimulatedEndpoint(answers, name="sim")
    registry = Registry((llmfp, llmopt, formal_planner), (ChatTask, FormulationTask, RepairTask))
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
    journal = MemoryJournal()
    order = Order(parse_spec(f"{path}/sim:m", registry), task, limits=Limits(**limits))
    result = await runtime.execute(order, journal, run_id="run_1")
    written = decoded(b"".join(text_of(await journal.records())).splitlines(keepends=True))
    assert (await runtime.replay(MemoryJournal(record for record, _, _ in written))).model_dump() == result.model_dump()
    return result, endpoint


def said(endpoint: SimulatedEndpoint, call: int) -> str:
    """All messages of one request."""
    return "\n".join(message.text for message in endpoint.requests[call][1].messages)
