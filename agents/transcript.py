"""A conversation as text inside a prompt, for a model that examines it instead of taking part in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import orjson

from eudoxus.runtime import ChatRequest, Completion, Message


def transcript(messages: Sequence[Message]) -> str:
    """The conversation, each message under a line with its role; a lone user message is just its text."""
    if len(messages) == 1 and messages[0].role == "user":
        return messages[0].text
    return "\n\n".join(f"{message.role}:\n{_said(message.text, message.tool_calls)}" for message in messages)


def reply(completion: Completion) -> str:
    """What a completion says, calls of tools included."""
    return _said(completion.text, completion.tool_calls)


def mark(*texts: str) -> str:
    """Eight hex digits that none of ``texts`` can hold on purpose, since they depend on all of them: quotes are fenced with it."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


def continued(request: ChatRequest, reply: str, told: ChatRequest) -> ChatRequest:
    """``request`` with the model's ``reply`` and what it is told then, as when an answer could not be read or is to be improved."""
    history = (*request.messages, Message(role="assistant", content=reply), *told.messages)
    return request.model_copy(update={"messages": history, "prompt": told.prompt})


def with_media(request: ChatRequest, messages: Iterable[Message]) -> ChatRequest:
    """``request`` with the images and other non-textual parts of ``messages`` behind its last message."""
    parts = [part for message in messages if isinstance(message.content, list) for part in message.content if part.get("type") != "text"]
    if not parts:
        return request
    last = request.messages[-1]
    content = [{"type": "text", "text": last.text}, *parts]
    return request.model_copy(update={"messages": (*request.messages[:-1], last.model_copy(update={"content": content}))})


def _said(text: str, tool_calls: list[dict[str, object]] | None) -> str:
    if not tool_calls:
        return text
    calls = orjson.dumps([call.get("function", call) for call in tool_calls]).decode()
    return f"{text}\n[calls tools: {calls}]".lstrip()
