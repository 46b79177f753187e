"""A small server that speaks OpenAI's dialect, for tests: it answers what its functions say and counts what it was asked."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[[dict[str, Any]], str]


class Upstream:
    """Listens on loopback. ``delay`` is in seconds; ``status`` other than 200 makes every call fail with it."""

    def __init__(self, answer: Answering | str = "four") -> None:
        self.answer: Answering = answer if callable(answer) else lambda body: answer
        self.delay, self.status = 0.0, 200
        self.held_from: int | None = None
        """Calls from this one on (the first is 0) get no answer until it is None again."""
        self.cuts = 0
        """How many of the next streams break off after their first word."""
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answered = 0
        self.more: dict[str, Any] = {}
        """Further members of the answering message."""
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._json(200, {"object": "list", "data": [{"id": "m", "object": "model"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                number = len(upstream.bodies)
                upstream.bodies.append(body)
                upstream.headers.append({k.lower(): v for k, v in self.headers.items()})
                time.sleep(upstream.delay)
                while upstream.held_from is not None and number >= upstream.held_from:
                    time.sleep(0.01)
                with contextlib.suppress(ConnectionError):  # the client may have gone
                    self._answer(body)
                upstream.answered += 1

            def _answer(self, body: dict[str, Any]) -> None:
                if upstream.status != 200:
                    self._json(upstream.status, {"error": {"message": "no luck", "type": "x", "code": None}})
                elif body.get("stream"):
                    self._stream(body)
                else:
                    self._json(200, upstream.completion(body))

            def _json(self, status: int, said: dict[str, Any]) -> None:
                data = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, body: dict[str, Any]) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                whole = upstream.completion(body)
                head = {"id": whole["id"], "object": "chat.completion.chunk", "created": 0, "model": body["model"]}
                for word in whole["choices"][0]["message"]["content"].split(" "):
                    delta = {"index": 0, "delta": {"content": word + " "}, "finish_reason": None}
                    self._chunk({**head, "choices": [delta]})
                    if upstream.cuts > 0:
                        upstream.cuts -= 1
                        self.close_connection = True
                        return
                self._chunk({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
                self._chunk({**head, "choices": [], "usage": whole["usage"]})
                self.wfile.write(b"data: [DONE]\n\n")
                self.close_connection = True

            def _chunk(self, said: dict[str, Any]) -> None:
                self.wfile.write(b"data: " + json.dumps(said).encode() + b"\n\n")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.answer(body), **self.more}
        choices = [{"index": i, "message": message, "finish_reason": "stop", "logprobs": None} for i in range(body.get("n") or 1)]
        usage = {"prompt_tokens": 10, "completion_tokens": 5 * len(choices), "total_tokens": 10 + 5 * len(choices)}
        return {"id": "up-1", "object": "chat.completion", "created": 0, "model": body["model"], "choices": choices, "usage": usage}

    def close(self) -> None:
        self.held_from = None
        self._server.shutdown()
        self._server.server_close()
