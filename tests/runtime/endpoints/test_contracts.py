"""Every shipped endpoint passes the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from eudoxus.runtime import Completion, Usage
from eudoxus.runtime.chat import Response
from eudoxus.runtime.contracts import QUESTION, EndpointContract
from eudoxus.runtime.endpoints import Call, Endpoint
from eudoxus.runtime.endpoints.manual import ManualEndpoint
from eudoxus.runtime.endpoints.openai import OpenAIEndpoint
from eudoxus.runtime.endpoints.replay import ReplayEndpoint, request_fingerprint
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint

from .conftest import Client
from .mock import Server, ignoring_n, one_at_a_time


class TestOpenAIEndpoint(EndpointContract):
    missing_model = "no-such-model"

    @pytest.fixture
    def endpoint(self, client: Client) -> OpenAIEndpoint:
        return client()


class TestOpenAIEndpointWhoseServerRefusesN(TestOpenAIEndpoint):
    @pytest.fixture
    def endpoint(self, client: Client, server: Server) -> OpenAIEndpoint:
        server.script = [one_at_a_time] * 200
        return client()


class TestOpenAIEndpointWhoseServerIgnoresN(TestOpenAIEndpoint):
    @pytest.fixture
    def endpoint(self, client: Client, server: Server) -> OpenAIEndpoint:
        server.script = [ignoring_n] * 200
        return client()


class TestManualEndpoint(EndpointContract):
    @pytest.fixture
    async def endpoint(self) -> AsyncIterator[ManualEndpoint]:
        endpoint = ManualEndpoint()
        yield endpoint
        await endpoint.aclose()

    async def ask(self, endpoint: Endpoint, n: int = 1, call: Call | None = None) -> Response:
        assert isinstance(endpoint, ManualEndpoint)
        asked = asyncio.ensure_future(super().ask(endpoint, n, call))
        while not endpoint.pending():
            await asyncio.sleep(0)
        endpoint.answer(endpoint.pending()[0].id, *["four"] * n)
        return await asked


class TestReplayEndpoint(EndpointContract):
    @pytest.fixture
    def endpoint(self) -> ReplayEndpoint:
        answers = [Completion(text=f"four, the {i}th time") for i in range(60)]
        return ReplayEndpoint([(request_fingerprint(QUESTION), answers, Usage(prompt_tokens=6, completion_tokens=100))])


class TestSimulatedEndpoint(EndpointContract):
    @pytest.fixture
    def endpoint(self) -> SimulatedEndpoint:
        return SimulatedEndpoint(lambda model, request, k: f"four ({k})", latency=(0.0, 0.001), seed=3)


class TestSimulatedEndpointWithoutCapabilities(EndpointContract):
    @pytest.fixture
    def endpoint(self) -> SimulatedEndpoint:
        from eudoxus.runtime.endpoints import Capabilities

        nothing = Capabilities(n=False, logprobs=False, tools=False, json_schema=False, prefill=False, seed=False, streaming=False)
        return SimulatedEndpoint(["four"] * 100, capabilities=nothing)
