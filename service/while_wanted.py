"""Work that a request waits for without a run: a bounded number at once, ended when the client goes away or the service stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from fastapi import Request

from eudoxus.service.problems import RateLimited, ShuttingDown
from eudoxus.service.services import services_of
from eudoxus.service.streaming import while_connected

MOST_AT_ONCE = 32
"""Requests of a kind that are answered or wait for a processor core; more get 429. Each holds its texts in memory."""

T = TypeVar("T")


async def while_wanted(request: Request, work: Coroutine[Any, Any, T], kind: str) -> T | None:
    """What ``work`` gives; None when the client goes away first. Raises :class:`RateLimited`, :class:`ShuttingDown`."""
    draining = services_of(request).executor.draining
    with _a_place(request, work, kind):
        found = await while_connected(request.receive, work, draining.wait())
    if found is None and draining.is_set():
        raise ShuttingDown("the service is shutting down; ask again in a few seconds")
    return found


@contextmanager
def _a_place(request: Request, work: Coroutine[Any, Any, Any], kind: str) -> Iterator[None]:
    state = request.app.state
    if not hasattr(state, "at_once"):
        state.at_once = Counter()
    taken: Counter[str] = state.at_once
    if taken[kind] >= MOST_AT_ONCE:
        work.close()
        raise RateLimited(f"{taken[kind]} {kind} requests are being answered, as many as allowed; try again soon")
    taken[kind] += 1
    try:
        yield
    finally:
        taken[kind] -= 1
