"""Endpoints as the service uses them: counted, timed, and held back while the service shuts down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eudoxus.runtime.chat import ChatRequest, Response
from eudoxus.runtime.endpoints.base import Call, Endpoint, Health
from eudoxus.runtime.endpoints.manual import ManualEndpoint
from eudoxus.runtime.errors import EudoxusError
from eudoxus.runtime.model import Endpoints
from eudoxus.service.metrics import Metrics


@dataclass(slots=True)
class Stopwatch:
    """How long a run waited for at least one model call."""

    seconds: float = 0.0
    _open: int = 0
    _since: float = 0.0

    def enter(self) -> None:
        if self._open == 0:
            self._since = time.perf_counter()
        self._open += 1

    def leave(self) -> None:
        self._open -= 1
        if self._open == 0:
            self.seconds += time.perf_counter() - self._since


class Gate:
    """Open in normal operation. Once closed, new calls of resumable runs wait for ever (the run is gone on with at the next start)."""

    def __init__(self) -> None:
        self.closed = False
        self.held: set[str] = set()
        """``run_id path`` of the calls that nothing is lost by dropping: those that wait here, and those that wait for a person."""
        self.passes: Callable[[str], bool] = lambda run_id: False
        """Whether calls of this run may go on although the gate is closed (somebody waits for its answer)."""

    async def wait(self, call: Call) -> None:
        if self.closed and not self.passes(call.run_id):
            self.held.add(f"{call.run_id} {call.path}")
            await asyncio.Event().wait()


class MeteredEndpoint:
    """An endpoint with counters around it; everything else is the endpoint's own."""

    def __init__(self, endpoint: Endpoint, metrics: Metrics, gate: Gate, stopwatches: dict[str, Stopwatch]) -> None:
        self._endpoint, self._gate, self._stopwatches = endpoint, gate, stopwatches
        self.name, self.capabilities = endpoint.name, endpoint.capabilities
        self._metrics = metrics
        self._waits_for_a_person = isinstance(endpoint, ManualEndpoint)
        self._seconds = metrics.call_seconds.labels(endpoint.name)
        self._completed = metrics.calls.labels(endpoint.name, "completed")
        self._sent = metrics.tokens.labels(endpoint.name, "prompt")
        self._received = metrics.tokens.labels(endpoint.name, "completion")
        self._cost = metrics.cost.labels(endpoint.name)
        self._retries = metrics.call_retries.labels(endpoint.name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, name)

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        if self._gate.closed:
            await self._gate.wait(call)
        if self._waits_for_a_person:
            self._gate.held.add(f"{call.run_id} {call.path}")
        watch = self._stopwatches.get(call.run_id)
        start = time.perf_counter()
        if watch is not None:
            watch.enter()
        try:
            response = await self._endpoint.complete(model, request, n, call)
        except EudoxusError as error:
            self._metrics.calls.labels(self.name, error.code).inc()
            raise
        finally:
            if watch is not None:
                watch.leave()
            self._seconds.observe(time.perf_counter() - start)
            if self._waits_for_a_person:
                self._gate.held.discard(f"{call.run_id} {call.path}")
        self._completed.inc()
        self._sent.inc(response.usage.prompt_tokens)
        self._received.inc(response.usage.completion_tokens)
        if response.usage.cost:
            self._cost.inc(response.usage.cost)
        if response.tries > 1:
            self._retries.inc(response.tries - 1)
        return response

    def price(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        return self._endpoint.price(model, prompt_tokens, completion_tokens, cached_tokens)

    async def models(self) -> list[str]:
        return await self._endpoint.models()

    async def check(self) -> Health:
        return await self._endpoint.check()

    async def aclose(self) -> None:
        await self._endpoint.aclose()


class MeteredEndpoints:
    """All endpoints, metered; each is wrapped once."""

    def __init__(self, endpoints: Endpoints, metrics: Metrics, gate: Gate, stopwatches: dict[str, Stopwatch]) -> None:
        self.inner = endpoints
        self._metrics, self._gate, self._stopwatches = metrics, gate, stopwatches
        self._wrapped: dict[str | None, MeteredEndpoint] = {}

    def get(self, name: str | None) -> Endpoint:
        """Raises :class:`UnknownEndpoint`."""
        found = self._wrapped.get(name)
        if found is None:
            found = self._wrapped[name] = MeteredEndpoint(self.inner.get(name), self._metrics, self._gate, self._stopwatches)
        return found
