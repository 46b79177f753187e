"""The limiter is fair, adapts, and loses no slot."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from eudoxus.runtime.endpoints.limiter import Limiter


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def round_of(limiter: Limiter, calls: int | None = None) -> None:
    """As many successes as the limit, all in flight at once."""
    async with asyncio.TaskGroup() as group:
        for _ in range(calls or limiter.limit):
            group.create_task(succeed(limiter))


async def succeed(limiter: Limiter) -> None:
    async with limiter.slot("r"):
        await asyncio.sleep(0)
        limiter.succeeded()


async def test_the_limit_doubles_with_each_clean_round_up_to_the_ceiling(clock: Clock):
    limiter = Limiter(100, clock=clock)
    limits = []
    for _ in range(4):
        limits.append(limiter.limit)
        await round_of(limiter)
    assert limits == [20, 40, 80, 100]


async def test_after_a_rate_limit_it_is_cut_once_and_grows_by_five_percent_in_fives(clock: Clock):
    limiter = Limiter(100, start=50, clock=clock)
    limiter.rate_limited()
    limiter.rate_limited()
    assert limiter.limit == 40
    await round_of(limiter)
    assert limiter.limit == 40, "successes during the cooldown do not count"
    clock.now = 15.1
    limits = []
    for _ in range(4):
        await round_of(limiter)
        limits.append(limiter.limit)
    assert limits == [45, 50, 55, 60]


async def test_steady_rate_limits_cut_again_after_each_cooldown_down_to_the_floor(clock: Clock):
    limiter = Limiter(100, start=10, clock=clock)
    limits = []
    for second in range(200):
        clock.now = second
        limiter.rate_limited()
        limits.append(limiter.limit)
    assert limits[0] == limits[14] == 8
    assert limits[15] == 6
    assert limits[-1] == 2


async def test_a_longer_wish_to_wait_prolongs_the_cooldown(clock: Clock):
    limiter = Limiter(100, clock=clock)
    limiter.rate_limited(60.0)
    clock.now = 59
    limiter.rate_limited()
    assert limiter.limit == 16
    clock.now = 61
    limiter.rate_limited()
    assert limiter.limit == 12


async def test_the_limit_does_not_grow_while_it_is_not_used(clock: Clock):
    limiter = Limiter(100, clock=clock)
    for _ in range(100):
        await round_of(limiter, calls=4)
    assert limiter.limit == 20


async def test_a_small_search_is_not_starved_by_a_big_one():
    limiter = Limiter(2)
    served: list[str] = []

    async def call(run: str) -> None:
        async with limiter.slot(run):
            served.append(run)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(500):
            group.create_task(call("big"))
        await asyncio.sleep(0)
        group.create_task(call("chat"))
        group.create_task(call("chat"))
    assert [i for i, run in enumerate(served) if run == "chat"][1] < 10
    assert len(served) == 502


async def test_within_a_run_calls_are_served_in_order_of_arrival():
    limiter = Limiter(1)
    served: list[int] = []

    async def call(number: int) -> None:
        async with limiter.slot("r"):
            await asyncio.sleep(0)
            served.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(call(number))
    assert served == list(range(20))


@pytest.mark.parametrize("seed", range(30))
async def test_no_slot_is_lost_whenever_calls_are_cancelled(seed: int):
    luck, limiter = Random(seed), Limiter(3)

    async def call(run: str) -> None:
        async with limiter.slot(run):
            assert limiter.in_use <= 3
            for _ in range(luck.randrange(3)):
                await asyncio.sleep(0)

    calls = [asyncio.ensure_future(call(f"r{luck.randrange(4)}")) for _ in range(60)]
    for doomed in luck.sample(calls, 40):
        for _ in range(luck.randrange(3)):
            await asyncio.sleep(0)
        doomed.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert limiter.idle
    assert limiter.waiting == 0


async def test_a_ceiling_below_the_floor_is_kept():
    limiter = Limiter(1)
    limiter.rate_limited()
    await round_of(limiter)
    assert limiter.limit == 1
