"""OpenAI's chat dialect as bytes: requests out, answers in. Strict in what is sent, tolerant in what is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from eudoxus.runtime.chat import ChatRequest, Completion, Json, Response, Usage
from eudoxus.runtime.endpoints.usage import estimated_usage
from eudoxus.runtime.errors import InvalidRequest

_OURS = ("model", "messages", "n", "stream", "stream_options")
"""Body fields that ``extra`` cannot set: the call decides them."""


class NotACompletion(Exception):
    """The bytes hold no chat completion; the message says what is wrong with them."""


class UpstreamFault(Exception):
    """An answer with status 200 that reports an error in its body, as gateways do. ``status`` is the one it names, if any."""

    def __init__(self, message: str, status: int | None) -> None:
        super().__init__(message)
        self.status = status


def encode(model: str, request: ChatRequest, n: int, *, max_tokens_field: str, stream: bool = False, usage: bool = True) -> bytes:
    """The body of ``POST /chat/completions``. ``usage`` asks for token counts at the end of a stream.

    Raises :class:`InvalidRequest` for what JSON cannot hold.
    """
    said = request.fingerprinted()
    extra = said.pop("extra", None) or {}
    body = {k: v for k, v in extra.items() if k not in _OURS} | said | {"model": model}
    if max_tokens_field != "max_tokens" and "max_tokens" in said:
        body[max_tokens_field] = body.pop("max_tokens")
    if n > 1:
        body["n"] = n
    if stream:
        body["stream"] = True
        if usage:
            body["stream_options"] = {"include_usage": True}
    try:
        return orjson.dumps(body)
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise InvalidRequest(f"the request cannot be written as JSON: {error}") from None


Pricing = Callable[[int, int, int], float | None]
"""(prompt tokens, completion tokens, cached ones among the prompt's) → US dollars, None where the price is unknown."""


def unpriced(prompt_tokens: int, completion_tokens: int, cached_tokens: int) -> None:
    """No price is known."""


def decode(body: bytes, request: ChatRequest, model: str, price: Pricing = unpriced) -> Response:
    """The answer in ``body``; usage is estimated when it does not say. Raises :class:`NotACompletion` and :class:`UpstreamFault`."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NotACompletion("not JSON") from None
    return response_of(said, request, model, price)


def response_of(said: Any, request: ChatRequest, model: str, price: Pricing = unpriced) -> Response:
    """As :func:`decode`, from parsed JSON."""
    if not isinstance(said, dict):
        raise NotACompletion("not a JSON object")
    try:
        return _response(said, request, model, price)
    except (AttributeError, TypeError, ValueError) as error:
        raise NotACompletion(f"a field is not what it should be ({type(error).__name__})") from None


def _response(said: Json, request: ChatRequest, model: str, price: Pricing) -> Response:
    choices = said.get("choices")
    if not choices or not isinstance(choices, list):
        if said.get("error"):
            raise fault_of(said["error"])
        raise NotACompletion("no choices")
    completions = tuple(completion_of(choice) for choice in sorted(choices, key=_index))
    usage = usage_of(said.get("usage"), len(completions), price) or _estimated(request, completions, price)
    upstream_id = said.get("id")
    return Response(
        completions=completions,
        usage=usage,
        model=str(said.get("model") or model),
        upstream_ids=(upstream_id,) if isinstance(upstream_id, str) and upstream_id else (),
    )


def _index(choice: Any) -> int:
    index = choice.get("index") if isinstance(choice, dict) else None
    return index if isinstance(index, int) else 0


def completion_of(choice: Any) -> Completion:
    """One choice. Fields of the message that we do not know are kept in ``extra``; null and empty ones are not."""
    if not isinstance(choice, dict):
        raise NotACompletion("a choice is not an object")
    if choice.get("error"):
        raise fault_of(choice["error"])
    message = choice.get("message")
    if message is None and isinstance(choice.get("text"), str):
        message = {"content": choice["text"]}
    if not isinstance(message, dict):
        raise NotACompletion("a choice without a message")
    calls = message.get("tool_calls") or None
    extra = {k: v for k, v in message.items() if k not in ("role", "content", "tool_calls") and v not in (None, [], {})}
    return Completion(
        text=_text(message.get("content")),
        finish_reason=str(choice.get("finish_reason") or ("tool_calls" if calls else "stop")),
        tool_calls=calls if isinstance(calls, list) else None,
        logprobs=logprobs_of(choice.get("logprobs")),
        extra=extra or None,
    )


def _text(content: Any) -> str:
    """The text of a content that may be null or a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def logprobs_of(said: Any) -> list[Json] | None:
    """``[{token, bytes, logprob, top}]`` from the chat form or the older completions form."""
    if not isinstance(said, dict):
        return None
    if isinstance(said.get("content"), list):
        return [_token(entry) | {"top": [_token(top) for top in entry.get("top_logprobs") or ()]} for entry in said["content"]]
    if not isinstance(said.get("tokens"), list):
        return None
    tokens, logprobs = said["tokens"], said.get("token_logprobs") or ()
    tops = said.get("top_logprobs") or [None] * len(tokens)
    return [
        _token({"token": token, "logprob": logprob}) | {"top": [_token({"token": t, "logprob": p}) for t, p in (top or {}).items()]}
        for token, logprob, top in zip(tokens, logprobs, tops, strict=False)
    ]


def _token(entry: Json) -> Json:
    return {"token": entry.get("token"), "bytes": entry.get("bytes"), "logprob": entry.get("logprob")}


def usage_of(said: Any, n: int, price: Pricing) -> Usage | None:
    """The endpoint's own count for ``n`` answers; None when it gives none that can be believed."""
    if not isinstance(said, dict):
        return None
    sent, received = _count(said.get("prompt_tokens")), _count(said.get("completion_tokens"))
    if sent is None or received is None:
        return None
    of_prompt, of_answer = said.get("prompt_tokens_details") or {}, said.get("completion_tokens_details") or {}
    cached = _count(of_prompt.get("cached_tokens")) or _count(said.get("prompt_cache_hit_tokens")) or 0
    return Usage(
        requests=n,
        prompt_tokens=sent,
        completion_tokens=received,
        cached_tokens=cached,
        reasoning_tokens=_count(of_answer.get("reasoning_tokens")) or 0,
        cost=price(sent, received, cached),
    )


def _estimated(request: ChatRequest, completions: tuple[Completion, ...], price: Pricing) -> Usage:
    usage = estimated_usage(request, completions)
    return usage.model_copy(update={"cost": price(usage.prompt_tokens, usage.completion_tokens, 0)})


def _count(said: Any) -> int | None:
    return int(said) if isinstance(said, int | float) and not isinstance(said, bool) and said >= 0 else None


def fault_of(error: Any) -> UpstreamFault:
    """What the ``error`` member of a body says."""
    code = error.get("code") if isinstance(error, dict) else None
    digits = str(code)
    number = int(digits) if digits.isdecimal() and len(digits) == 3 else 0
    return UpstreamFault(error_message(error), number if 400 <= number < 600 else None)


def error_message(error: Any) -> str:
    """The message in OpenAI's ``{"message": …}``, in FastAPI's ``detail``, in plain text, or in whatever else there is."""
    if isinstance(error, dict):
        for key in ("message", "detail", "error", "title"):
            if error.get(key):
                return error_message(error[key])
    return error if isinstance(error, str) else orjson.dumps(error, default=str).decode()
