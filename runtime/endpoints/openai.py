"""Any server that speaks OpenAI's chat dialect: hosted models, vLLM, llama.cpp, Ollama, LiteLLM."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from eudoxus.runtime.chat import ChatRequest, Response
from eudoxus.runtime.endpoints import dialects, wire
from eudoxus.runtime.endpoints.base import Call, Health
from eudoxus.runtime.endpoints.config import OpenAIConfig
from eudoxus.runtime.endpoints.faults import Faults
from eudoxus.runtime.endpoints.limiter import Limiter
from eudoxus.runtime.endpoints.prices import PriceList
from eudoxus.runtime.endpoints.probing import Prober
from eudoxus.runtime.endpoints.retry import Failed, RetryPolicy
from eudoxus.runtime.endpoints.sse import Assembly, Deltas
from eudoxus.runtime.endpoints.transport import Answer, Streamed, Transport, TransportError, best_transport, exchange
from eudoxus.runtime.errors import CapabilityMissing, EndpointError, EndpointTimeout

LISTING_SECONDS = 10.0
"""For a list of models, which is not worth a long wait."""
LISTING_FRESH = 60.0
"""Seconds that a list of models is believed."""
MODELS_SHOWN = 10
LIMITERS_KEPT = 256


class OpenAIEndpoint:
    """A thin client: own JSON, own retries, one connection pool, one adaptive limiter per model.

    ``n`` answers are asked for in one request; a model that refuses that or gives fewer is asked one by one for the rest, in parallel.
    """

    def __init__(
        self,
        config: OpenAIConfig,
        *,
        name: str = "openai",
        transport: Transport | None = None,
        retries: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.capabilities = name, config.capabilities
        self.default_model = config.default_model or next(iter(config.models or ()), None)
        self._config, self._clock = config, clock
        self._faults = Faults(name, config)
        self._prices = PriceList(config.base_url, config.prices)
        self._retries = retries or RetryPolicy()
        # Several models share the pool; each has a limiter of its own.
        self._transport = transport or best_transport(connections=4 * config.max_concurrency, read_seconds=config.timeout_s)
        self._headers = _headers(config)
        self._lacks_key = config.api_key_env is not None and config.key() is None
        self._chat_url, self._models_url = _url(config.base_url, "chat/completions"), _url(config.base_url, "models")
        hosted = urlsplit(config.base_url).hostname == "api.openai.com"
        self._max_tokens_field = config.max_tokens_field or ("max_completion_tokens" if hosted else "max_tokens")
        self._limiters: dict[str, Limiter] = {}
        self._lacks_n: set[str] = set()
        self._lacks_stream_usage: set[str] = set()
        self._listed: tuple[float, list[str]] | None = None
        self._prober = Prober(lambda model, request: self._answered(model, request, 1, Call()), name)

    # -- answering ---------------------------------------------------------------------------------------------------

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """Exactly ``n`` answers. Raises :class:`EndpointError` (its subclasses say what to do) and :class:`CapabilityMissing`."""
        self.capabilities.admit(request, self.name)
        if request.grammar is None:
            return await self._answered(model, request, n, call)
        # Not streamed: where the answer is the input of a tool, its pieces are no text yet.
        response = await self._answered(model, await self._in_dialect(model, request), n, replace(call, on_delta=None))
        response = response.model_copy(update={"completions": tuple(map(dialects.read, response.completions))})
        if call.on_delta and n == 1 and response.completions[0].text:
            call.on_delta(response.completions[0].text)
        return response

    async def offer(self, model: str) -> dialects.Offer:
        """The grammars to which ``model`` can be held; where the dialect is ``probe`` it is asked, once. Raises :class:`EndpointError`."""
        return await self._prober.offer(model) if self.capabilities.grammar == dialects.PROBE else self.capabilities.offer

    async def probed(self, model: str) -> dialects.Offer:
        """What ``model`` obeys of the dialect that is declared, or of any, asked anew. Raises :class:`EndpointError`."""
        known = dialects.DIALECTS.get(self.capabilities.grammar or "")
        return await self._prober.probed(model, [known] if known else dialects.DIALECTS.values())

    async def _in_dialect(self, model: str, request: ChatRequest) -> ChatRequest:
        """The request as this server is told its grammar. Raises :class:`CapabilityMissing`."""
        offer = await self.offer(model)
        notation, _ = dialects.notation_of(request)
        if offer.dialect is None or notation not in offer.notations:
            raise dialects.lacking(notation, offer.dialect, offer.notations, endpoint=self.name)
        return dialects.DIALECTS[offer.dialect].written(request)

    async def _answered(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        if self._lacks_key:
            raise self._faults.no_key()
        if n > 1:
            call = replace(call, on_delta=None)
        try:
            async with asyncio.timeout(call.timeout):
                parts = await self._parts(model, request, n, call)
        except TimeoutError:
            raise self._faults.late(call.timeout or 0.0) from None
        except EndpointError as error:
            if error.status == 404:
                error.message += await self._models_there()
            raise
        response = _together(parts, n)
        if request.logprobs and not any(c.logprobs for c in response.completions) and any(c.text for c in response.completions):
            raise CapabilityMissing(f"the model {model!r} of the endpoint {self.name!r} gave no log-probabilities", param="logprobs")
        return response

    async def _parts(self, model: str, request: ChatRequest, n: int, call: Call) -> list[Response]:
        """Answers of one or more physical calls, ``n`` or more in all."""
        parts: list[Response] = []
        if n == 1 or (self.capabilities.n and model not in self._lacks_n):
            parts = [await self._first(model, request, n, call)]
        have = sum(len(part.completions) for part in parts)
        singles = [self._ask(model, request, 1, call, part=have + i) for i in range(n - have)]
        return parts + await _all(singles)

    async def _first(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """One call for ``n`` answers, or for one if the server refuses ``n``; what it cannot do is remembered for the model."""
        try:
            first = await self._ask(model, request, n, call)
        except EndpointError as error:
            if n == 1 or error.status not in (400, 422):
                raise
            # Servers word this refusal in many ways. If one answer is granted, the number was the reason; else this raises the real one.
            first = await self._ask(model, request, 1, call, part=0)
        if n > 1 and len(first.completions) == 1:
            self._lacks_n.add(model)
        return first

    # -- one physical call -------------------------------------------------------------------------------------------

    async def _ask(self, model: str, request: ChatRequest, n: int, call: Call, *, part: int | None = None) -> Response:
        """One call, tried again as the policy says. Each try waits for a slot of its own: a call that backs off holds none.

        ``part`` tells the physical calls of one logical call apart, so that a server does not take one for the repetition of another.
        """
        headers = self._headers
        if call.idempotency_key:
            key = call.idempotency_key if part is None else f"{call.idempotency_key}#{part}"
            headers = {**headers, "idempotency-key": quote(key, safe="/[]#:._-")}
        if call.on_delta and self.capabilities.streaming:
            send = partial(self._stream, model, request, headers, Deltas(call.on_delta))
        else:
            body = wire.encode(model, request, n, max_tokens_field=self._max_tokens_field)
            send = partial(self._exchange, model, request, headers, body)
        response, tries = await self._retries.run(partial(self._limited, model, call, send), call.on_retry)
        return response if tries == 1 else response.model_copy(update={"tries": tries})

    async def _limited(self, model: str, call: Call, send: Callable[[], Coroutine[Any, Any, Response]]) -> Response:
        """One try under the limiter. Raises :class:`Failed`."""
        limiter = self._limiter(model)
        async with limiter.slot(call.run_id):
            try:
                response = await send()
            except TransportError as error:
                raise self._faults.transport(error) from None
            except wire.UpstreamFault as fault:
                failed = self._faults.reported(fault, model)
            except Failed as error:
                failed = error
            else:
                limiter.succeeded()
                return response
        if failed.error.status == 429:
            limiter.rate_limited(failed.wait)
        raise failed from None

    async def _exchange(self, model: str, request: ChatRequest, headers: Mapping[str, str], body: bytes) -> Response:
        return self._read(await exchange(self._transport, "POST", self._chat_url, headers, body), model, request)

    def _read(self, answer: Answer, model: str, request: ChatRequest) -> Response:
        if not 200 <= answer.status < 300:
            raise self._faults.answered(answer, model)
        try:
            return wire.decode(answer.body, request, model, partial(self.price, model))
        except wire.NotACompletion as error:
            raise self._faults.malformed(str(error), answer.body) from None

    async def _stream(self, model: str, request: ChatRequest, headers: Mapping[str, str], deltas: Deltas) -> Response:
        """One try whose text is passed on as it arrives; a server that does not stream is read all the same."""
        counted = model not in self._lacks_stream_usage
        body = wire.encode(model, request, 1, max_tokens_field=self._max_tokens_field, stream=True, usage=counted)
        headers = {**headers, "accept": "text/event-stream, application/json"}
        async with self._transport.open("POST", self._chat_url, headers, body) as streamed:
            if streamed.status == 200 and "event-stream" in streamed.headers.get("content-type", ""):
                return await self._assembled(streamed, model, request, deltas)
            answer = await streamed.whole()
        if counted and answer.status in (400, 422) and b"stream_options" in answer.body:
            self._lacks_stream_usage.add(model)
            raise Failed(self._faults.answered(answer, model).error, reason="stream_options refused", again=True, wait=0.0)
        response = self._read(answer, model, request)
        deltas.begin()
        deltas.add(response.completions[0].text)
        return response

    async def _assembled(self, streamed: Streamed, model: str, request: ChatRequest, deltas: Deltas) -> Response:
        assembly, line = Assembly(deltas), b""
        try:
            async with aclosing(streamed.lines()) as lines:
                async for line in lines:
                    assembly.feed(line)
                    if assembly.done:
                        break
            if not assembly.complete:
                raise self._faults.cut()
            return wire.response_of(assembly.body(), request, model, partial(self.price, model))
        except wire.NotACompletion as error:
            raise self._faults.malformed(str(error), line) from None

    def _limiter(self, model: str) -> Limiter:
        limiter = self._limiters.get(model)
        if limiter is None:
            if len(self._limiters) >= LIMITERS_KEPT:
                # Names of models may come from requests, in any number.
                self._limiters = {name: kept for name, kept in self._limiters.items() if not kept.idle}
            limiter = self._limiters[model] = Limiter(self._config.max_concurrency, clock=self._clock)
        return limiter

    def limiters(self) -> dict[str, Limiter]:
        """The limiters by model, for metrics."""
        return dict(self._limiters)

    # -- everything else ---------------------------------------------------------------------------------------------

    def price(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        return self._prices.cost(model, prompt_tokens, completion_tokens, cached_tokens)

    async def models(self) -> list[str]:
        """The configured names, else those that the server lists; empty when it lists none."""
        if self._config.models is not None:
            return list(self._config.models)
        if self._listed is None or self._clock() - self._listed[0] > LISTING_FRESH:
            try:
                self._listed = self._clock(), await self._list()
            except EndpointError:
                return []
        return list(self._listed[1])

    async def _list(self) -> list[str]:
        """``GET /models``, tried once. Raises :class:`EndpointError`."""
        try:
            async with asyncio.timeout(LISTING_SECONDS):
                answer = await exchange(self._transport, "GET", self._models_url, self._headers)
        except TimeoutError:
            raise self._faults.late(LISTING_SECONDS) from None
        except TransportError as error:
            raise self._faults.transport(error).error from None
        if answer.status != 200:
            raise self._faults.answered(answer, "").error
        return _names_in(answer.body)

    async def _models_there(self) -> str:
        """For the message that a model is not there."""
        names = await self.models()
        if not names:
            return f"; is {self._faults.address} the right base_url? It usually ends in /v1"
        more = f" and {len(names) - MODELS_SHOWN} more" if len(names) > MODELS_SHOWN else ""
        return f"; it has {', '.join(names[:MODELS_SHOWN])}{more}"

    async def check(self) -> Health:
        """Whether the server can be reached and accepts the key, by listing its models. Never raises."""
        if self._lacks_key:
            return Health(self.name, ok=False, detail=str(self._faults.no_key()))
        start = self._clock()
        try:
            names = await self._list()
        except EndpointTimeout as error:
            return Health(self.name, ok=False, detail=str(error))
        except EndpointError as error:
            took = round((self._clock() - start) * 1000, 1)
            if error.status in (404, 405, 501):
                return Health(self.name, ok=True, detail="reachable, but lists no models; the key is not checked", latency_ms=took)
            return Health(self.name, ok=False, detail=str(error), latency_ms=took if error.status else None)
        took = round((self._clock() - start) * 1000, 1)
        return Health(self.name, ok=True, detail=f"reachable, {len(names)} models", models=names, latency_ms=took)

    async def aclose(self) -> None:
        """Close all connections. May be called again."""
        await self._transport.aclose()


def _together(parts: list[Response], n: int) -> Response:
    """One answer to the logical call; of more completions than were asked for the first ``n``."""
    if len(parts) == 1 and len(parts[0].completions) == n:
        return parts[0]
    used = sum((part.usage for part in parts[1:]), parts[0].usage)
    return Response(
        completions=tuple(c for part in parts for c in part.completions)[:n],
        usage=used.model_copy(update={"requests": n}),
        model=parts[0].model,
        upstream_ids=tuple(id for part in parts for id in part.upstream_ids),
        tries=sum(part.tries for part in parts),
    )


def _headers(config: OpenAIConfig) -> dict[str, str]:
    headers = {"content-type": "application/json", "accept": "application/json", "user-agent": "eudoxus"}
    key = config.key()
    if key is not None:
        headers["authorization"] = f"Bearer {key.get_secret_value().strip()}"
    return headers | {name.lower(): value.get_secret_value() for name, value in config.headers.items()}


def _url(base_url: str, resource: str) -> str:
    """``resource`` below ``base_url``, before its query if it has one (Azure's ``api-version``)."""
    parts = urlsplit(base_url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{resource}").geturl()


def _names_in(body: bytes) -> list[str]:
    """Model names in OpenAI's form ``{"data": [{"id"}]}``, or a list of the same, or ``{"models": [{"name"}]}``."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    entries = (said.get("data") or said.get("models")) if isinstance(said, dict) else said
    named = [entry.get("id") or entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [name for name in named if isinstance(name, str)]


async def _all(asked: list[Coroutine[Any, Any, Response]]) -> list[Response]:
    """All in parallel; the first failure cancels the others and is raised as it is."""
    if not asked:
        return []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in asked]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
