"""Answers in OpenAI's dialect: one ``chat.completion``, or a stream of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from eudoxus.runtime.chat import Json, Usage
from eudoxus.runtime.result import Result

KEEPALIVE = b": keepalive\n\n"
DONE = b"data: [DONE]\n\n"


def completion_id(run_id: str) -> str:
    return "chatcmpl-" + run_id


def completion_json(model: str, created: float, runs: Sequence[tuple[str, Result]], *, strategy: str, seconds: float) -> Json:
    """The whole answer of one or more runs."""
    usage = sum((result.usage for _, result in runs[1:]), runs[0][1].usage)
    return {
        "id": completion_id(runs[0][0]),
        "object": "chat.completion",
        "created": int(created),
        "model": model,
        "choices": [_choice(index, result) for index, (_, result) in enumerate(runs)],
        "usage": usage_json(usage),
        "eudoxus": about(runs, usage, strategy=strategy, seconds=seconds),
    }


def about(runs: Sequence[tuple[str, Result]], usage: Usage, *, strategy: str, seconds: float) -> Json:
    """The ``eudoxus`` member: which runs answered, how far to trust them, what they cost."""
    first = runs[0][1]
    said: Json = {
        "run_id": runs[0][0],
        "strategy": strategy,
        "outcome": first.outcome,
        "authority": first.authority,
        "calls": usage.requests,
        "cost_usd": usage.cost,
        "duration_ms": round(seconds * 1000, 1),
    }
    if first.detail:
        said["detail"] = first.detail
    if first.artifacts:
        said["artifacts"] = first.artifacts
    if usage.estimated:
        said["usage_estimated"] = True
    if len(runs) > 1:
        said["runs"] = [{"run_id": id, "outcome": result.outcome, "authority": result.authority} for id, result in runs]
    return said


def usage_json(usage: Usage) -> Json:
    """Tokens of everything that was spent, as OpenAI counts."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _choice(index: int, result: Result) -> Json:
    completion = result.completion
    message: Json = {"role": "assistant", "content": result.answer}
    if completion is not None:
        if completion.tool_calls:
            message["tool_calls"] = completion.tool_calls
            message["content"] = result.answer or None
        if completion.extra:
            message |= completion.extra
    return {"index": index, "message": message, "logprobs": _logprobs(result), "finish_reason": finish_reason(result)}


def finish_reason(result: Result) -> str:
    """The model's own reason where its completion is the answer."""
    return result.completion.finish_reason if result.completion is not None else "stop"


def _logprobs(result: Result) -> Json | None:
    entries = result.completion.logprobs if result.completion is not None else None
    if not entries:
        return None
    return {"content": [{**{k: v for k, v in e.items() if k != "top"}, "top_logprobs": e.get("top", [])} for e in entries]}


class Chunks:
    """Makes the chunks of one streamed answer. Never an ``id:`` or ``retry:`` field: OpenAI's client fails on them."""

    def __init__(self, run_id: str, model: str, created: float) -> None:
        self._head: Json = {"id": completion_id(run_id), "object": "chat.completion.chunk", "created": int(created), "model": model}
        self._start = b"data: " + orjson.dumps(self._head)[:-1]

    def role(self, index: int) -> bytes:
        return self._chunk(index, {"role": "assistant", "content": ""})

    def text(self, index: int, text: str) -> bytes:
        return b'%b,"choices":[{"index":%d,"delta":{"content":%b},"logprobs":null,"finish_reason":null}]}\n\n' % (
            self._start,
            index,
            orjson.dumps(text),
        )

    def event(self, index: int, type: str, data: Json) -> bytes:
        """Progress: clients that do not know it see an empty piece of text."""
        return self._chunk(index, {"content": ""}, eudoxus={"type": type, **data})

    def end(self, index: int, result: Result) -> bytes:
        """Tool calls, fields of the model's own, and the reason of the end."""
        delta: Json = {}
        completion = result.completion
        if completion is not None:
            if completion.tool_calls:
                delta["tool_calls"] = [{"index": i, **call} for i, call in enumerate(completion.tool_calls)]
            delta |= completion.extra or {}
        return self._chunk(index, delta, finish=finish_reason(result), logprobs=_logprobs(result))

    def usage(self, usage: Usage, eudoxus: Json) -> bytes:
        return b"data: " + orjson.dumps({**self._head, "choices": [], "usage": usage_json(usage), "eudoxus": eudoxus}) + b"\n\n"

    def error(self, problem: Json) -> bytes:
        """How a stream that has begun ends badly."""
        return b"data: " + orjson.dumps({"error": problem["error"], "run_id": problem.get("run_id")}) + b"\n\n"

    def _chunk(self, index: int, delta: Json, *, finish: str | None = None, logprobs: Json | None = None, **more: Any) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return b"data: " + orjson.dumps({**self._head, "choices": [choice], **more}) + b"\n\n"
