"""What can be run, and on what: strategies with their parameters, endpoints with their abilities."""

from __future__ import annotations

from fastapi import APIRouter, Path, Request
from starlette.responses import JSONResponse, Response

from eudoxus.runtime.errors import UnknownStrategy
from eudoxus.service.api_docs import problems
from eudoxus.service.listing import endpoint_json, strategies_json, strategy_json
from eudoxus.service.problems import ModelNotFound
from eudoxus.service.services import services_of

router = APIRouter(prefix="/v1", tags=["Catalogue"])


@router.get("/strategies", operation_id="listStrategies", summary="All strategies and presets", responses=problems(401, 403))
async def list_strategies(request: Request) -> Response:
    registry = services_of(request).runtime.registry
    return JSONResponse({"object": "list", "data": strategies_json(registry), "presets": registry.presets})


@router.get(
    "/strategies/{name}",
    operation_id="retrieveStrategy",
    summary="One strategy, with the JSON schema of its parameters",
    responses=problems(401, 403, 404, 422),
)
async def retrieve_strategy(request: Request, name: str = Path(max_length=64)) -> Response:
    try:
        strategy = services_of(request).runtime.registry.get(name)
    except UnknownStrategy as error:
        raise ModelNotFound(error.reason, param="name") from None
    return JSONResponse(strategy_json(strategy, schema=True))


@router.get("/endpoints", operation_id="listEndpoints", summary="Configured endpoints and what they can do", responses=problems(401, 403))
async def list_endpoints(request: Request) -> Response:
    """Names and capabilities; addresses and keys are the operator's."""
    endpoints = services_of(request).endpoints
    return JSONResponse({"object": "list", "data": [endpoint_json(endpoints.get(n), n == endpoints.default) for n in endpoints.names()]})
