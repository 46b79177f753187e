"""A response that is sent piece by piece and ends as soon as the client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"
T = TypeVar("T")


class LiveResponse(Response):
    """Sends what ``pieces`` gives, at once. When the client disconnects, the iterator is closed."""

    def __init__(self, pieces: AsyncIterator[bytes], media_type: str = EVENT_STREAM, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(
            b"", 200, {"cache-control": "no-store", "x-accel-buffering": "no", **(headers or {})}, f"{media_type}; charset=utf-8"
        )
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(disconnected(receive))
        try:
            await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.wait([sending, leaving])
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        try:
            async for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if (close := getattr(self._pieces, "aclose", None)) is not None:
                await close()


async def disconnected(receive: Receive) -> None:
    """Returns when the client has gone away. For requests whose body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_connected(receive: Receive, running: Coroutine[Any, Any, T], *others: Coroutine[Any, Any, object]) -> T | None:
    """What ``running`` gives; None when the client has left before, or one of ``others`` has ended, and then it is cancelled.

    For requests whose body has been read.
    """
    work = asyncio.ensure_future(running)
    ends = [asyncio.ensure_future(end) for end in (disconnected(receive), *others)]
    try:
        await asyncio.wait([work, *ends], return_when=asyncio.FIRST_COMPLETED)
        return await work if work.done() else None
    finally:
        for task in (*ends, work):
            task.cancel()
        await asyncio.wait([work, *ends])
