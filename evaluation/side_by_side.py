"""Several workers on one queue; the first error ends them all and is the one that is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def side_by_side(work: Callable[[], Awaitable[None]], count: int) -> None:
    """Run ``work`` ``count`` times at once. Raises the first error, as it is, after the others have been cancelled."""
    workers = [asyncio.ensure_future(work()) for _ in range(count)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
