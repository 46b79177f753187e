"""For those who operate the service: alive, ready, version, metrics."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from eudoxus.runtime.run import package_version
from eudoxus.service.api_docs import problems
from eudoxus.service.metrics import CONTENT_TYPE
from eudoxus.service.services import services_of

router = APIRouter(tags=["Operation"])

WRITE_SECONDS = 5.0


@router.get("/healthz", operation_id="health", summary="Whether the process answers")
async def health() -> Response:
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz", operation_id="ready", summary="Whether requests are welcome", responses={503: {"description": "Not ready, with the reason"}}
)
async def ready(request: Request) -> Response:
    """503 while shutting down, and when the store cannot be written."""
    services = services_of(request)
    if services.executor.draining.is_set():
        return JSONResponse({"status": "draining"}, 503)
    try:
        await asyncio.wait_for(services.store.probe(), WRITE_SECONDS)
    except Exception as error:  # noqa: BLE001 - any trouble with the store is a reason not to be ready, and the answer says which kind
        return JSONResponse({"status": "store not writable", "detail": type(error).__name__}, 503)
    return JSONResponse({"status": "ready"})


@router.get("/version", operation_id="version", summary="Which version this is")
async def version() -> Response:
    return JSONResponse({"name": "eudoxus", "version": package_version()})


@router.get("/metrics", operation_id="metrics", summary="Prometheus metrics", response_class=Response, responses=problems(401, 403))
async def metrics(request: Request) -> Response:
    return Response(services_of(request).metrics.text(), headers={"content-type": CONTENT_TYPE})
