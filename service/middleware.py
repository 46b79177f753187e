"""What surrounds every request, as plain ASGI.

:class:`Boundary`: request id, log line, metrics, the last resort for bugs. :class:`Admission`: keys, body size, load.
"""

from __future__ import annotations

import re
import secrets
import time
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eudoxus.runtime.errors import EudoxusError
from eudoxus.service.keys import LOOPBACK, Forbidden, KeyRing
from eudoxus.service.logs import log
from eudoxus.service.metrics import Metrics
from eudoxus.service.problems import (
    BodyTooLarge,
    ProblemResponse,
    RateLimited,
    ShuttingDown,
    internal,
    problem_of,
)
from eudoxus.service.settings import Settings

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
CHAT = "/v1/chat/completions"
DRAINED_TIMES = 16
"""A body too large is read and thrown away up to this many times the limit, so that the client sees the 413 and not a broken pipe."""


class Boundary:
    """The outermost floor: nothing gets past it but a response."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics
        self._in_flight = 0
        metrics.http_in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope["request_id"] = _request_id(scope)
        id_header = (b"x-request-id", request_id.encode())
        status, start = 0, time.perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), id_header]
            await send(message)

        self._in_flight += 1
        token = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, answer)
        except Exception:  # noqa: BLE001
            # The only place that catches everything: the log gets the traceback, the client a request id.
            log.exception("request failed", run_id=scope.get("run_id"))
            if status == 0:
                await ProblemResponse(internal(request_id=request_id, run_id=scope.get("run_id")))(scope, receive, answer)
        finally:
            structlog.contextvars.reset_contextvars(**token)
            self._in_flight -= 1
            self._note(scope, request_id, status, time.perf_counter() - start)

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self.metrics.answered(route, scope["method"], status, seconds)
        write = log.debug if scope["path"] in _QUIET else log.info
        key = scope.get("key")
        write(
            "request",
            request_id=request_id,
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 2),
            run_id=scope.get("run_id"),
            key_id=key.id if key else None,
        )


class Admission:
    """Lets a request in, or says at once why not: key, scope, size, load."""

    def __init__(self, app: ASGIApp, settings: Settings, state: State) -> None:
        self.app, self.settings, self.state = app, settings, state
        self.chats = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._authorize(scope)
            if scope["method"] in ("POST", "PUT", "PATCH"):
                self._refuse_when_draining()
                receive = await self._read(scope, receive)
            if scope["path"] == CHAT:
                await self._one_more_chat(scope, receive, send)
                return
        except EudoxusError as error:
            headers = {"connection": "close"} if isinstance(error, BodyTooLarge) else None
            await ProblemResponse(problem_of(error, request_id=scope["request_id"]), headers)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _one_more_chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.chats >= self.settings.max_in_flight:
            raise RateLimited(f"{self.chats} chat requests are being answered, as many as allowed (max_in_flight); try again soon")
        self.chats += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.chats -= 1

    def _refuse_when_draining(self) -> None:
        if self.state.services.executor.draining.is_set():
            raise ShuttingDown("the service is shutting down; ask again in a few seconds")

    def _authorize(self, scope: Scope) -> None:
        """Raises :class:`InvalidKey` or :class:`Forbidden`. Without any key, only this machine's own programs are served."""
        path: str = scope["path"]
        scope["key"] = None
        if not path.startswith("/v1/") and path != "/metrics":
            return
        keys: KeyRing = self.state.services.keys
        headers = Headers(scope=scope)
        if not keys.required:
            self._refuse_foreign_pages(headers)
            return
        key = keys.check(headers.get("authorization"))
        needed = needed_scope(scope["method"], path)
        if not key.may(needed):
            raise Forbidden(f"this key lacks the scope {needed!r} (it has {', '.join(sorted(key.scopes)) or 'none'})")
        scope["key"] = key

    def _refuse_foreign_pages(self, headers: Headers) -> None:
        """A web page of somebody else in a browser on this machine must not reach us (cross-site requests, DNS rebinding)."""
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if host and host not in LOOPBACK and host not in self.settings.allowed_hosts:
            raise Forbidden(f"requests to host {host!r} are not served without API keys; make one, or name the host in allowed_hosts")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            raise Forbidden(f"requests from pages of {origin} are not served without API keys")

    async def _read(self, scope: Scope, receive: Receive) -> Receive:
        """The whole body, up to the limit, whether its length was announced or not. Raises :class:`BodyTooLarge`."""
        limit = self.settings.max_body_bytes
        announced = Headers(scope=scope).get("content-length", "0")
        total, pieces = 0, list[bytes]()
        if announced.isdigit() and int(announced) > limit * DRAINED_TIMES:
            raise BodyTooLarge(_too_large(limit))
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return _replayed(message, receive)
            total += len(message.get("body", b""))
            if total <= limit:
                pieces.append(message.get("body", b""))
            if not message.get("more_body", False) or total > limit * DRAINED_TIMES:
                break
        if total > limit:
            raise BodyTooLarge(_too_large(limit))
        return _replayed({"type": "http.request", "body": b"".join(pieces), "more_body": False}, receive)


def needed_scope(method: str, path: str) -> str:
    """The scope that a key must have for a request."""
    if path.startswith(("/v1/chat", "/v1/models")):
        return "chat"
    return "runs:read" if method in ("GET", "HEAD") else "runs:write"


def _replayed(first: Message, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return first

    return again


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit} bytes (max_body_bytes)"


def _request_id(scope: Scope) -> str:
    offered = Headers(scope=scope).get("x-request-id", "")
    return offered if _SAFE_ID.fullmatch(offered) else "req_" + secrets.token_hex(12)
