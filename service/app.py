"""The HTTP application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from eudoxus.runtime.chat import Json
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.errors import EudoxusError
from eudoxus.runtime.run import package_version
from eudoxus.runtime.strategy import Registry
from eudoxus.service import (
    catalogue_routes,
    health_routes,
    manual_routes,
    openai_routes,
    run_routes,
)
from eudoxus.service.api_docs import Problem, problems
from eudoxus.service.metrics import Metrics
from eudoxus.service.middleware import Admission, Boundary
from eudoxus.service.problems import (
    on_eudoxus_error,
    on_http_error,
    on_validation_error,
)
from eudoxus.service.services import Services
from eudoxus.service.settings import Settings, load_settings

DESCRIPTION = """Composable reasoning strategies over any model endpoint: journaled, budgeted, replayable.

The OpenAI routes serve any OpenAI client. The native routes add typed tasks, durable runs, events and journals.
Errors are RFC 9457 problem details that also hold OpenAI's `error` object; `code` is stable."""


def create_app(settings: Settings | None = None, *, endpoints: Endpoints | None = None, registry: Registry | None = None) -> FastAPI:
    """The application. ``endpoints`` and ``registry`` stand in for the configured endpoints and the installed strategies.

    Raises :class:`ConfigurationError`.
    """
    settings = settings or load_settings()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = Services.made(settings, metrics, endpoints=endpoints, registry=registry)
        app.state.services = services
        services.begin()
        try:
            yield
        finally:
            await services.end()

    app = FastAPI(
        title="Eudoxus",
        version=package_version(),
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    for module in (openai_routes, run_routes, catalogue_routes, manual_routes, health_routes):
        app.include_router(module.router)
    app.add_exception_handler(EudoxusError, on_eudoxus_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_middleware(Admission, settings=settings, state=app.state)
    app.add_middleware(Boundary, metrics=metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> Json:
    """FastAPI's description with our error schema in place of its own."""
    if app.openapi_schema is None:
        schema: dict[str, Any] = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            license_info=app.license_info,
            tags=app.openapi_tags,
        )
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs", {}) | {"Problem": problem}
        for methods in schema["paths"].values():
            for operation in methods.values():
                if "HTTPValidationError" in str(operation["responses"].get("422", "")):
                    operation["responses"]["422"] = problems(422)[422]
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "`eudoxus keys create`"}}
        schema["security"] = [{}, {"key": []}]
        app.openapi_schema = schema
    return app.openapi_schema
