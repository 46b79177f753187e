"""Closed-loop load over keep-alive connections: each of ``concurrency`` clients sends its next request when its last was answered.

``python -m benchmarks.load`` runs in a process of its own and prints one JSON object. Like the mock server it speaks HTTP/1.1 by itself,
so that the client does not take the processor from the server that is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
TIMEOUT_SECONDS = 60.0
"""For one answer; a server that needs longer has failed the measurement."""


class BadAnswer(Exception):
    """A server answered with an error or not in the expected form."""


@dataclass(frozen=True)
class Load:
    """What to send where. ``requests`` is the total over all clients; ``seconds`` ends the load earlier."""

    port: int
    body: bytes
    concurrency: int
    requests: int
    seconds: float
    path: str = "/v1/chat/completions"

    def head(self) -> bytes:
        """The request's bytes, which are the same every time."""
        lines = (
            f"POST {self.path} HTTP/1.1",
            f"host: 127.0.0.1:{self.port}",
            "content-type: application/json",
            "authorization: Bearer sk-test",
            f"content-length: {len(self.body)}",
        )
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


@dataclass
class Outcome:
    """Latencies in seconds of the answered requests, in the order of the answers, and what went wrong."""

    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    first_error: str | None = None
    seconds: float = 0.0

    def summary(self) -> dict[str, Any]:
        """``{"answers", "p50_ms", "p99_ms", "seconds", "errors", "first_error"}``; the percentiles are None without answers."""
        p50, p99 = (1000 * percentile(self.latencies, share) if self.latencies else None for share in (0.5, 0.99))
        counts = {"answers": len(self.latencies), "errors": self.errors, "first_error": self.first_error}
        return {**counts, "p50_ms": p50, "p99_ms": p99, "seconds": self.seconds}


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; ``share`` in (0, 1]. ``values`` must not be empty."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


async def run(load: Load) -> Outcome:
    """Put the load on the server. Failed requests are counted in the outcome; a refused connection raises :class:`OSError`."""
    outcome, request = Outcome(), load.head()
    left = iter(range(load.requests))
    start = time.perf_counter()
    until = start + load.seconds
    async with asyncio.TaskGroup() as clients:
        for _ in range(min(load.concurrency, load.requests)):
            clients.create_task(_client(load.port, request, left, until, outcome))
    outcome.seconds = time.perf_counter() - start
    return outcome


async def _client(port: int, request: bytes, left: Any, until: float, outcome: Outcome) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in left:
            start = time.perf_counter()
            if start > until:
                return
            writer.write(request)
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    stays = await read_answer(reader)
            except (BadAnswer, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                outcome.errors += 1
                outcome.first_error = outcome.first_error or f"{type(error).__name__}: {error}"
                stays = False
            else:
                outcome.latencies.append(time.perf_counter() - start)
            if not stays:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> bool:
    """Read one answer; whether the connection stays open. Raises :class:`BadAnswer` unless it is a 200 with a body."""
    head = await reader.readuntil(b"\r\n\r\n")
    closes = b"connection: close" in head.lower()
    if found := _LENGTH.search(head):
        body = await reader.readexactly(int(found[1]))
    elif _CHUNKED.search(head):
        body = await _chunks(reader)
    else:
        body, closes = await reader.read(), True
    if not head.split(b"\r\n", 1)[0].endswith((b" 200 OK", b" 200")) or not body:
        raise BadAnswer(f"{head.splitlines()[0].decode('latin-1')}: {body[:300].decode('utf-8', 'replace')}")
    return not closes


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)


def main() -> None:
    """Print :meth:`Outcome.summary` as JSON. The request body is read from standard input."""
    import uvloop

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--core", type=int, help="the only processor core to use")
    said = parser.parse_args()
    if said.core is not None:
        os.sched_setaffinity(0, {said.core})
    load = Load(said.port, sys.stdin.buffer.read(), said.concurrency, said.requests, said.seconds)
    print(orjson.dumps(uvloop.run(run(load)).summary()).decode())


if __name__ == "__main__":
    main()
