"""A streamed chat completion (server-sent events) put together again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from eudoxus.runtime.chat import Json
from eudoxus.runtime.endpoints.wire import NotACompletion, fault_of


class Deltas:
    """Passes pieces of text on as they come, also over several tries of one call.

    A later try starts from the beginning. What was passed on already is not repeated, and once the new text turns out to be another
    one nothing more is passed on: a listener can tell by comparing with the answer.
    """

    def __init__(self, listener: Callable[[str], None]) -> None:
        self._listener = listener
        self._passed_on = ""
        self._now = ""

    def begin(self) -> None:
        """A new try begins."""
        self._now = ""

    def add(self, text: str) -> None:
        self._now += text
        if len(self._now) > len(self._passed_on) and self._now.startswith(self._passed_on):
            self._listener(self._now[len(self._passed_on) :])
            self._passed_on = self._now


class Assembly:
    """Collects the chunks of one stream into the body that the endpoint would have sent without streaming. One choice only."""

    def __init__(self, deltas: Deltas) -> None:
        self._deltas = deltas
        self._said: Json = {}
        self._message: Json = {"role": "assistant"}
        self._text: list[str] = []
        self._calls: dict[int, Json] = {}
        self._logprobs: list[Json] = []
        self._finish: str | None = None
        self.done = False
        """Whether the end was marked. A stream that just ends without a finish reason was cut."""
        deltas.begin()

    @property
    def complete(self) -> bool:
        """Whether the answer is whole."""
        return bool(self._said) and (self.done or self._finish is not None)

    def feed(self, line: bytes) -> None:
        """One line of the stream. Raises :class:`NotACompletion` and :class:`UpstreamFault`."""
        if not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        if data == b"[DONE]":
            self.done = True
            return
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise NotACompletion("a streamed chunk is not JSON") from None
        if not isinstance(chunk, dict):
            raise NotACompletion("a streamed chunk is not an object")
        if chunk.get("error"):
            raise fault_of(chunk["error"])
        self._said |= {k: v for k, v in chunk.items() if k in ("id", "model", "usage", "created", "system_fingerprint") and v is not None}
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0:
                self._add(choice)

    def _add(self, choice: Json) -> None:
        self._finish = choice.get("finish_reason") or self._finish
        self._logprobs += (choice.get("logprobs") or {}).get("content") or ()
        for key, value in (choice.get("delta") or {}).items():
            if key == "content" and isinstance(value, str) and value:
                self._text.append(value)
                self._deltas.add(value)
            elif key == "tool_calls":
                for piece in value or ():
                    _merge(self._calls.setdefault(piece.get("index", len(self._calls)), {}), piece)
            elif key not in ("role", "content") and value is not None:
                self._message[key] = _joined(self._message.get(key), value)

    def body(self) -> Json:
        """The whole answer as one chat completion."""
        message = self._message | {"content": "".join(self._text)}
        if self._calls:
            message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for _, call in sorted(self._calls.items())]
        choice: Json = {"index": 0, "message": message, "finish_reason": self._finish}
        if self._logprobs:
            choice["logprobs"] = {"content": self._logprobs}
        return self._said | {"choices": [choice]}


def _merge(whole: Json, piece: Json) -> None:
    """Add a piece of a tool call: text is appended, except what identifies the call."""
    for key, value in piece.items():
        if isinstance(value, dict):
            _merge(whole.setdefault(key, {}), value)
        elif key in ("id", "type", "index", "name") or not isinstance(value, str):
            whole[key] = whole.get(key, value) if value in (None, "") else value
        else:
            whole[key] = whole.get(key, "") + value


def _joined(before: Any, value: Any) -> Any:
    """What further pieces of a field add up to: text and lists grow, anything else is replaced."""
    if isinstance(before, str) and isinstance(value, str):
        return before + value
    return [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
