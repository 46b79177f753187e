"""What an endpoint is: something that answers chat requests for one or more models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from eudoxus.runtime.chat import ChatRequest, Response
from eudoxus.runtime.endpoints.dialects import PROBE, Offer, declared, lacking, notation_of
from eudoxus.runtime.errors import CapabilityMissing


class Capabilities(BaseModel):
    """What an endpoint can do by itself. What it lacks is emulated where that is exact, else refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: bool = True
    """Several answers to one request; else asked one by one in parallel."""
    logprobs: bool = False
    tools: bool = True
    json_schema: bool = True
    grammar: str | None = None
    """How the server is told a grammar: ``vllm``, ``sglang``, ``llama.cpp``, ``fireworks``, ``openai``, ``ollama``, ``lm-studio``, or
    ``local`` in this process; ``probe`` asks it once which of them it obeys. None for a server that takes no grammar."""
    prefill: bool = False
    seed: bool = True
    streaming: bool = True

    def admit(self, request: ChatRequest, endpoint: str) -> None:
        """Raise :class:`CapabilityMissing`, naming the field, when ``request`` needs what ``endpoint`` lacks and nobody can emulate."""
        wanted = (
            ("logprobs", self.logprobs, request.logprobs or request.top_logprobs),
            ("tools", self.tools, request.tools),
            ("response_format", self.json_schema, (request.response_format or {}).get("type") == "json_schema"),
            ("seed", self.seed, request.seed is not None),
        )
        for field_name, has, asked in wanted:
            if asked and not has:
                raise CapabilityMissing(f"the endpoint {endpoint!r} cannot do {field_name}", param=field_name)
        if request.grammar is not None and self.grammar != PROBE:
            notation, _ = notation_of(request)
            if notation not in self.offer.notations:
                raise lacking(notation, self.offer.dialect, self.offer.notations, endpoint=endpoint)

    @property
    def offer(self) -> Offer:
        """The grammars that are declared; none where the server has yet to be asked."""
        return declared(self.grammar, json_schema=self.json_schema)


@dataclass(slots=True)
class Call:
    """What surrounds one request: limits and listeners. Nothing in it may change the answer."""

    run_id: str = ""
    """For fair queueing among runs."""
    path: str = ""
    """The journal key of the call."""
    idempotency_key: str | None = None
    """Sent upstream, so that a repeated request can be recognised there."""
    timeout: float | None = None
    """Seconds until the caller no longer wants the answer; the endpoint's own limits hold besides."""
    on_delta: Callable[[str], None] | None = None
    """Called with each piece of text as it arrives, when the endpoint streams. Only for n = 1."""
    on_retry: Callable[[str, float], None] | None = None
    """Called with the reason and the seconds to wait before each retry."""


@dataclass(slots=True)
class Health:
    """The outcome of a check of one endpoint."""

    endpoint: str
    ok: bool
    detail: str
    models: list[str] = field(default_factory=list)
    latency_ms: float | None = None


@runtime_checkable
class Endpoint(Protocol):
    """Answers chat requests. Every implementation passes ``eudoxus.runtime.contracts.EndpointContract``."""

    name: str
    capabilities: Capabilities

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """Answer ``request`` ``n`` times (n >= 1): exactly ``n`` completions, or one :class:`EndpointError`.

        Cancelling the awaiting task aborts what is in flight. Raises :class:`CapabilityMissing` for what it cannot do.
        """
        ...

    def price(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        """US dollars, or None when the price of the model is unknown."""
        ...

    async def models(self) -> list[str]:
        """The names of the models behind this endpoint, for ``GET /v1/models``; empty when it cannot tell."""
        ...

    async def check(self) -> Health:
        """Whether it can be reached and accepts our key. Never raises."""
        ...

    async def aclose(self) -> None:
        """Free what it holds."""
        ...
