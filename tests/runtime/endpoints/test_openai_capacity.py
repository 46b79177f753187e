"""What the client knows of a server: its models, and how many calls it stands."""

from __future__ import annotations

import asyncio

from eudoxus.runtime import ChatRequest
from eudoxus.runtime.endpoints import Call

from .conftest import Client
from .mock import Server, refusing


async def test_a_check_lists_the_models(client: Client):
    health = await client().check()
    assert (health.ok, health.models) == (True, ["m", "other"])
    assert health.latency_ms is not None


async def test_configured_models_are_listed_without_asking(client: Client):
    endpoint = client(base_url="http://127.0.0.1:1/v1", models=["a", "b"])
    assert await endpoint.models() == ["a", "b"]
    assert endpoint.default_model == "a"


async def test_rate_limits_lower_the_number_in_flight(client: Client, server: Server, question: ChatRequest):
    server.script = [refusing(429, retry_after="0")]
    endpoint = client()
    await endpoint.complete("m", question, 1, Call())
    assert endpoint.limiters()["m"].limit == 16


async def test_no_more_are_in_flight_than_configured(client: Client, server: Server, question: ChatRequest):
    endpoint = client(max_concurrency=3)
    await asyncio.gather(*(endpoint.complete("m", question, 1, Call(run_id="r")) for _ in range(12)))
    assert server.most_in_flight <= 3
    assert len(server.bodies) == 12
