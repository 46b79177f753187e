"""Requests that wait for the end of work which has a row: a run, an evaluation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar


class _Row(Protocol):
    id: str

    @property
    def terminal(self) -> bool: ...


Row = TypeVar("Row", bound=_Row)
LOOK_SECONDS = 0.25
"""Between looks at a row that another process works on."""


async def ended(
    row: Row, seconds: float, draining: asyncio.Event, task: Callable[[str], asyncio.Task[Any] | None],
    again: Callable[[str], Awaitable[Row | None]],
) -> Row:
    """The row when it has ended, or as it is after ``seconds`` or when the service shuts down.

    ``task`` gives the work on it in this process, if any, and ``again`` the row as it is now; both by its id.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not row.terminal and (left := deadline - loop.time()) > 0 and not draining.is_set():
        work = task(row.id)
        if work is not None:
            stopping = asyncio.ensure_future(draining.wait())
            await asyncio.wait([work, stopping], timeout=left, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
        else:
            await asyncio.sleep(min(LOOK_SECONDS, left))
        found = await again(row.id)
        if found is None:
            break
        row = found
    return row
