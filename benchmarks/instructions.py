"""Whether search while writing pays: ``direct``, ``best_of_n`` and ``deal`` on the weak embedded model, at temperature 1.

Each task is a block-stacking task in English that the model has never seen; the instruction is that all facts of its problem occur in the
answer. The model is not told: only what is drawn and kept differs. So this says how well a search finds what a program checks, and nothing
of how well a model formulates by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass
from itertools import islice
from typing import Any

from eudoxus.agents.problem import ProblemTask
from eudoxus.decoding.instructions import instruction
from eudoxus.decoding.local.config import LocalConfig
from eudoxus.decoding.local.endpoint import LocalEndpoint
from eudoxus.decoding.tiny.language import Sample, samples
from eudoxus.prompts import load
from eudoxus.runtime import ChatTask, MemoryJournal, Message, Order, Registry, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints

SEED = 20_000
MODEL = "local:tiny-weak"
CONTENDERS = {
    "direct": "direct",
    "best_of_n, n=8": "best_of_n(n=8, temperature=1.0)",
    "deal, 2 x 4": "deal(beam=2, width=4, step=12, lookahead=48, steps=16, lam=20, tell=false, prefill=true, logprobs=true)",
    "deal, 3 x 4": "deal(beam=3, width=4, step=12, lookahead=48, steps=16, lam=20, tell=false, prefill=true, logprobs=true)",
}


@dataclass
class Row:
    """Sums over the tasks."""

    followed: int = 0
    facts: float = 0.0
    tokens: int = 0
    requests: int = 0
    seconds: float = 0.0


def problem(sample: Sample) -> ProblemTask:
    """The task in words, verified by its facts."""
    facts = [f"({' '.join(fact)})" for fact in (*sample.init, *sample.goal)]
    verifier = {"kind": "instructions", "instructions": [{"id": "keywords:existence", "kwargs": {"keywords": facts}}]}
    asked = Message(role="user", content=sample.english)
    return ProblemTask.model_validate({"messages": [asked], "temperature": 1.0, "max_tokens": 300, "verifier": verifier})


async def measured(tasks: list[Sample]) -> dict[str, Row]:
    """Every contender on every task, in turn."""
    endpoint = LocalEndpoint(LocalConfig(model=MODEL.partition(":")[2]), name="local")
    registry = Registry(Registry.installed().strategies.values(), (ChatTask, ProblemTask))
    runtime = Runtime(registry, Endpoints({"local": endpoint}, default="local"), prompt_hash=lambda name: load(name).hash)
    rows = {name: Row() for name in CONTENDERS}
    for seed, sample in enumerate(tasks):
        task = problem(sample)
        check = instruction("keywords:existence", task.verifier.instructions[0].kwargs)  # type: ignore[union-attr]
        for name, path in CONTENDERS.items():
            started = time.perf_counter()
            order = Order(parse_spec(f"{path}/{MODEL}", registry), task, seed=seed)
            result = await runtime.execute(order, MemoryJournal(), run_id=f"run_{seed}")
            row, found = rows[name], check.check(result.answer or "")
            row.followed += found.ok
            row.facts += found.score
            row.tokens += result.usage.completion_tokens
            row.requests += result.usage.requests
            row.seconds += time.perf_counter() - started
    await endpoint.aclose()
    return rows


def figures(rows: dict[str, Row], tasks: int) -> dict[str, Any]:
    """Means over the tasks."""
    return {name: {"followed": row.followed, "tasks": tasks, "facts": round(row.facts / tasks, 3), "tokens": round(row.tokens / tasks),
                   "requests": round(row.requests / tasks, 1), "seconds": round(row.seconds / tasks, 2)} for name, row in rows.items()}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="8 tasks instead of 40")
    tasks = list(islice(samples(SEED, (3, 4, 5), held_out=True), 8 if parser.parse_args().quick else 40))
    found = figures(asyncio.run(measured(tasks)), len(tasks))
    print(f"{'':<16}{'followed':>10}{'facts':>8}{'tokens':>8}{'requests':>10}{'seconds':>9}")
    for name, one in found.items():
        numbers = f"{one['facts']:>7.1%}{one['tokens']:>8}{one['requests']:>10}{one['seconds']:>9}"
        print(f"{name:<16}{one['followed']:>5} / {len(tasks):<3}{numbers}")
    more = found["deal, 3 x 4"]["followed"] - found["direct"]["followed"]
    goal = {"what": "tasks that deal follows and direct does not", "goal": 1, "measured": more, "met": more >= 1}
    print(json.dumps({"benchmark": "instructions", "quick": len(tasks) < 40, "figures": found, "goals": [goal]}))


if __name__ == "__main__":
    main()
