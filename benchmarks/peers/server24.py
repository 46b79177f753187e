"""The simulated player behind OpenAI's chat API on the loopback address, for libraries that speak nothing else.

The model's name says who plays and which run it is, ``gpt-4:<seed>:<run>``: each run is a conversation of its own and is counted alone.
(llm-reasoners knows by the beginning of the name that it must use the chat API.)
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from benchmarks.player24 import Player, Rates
from eudoxus.runtime import ChatRequest, Completion, Message
from eudoxus.runtime.endpoints.usage import estimated_usage


@dataclass
class Asked:
    """What one run has asked for."""

    player: Player
    requests: int = 0
    samples: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    seen: Counter[str] = field(default_factory=Counter)


class Counts:
    """All runs, by name of the model."""

    def __init__(self, rates: Rates) -> None:
        self._rates, self._runs, self._lock = rates, dict[str, Asked](), threading.Lock()

    def take(self, model: str) -> Asked:
        """What a run has asked for; it is forgotten here."""
        with self._lock:
            return self._runs.pop(model)

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The response to one request."""
        model, count = body["model"], body.get("n") or 1
        request = ChatRequest(messages=tuple(Message(role=m["role"], content=m["content"]) for m in body["messages"]))
        with self._lock:
            run = self._runs.setdefault(model, Asked(Player(self._rates, int(model.split(":")[1]))))
        key, said = request.messages[-1].text, list[str]()
        for _ in range(count):
            said.append(run.player(model, request, run.seen[key]))
            run.seen[key] += 1
        usage = estimated_usage(request, [Completion(text=text) for text in said])
        run.requests += 1
        run.samples += count
        run.prompt_tokens += usage.prompt_tokens
        run.completion_tokens += usage.completion_tokens
        run.seconds += run.player.seconds()
        choices = [{"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": text}} for i, text in enumerate(said)]
        counted = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, "total_tokens": usage.total_tokens}
        return {"id": "chatcmpl-0", "object": "chat.completion", "created": 0, "model": model, "choices": choices, "usage": counted}


@contextmanager
def served(counts: Counts) -> Iterator[str]:
    """The base address of a server that answers by ``counts``, for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            said = orjson.dumps(counts.answer(orjson.loads(self.rfile.read(int(self.headers["content-length"])))))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to tell."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
