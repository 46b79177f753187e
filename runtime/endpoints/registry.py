"""The endpoints of a process, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from eudoxus.runtime.endpoints.base import Endpoint
from eudoxus.runtime.endpoints.config import EndpointConfig, FurtherConfig, ManualConfig, ReplayConfig
from eudoxus.runtime.errors import SpecError, UnknownEndpoint


class Endpoints:
    """Endpoints by name, one of them the default: the first, unless said otherwise. ``async with`` frees them at the end.

    Raises :class:`UnknownEndpoint` when ``default`` names none of them.
    """

    def __init__(self, endpoints: Mapping[str, Endpoint], default: str | None = None) -> None:
        self._endpoints = dict(endpoints)
        if default is not None and default not in self._endpoints:
            raise UnknownEndpoint(default, known=self.names())
        self.default = default or next(iter(self._endpoints), None)

    @classmethod
    def from_config(cls, configured: Mapping[str, EndpointConfig], default: str | None = None) -> Endpoints:
        """Make every configured endpoint; none is contacted. Raises :class:`JournalError` when a recording cannot be read."""
        return cls({name: _made(name, config) for name, config in configured.items()}, default)

    def get(self, name: str | None = None) -> Endpoint:
        """The endpoint called ``name``, or the default one. Raises :class:`UnknownEndpoint`."""
        if name is None:
            if self.default is None:
                raise SpecError("no endpoint is configured: set OPENAI_BASE_URL or EUDOXUS_ENDPOINTS")
            name = self.default
        found = self._endpoints.get(name)
        if found is None:
            raise UnknownEndpoint(name, known=self.names())
        return found

    def names(self) -> list[str]:
        """All names, as configured."""
        return list(self._endpoints)

    def __contains__(self, name: object) -> bool:
        return name in self._endpoints

    async def aclose(self) -> None:
        """Free what the endpoints hold. May be called again."""
        await asyncio.gather(*(endpoint.aclose() for endpoint in self._endpoints.values()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


def _made(name: str, config: EndpointConfig) -> Endpoint:
    # Each kind is imported when one is configured: none has to be paid for by those who do not use it.
    if isinstance(config, ManualConfig):
        from eudoxus.runtime.endpoints.manual import ManualEndpoint

        return ManualEndpoint(name=name, timeout=config.timeout_s, models=config.models)
    if isinstance(config, ReplayConfig):
        from eudoxus.runtime.endpoints.replay import ReplayEndpoint

        return ReplayEndpoint.from_journals(config.files(), name=name, models=config.models)
    if isinstance(config, FurtherConfig):
        return config.endpoint(name)
    from eudoxus.runtime.endpoints.openai import OpenAIEndpoint

    return OpenAIEndpoint(config, name=name)
