"""What the routes share: made once at the start of the application, freed at its end."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Self

from fastapi import Request

from eudoxus.agents.tools.fetch import configure_fetch
from eudoxus.prompts import prompt_hash
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.run import Runtime
from eudoxus.runtime.strategy import Registry
from eudoxus.sandbox import Sandbox, close_shared, configure_shared, shared
from eudoxus.service.chat_runs import ChatDesk
from eudoxus.service.evaluations import EvaluationDesk
from eudoxus.service.executor import Executor
from eudoxus.service.keys import Key, KeyRing
from eudoxus.service.metered import Gate, MeteredEndpoints, Stopwatch
from eudoxus.service.metrics import Metrics
from eudoxus.service.models import Specs
from eudoxus.service.ownership import Ownership
from eudoxus.service.settings import Settings
from eudoxus.service.store import RunStore
from eudoxus.solvers.scripts import configure_scripts


@dataclass(slots=True)
class Services:
    """Everything alive behind one application."""

    settings: Settings
    metrics: Metrics
    endpoints: Endpoints
    runtime: Runtime
    store: RunStore
    keys: KeyRing
    ownership: Ownership
    executor: Executor
    specs: Specs
    desk: ChatDesk
    evaluations: EvaluationDesk
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def made(cls, settings: Settings, metrics: Metrics, *, endpoints: Endpoints | None = None, registry: Registry | None = None) -> Self:
        """Open the store and make the endpoints. Raises :class:`JournalError` when the data folder cannot be used."""
        if endpoints is None:
            endpoints = Endpoints.from_config(*settings.configured_endpoints())
        gate, stopwatches = Gate(), dict[str, Stopwatch]()
        metered = MeteredEndpoints(endpoints, metrics, gate, stopwatches)
        runtime = Runtime(registry or Registry.installed(settings.presets).loaded(), metered, prompt_hash)
        store = RunStore(settings.database, power_safe=settings.power_safe)
        ownership = Ownership(settings.data_dir / "owners")
        executor = Executor(runtime, store, ownership, settings, metrics, gate, stopwatches)
        evaluations = EvaluationDesk(executor, store.database, settings, endpoints.__contains__)
        return cls(
            settings, metrics, endpoints, runtime, store, KeyRing(store.database), ownership, executor, Specs(runtime), ChatDesk(executor),
            evaluations,
        )

    def begin(self) -> None:
        """Go on with what a dead process left, now and again."""
        configure_shared(self.settings.sandbox)
        configure_fetch(self.settings.fetch)
        configure_scripts(self.settings.scripts)
        self._tasks += [asyncio.create_task(work.adopt_forever()) for work in (self.executor, self.evaluations)]

    async def sandbox(self) -> Sandbox:
        """Where programs run; opened by the first request that needs it. Raises :class:`SandboxUnavailable`."""
        return await shared()

    async def end(self) -> None:
        """Let calls in flight finish, stop, write what waits, free everything."""
        self.executor.begin_drain()
        await asyncio.gather(self.executor.drain(), self.evaluations.drain(self.settings.shutdown_grace))
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await close_shared()
        await self.endpoints.aclose()
        await self.store.aclose()
        self.ownership.close()


def services_of(request: Request) -> Services:
    """The services of the application that answers ``request``."""
    found = request.app.state.services
    assert isinstance(found, Services)
    return found


def key_of(request: Request) -> Key | None:
    """The API key that the request came with; None where none is needed."""
    key = request.scope.get("key")
    return key if isinstance(key, Key) else None
