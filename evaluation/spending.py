"""What a whole evaluation may spend. The samples' own budgets are the strategies' business; this one ends the batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from eudoxus.runtime import ChatRequest, Response, Usage
from eudoxus.runtime.chat import NOTHING
from eudoxus.runtime.endpoints import Call, Endpoint
from eudoxus.runtime.errors import CapabilityMissing, EudoxusError
from eudoxus.runtime.model import Endpoints


@dataclass(slots=True)
class Purse:
    """Counts what endpoints are asked for and stops the batch before a cap would be passed.

    Requests are held back before they are sent, so ``max_requests`` is never passed. What a call costs is known when it is answered, so
    ``max_cost`` can be passed by the calls that are in flight then.
    """

    max_requests: int | None = None
    max_cost: float | None = None
    """US dollars."""
    spent: Usage = NOTHING
    reached: bool = False
    why: str = ""
    """What ended the batch, in words."""
    on_stop: Callable[[str], None] = lambda run_id: None
    """Told of each run that is stopped, and must cancel it."""
    refusal: EudoxusError | None = None
    """Set where a cap cannot be kept at all."""
    calls: set[str] = field(default_factory=set)
    """``run_id path`` of each call under way."""
    _held: int = 0

    async def admit(self, endpoint: Endpoint, model: str, n: int, run_id: str) -> None:
        """Let a call for ``n`` answers pass, or end the batch: then this never returns, and the run is cancelled."""
        if self.reached:
            await self._end(self.why, run_id)
        if self.max_cost is not None and endpoint.price(model, 1, 1) is None:
            said = f"the price of {endpoint.name}:{model} is unknown, so --max-cost cannot be kept; set the endpoint's prices"
            self.refusal = CapabilityMissing(said, param="max_cost")
            await self._end(said, run_id)
        if self.max_requests is not None and self.spent.requests + self._held + n > self.max_requests:
            await self._end(f"the limit of {self.max_requests} requests is reached", run_id)
        if self.max_cost is not None and (self.spent.cost or 0.0) >= self.max_cost:
            await self._end(f"the limit of ${self.max_cost:g} is reached", run_id)
        self._held += n

    def settle(self, n: int, usage: Usage | None) -> None:
        """A call for ``n`` answers has ended; ``usage`` is None when it failed."""
        self._held -= n
        if usage is not None:
            self.spent = self.spent + usage

    async def _end(self, why: str, run_id: str) -> NoReturn:
        self.reached, self.why = True, why
        self.on_stop(run_id)
        await asyncio.Event().wait()  # for the cancellation: the run is left as it is, and can be gone on with
        raise AssertionError("nobody sets this event")


class PaidEndpoint:
    """An endpoint whose calls a purse has to admit."""

    def __init__(self, endpoint: Endpoint, purse: Purse) -> None:
        self._endpoint, self._purse = endpoint, purse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, name)

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """As the endpoint does; never returns once a cap is reached."""
        await self._purse.admit(self._endpoint, model, n, call.run_id)
        usage, name = None, f"{call.run_id} {call.path}"
        self._purse.calls.add(name)
        try:
            response = await self._endpoint.complete(model, request, n, call)
            usage = response.usage
        finally:
            self._purse.calls.discard(name)
            self._purse.settle(n, usage)
        return response


class PaidEndpoints:
    """All endpoints, paid from one purse."""

    def __init__(self, endpoints: Endpoints, purse: Purse) -> None:
        self._endpoints, self._purse = endpoints, purse

    def get(self, name: str | None) -> Endpoint:
        """Raises :class:`UnknownEndpoint`."""
        return PaidEndpoint(self._endpoints.get(name), self._purse)
