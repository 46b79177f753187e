"""The endpoint type ``local``: chat requests answered by a model in this process, in worker threads."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from eudoxus.decoding.errors import InvalidGrammar
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.local.config import LocalConfig
from eudoxus.decoding.local.errors import Cancelled
from eudoxus.decoding.local.exact import sample_exactly
from eudoxus.decoding.local.generate import Generation, Watch, constrained, generate
from eudoxus.decoding.local.loading import EMBEDDED, directory_of, load
from eudoxus.decoding.local.model import LocalModel
from eudoxus.decoding.local.reading import Prompt, Sessions
from eudoxus.decoding.local.request import Asked, read_request
from eudoxus.runtime.chat import ChatRequest, Completion, Json, Response, Usage
from eudoxus.runtime.endpoints import Call, Capabilities, Health
from eudoxus.runtime.endpoints.limiter import Limiter
from eudoxus.runtime.errors import EndpointError, EndpointTimeout, EudoxusError

MASKS_AHEAD_FROM = 32_000
"""Size of a vocabulary from which masks are computed while the model runs."""


@dataclass
class _Loaded:
    model: LocalModel
    engine: LlguidanceEngine
    sessions: Sessions


class LocalEndpoint:
    """Answers with the configured model. Nobody pays: the cost is 0.

    A cancelled or late request stops generating at its next token.
    """

    capabilities = Capabilities(logprobs=True, tools=False, grammar="local", prefill=True)

    def __init__(self, config: LocalConfig, *, name: str = "local", clock: Callable[[], float] = time.perf_counter) -> None:
        self.name, self._config, self._clock = name, config, clock
        self.default_model = config.name or (config.model if config.model in EMBEDDED else directory_of(config.model).name)
        self._limiter = Limiter(config.max_concurrency, start=config.max_concurrency, floor=config.max_concurrency)
        self._workers: ThreadPoolExecutor | None = None
        self._loading = threading.Lock()
        self._loaded: _Loaded | None = None
        self._closed = threading.Event()

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        """Exactly ``n`` answers. Raises :class:`EndpointError` (a model that is not there or cannot be loaded, no answer in time) and
        :class:`InvalidRequest` (what it cannot do, a grammar that cannot be used, a prompt longer than the context)."""
        self.capabilities.admit(request, self.name)
        if model != self.default_model:
            raise EndpointError(f"the endpoint {self.name!r} has no model {model!r}; it has {self.default_model!r}",
                                endpoint=self.name, status=404)
        given_up = threading.Event()
        watch = Watch(self._listener(call, n), lambda: given_up.is_set() or self._closed.is_set())
        try:
            async with asyncio.timeout(call.timeout), self._limiter.slot(call.run_id), asyncio.timeout(self._config.timeout_s):
                return await self._in_a_thread(partial(self._answer, request, n, watch))
        except TimeoutError:
            allowed = min(self._config.timeout_s, call.timeout or self._config.timeout_s)
            raise EndpointTimeout(f"the model did not end within {allowed:g} s", endpoint=self.name) from None
        except Cancelled:
            raise self._ending() from None
        except EndpointError as error:
            error.endpoint = self.name
            raise
        finally:
            given_up.set()

    def _ending(self) -> EndpointError:
        return EndpointError("the service is shutting down", endpoint=self.name, retryable=True)

    def _listener(self, call: Call, n: int) -> Callable[[str], None] | None:
        """Passes pieces of text on to the event loop, which sees them before the end of the answer."""
        heard, loop = call.on_delta, asyncio.get_running_loop()
        if heard is None or n > 1:
            return None

        def said(text: str) -> None:
            loop.call_soon_threadsafe(heard, text)

        return said

    async def _in_a_thread(self, work: Callable[[], Response]) -> Response:
        if self._closed.is_set():  # perhaps while it waited for its turn
            raise self._ending()
        if self._workers is None:
            self._workers = ThreadPoolExecutor(self._config.max_concurrency, thread_name_prefix=f"local-{self.name}")
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)

    def _ready(self) -> _Loaded:
        """The model, loaded at the first call. Raises :class:`ModelUnusable`, :class:`InvalidVocabulary`, :class:`EngineMissing`."""
        with self._loading:
            if self._loaded is None:
                config = self._config
                model = load(config.model, runtime=config.runtime, threads=config.threads, device=config.device)
                self._loaded = _Loaded(model, LlguidanceEngine(model.vocabulary), Sessions(model, config.sessions))
            return self._loaded

    def _answer(self, request: ChatRequest, n: int, watch: Watch) -> Response:
        """In a worker thread: read the prompt once, generate ``n`` times."""
        if watch.cancelled():
            raise Cancelled
        asked, ready = read_request(request), self._ready()
        watch = replace(watch, top_logprobs=asked.top_logprobs, telemetry=asked.telemetry)
        with ready.sessions.reading(ready.model.directory.prompt(asked.messages)) as prompt:
            room = min(asked.max_tokens or self._config.max_tokens, ready.model.context - len(prompt.tokens))
            try:
                made, told = (_masked if asked.sampler == "gcd" else _exact)(ready, asked, prompt, n, room, watch)
            except InvalidGrammar as error:
                if error.param == "grammar":  # as engines call it
                    error.param, error.message = asked.grammar_field, f"{asked.grammar_field}: {error.message}"
                raise
            written = sum(len(generation.tokens) for generation in made)
            usage = Usage(requests=n, prompt_tokens=len(prompt.tokens), completion_tokens=written, cached_tokens=prompt.reused)
        return Response(completions=tuple(_completion(g, told) for g in made), usage=usage, model=self.default_model)

    def price(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float | None:
        return 0.0

    async def models(self) -> list[str]:
        return [self.default_model]

    async def check(self) -> Health:
        """Whether the model can be loaded and says something; loads it if need be. Never raises."""
        started = self._clock()
        try:
            detail = await asyncio.to_thread(self._examined)
        except EudoxusError as error:
            return Health(self.name, ok=False, detail=str(error), models=[self.default_model])
        return Health(self.name, ok=True, detail=detail, models=[self.default_model], latency_ms=round((self._clock() - started) * 1000, 1))

    def _examined(self) -> str:
        model = self._ready().model
        tokens = model.directory.prompt([{"role": "user", "content": "Hello"}])
        model.session().feed(tokens)
        return f"{model.name} through {model.runtime}: {model.vocabulary.size} tokens, context of {model.context} tokens"

    async def aclose(self) -> None:
        """Stop what is being generated and let the model go. May be called again."""
        self._closed.set()
        if self._workers is not None:
            self._workers.shutdown(wait=False, cancel_futures=True)
        self._loaded = None


def _masked(ready: _Loaded, asked: Asked, prompt: Prompt, n: int, room: int, watch: Watch) -> tuple[list[Generation], None]:
    """``n`` answers, one after the other, in which what the grammar forbids is masked."""
    matcher = constrained(ready.engine, asked.grammar, room) if asked.grammar is not None else None
    ahead = ready.model.vocabulary.size >= MASKS_AHEAD_FROM
    made = []
    for number in range(n):
        prompt.restart()
        made.append(generate(
            prompt, _rng(asked.seed, number), max_tokens=room, sampling=asked.sampling, stops=asked.stops, watch=watch,
            matcher=matcher.fork() if matcher is not None else None, ahead=ahead,
        ))
    return made, None


def _exact(ready: _Loaded, asked: Asked, prompt: Prompt, n: int, room: int, watch: Watch) -> tuple[list[Generation], Json]:
    """``n`` answers by one of the samplers that know the model's law within the grammar, and what these told."""
    assert asked.sampler != "gcd" and asked.grammar is not None
    made, told = sample_exactly(
        prompt, _rng(asked.seed, 0), n, mode=asked.sampler, engine=ready.engine, grammar=asked.grammar, max_tokens=room,
        sampling=asked.sampling, effort=asked.effort, cancelled=watch.cancelled, top_logprobs=asked.top_logprobs,
    )
    if watch.on_text:
        watch.on_text(made[0].text)
    return made, told


def _rng(seed: int | None, number: int) -> random.Random:
    """The chance of one answer; without a seed from the operating system."""
    return random.Random(None if seed is None else f"{seed}/{number}")


def _completion(made: Generation, told: Json | None) -> Completion:
    about = dict(told or {})
    if made.telemetry:
        about["tokens"] = [token.json() for token in made.telemetry]
    if made.log_weight is not None:
        about["log_weight"] = made.log_weight
    if about and made.complete is not None:
        about["complete"] = made.complete
    extra = {"decoding": about} if about else None
    return Completion(text=made.text, finish_reason=made.finish_reason, logprobs=made.logprobs, extra=extra)
