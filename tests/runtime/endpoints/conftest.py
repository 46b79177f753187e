from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from random import Random
from typing import Any

import pytest

from eudoxus.runtime import ChatRequest, Message
from eudoxus.runtime.endpoints import OpenAIConfig
from eudoxus.runtime.endpoints.openai import OpenAIEndpoint
from eudoxus.runtime.endpoints.over_aiohttp import AiohttpTransport
from eudoxus.runtime.endpoints.over_httpx import HttpxTransport
from eudoxus.runtime.endpoints.retry import RetryPolicy

from .mock import KEY, Loopback, Server

Client = Callable[..., OpenAIEndpoint]


class Pauses:
    """A sleep that takes no time and remembers how long it should have taken."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def question() -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", content="What is 2 + 2?"),))


@pytest.fixture(scope="session")
def loopback() -> Iterator[Loopback]:
    running = Loopback()
    yield running
    running.close()


@pytest.fixture
def server(loopback: Loopback) -> Server:
    return loopback.fresh()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture(params=["aiohttp", "httpx2"])
async def client(request: pytest.FixtureRequest, server: Server, pauses: Pauses) -> AsyncIterator[Client]:
    """Makes endpoints on the server over each transport; retries take no time."""
    made: list[OpenAIEndpoint] = []
    transport = {"aiohttp": AiohttpTransport, "httpx2": HttpxTransport}[request.param]

    def make(**config: Any) -> OpenAIEndpoint:
        said = OpenAIConfig(**({"base_url": server.url, "api_key": KEY} | config))
        retries = RetryPolicy(random=Random(1), sleep=pauses)
        connection = transport(connections=200, read_seconds=said.timeout_s)
        made.append(OpenAIEndpoint(said, name="mock", transport=connection, retries=retries))
        return made[-1]

    yield make
    for endpoint in made:
        await endpoint.aclose()
