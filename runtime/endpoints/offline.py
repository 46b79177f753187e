"""Endpoints that answer nothing: what strict replay is bound to, so that no configuration is needed and no call can leave."""

from __future__ import annotations

from eudoxus.runtime.chat import ChatRequest, Response
from eudoxus.runtime.endpoints.base import Call, Capabilities, Health
from eudoxus.runtime.errors import NotRecorded


class OfflineEndpoint:
    """Claims every capability and refuses every call."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.capabilities = Capabilities(logprobs=True, prefill=True)

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """Raises :class:`NotRecorded`."""
        raise NotRecorded(f"{call.path}: a replay makes no call to {self.name}:{model}")

    def price(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        return 0.0

    async def models(self) -> list[str]:
        return []

    async def check(self) -> Health:
        return Health(self.name, ok=False, detail="offline")

    async def aclose(self) -> None:
        """It holds nothing."""


class OfflineEndpoints:
    """An offline endpoint under every name."""

    def get(self, name: str | None = None) -> OfflineEndpoint:
        return OfflineEndpoint(name or "offline")
