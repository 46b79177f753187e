"""What a context asks: a model of an endpoint, or a strategy bound to a model, which is itself a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from eudoxus.runtime.chat import ChatRequest, Completion
from eudoxus.runtime.endpoints.base import Capabilities, Endpoint
from eudoxus.runtime.endpoints.dialects import Offer
from eudoxus.runtime.endpoints.probing import offer_of
from eudoxus.runtime.errors import CapabilityMissing, EffectFailed
from eudoxus.runtime.result import Result
from eudoxus.runtime.spec import ModelRef, Spec
from eudoxus.runtime.strategy import Params, Registry, Strategy
from eudoxus.runtime.task import ChatTask

if TYPE_CHECKING:
    from eudoxus.runtime.context import Context


class Model(Protocol):
    """Answers a chat request within a context."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def offer(self) -> Offer:
        """The grammars to which it can be held. Raises :class:`EndpointError` when a server that has to be asked does not answer."""
        ...

    async def complete(self, ctx: Context, request: ChatRequest, n: int, *, stream: bool) -> list[Completion]:
        """One to ``n`` answers; fewer than ``n`` only when a budget has room for fewer."""
        ...


@dataclass(frozen=True, slots=True)
class EndpointModel:
    """A named model behind an endpoint: the leaf of every path."""

    endpoint: Endpoint
    name: str

    @property
    def capabilities(self) -> Capabilities:
        return self.endpoint.capabilities

    async def offer(self) -> Offer:
        return await offer_of(self.endpoint, self.name)

    async def complete(self, ctx: Context, request: ChatRequest, n: int, *, stream: bool) -> list[Completion]:
        return await ctx.ask(self.endpoint, self.name, request, n, stream=stream)


@dataclass(frozen=True, slots=True)
class StrategyModel:
    """A strategy bound to a model, used as a model: each answer is one run of the strategy in a scope of its own."""

    strategy: Strategy
    params: Params
    model: Model | None
    """None stands for the enclosing model: the strategy was named inside the parameters of another."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(n=True, logprobs=False, tools=False, json_schema=True, streaming=False)

    async def offer(self) -> Offer:
        return self.capabilities.offer

    async def complete(self, ctx: Context, request: ChatRequest, n: int, *, stream: bool) -> list[Completion]:
        if request.tools:
            raise CapabilityMissing(f"{self.strategy.name} does not pass tools on when another strategy stands before it", param="tools")
        task = ChatTask(**request.__dict__)
        results = await ctx.map(ctx.next_name(), range(n), lambda child, _: self.run(child, task))
        answered = [result for result in results if result.answer is not None]
        limited = next((result for result in results if result.outcome == "limit"), None)
        if not answered and limited is not None and (refusal := ctx.refusal()) is not None:
            raise refusal
        if len(answered) < n and limited is None:
            empty = next(result for result in results if result.answer is None)
            raise EffectFailed(f"{self.strategy.name} found no answer: {empty.detail or empty.outcome}")
        return [_completion(result) for result in answered]

    async def run(self, ctx: Context, task: ChatTask) -> Result:
        """One run of the strategy in ``ctx``."""
        return await ctx.bound(self.model).apply(self.strategy, self.params, task)


def as_model(strategy: Strategy, params: Params, model: Model) -> Model:
    """``strategy`` over ``model`` as a model: request → task, result → completion."""
    return StrategyModel(strategy, params, model)


def _completion(result: Result) -> Completion:
    if result.completion is not None and result.completion.text == result.answer:
        return result.completion
    return Completion(text=result.answer or "")


class Endpoints(Protocol):
    """Endpoints by name; see ``eudoxus.runtime.endpoints.Endpoints``."""

    def get(self, name: str | None) -> Endpoint: ...


def bind(spec: Spec | None, registry: Registry, endpoints: Endpoints, *, enclosed: bool = False) -> Model:
    """The model that ``spec`` describes. An open end is the enclosing model when ``enclosed``, else the default endpoint's.

    Raises :class:`UnknownEndpoint`, :class:`CapabilityMissing`.
    """
    if isinstance(spec, ModelRef):
        return EndpointModel(endpoints.get(spec.endpoint), spec.name)
    if spec is None:
        endpoint = endpoints.get(None)
        return EndpointModel(endpoint, getattr(endpoint, "default_model", None) or "default")
    strategy = registry.get(spec.strategy)
    inner = None if spec.model is None and enclosed else bind(spec.model, registry, endpoints)
    if inner is not None:
        _require(strategy, inner)
    return StrategyModel(strategy, strategy.check(spec.params), inner)


def _require(strategy: Strategy, model: Model) -> None:
    missing = sorted(need for need in strategy.requires if not getattr(model.capabilities, need, None))
    if missing:
        raise CapabilityMissing(f"{strategy.name} needs {', '.join(missing)}, which its model does not offer", param="model")


