"""What there is: models, strategies, endpoints, as the API shows them. Never an address or a key."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from eudoxus.runtime.chat import Json
from eudoxus.runtime.endpoints import Endpoint
from eudoxus.runtime.errors import EudoxusError
from eudoxus.runtime.spec import ModelRef, StrategySpec
from eudoxus.runtime.strategy import Registry, Strategy
from eudoxus.service.problems import ModelNotFound
from eudoxus.service.services import Services

STARTED = int(time.time())
ASK_SECONDS = 5.0
KEPT_SECONDS = 60.0

_names: dict[int, tuple[float, list[str]]] = {}


async def listed(services: Services) -> list[Json]:
    """The entries of ``GET /v1/models``: models of endpoints as ``endpoint:model``, then presets."""
    endpoints = [services.endpoints.get(name) for name in services.endpoints.names()]
    found = await asyncio.gather(*(model_names(endpoint) for endpoint in endpoints))
    entries = [_entry(f"{e.name}:{model}", e.name, e) for e, models in zip(endpoints, found, strict=True) for model in models]
    return entries + [_preset(name, path) for name, path in services.runtime.registry.presets.items()]


async def described(id: str, services: Services) -> Json:
    """One entry; combinations that are not listed count too. Raises :class:`ModelNotFound` and what an unreadable name raises."""
    registry = services.runtime.registry
    if id in registry.presets:
        return _preset(id, registry.presets[id])
    try:
        spec = services.specs.named(id)
    except EudoxusError as error:
        raise ModelNotFound(str(error), param="model") from None
    leaf = _leaf(spec)
    endpoint = services.endpoints.get(leaf.endpoint if leaf else None)
    if leaf is not None:
        known = await model_names(endpoint)
        if known and leaf.name not in known:
            raise ModelNotFound(f"the endpoint {endpoint.name!r} lists no model {leaf.name!r}", param="model")
    return _entry(id, endpoint.name, endpoint) | {"eudoxus": {"strategy": str(spec), "endpoint": endpoint.name}}


async def model_names(endpoint: Endpoint) -> list[str]:
    """The models behind ``endpoint``, remembered for a minute; empty when it does not answer soon."""
    kept = _names.get(id(endpoint))
    if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS:
        return kept[1]
    try:
        found = await asyncio.wait_for(endpoint.models(), ASK_SECONDS)
    except (TimeoutError, EudoxusError):
        return []
    _names[id(endpoint)] = time.monotonic(), found
    return found


def strategy_json(strategy: Strategy, *, schema: bool) -> Json:
    """A strategy for people and programs; ``schema`` adds the JSON schema of its parameters."""
    said: Json = {
        "name": strategy.name,
        "summary": strategy.doc.partition("\n")[0],
        "calls": strategy.calls,
        "takes": [t.kind for t in strategy.takes if hasattr(t, "kind")],
        "requires": sorted(strategy.requires),
        "prompts": list(strategy.prompts),
        "code_hash": strategy.code_hash,
    }
    if schema:
        said |= {
            "description": strategy.doc,
            "params_schema": strategy.params.model_json_schema(),
            "positional": strategy.params.positional,
        }
    return said


def strategies_json(registry: Registry) -> list[Json]:
    """All strategies, by name."""
    return [strategy_json(strategy, schema=False) for _, strategy in sorted(registry.strategies.items())]


def endpoint_json(endpoint: Endpoint, default: bool) -> Json:
    """An endpoint's name and abilities; nothing of its address or key."""
    return {
        "name": endpoint.name,
        "default": default,
        "default_model": getattr(endpoint, "default_model", None),
        "capabilities": endpoint.capabilities.model_dump(),
    }


def _entry(id: str, owner: str, endpoint: Endpoint) -> dict[str, Any]:
    capabilities = endpoint.capabilities.model_dump()
    return {
        "id": id,
        "object": "model",
        "created": STARTED,
        "owned_by": owner,
        "eudoxus": {"endpoint": owner, "capabilities": capabilities},
    }


def _preset(name: str, path: str) -> Json:
    return {"id": name, "object": "model", "created": STARTED, "owned_by": "eudoxus", "eudoxus": {"preset": True, "strategy": path}}


def _leaf(spec: StrategySpec) -> ModelRef | None:
    """The model at the end of the path, None when it is left open."""
    match spec.model:
        case StrategySpec():
            return _leaf(spec.model)
        case leaf:
            return leaf
