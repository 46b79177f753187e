"""The stand-in for a model."""

from __future__ import annotations

import asyncio

import pytest

from eudoxus.runtime import ChatRequest, Completion, Message
from eudoxus.runtime.endpoints import Call
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import EndpointError, EndpointTimeout, EndpointUnavailable


async def test_a_list_is_answered_from_in_order_and_an_exception_in_it_raised(question: ChatRequest):
    endpoint = SimulatedEndpoint(["a", Completion(text="b"), EndpointUnavailable("down")])
    assert [c.text for c in (await endpoint.complete("m", question, 2, Call())).completions] == ["a", "b"]
    with pytest.raises(EndpointUnavailable):
        await endpoint.complete("m", question, 1, Call())
    with pytest.raises(EndpointError, match="no answer left"):
        await endpoint.complete("m", question, 1, Call())
    assert endpoint.calls == 3


async def test_a_generator_is_answered_from_as_it_goes(question: ChatRequest):
    endpoint = SimulatedEndpoint(str(i) for i in range(9))
    assert [c.text for c in (await endpoint.complete("m", question, 3, Call())).completions] == ["0", "1", "2"]


async def test_a_function_gives_the_same_to_a_content_whatever_is_asked_between():
    def ask(content: str) -> ChatRequest:
        return ChatRequest(messages=(Message(role="user", content=content),))

    async def answers(contents: str) -> dict[str, list[str]]:
        endpoint = SimulatedEndpoint(lambda model, request, k: f"{request.messages[0].text}{k}", latency=(0, 0.002), seed=len(contents))
        given = await asyncio.gather(*(endpoint.complete("m", ask(c), 1, Call()) for c in contents))
        return {c: sorted(g.completions[0].text for g, x in zip(given, contents, strict=True) if x == c) for c in set(contents)}

    assert await answers("abacab") == await answers("bcaaab")


async def test_a_slow_answer_is_a_timeout(question: ChatRequest):
    with pytest.raises(EndpointTimeout):
        await SimulatedEndpoint(["a"], latency=60).complete("m", question, 1, Call(timeout=0.01))


async def test_a_price_is_charged(question: ChatRequest):
    response = await SimulatedEndpoint(["aaaa"], price=(1.0, 2.0)).complete("m", question, 1, Call())
    assert response.usage.cost == pytest.approx((4 * 1.0 + 1 * 2.0) / 1e6)
