"""A real HTTP server on loopback that behaves, or misbehaves, like an OpenAI-compatible one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

KEY = "sk-secret-0123456789abcdef"
Behaviour = Callable[["Server", Request, dict[str, Any]], Awaitable[Response]]


@dataclass
class Server:
    """What the server was asked, and how it behaves: each call takes the next behaviour of the script, at its end :meth:`good`."""

    url: str = ""
    script: list[Behaviour] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    closed_early: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        if request.url.path.endswith("/models"):
            response: Response = JSONResponse({"object": "list", "data": [{"id": "m"}, {"id": "other"}]})
        elif request.headers.get("authorization") != f"Bearer {KEY}":
            response = failing(401, f"Incorrect API key provided: {request.headers.get('authorization')}")
        else:
            response = await self._chat(request)
        await response(scope, receive, send)

    async def _chat(self, request: Request) -> Response:
        body = orjson.loads(await request.body())
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            behaviour = self.script.pop(0) if self.script else good
            return await behaviour(self, request, body)
        finally:
            self.in_flight -= 1


def failing(status: int, message: str, **headers: str) -> JSONResponse:
    body = {"error": {"message": message, "type": "some_error", "code": None, "param": None}}
    return JSONResponse(body, status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def completion(texts: list[str], model: str = "m", **message: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
        "choices": [
            {"index": i, "finish_reason": "stop", "logprobs": None,
             "message": {"role": "assistant", "content": text, "refusal": None} | message}
            for i, text in enumerate(texts)
        ],
        "usage": {
            "prompt_tokens": 10, "completion_tokens": 3 * len(texts), "total_tokens": 10 + 3 * len(texts),
            "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 1},
        },
    }  # fmt: skip


def event(data: dict[str, Any] | str) -> bytes:
    return b"data: " + (data.encode() if isinstance(data, str) else orjson.dumps(data)) + b"\n\n"


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip


def stream(*events: bytes) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for part in events:
            yield part
            await asyncio.sleep(0.001)

    return StreamingResponse(parts(), media_type="text/event-stream")


USAGE = {"id": "chatcmpl-2", "model": "m", "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2}}


async def good(server: Server, request: Request, body: dict[str, Any]) -> Response:
    """Answers ``four`` as often as asked, streamed if asked."""
    if body["model"] not in ("m", "other"):
        return failing(404, f"The model `{body['model']}` does not exist")
    if body.get("stream"):
        return stream(event(chunk(role="assistant", content="")), event(chunk(content="fo")), event(chunk(content="ur")),
                      event(chunk(finish="stop")), event(USAGE), event("[DONE]"))
    return JSONResponse(completion(["four"] * body.get("n", 1)))


def answering(response: Callable[[], Response]) -> Behaviour:
    async def behaviour(server: Server, request: Request, body: dict[str, Any]) -> Response:
        return response()

    return behaviour


def saying(content: str | bytes, status: int = 200, media_type: str = "application/json") -> Behaviour:
    return answering(lambda: Response(content, status, media_type=media_type))


def refusing(status: int, message: str = "no", **headers: str) -> Behaviour:
    return answering(lambda: failing(status, message, **headers))


def in_json(body: dict[str, Any]) -> Behaviour:
    return answering(lambda: JSONResponse(body))


async def never(server: Server, request: Request, body: dict[str, Any]) -> Response:
    """Says nothing until the client leaves."""
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    server.closed_early += 1
    return Response()


async def one_at_a_time(server: Server, request: Request, body: dict[str, Any]) -> Response:
    """Refuses n, as llama.cpp does."""
    return failing(400, "Only one completion choice is allowed") if body.get("n", 1) > 1 else await good(server, request, body)


async def ignoring_n(server: Server, request: Request, body: dict[str, Any]) -> Response:
    """Gives one answer whatever n is, as Ollama does."""
    return await good(server, request, {**body, "n": 1})


class Loopback:
    """One server in a thread of its own for all tests of a session (starting one takes 0.2 s); each test gets a fresh state."""

    def __init__(self) -> None:
        self._current = Server()
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        self._server = uvicorn.Server(uvicorn.Config(self._serve, interface="asgi3", log_level="critical", lifespan="off", access_log=False,
                                                     timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await self._current(scope, receive, send)

    def fresh(self) -> Server:
        self._current = Server(self.url)
        return self._current

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)


@asynccontextmanager
async def serving_bytes(answer: bytes) -> AsyncIterator[str]:
    """A server below HTTP: reads something, writes ``answer`` as it is and hangs up."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
