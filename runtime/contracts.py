"""What must hold for every endpoint, as tests that a user's own endpoint can inherit.

In a test module (with pytest-asyncio in ``auto`` mode)::

    class TestMyEndpoint(EndpointContract):
        @pytest.fixture
        async def endpoint(self):
            return MyEndpoint(...)

The endpoint must answer :attr:`EndpointContract.request` under :attr:`EndpointContract.model`.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from eudoxus.runtime.chat import ChatRequest, Message, Response, Usage
from eudoxus.runtime.endpoints.base import Call, Endpoint
from eudoxus.runtime.errors import CapabilityMissing, EndpointError, EudoxusError

QUESTION = ChatRequest(messages=(Message(role="user", content="What is 2 + 2?"),), temperature=0.5)


class EndpointContract:
    """Subclasses give a pytest fixture ``endpoint``, a fresh endpoint for each test; :attr:`model` is a model that it has."""

    model: ClassVar[str] = "m"
    missing_model: ClassVar[str | None] = None
    """A model that the endpoint has not, if it can tell; asking it must fail with an :class:`EndpointError`."""
    request: ClassVar[ChatRequest] = QUESTION
    seconds: ClassVar[float] = 10.0
    """Longest that any single answer may take here."""

    async def ask(self, endpoint: Endpoint, n: int = 1, call: Call | None = None) -> Response:
        """Put :attr:`request` to the endpoint. Override where something has to happen for an answer to come."""
        async with asyncio.timeout(self.seconds):
            return await endpoint.complete(self.model, self.request, n, call or Call(run_id="run_contract", path="root/c0"))

    async def test_it_is_an_endpoint_with_a_name(self, endpoint: Endpoint) -> None:
        assert isinstance(endpoint, Endpoint)
        assert endpoint.name

    async def test_it_gives_exactly_as_many_completions_as_asked(self, endpoint: Endpoint) -> None:
        for n in (1, 2, 5):
            response = await self.ask(endpoint, n, Call(run_id=f"run_{n}", path="root/c0"))
            assert len(response.completions) == n
            assert response.tries >= 1

    async def test_usage_adds_up(self, endpoint: Endpoint) -> None:
        parts = [await self.ask(endpoint, 2, Call(run_id=f"run_{i}", path="root/c0")) for i in range(2)]
        for usage in (part.usage for part in parts):
            assert usage.requests == 2
            assert min(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens) >= 0
            assert usage.cost is None or usage.cost >= 0
        total = parts[0].usage + parts[1].usage
        assert total.total_tokens == sum(part.usage.total_tokens for part in parts)

    async def test_a_price_is_a_number_or_unknown(self, endpoint: Endpoint) -> None:
        nothing, something = endpoint.price(self.model, 0, 0), endpoint.price(self.model, 1000, 1000, 10)
        assert nothing in (None, 0)
        assert something is None or something >= 0
        assert (nothing is None) == (something is None)

    async def test_the_request_is_not_changed(self, endpoint: Endpoint) -> None:
        before = self.request.model_copy(deep=True)
        await self.ask(endpoint)
        assert self.request == before

    async def test_a_cancelled_call_frees_what_it_held(self, endpoint: Endpoint) -> None:
        surroundings = [Call(run_id="run_x", path=f"root/c{i}") for i in range(50)]
        calls = [asyncio.ensure_future(endpoint.complete(self.model, self.request, 1, call)) for call in surroundings]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        ended = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), self.seconds)
        assert all(isinstance(end, asyncio.CancelledError | Response) for end in ended)
        assert len((await self.ask(endpoint)).completions) == 1

    async def test_the_pieces_of_a_streamed_answer_make_up_its_text(self, endpoint: Endpoint) -> None:
        pieces: list[str] = []
        response = await self.ask(endpoint, 1, Call(run_id="run_s", path="root/c0", on_delta=pieces.append))
        assert "".join(pieces) in ("", response.completions[0].text)
        if endpoint.capabilities.streaming and response.completions[0].text:
            assert pieces

    async def test_several_answers_are_not_streamed(self, endpoint: Endpoint) -> None:
        pieces: list[str] = []
        await self.ask(endpoint, 2, Call(run_id="run_s", path="root/c0", on_delta=pieces.append))
        assert not pieces

    async def test_a_capability_that_it_lacks_is_refused_by_name(self, endpoint: Endpoint) -> None:
        needs: dict[str, dict[str, Any]] = {
            "logprobs": {"logprobs": True},
            "tools": {"tools": [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]},
            "json_schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}},
            "seed": {"seed": 7},
        }
        for capability, fields in needs.items():
            if not getattr(endpoint.capabilities, capability):
                error = await self.failure(endpoint, self.model, self.request.model_copy(update=fields))
                assert isinstance(error, CapabilityMissing), f"{capability} is declared as missing, but not refused"
                assert error.param in fields

    async def test_a_grammar_is_never_ignored(self, endpoint: Endpoint) -> None:
        if endpoint.capabilities.grammar is None:
            error = await self.failure(endpoint, self.model, self.request.model_copy(update={"grammar": {"regex": "eudoxus"}}))
            assert error is not None, "no grammar is declared, and one was taken"

    async def test_a_model_that_is_not_there_is_a_typed_error(self, endpoint: Endpoint) -> None:
        if self.missing_model is None:
            return
        error = await self.failure(endpoint, self.missing_model, self.request)
        assert isinstance(error, EndpointError), "a model that is not there answered"
        assert str(error)
        assert error.endpoint == endpoint.name

    async def failure(self, endpoint: Endpoint, model: str, request: ChatRequest) -> EudoxusError | None:
        """The error that a call ends with; None when it is answered."""
        try:
            await asyncio.wait_for(endpoint.complete(model, request, 1, Call()), self.seconds)
        except EudoxusError as error:
            return error
        return None

    async def test_models_are_names(self, endpoint: Endpoint) -> None:
        assert all(isinstance(name, str) and name for name in await endpoint.models())

    async def test_check_never_raises_and_knows_the_endpoint(self, endpoint: Endpoint) -> None:
        for _ in range(2):
            health = await endpoint.check()
            assert health.endpoint == endpoint.name
            assert health.detail
        await endpoint.aclose()
        assert (await endpoint.check()).endpoint == endpoint.name

    async def test_it_can_be_closed_twice(self, endpoint: Endpoint) -> None:
        await self.ask(endpoint)
        await endpoint.aclose()
        await endpoint.aclose()

    def test_usage_starts_from_nothing(self) -> None:
        assert Usage() + Usage(requests=1) == Usage(requests=1)
