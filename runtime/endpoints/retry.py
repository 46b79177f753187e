"""When to ask an endpoint again, and after how long.

Sits below the journal: one logical call is one record however often it was tried, so the jitter here may be unseeded.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import TypeVar

from eudoxus.runtime.errors import EndpointError

T = TypeVar("T")

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses that may pass by themselves. 400, 401, 403, 404, 413 and 422 never do."""


class Failed(Exception):
    """One try failed. ``reason`` is short, for listeners; ``wait`` the seconds that the server asked us to wait, if it did."""

    def __init__(self, error: EndpointError, *, reason: str, again: bool, wait: float | None = None) -> None:
        super().__init__(reason)
        self.error, self.reason, self.again, self.wait = error, reason, again, wait


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Full jitter (Brooker 2015, "Exponential backoff and jitter"): before the k-th retry wait U(0, min(``cap``, ``base``·2^k)), k from 0.

    All times in seconds. A server's own wish to wait is obeyed, up to ``longest_wait``; beyond that the call fails at once.
    """

    tries: int = 6
    base: float = 0.5
    cap: float = 30.0
    longest_wait: float = 120.0
    random: Random = field(default_factory=Random)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self, attempt: Callable[[], Awaitable[T]], on_retry: Callable[[str, float], None] | None = None) -> tuple[T, int]:
        """The result of ``attempt`` and how many tries it took. An attempt that fails raises :class:`Failed`.

        Raises the :class:`EndpointError` of the last try.
        """
        for tried in range(1, self.tries + 1):
            try:
                return await attempt(), tried
            except Failed as failed:
                delay = self._delay(failed, tried)
                if delay is None:
                    raise _told(failed, tried, self.longest_wait) from None
                if on_retry:
                    on_retry(failed.reason, delay)
            await self.sleep(delay)
        raise AssertionError("the last try either returns or raises")

    def _delay(self, failed: Failed, tried: int) -> float | None:
        """Seconds until the next try; None when there is none."""
        if not failed.again or tried >= self.tries:
            return None
        if failed.wait is not None:
            return failed.wait if failed.wait <= self.longest_wait else None
        return self.random.uniform(0.0, min(self.cap, self.base * 2 ** (tried - 1)))


def _told(failed: Failed, tried: int, longest_wait: float) -> EndpointError:
    """The error of the last try, saying how many there were or why there is no other."""
    error = failed.error
    if failed.again and failed.wait is not None and failed.wait > longest_wait:
        error.message += f"; it asks to wait {failed.wait:g} s, longer than the {longest_wait:g} s that a call may wait"
    elif tried > 1:
        error.message += f" (after {tried} tries)"
    return error


def asks_to_wait(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds from ``retry-after-ms`` or ``Retry-After`` (seconds or an HTTP date, RFC 9110 §10.2.3); None when neither can be read."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    said = headers.get("retry-after")
    seconds = _number(said)
    if seconds is not None or said is None:
        return seconds
    try:
        date = parsedate_to_datetime(said)
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())


def may_retry(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer of this status is worth another try; the server's ``x-should-retry`` decides when it is given."""
    said = headers.get("x-should-retry", "").lower()
    return said == "true" if said in ("true", "false") else status in RETRIED


def _number(said: str | None) -> float | None:
    """A finite number of at least 0, or None."""
    try:
        number = float(said or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None
