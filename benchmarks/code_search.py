"""What RethinkMCTS costs in calls and time: ``python -m benchmarks.code_search [--quick]``.

First, the published preset one rollout at a time and several at a time, on problems that nothing solves, so that all make the same number
of calls to an endpoint that takes 50 ms. Second, our default against the published preset on toy problems and one simulated programmer
with known rates (:mod:`benchmarks.coder`): calls, and how many returned programs are right beyond the visible tests. Programs run in the
sandbox. It compares searches with each other and says nothing about a real model. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, median
from typing import Any

import orjson

from benchmarks.coder import Coder, Rates, is_right, rates_of, task
from eudoxus.prompts import load
from eudoxus.runtime import MemoryJournal, Order, Registry, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.sandbox import close_shared

LATENCY = 0.05
WIDTHS = (1, 4, 8)
CONTENDERS = {
    "published preset": "rethink_mcts(preset=paper)",
    "published preset, stops when judged good": "rethink_mcts(preset=paper,stop_on=judge)",
    "our default": "rethink_mcts",
    "our default, one at a time": "rethink_mcts(width=1)",
    "our default, 4 at a time": "rethink_mcts(width=4)",
    "one program": "rethink_mcts(rollouts=1,thoughts=1,rethinks=0,stop_on=public_pass,calls=1)",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one contender over all problems; ``interval`` is the half width of the 95 % interval of ``solved``, in percent points."""

    solved: float
    interval: float
    calls: float
    median_calls: float
    calls_per_solved: float | None


def main() -> int:
    """Run both parts and print tables, goals and the JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.code_search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one timed problem, twelve for the calls")
    quick = parser.parse_args().quick
    seconds, costs, difference = asyncio.run(measured(rounds=1 if quick else 3, problems=12 if quick else 100))
    print(f"the same calls ({seconds[1][1]}), {LATENCY * 1000:.0f} ms each\n{'rollouts at a time':>20}  seconds  times faster")
    for width, (took, _) in seconds.items():
        print(f"{width:>20}  {took:7.2f}  {seconds[1][0] / took:12.2f}")
    widest = max(map(len, costs))
    print(f"\n{'':{widest}}  solved %       calls  median  calls per solved")
    for name, one in costs.items():
        per = f"{one.calls_per_solved:.1f}" if one.calls_per_solved else "-"
        print(f"{name:{widest}}  {one.solved:5.1f} ± {one.interval:4.1f}  {one.calls:6.1f}  {one.median_calls:6.0f}  {per:>16}")
    print(f"\nour default − published preset, solved in percent points: {difference[0]:+.1f} [{difference[1]:+.1f}, {difference[2]:+.1f}]")
    found = {
        "seconds_by_width": {str(width): took for width, (took, _) in seconds.items()}, "calls_timed": seconds[1][1],
        "costs": {name: asdict(one) for name, one in costs.items()}, "solved_ours_minus_published": difference,
    }
    print(orjson.dumps({"benchmark": "code_search", "quick": quick, "figures": found, "goals": goals(seconds, costs, difference)}).decode())
    return 0


def goals(seconds: Mapping[int, tuple[float, int]], costs: Mapping[str, Cost], difference: Sequence[float]) -> list[dict[str, Any]]:
    """What was promised and what was found."""
    faster = seconds[1][0] / seconds[WIDTHS[-1]][0]
    share = costs["our default"].calls / costs["published preset"].calls
    return [
        {"what": "wall time, one at a time / 8 at a time, equal calls", "goal": 3.0, "measured": round(faster, 2), "met": faster >= 3},
        {"what": "calls, our default / published preset", "goal": 0.5, "measured": round(share, 3), "met": share <= 0.5},
        {"what": "solved, our default − published preset, in percent points: not below 0 beyond chance", "goal": 0.0,
         "measured": round(difference[0], 1), "met": difference[2] >= 0},
    ]


async def measured(*, rounds: int, problems: int) -> tuple[dict[int, tuple[float, int]], dict[str, Cost], tuple[float, float, float]]:
    """Seconds (median) and calls by width; the cost of each contender; the paired difference of solved with its 95 % interval."""
    try:
        seconds = await _timed(rounds)
        runs = {name: [await _run(path, number, problems) for number in range(problems)] for name, path in CONTENDERS.items()}
    finally:
        await close_shared()
    pairs = [ours - theirs for (ours, _), (theirs, _) in zip(runs["our default"], runs["published preset"], strict=True)]
    return seconds, {name: _cost(run) for name, run in runs.items()}, _interval(pairs)


async def _timed(rounds: int) -> dict[int, tuple[float, int]]:
    """The widths in turn, ``rounds`` times, after one run to warm the sandbox up."""
    hopeless = Coder(Rates(right=0.0, seeming=0.0), 0)
    took: dict[int, list[tuple[float, int]]] = {width: [] for width in WIDTHS}
    await _asked("rethink_mcts(preset=paper,rollouts=1)", hopeless, 0, 0.0)
    for number in range(rounds):
        for width in WIDTHS:
            begun = time.perf_counter()
            _, calls = await _asked(f"rethink_mcts(preset=paper,width={width})", hopeless, number, LATENCY)
            took[width].append((time.perf_counter() - begun, calls))
    return {width: (median(seconds for seconds, _ in found), found[0][1]) for width, found in took.items()}


async def _run(path: str, number: int, problems: int) -> tuple[bool, int]:
    """Whether the program that came back is right, and calls."""
    answer, calls = await _asked(path, Coder(rates_of(number, problems), number), number, 0.0)
    return is_right(answer or ""), calls


async def _asked(path: str, coder: Coder, number: int, latency: float) -> tuple[str | None, int]:
    endpoint = SimulatedEndpoint(coder, name="sim", latency=latency)
    registry = Registry.installed()
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda prompt: load(prompt).hash)
    result = await runtime.execute(Order(parse_spec(f"{path}/sim:m", registry), task(number)), MemoryJournal(), run_id="run_1")
    return result.answer, endpoint.calls


def _cost(runs: Sequence[tuple[bool, int]]) -> Cost:
    share, calls = mean(right for right, _ in runs), [asked for _, asked in runs]
    half = 1.96 * math.sqrt(share * (1 - share) / len(runs))
    return Cost(100 * share, 100 * half, mean(calls), median(calls), sum(calls) / (share * len(runs)) if share else None)


def _interval(pairs: Sequence[int]) -> tuple[float, float, float]:
    """Mean and 95 % interval of paired differences, in percent points."""
    middle = mean(pairs)
    half = 1.96 * math.sqrt(sum((pair - middle) ** 2 for pair in pairs) / max(1, len(pairs) - 1) / len(pairs))
    return 100 * middle, 100 * (middle - half), 100 * (middle + half)


if __name__ == "__main__":
    sys.exit(main())
