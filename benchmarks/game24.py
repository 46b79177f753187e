"""How much a search costs on the Game of 24: ``python -m benchmarks.game24 [--quick]``. Needs the data that EUDOXUS_DATA names.

The strategies play the 100 puzzles that everyone tests on (ranks 901 to 1000), three times each, against one simulated player
(:mod:`benchmarks.player24`). It says how the searches compare with each other on one player, and nothing about a real model. Success is
the one answer that a run returns, checked exactly. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import math
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median

import orjson

from benchmarks.player24 import Player, rates
from eudoxus.agents.search.game24 import Game24Task
from eudoxus.prompts import load
from eudoxus.runtime import MemoryJournal, Order, Registry, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint

FIRST, LAST, SEEDS = 901, 1000, 3
CONTENDERS = {
    "one answer": "direct",
    "best of 20 answers, verified": "best_of_n(n=20)",
    "ToT as in the paper: beam 5, states judged one by one, 3 samples": "tree_of_thoughts(evaluate=value,judges=3,count=16,depth=4)",
    "the same, 1 sample": "tree_of_thoughts(evaluate=value,count=16,depth=4)",
    "ToT, siblings judged in one request": "tree_of_thoughts(count=16,depth=4)",
    "ToT depth-first": "tree_of_thoughts(order=dfs,count=16,depth=4)",
    "MCTS (PUCT, width 8)": "mcts(count=16,depth=4)",
    "best-first, width 4": "best_first(count=16,depth=4)",
    "best-first, width 1": "best_first(width=1,count=16,depth=4)",
    "best-first, nobody asked again": "best_first(reasks=0,count=16,depth=4)",
    "best-first, at most 6 states": "best_first(width=1,nodes=6,count=16,depth=4)",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one contender over all runs; ``interval`` is the half width of the 95 % interval of ``solved``."""

    solved: float
    interval: float
    requests: float
    median_requests: float
    samples: float
    prompt_tokens: float
    completion_tokens: float


def main() -> int:
    """Run the benchmark; 2 without its data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.game24", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ten puzzles, once")
    quick = parser.parse_args().quick
    data = Path(os.environ.get("EUDOXUS_DATA", ".")) / "search"
    if not (data / "game24.csv").is_file():
        print(f"needs the puzzles in {data} (set EUDOXUS_DATA)", file=sys.stderr)
        return 2
    found = asyncio.run(measured(data, puzzles=10 if quick else LAST - FIRST + 1, seeds=1 if quick else SEEDS))
    width = max(map(len, found))
    print(f"{'':{width}}  solved %      requests  median  samples  prompt tokens  completion tokens")
    for name, one in found.items():
        asked = f"{one.requests:8.1f}  {one.median_requests:6.0f}  {one.samples:7.1f}"
        print(f"{name:{width}}  {one.solved:5.1f} ± {one.interval:4.1f}  {asked}  {one.prompt_tokens:13.0f}  {one.completion_tokens:17.0f}")
    print(orjson.dumps({"benchmark": "game24", "quick": quick, "figures": {name: asdict(one) for name, one in found.items()}}).decode())
    return 0


async def measured(data: Path, *, puzzles: int, seeds: int) -> dict[str, Figures]:
    """Every contender on the same puzzles with the same players."""
    rows = list(csv.DictReader((data / "game24.csv").open(encoding="utf-8")))[FIRST - 1 : FIRST - 1 + puzzles]
    tasks = [Game24Task(numbers=tuple(map(int, row["Puzzles"].split()))) for row in rows]
    play = rates(orjson.loads((data / "calibration.json").read_bytes()))
    found = {}
    for name, path in CONTENDERS.items():
        runs = [await _run(path, task, SimulatedEndpoint(Player(play, seed), name="sim")) for seed in range(seeds) for task in tasks]
        found[name] = _figures(runs)
        print(f"{name}: {found[name].solved:.0f} %", file=sys.stderr)
    return found


async def _run(path: str, task: Game24Task, endpoint: SimulatedEndpoint) -> tuple[bool, int, int, int, int]:
    """Whether the answer is right, requests, samples, tokens sent and received."""
    registry = Registry.installed()
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda prompt: load(prompt).hash)
    result = await runtime.execute(Order(parse_spec(f"{path}/sim:m", registry), task), MemoryJournal(), run_id="run_1")
    right = result.answer is not None and not task.complaint(result.answer)
    return right, endpoint.calls, result.usage.requests, result.usage.prompt_tokens, result.usage.completion_tokens


def _figures(runs: list[tuple[bool, int, int, int, int]]) -> Figures:
    share = mean(right for right, *_ in runs)
    return Figures(
        solved=100 * share,
        interval=100 * 1.96 * math.sqrt(share * (1 - share) / len(runs)),
        requests=mean(run[1] for run in runs),
        median_requests=median(run[1] for run in runs),
        samples=mean(run[2] for run in runs),
        prompt_tokens=mean(run[3] for run in runs),
        completion_tokens=mean(run[4] for run in runs),
    )


if __name__ == "__main__":
    sys.exit(main())
