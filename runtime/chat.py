"""What goes to a model and what comes back: OpenAI's chat vocabulary as frozen values.

Content parts, tools and response formats stay plain JSON, so that what a client sends reaches the model unchanged.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = dict[str, Any]


class Value(BaseModel):
    """A frozen record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Value):
    """One chat message. ``content`` is text, a list of OpenAI content parts, or None beside tool calls."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Json] | None = None
    name: str | None = None
    tool_calls: list[Json] | None = None
    tool_call_id: str | None = None
    extra: Json | None = None
    """Fields of the message that Eudoxus does not know (``reasoning_content`` and the like), passed on as they are."""

    @property
    def text(self) -> str:
        """The textual part of the content, parts joined by line breaks."""
        if isinstance(self.content, list):
            return "\n".join(str(part.get("text", "")) for part in self.content if part.get("type") == "text")
        return self.content or ""

    def wire(self) -> Json:
        """As OpenAI's API wants it."""
        said = {k: v for k, v in self.__dict__.items() if v is not None and k != "extra"}
        if self.content is None and self.role == "assistant":
            said["content"] = None
        return said | (self.extra or {})


def system(text: str) -> Message:
    return Message(role="system", content=text)


def user(text: str) -> Message:
    return Message(role="user", content=text)


def assistant(text: str) -> Message:
    return Message(role="assistant", content=text)


class ChatRequest(Value):
    """One question to a model. Which model answers is bound in the context, not here; how many answers is an argument of the call."""

    messages: tuple[Message, ...] = Field(min_length=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    """Most tokens of the answer (sent as ``max_completion_tokens`` where the endpoint wants that)."""
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None
    response_format: Json | None = None
    grammar: Json | None = None
    """What the answer must derive from, in one notation: ``{"choice": [texts]}``, ``{"regex": …}``, ``{"lark": …}`` or ``{"gbnf": …}``.
    Each endpoint tells its server in the server's own dialect (:mod:`eudoxus.runtime.endpoints.dialects`), or refuses."""
    extra: Json | None = None
    """Further body fields for the endpoint (``top_k``, ``reasoning_effort``), passed on as they are."""
    prompt: str | None = None
    """``id@hash`` of the prompt file that the messages came from; recorded, never sent, not part of the fingerprint."""

    def fingerprinted(self) -> Json:
        """What identifies the question: everything that can change the answer."""
        said = {k: v for k, v in self.__dict__.items() if v is not None and k not in ("messages", "prompt")}
        said["messages"] = [m.wire() for m in self.messages]
        return said

    @classmethod
    def from_fingerprinted(cls, said: Json) -> ChatRequest:
        """The request again, from what :meth:`fingerprinted` gave."""
        known = Message.model_fields.keys() - {"extra"}
        messages = tuple(
            Message(**{k: v for k, v in m.items() if k in known}, extra={k: v for k, v in m.items() if k not in known} or None)
            for m in said["messages"]
        )
        return cls.model_validate({**said, "messages": messages})


class Usage(Value):
    """Tokens and money of one or more calls. ``cost`` is in US dollars, None where a price is unknown."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = 0.0
    estimated: bool = False
    """True when some endpoint gave no counts and they were estimated as bytes / 4."""

    def __add__(self, other: Usage) -> Usage:
        if self is NOTHING:
            return other
        # Rounded far below a cent's fraction, so that the sum does not depend on the order of the summands.
        cost = None if self.cost is None or other.cost is None else round(self.cost + other.cost, 12)
        return Usage(
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost=cost,
            estimated=self.estimated or other.estimated,
        )

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


NOTHING = Usage()
"""What no calls cost."""


class Completion(Value):
    """One answer of a model."""

    text: str
    finish_reason: str = "stop"
    tool_calls: list[Json] | None = None
    logprobs: list[Json] | None = None
    """One entry per token: ``{token, bytes, logprob, top: [...]}``."""
    extra: Json | None = None
    """Fields of the answering message that Eudoxus does not know, passed on as they are."""


class Response(Value):
    """What an endpoint answers to one logical call: at least one completion, and what it cost."""

    completions: tuple[Completion, ...]
    usage: Usage
    model: str = ""
    """The model as the endpoint names it."""
    upstream_ids: tuple[str, ...] = ()
    """The endpoint's own ids of the physical calls."""
    tries: int = 1
    """Physical requests sent, retries included."""
