"""Model names: which specification a name stands for, and which names are listed."""

from __future__ import annotations

from collections import OrderedDict

from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import InvalidRequest, UnknownEndpoint, UnknownStrategy
from eudoxus.runtime.run import Runtime, directed
from eudoxus.runtime.spec import ModelRef, Spec, StrategySpec, parse_spec
from eudoxus.service.problems import ModelNotFound

REMEMBERED = 1024


class Specs:
    """Reads and checks specifications; those given as text are remembered, since clients repeat their model names."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: OrderedDict[str, StrategySpec] = OrderedDict()

    def named(self, model: str) -> StrategySpec:
        """The specification that a model name stands for. Raises :class:`ModelNotFound`, :class:`SpecError`, :class:`InvalidParams`."""
        found = self._known.get(model)
        if found is None:
            found = self._known[model] = self.checked(parse(model, self._runtime))
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    def checked(self, spec: Spec) -> StrategySpec:
        """``spec`` as it will be run. Raises what would keep it from starting: unknown endpoint, missing capability."""
        whole = directed(spec)
        try:
            self._runtime.prepare(whole)
        except (UnknownStrategy, UnknownEndpoint) as error:
            raise ModelNotFound(str(error), param="model") from None
        return whole

    def combined(self, model: str | None, strategy: str | Json | None, params: Json) -> StrategySpec:
        """``strategy`` put before ``model``, its parameters overlaid by ``params``."""
        if strategy is None and not params and model is not None:
            return self.named(model)
        spec = parse(strategy, self._runtime) if strategy is not None else None
        inner = parse(model, self._runtime) if model is not None else None
        if spec is None:
            if inner is None:
                raise InvalidRequest("a strategy or a model is needed", param="strategy")
            spec, inner = inner, None
        spec = directed(spec)
        if inner is not None:
            spec = onto(spec, inner)
        if params:
            spec = spec.model_copy(update={"params": {**spec.params, **params}})
            spec = directed(parse(spec.plain(), self._runtime))
        return self.checked(spec)


def parse(said: str | Json, runtime: Runtime) -> Spec:
    """As :func:`parse_spec`; an unknown strategy is a :class:`ModelNotFound` (404), as OpenAI's clients expect."""
    try:
        return parse_spec(said, runtime.registry)
    except UnknownStrategy as error:
        raise ModelNotFound(str(error), param="model") from None


def onto(spec: StrategySpec, model: Spec) -> StrategySpec:
    """``spec`` with ``model`` at its open end. Raises :class:`InvalidRequest` when another model is there already."""
    match spec.model:
        case None:
            return spec.model_copy(update={"model": model})
        case StrategySpec():
            return spec.model_copy(update={"model": onto(spec.model, model)})
        case ModelRef() if spec.model != model:
            raise InvalidRequest(f"the strategy names the model {spec.model}, the request the model {model}: leave one out", param="model")
    return spec
