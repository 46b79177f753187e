"""Bytes over HTTP, the little that a chat client needs, with errors of our own whatever library does the work.

aiohttp does it where it is installed (extra ``fast``: about 0.1 ms of processor time per call), else httpx2 (0.4 ms and more).
Redirects are not followed, so that a key never goes to an address that nobody configured.
"""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

CONNECT_SECONDS = 5.0
POOL_SECONDS = 30.0
READ_SECONDS = 120.0
LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of a whole answer, after decompression."""
LONGEST_LINE = 8 * 1024 * 1024
"""Bytes of one line of a streamed answer."""


class TransportError(Exception):
    """The exchange failed below HTTP. Messages hold neither headers nor bodies."""


class ConnectFailed(TransportError):
    """No connection could be made; nothing was sent."""


class ConnectionBroken(TransportError):
    """The connection ended before the answer did."""


class TimedOut(TransportError):
    """The server was silent for too long, or no connection of the pool became free."""


class AnswerTooLong(TransportError):
    """The answer is longer than anyone would want to read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``headers`` finds names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer whose body is still arriving in ``chunks``. ``headers`` finds names in any case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]

    async def whole(self) -> Answer:
        """All of it. Raises :class:`AnswerTooLong` beyond :data:`LONGEST_ANSWER`."""
        parts, size = [], 0
        async for chunk in self.chunks:
            size += len(chunk)
            if size > LONGEST_ANSWER:
                raise AnswerTooLong(f"the answer has more than {LONGEST_ANSWER >> 20} MiB")
            parts.append(chunk)
        return Answer(self.status, self.headers, b"".join(parts))

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Line by line, without line ends; a last line that was cut short comes too. Raises :class:`AnswerTooLong`."""
        rest, size = b"", 0
        async for chunk in self.chunks:
            size += len(chunk)
            *whole, rest = (rest + chunk).split(b"\n")
            if size > LONGEST_ANSWER or len(rest) > LONGEST_LINE:
                raise AnswerTooLong(f"the streamed answer has more than {LONGEST_ANSWER >> 20} MiB, or a line too long")
            for line in whole:
                yield line.removesuffix(b"\r")
        if rest:
            yield rest


class Transport(Protocol):
    """One pooled client. Every method raises :class:`TransportError` and nothing of the library below."""

    def open(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> AbstractAsyncContextManager[Streamed]:
        """Send one request; the context ends the answer, read or not."""
        ...

    async def aclose(self) -> None:
        """Close all connections. May be called again."""
        ...


async def exchange(transport: Transport, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    """Send one request and read the whole answer. Raises :class:`TransportError`."""
    async with transport.open(method, url, headers, body) as streamed:
        return await streamed.whole()


def best_transport(*, connections: int, read_seconds: float = READ_SECONDS) -> Transport:
    """The fastest transport that is installed, with at most ``connections`` at a time."""
    if importlib.util.find_spec("aiohttp") is not None:
        from eudoxus.runtime.endpoints.over_aiohttp import AiohttpTransport

        return AiohttpTransport(connections=connections, read_seconds=read_seconds)
    from eudoxus.runtime.endpoints.over_httpx import HttpxTransport

    return HttpxTransport(connections=connections, read_seconds=read_seconds)
