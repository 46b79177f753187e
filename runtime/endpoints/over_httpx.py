"""The transport over httpx2, which is always there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2

from eudoxus.runtime.endpoints.transport import (
    CONNECT_SECONDS,
    POOL_SECONDS,
    READ_SECONDS,
    ConnectFailed,
    ConnectionBroken,
    Streamed,
    TimedOut,
    TransportError,
)


class HttpxTransport:
    """One httpx2 client, made at the first call because its pool belongs to the running event loop."""

    def __init__(self, *, connections: int, read_seconds: float = READ_SECONDS) -> None:
        self._connections, self._read_seconds = connections, read_seconds
        self._client: httpx2.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def _open_client(self) -> httpx2.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client = httpx2.AsyncClient(
                timeout=httpx2.Timeout(connect=CONNECT_SECONDS, pool=POOL_SECONDS, read=self._read_seconds, write=self._read_seconds),
                limits=httpx2.Limits(max_connections=self._connections, max_keepalive_connections=self._connections, keepalive_expiry=15.0),
                follow_redirects=False,
            )
            self._loop = loop
        return self._client

    @asynccontextmanager
    async def open(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> AsyncIterator[Streamed]:
        """Send one request. Raises :class:`TransportError`."""
        try:
            async with self._open_client().stream(method, url, headers=dict(headers), content=body) as answer:
                yield Streamed(answer.status_code, answer.headers, answer.aiter_bytes())
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _translated(error, self._read_seconds) from None

    async def aclose(self) -> None:
        if self._client is not None and self._loop is asyncio.get_running_loop():
            await self._client.aclose()
        self._client = None


def _translated(error: Exception, read_seconds: float) -> TransportError:
    match error:
        case httpx2.ConnectError() | httpx2.ProxyError():
            return ConnectFailed(str(error) or "no connection")
        case httpx2.ConnectTimeout():
            return ConnectFailed("no connection within the time allowed")
        case httpx2.PoolTimeout():
            return TimedOut(f"no connection became free within {POOL_SECONDS:g} s")
        case httpx2.TimeoutException():
            return TimedOut(f"silent for {read_seconds:g} s")
        case httpx2.NetworkError() | httpx2.RemoteProtocolError():
            return ConnectionBroken("the connection ended before the answer did")
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
            return ConnectFailed("not a valid address")
    return TransportError(f"not understandable as HTTP ({type(error).__name__})")
