"""An endpoint behind which a person sits: requests wait in a queue until someone answers or refuses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eudoxus.runtime.chat import ChatRequest, Completion, Response
from eudoxus.runtime.endpoints.base import Call, Capabilities, Health
from eudoxus.runtime.endpoints.usage import estimated_usage
from eudoxus.runtime.errors import EndpointError, EndpointTimeout, InvalidRequest


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """One request that waits for a person."""

    id: str
    """Short (``m1``, ``m2``, …), in order of arrival, never used twice."""
    run_id: str
    path: str
    model: str
    request: ChatRequest
    n: int
    """How many answers are wanted."""
    waiting_since: datetime


class ManualEndpoint:
    """Lets a person answer: :meth:`pending` lists what waits, :meth:`answer` and :meth:`refuse` settle it. Nobody pays: the cost is 0.

    ``timeout`` is in seconds; a request that waits longer ends with :class:`EndpointTimeout`.
    """

    capabilities = Capabilities(streaming=False)
    answered_by = "manual"
    """Said in the header of every run that asks here: these answers are a person's."""

    def __init__(
        self,
        *,
        name: str = "manual",
        timeout: float = 3600.0,
        models: Sequence[str] = ("person",),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name, self.timeout, self.default_model = name, timeout, next(iter(models), None)
        self._models, self._now = list(models), now
        self._count = 0
        self._waiting: dict[str, tuple[PendingRequest, asyncio.Future[list[Completion]]]] = {}

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """Wait for a person's ``n`` answers. Raises :class:`EndpointTimeout`, and :class:`EndpointError` with the reason of a refusal."""
        self.capabilities.admit(request, self.name)
        self._count += 1
        asked = PendingRequest(f"m{self._count}", call.run_id, call.path, model, request, n, self._now())
        answered: asyncio.Future[list[Completion]] = asyncio.get_running_loop().create_future()
        self._waiting[asked.id] = asked, answered
        seconds = self.timeout if call.timeout is None else min(self.timeout, call.timeout)
        try:
            completions = await asyncio.wait_for(answered, max(0.0, seconds))
        except TimeoutError:
            raise EndpointTimeout(f"nobody answered the request {asked.id} within {seconds:g} s", endpoint=self.name) from None
        finally:
            self._waiting.pop(asked.id, None)
        return Response(completions=tuple(completions), usage=estimated_usage(request, completions), model=model)

    def pending(self) -> list[PendingRequest]:
        """What waits for an answer, oldest first."""
        return [asked for asked, answered in self._waiting.values() if not answered.done()]

    def answer(self, id: str, *answers: str | Completion) -> None:
        """Answer the request ``id``, once for each answer that it wants.

        Raises :class:`InvalidRequest` when nothing of this id waits or the number of answers does not fit; the request waits on then.
        """
        asked, answered = self._find(id)
        if len(answers) != asked.n:
            raise InvalidRequest(f"the request {id} wants {asked.n} answers, not {len(answers)}", param="answers")
        answered.set_result([Completion(text=a) if isinstance(a, str) else a for a in answers])

    def refuse(self, id: str, reason: str) -> None:
        """End the request ``id`` with an :class:`EndpointError` that says ``reason``. Raises :class:`InvalidRequest` for an unknown id."""
        asked, answered = self._find(id)
        answered.set_exception(EndpointError(f"the request {asked.id} was refused: {reason}", endpoint=self.name))

    def _find(self, id: str) -> tuple[PendingRequest, asyncio.Future[list[Completion]]]:
        found = self._waiting.get(id)
        if found is None or found[1].done():
            waiting = ", ".join(asked.id for asked in self.pending()) or "none"
            raise InvalidRequest(f"no request {id!r} waits for an answer (waiting: {waiting})", param="id")
        return found

    def price(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        return 0.0

    async def models(self) -> list[str]:
        return list(self._models)

    async def check(self) -> Health:
        return Health(self.name, ok=True, detail=f"{len(self.pending())} requests wait for a person", models=list(self._models))

    async def aclose(self) -> None:
        """End what waits with an :class:`EndpointError`."""
        for asked in self.pending():
            self.refuse(asked.id, "the service is shutting down")
