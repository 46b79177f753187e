"""The transport over aiohttp (extra ``fast``)."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

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


class AiohttpTransport:
    """One aiohttp session, made at the first call because it belongs to the running event loop."""

    def __init__(self, *, connections: int, read_seconds: float = READ_SECONDS) -> None:
        self._connections, self._read_seconds = connections, read_seconds
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._proxies: dict[str, str | None] = {}

    def _open_session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            # connect= covers the wait for a free connection and the connecting itself, sock_connect= the latter alone.
            limits = aiohttp.ClientTimeout(None, connect=POOL_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=self._read_seconds)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections), timeout=limits, cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True, raise_for_status=False,
            )
            self._loop = loop
        return self._session

    def _proxy(self, url: str) -> str | None:
        """The proxy that the environment names for this host. aiohttp's own look-up costs more, and would read ~/.netrc too."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._proxies:
            bypassed = bool(urllib.request.proxy_bypass(parts.hostname or ""))
            self._proxies[origin] = None if bypassed else urllib.request.getproxies().get(parts.scheme)
        return self._proxies[origin]

    @asynccontextmanager
    async def open(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> AsyncIterator[Streamed]:
        """Send one request. Raises :class:`TransportError`."""
        session = self._open_session()
        try:
            async with session.request(method, url, data=body, headers=headers, allow_redirects=False, proxy=self._proxy(url)) as answer:
                yield Streamed(answer.status, answer.headers, answer.content.iter_any())
        except aiohttp.ClientError as error:
            raise _translated(error, self._read_seconds) from None

    async def aclose(self) -> None:
        if self._session is not None and self._loop is asyncio.get_running_loop():
            await self._session.close()
        self._session = None


def _translated(error: Exception, read_seconds: float) -> TransportError:
    """Our error for one of aiohttp's, most of which hold the request with its headers."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return ConnectFailed("no connection within the time allowed")
        case aiohttp.ServerTimeoutError():
            return TimedOut(f"silent for {read_seconds:g} s")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return ConnectFailed(f"TLS: {error}")
        case aiohttp.ClientConnectorError():
            return ConnectFailed(error.os_error.strerror or str(error.os_error))
        case aiohttp.InvalidURL():
            return ConnectFailed("not a valid address")
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return ConnectionBroken("the connection ended before the answer did")
    return TransportError(f"not understandable as HTTP ({type(error).__name__})")
