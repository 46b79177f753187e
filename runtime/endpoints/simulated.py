"""A stand-in for a model, for tests and benchmarks only; no configuration can name it."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence

from eudoxus.runtime.canonical import fingerprint
from eudoxus.runtime.chat import ChatRequest, Completion, Response
from eudoxus.runtime.endpoints.base import Call, Capabilities, Health
from eudoxus.runtime.endpoints.usage import estimated_usage
from eudoxus.runtime.errors import EndpointError, EndpointTimeout

Answer = str | Completion | Exception
Answering = Callable[[str, ChatRequest, int], Answer]
"""(model, request, k) → the k-th answer to this very request, counted from 0."""
Latency = float | tuple[float, float] | Callable[[], float]
"""Seconds per call: always the same, drawn evenly between two bounds, or whatever a function gives."""

_WORDS = re.compile(r"\s*\S+|\s+$")


class SimulatedEndpoint:
    """Answers from a list or generator in order of asking, or from a function of the request. An Exception among the answers is raised.

    A function is asked with the ordinal of the answer among all answers to the same content, so what it gives does not depend on the
    order in which different requests arrive. Latencies between bounds are drawn with ``seed``. ``price``: US dollars per 1M input and
    output tokens.
    """

    def __init__(
        self,
        answers: Sequence[Answer] | Generator[Answer, None, None] | Iterator[Answer] | Answering,
        *,
        name: str = "simulated",
        latency: Latency = 0.0,
        seed: int = 0,
        capabilities: Capabilities | None = None,
        price: tuple[float, float] = (0.0, 0.0),
        models: Sequence[str] = ("m",),
    ) -> None:
        self.name = name
        self.capabilities = capabilities or Capabilities(logprobs=True, prefill=True)
        self.calls = 0
        """Calls so far; a call for n answers counts once."""
        self.completions = 0
        """Answers given so far."""
        self.requests: list[tuple[str, ChatRequest, int]] = []
        """What was asked: model, request, n."""
        self._function: Answering | None = answers if callable(answers) else None
        self._answers: Iterator[Answer] = iter(()) if callable(answers) else iter(answers)
        self._asked: Counter[str] = Counter()
        self._latency, self._random = latency, random.Random(seed)
        self._price, self._models = price, list(models)

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """The next ``n`` answers. Raises an answer that is an exception, and :class:`EndpointError` when no answer is left."""
        self.capabilities.admit(request, self.name)
        self.calls += 1
        self.requests.append((model, request, n))
        given = [self._next(model, request) for _ in range(n)]
        await self._wait(call)
        answers = tuple(self._completion(answer) for answer in given)
        self.completions += n
        if call.on_delta and n == 1 and self.capabilities.streaming:
            for piece in _WORDS.findall(answers[0].text):
                call.on_delta(piece)
        usage = estimated_usage(request, answers)
        cost = self.price(model, usage.prompt_tokens, usage.completion_tokens)
        return Response(completions=answers, usage=usage.model_copy(update={"cost": cost}), model=model)

    def _next(self, model: str, request: ChatRequest) -> Answer | None:
        if self._function is None:
            return next(self._answers, None)
        key = fingerprint(model, request.fingerprinted())
        self._asked[key] += 1
        return self._function(model, request, self._asked[key] - 1)

    def _completion(self, answer: Answer | None) -> Completion:
        if answer is None:
            raise EndpointError(f"the endpoint {self.name!r} has no answer left after {self.completions}", endpoint=self.name)
        if isinstance(answer, Exception):
            raise answer
        return Completion(text=answer) if isinstance(answer, str) else answer

    async def _wait(self, call: Call) -> None:
        seconds = self._seconds()
        if call.timeout is not None and seconds > call.timeout:
            await asyncio.sleep(max(0.0, call.timeout))
            raise EndpointTimeout(f"no answer within {call.timeout:g} s", endpoint=self.name)
        if seconds > 0:
            await asyncio.sleep(seconds)

    def _seconds(self) -> float:
        if callable(self._latency):
            return self._latency()
        return self._random.uniform(*self._latency) if isinstance(self._latency, tuple) else self._latency

    def price(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        return (prompt_tokens * self._price[0] + completion_tokens * self._price[1]) / 1e6

    async def models(self) -> list[str]:
        return list(self._models)

    async def check(self) -> Health:
        return Health(self.name, ok=True, detail="simulated", models=list(self._models), latency_ms=0.0)

    async def aclose(self) -> None:
        """Nothing to free."""
