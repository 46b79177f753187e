"""Evaluations over a simulated model: sums to add, some of them answered wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eudoxus.agents.best_of_n import best_of_n
from eudoxus.agents.code import CodeTask
from eudoxus.agents.direct import direct
from eudoxus.agents.operators.repeat import repeat
from eudoxus.evaluation.beginning import begin
from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.formats.questions import question
from eudoxus.evaluation.records import Folder
from eudoxus.evaluation.runner import Finished, Runner
from eudoxus.evaluation.spending import Purse
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, Registry, Runtime
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint


def sums(count: int = 6) -> DataSet:
    """``count`` questions; the gold answer of number i is 2 i."""
    items = tuple(question(f"sum/{number}", f"What is {number} + {number}?", str(2 * number), "number") for number in range(count))
    return DataSet("sums", items, "0" * 64, "made for tests", "accuracy")


def adding(model: str, request: ChatRequest, number: int) -> str:
    """Right on even questions, wrong on odd ones."""
    asked = int(request.messages[-1].text.split()[2])
    return f"Answer: {2 * asked + asked % 2}"


def runtime_of(*endpoints: Any) -> Runtime:
    registry = Registry((best_of_n, direct, repeat), (ChatTask, CodeTask))
    named = {endpoint.name: endpoint for endpoint in endpoints}
    return Runtime(registry, Endpoints(named), prompt_hash=lambda id: load(id).hash)


def simulated(answers: Any = adding, **options: Any) -> SimulatedEndpoint:
    return SimulatedEndpoint(answers, name="sim", **options)


async def evaluated(
    path: Path, endpoint: Any, *, spec: str = "direct/sim:m", dataset: DataSet | None = None, purse: Purse | None = None,
    concurrency: int = 2, **options: Any,
) -> tuple[Folder, Finished]:
    """A new evaluation, or the one in ``path`` gone on with."""
    dataset, runtime = dataset or sums(), runtime_of(endpoint)
    folder = Folder(path) if (path / "plan.json").exists() else begin(path, spec, dataset, runtime, **options)
    return folder, await Runner(folder, dataset, runtime, purse, concurrency=concurrency).run()
