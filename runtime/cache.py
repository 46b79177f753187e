"""A cache of model answers across runs, by request and sample, with one flight for concurrent equals.

The key of a sampled answer holds the path of the call: equal prompts in two branches are two draws and must stay two. At temperature 0
there is one draw, shared by all.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

from eudoxus.runtime.canonical import fingerprint
from eudoxus.runtime.chat import ChatRequest, Completion, Response, Usage

Ask = Callable[[int], Awaitable[Response]]
"""Ask the endpoint for so many answers."""


class CacheStore(Protocol):
    """Where cached completions live. Errors, refusals and truncated answers never get here."""

    async def get(self, keys: list[str]) -> list[Completion | None]: ...

    async def put(self, found: dict[str, Completion]) -> None: ...


class MemoryCacheStore:
    """Cached completions of one process; of more than ``most`` the ones that were not asked for longest are forgotten."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._kept: OrderedDict[str, Completion] = OrderedDict()

    async def get(self, keys: list[str]) -> list[Completion | None]:
        for key in keys:
            if key in self._kept:
                self._kept.move_to_end(key)
        return [self._kept.get(key) for key in keys]

    async def put(self, found: dict[str, Completion]) -> None:
        self._kept.update(found)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Cache:
    """Looks answers up before asking, and lets equal questions that are asked at the same time share one call."""

    def __init__(self, store: CacheStore, namespace: str = "", *, write: bool = True) -> None:
        self._store, self._namespace, self._write = store, namespace, write
        self._flights: dict[str, _Flight] = {}

    def in_namespace(self, namespace: str, *, write: bool = True) -> Cache:
        """The same store and flights under another namespace (a seed, a tenant)."""
        other = Cache(self._store, namespace, write=write)
        other._flights = self._flights
        return other

    async def answer(self, fp: str, path: str, request: ChatRequest, n: int, ask: Ask) -> tuple[Response, int]:
        """``n`` answers and how many of them were cached. Raises what ``ask`` raises."""
        sampled = request.temperature is None or request.temperature > 0
        keys = [fingerprint("cache", [self._namespace, fp, path if sampled else "", i]) for i in range(n)]
        return await self._single_flight(f"{keys[0]}+{n}", lambda: self._look_up(keys, ask))

    async def _look_up(self, keys: list[str], ask: Ask) -> tuple[Response, int]:
        found = await self._store.get(keys)
        kept = [c for c in found if c is not None]
        missing = [key for key, c in zip(keys, found, strict=True) if c is None]
        if not missing:
            return Response(completions=tuple(kept), usage=Usage(cost=0.0)), len(kept)
        response = await ask(len(missing))
        fresh = dict(zip(missing, response.completions, strict=False))
        if self._write:
            await self._store.put({k: c for k, c in fresh.items() if c.finish_reason not in ("content_filter", "length")})
        merged = [c if c is not None else fresh[key] for key, c in zip(keys, found, strict=True) if c is not None or key in fresh]
        return response.model_copy(update={"completions": tuple(merged)}), len(kept)

    async def _single_flight(self, key: str, start: Callable[[], Awaitable[tuple[Response, int]]]) -> tuple[Response, int]:
        flight = self._flights.get(key)
        first = flight is None
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(start()))
            flight.task.add_done_callback(lambda _: self._flights.pop(key, None))
        flight.waiting += 1
        try:
            response, cached = await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0 and not flight.task.done():
                flight.task.cancel()
        if first:
            return response, cached
        return response.model_copy(update={"usage": Usage(cost=0.0)}), len(response.completions)


class _Flight:
    __slots__ = ("task", "waiting")

    def __init__(self, task: asyncio.Future[tuple[Response, int]]) -> None:
        self.task, self.waiting = task, 0
