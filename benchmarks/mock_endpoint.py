"""A mock model server: OpenAI's chat dialect at a few microseconds of processor time per request, in a process of its own.

``python -m benchmarks.mock_endpoint --port 9101`` serves ``POST /v1/chat/completions`` (no streaming) and ``GET /v1/models``;
``GET /count`` tells how many completion requests there were. It is written against asyncio's protocols: a web framework would cost more
than some of what is measured against it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
from typing import Any, cast

import orjson

ANSWERS = (
    "The capital of France is Paris.",
    "Paris is the capital of France.",
    "It is Paris, on the river Seine.",
)
"""Different ones: equal answers need no judge, and the judge call belongs to what is measured."""

JUDGE = "You are an examiner. You are given a task and several candidate answers"
"""How the system message of Eudoxus' judge begins (prompts/best_of_n/judge.md)."""
RATER = "Respond with only a number"
"""Part of the system message by which optillm's ``bon`` rates one answer."""

_COUNT = re.compile(r"Score all (\d+) candidates")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def completion(body: bytes) -> bytes:
    """The answer to a chat completion request: ``n`` different texts, or what the judge's prompt asks for."""
    asked = orjson.loads(body)
    texts = _texts(asked["messages"], asked.get("n") or 1)
    return orjson.dumps(
        {
            "id": "chatcmpl-mock",
            "object": "chat.completion",
            "created": 1700000000,
            "model": asked["model"],
            "choices": [
                {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"} for i, text in enumerate(texts)
            ],
            "usage": {"prompt_tokens": 12, "completion_tokens": 8 * len(texts), "total_tokens": 12 + 8 * len(texts)},
        }
    )


def _texts(messages: list[dict[str, Any]], n: int) -> list[str]:
    system = " ".join(str(message["content"]) for message in messages if message["role"] == "system")
    if system.startswith(JUDGE):
        found = _COUNT.search(str(messages[-1]["content"]))
        return [_scores(int(found[1]) if found else 1)]
    if RATER in system:
        return ["7"]
    return [ANSWERS[i % len(ANSWERS)] for i in range(n)]


def _scores(count: int) -> str:
    scores = [{"candidate": i, "why": "right", "score": 7 + i % 3} for i in range(1, count + 1)]
    return orjson.dumps({"scores": scores}).decode()


MODELS = orjson.dumps({"object": "list", "data": [{"id": "mock", "object": "model", "created": 0, "owned_by": "benchmarks"}]})


class MockProtocol(asyncio.Protocol):
    """HTTP/1.1 with keep-alive and content lengths, the little that clients of model servers use."""

    answered = 0
    """Completion requests of this process."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = int(found[1]) if (found := _LENGTH.search(head)) else 0
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            self._transport.write(_response(head, body))


def _response(head: bytes, body: bytes) -> bytes:
    if head.startswith(b"POST") and body:
        MockProtocol.answered += 1
        status, answer = b"200 OK", completion(body)
    elif head.startswith(b"GET /count"):
        status, answer = b"200 OK", b"%d" % MockProtocol.answered
    elif head.startswith(b"GET /v1/models"):
        status, answer = b"200 OK", MODELS
    else:
        status, answer = b"404 Not Found", b"{}"
    return b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (status, len(answer), answer)


async def serve(port: int) -> asyncio.Server:
    """A listening server on the loopback address; port 0 takes a free one."""
    return await asyncio.get_running_loop().create_server(MockProtocol, "127.0.0.1", port, backlog=1024)


async def _main(port: int) -> None:
    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    async with await serve(port):
        await stop.wait()


if __name__ == "__main__":
    import uvloop

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_main(parser.parse_args().port))
