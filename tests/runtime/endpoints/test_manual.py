"""A person answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from eudoxus.runtime import ChatRequest, Completion
from eudoxus.runtime.endpoints import Call
from eudoxus.runtime.endpoints.manual import ManualEndpoint
from eudoxus.runtime.errors import CapabilityMissing, EndpointError, EndpointTimeout, InvalidRequest

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def test_a_request_waits_with_all_that_a_person_needs_until_it_is_answered(question: ChatRequest):
    endpoint = ManualEndpoint(now=lambda: NOON)
    asked = asyncio.ensure_future(endpoint.complete("person", question, 2, Call(run_id="run_1", path="root/c0")))
    await asyncio.sleep(0)
    [waiting] = endpoint.pending()
    assert (waiting.id, waiting.run_id, waiting.path, waiting.model, waiting.n) == ("m1", "run_1", "root/c0", "person", 2)
    assert (waiting.request, waiting.waiting_since) == (question, NOON)
    endpoint.answer("m1", "four", Completion(text="4", finish_reason="length"))
    assert not endpoint.pending()
    response = await asked
    assert [c.text for c in response.completions] == ["four", "4"]
    assert response.usage.estimated


async def test_a_wrong_number_of_answers_or_an_unknown_id_changes_nothing(question: ChatRequest):
    endpoint = ManualEndpoint()
    asked = asyncio.ensure_future(endpoint.complete("person", question, 2, Call()))
    await asyncio.sleep(0)
    with pytest.raises(InvalidRequest, match="wants 2 answers, not 1"):
        endpoint.answer("m1", "four")
    with pytest.raises(InvalidRequest, match=r"'m9'.*waiting: m1"):
        endpoint.answer("m9", "four")
    endpoint.answer("m1", "four", "five")
    with pytest.raises(InvalidRequest, match="waiting: none"):
        endpoint.answer("m1", "late", "later")
    assert len((await asked).completions) == 2


async def test_a_refusal_gives_its_reason(question: ChatRequest):
    endpoint = ManualEndpoint()
    asked = asyncio.ensure_future(endpoint.complete("person", question, 1, Call()))
    await asyncio.sleep(0)
    endpoint.refuse("m1", "I do not know")
    with pytest.raises(EndpointError, match="I do not know"):
        await asked


async def test_nobody_answering_is_a_timeout_and_cancelled_requests_vanish(question: ChatRequest):
    endpoint = ManualEndpoint(timeout=0.01)
    with pytest.raises(EndpointTimeout, match=r"nobody answered the request m1 within 0\.01 s"):
        await endpoint.complete("person", question, 1, Call())
    asked = asyncio.ensure_future(endpoint.complete("person", question, 1, Call()))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert not endpoint.pending()


async def test_ids_are_never_used_twice(question: ChatRequest):
    endpoint = ManualEndpoint()
    asked = [asyncio.ensure_future(endpoint.complete("person", question, 1, Call(path=f"root/c{i}"))) for i in range(3)]
    await asyncio.sleep(0)
    assert [waiting.id for waiting in endpoint.pending()] == ["m1", "m2", "m3"]
    await endpoint.aclose()
    for ended in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(ended, EndpointError)


async def test_logprobs_cannot_be_asked_of_a_person(question: ChatRequest):
    with pytest.raises(CapabilityMissing, match="logprobs"):
        await ManualEndpoint().complete("person", question.model_copy(update={"logprobs": True}), 1, Call())
