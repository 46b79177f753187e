"""When a call is tried again, after how long, and when it is given up."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from eudoxus.runtime.endpoints.retry import Failed, RetryPolicy, asks_to_wait, may_retry
from eudoxus.runtime.errors import EndpointUnavailable

from .conftest import Pauses

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Highest(Random):
    """Always draws the upper bound."""

    def uniform(self, a: float, b: float) -> float:
        return b


def failing(times: int, *, again: bool = True, wait: float | None = None):
    """An attempt that fails so many times before it gives "done"."""
    left = [times]

    async def attempt() -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise Failed(EndpointUnavailable("down"), reason="500", again=again, wait=wait)
        return "done"

    return attempt


async def test_waits_double_up_to_half_a_minute(pauses: Pauses):
    policy = RetryPolicy(tries=10, random=Highest(), sleep=pauses)
    assert await policy.run(failing(9)) == ("done", 10)
    assert pauses.taken == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


async def test_jitter_is_full(pauses: Pauses):
    for seed in range(200):
        await RetryPolicy(random=Random(seed), sleep=pauses).run(failing(1))
    assert 0 <= min(pauses.taken) < 0.05
    assert 0.45 < max(pauses.taken) <= 0.5


async def test_there_are_six_tries_and_the_last_error_says_so(pauses: Pauses):
    with pytest.raises(EndpointUnavailable, match=r"down \(after 6 tries\)"):
        await RetryPolicy(sleep=pauses).run(failing(6))
    assert len(pauses.taken) == 5


async def test_a_failure_that_does_not_pass_is_raised_at_once(pauses: Pauses):
    with pytest.raises(EndpointUnavailable, match=r"^down$"):
        await RetryPolicy(sleep=pauses).run(failing(1, again=False))
    assert not pauses.taken


async def test_the_servers_wish_is_obeyed_up_to_two_minutes(pauses: Pauses):
    await RetryPolicy(sleep=pauses).run(failing(2, wait=120.0))
    assert pauses.taken == [120.0, 120.0]
    with pytest.raises(EndpointUnavailable, match=r"asks to wait 120\.5 s"):
        await RetryPolicy(sleep=pauses).run(failing(1, wait=120.5))


async def test_listeners_hear_of_each_retry_before_the_wait(pauses: Pauses):
    told: list[tuple[str, float, int]] = []
    policy = RetryPolicy(random=Highest(), sleep=pauses)
    await policy.run(failing(2), lambda reason, seconds: told.append((reason, seconds, len(pauses.taken))))
    assert told == [("500", 0.5, 0), ("500", 1.0, 1)]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after": "Fri, 20 Nov 2026 12:01:30 GMT"}, 90.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wish_to_wait_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None):
    assert asks_to_wait(headers, NOON) == seconds


def test_which_statuses_pass():
    retried = {status for status in range(300, 600) if may_retry(status, {})}
    assert retried == {408, 409, 425, 429, 500, 502, 503, 504, 529}
    assert not may_retry(500, {"x-should-retry": "false"})
    assert may_retry(418, {"x-should-retry": "true"})
