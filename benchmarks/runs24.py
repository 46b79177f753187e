"""Running our strategies on the puzzles, one simulated player a run, with a clock that jumps over the waiting."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from benchmarks.ablation24 import without
from benchmarks.player24 import Player, Rates
from eudoxus.agents.search.game24 import Game24Task
from eudoxus.prompts import load
from eudoxus.runtime import Limits, MemoryJournal, Order, Registry, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint

BUDGETS = (10, 20, 30, 50, 80, 120)


@dataclass(frozen=True, slots=True)
class Run:
    """One puzzle played once."""

    right: bool
    """Whether the one answer that was returned is right."""
    any: bool
    """Whether one of the answers that were returned is."""
    requests: int
    samples: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """The critical path in simulated seconds: what was asked at the same time counts once."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over all runs of one contender; ``interval`` is the half width of the 95 % interval of ``solved``. Shares are in percent."""

    runs: int
    solved: float
    interval: float
    any_of_k: float
    requests: float
    median_requests: float
    samples: float
    prompt_tokens: float
    completion_tokens: float
    critical_path_s: float
    success_at: dict[int, float]
    """By budget of requests: share of the runs that had a right answer within it."""


def figures(runs: Sequence[Run]) -> Figures:
    """What the runs of one contender come to."""
    share = mean(run.right for run in runs)
    return Figures(
        runs=len(runs),
        solved=100 * share,
        interval=100 * half_width(share, len(runs)),
        any_of_k=100 * mean(run.any for run in runs),
        requests=mean(run.requests for run in runs),
        median_requests=median(run.requests for run in runs),
        samples=mean(run.samples for run in runs),
        prompt_tokens=mean(run.prompt_tokens for run in runs),
        completion_tokens=mean(run.completion_tokens for run in runs),
        critical_path_s=mean(run.seconds for run in runs),
        success_at={budget: 100 * mean(run.right and run.requests <= budget for run in runs) for budget in BUDGETS},
    )


def half_width(share: float, count: int) -> float:
    """Half of the 95 % interval of Wilson's score, which holds at 0 and 1 too."""
    z = 1.96
    return z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))


def played(path: str, tasks: Sequence[Game24Task], seeds: int, rates: Rates, *, requests: int | None = None) -> list[Run]:
    """``path`` on every task with every player; ``requests`` limits each run."""
    registry = Registry.installed()
    registry.strategies = {**registry.strategies, "without": without}
    clock = _Jumping()
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = clock.now  # type: ignore[method-assign]
    try:
        pairs = [(seed, task) for seed in range(seeds) for task in tasks]
        return [loop.run_until_complete(_run(path, task, Player(rates, seed), registry, requests)) for seed, task in pairs]
    finally:
        loop.close()


class _Jumping(selectors.SelectSelector):
    """A selector that does not wait but sets the clock forward by what it should have waited."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self._now += timeout
        return super().select(0)


async def _run(path: str, task: Game24Task, player: Player, registry: Registry, requests: int | None) -> Run:
    endpoint = SimulatedEndpoint(player, name="sim", latency=player.seconds)
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda prompt: load(prompt).hash)
    loop = asyncio.get_running_loop()
    start = loop.time()
    order = Order(parse_spec(f"{path}/sim:m", registry), task, limits=Limits(requests=requests))
    result = await runtime.execute(order, MemoryJournal(), run_id="run_1")
    solved = result.answer is not None and not task.complaint(result.answer)
    usage = result.usage
    return Run(solved, solved, endpoint.calls, usage.requests, usage.prompt_tokens, usage.completion_tokens, loop.time() - start)
