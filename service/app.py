"""The HTTP application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_swagger import patch_fastapi  # type: ignore[import-untyped]
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from eudoxus.runtime.chat import Json
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.errors import EudoxusError
from eudoxus.runtime.run import package_version
from eudoxus.runtime.strategy import Registry
from eudoxus.service import (
    catalogue_routes,
    code_routes,
    evaluation_routes,
    health_routes,
    manual_routes,
    openai_routes,
    parsel_routes,
    plan_routes,
    run_routes,
    sandbox_routes,
    solve_routes,
)
from eudoxus.service.api_docs import with_problems
from eudoxus.service.metrics import Metrics
from eudoxus.service.middleware import Admission, Boundary
from eudoxus.service.problems import (
    on_eudoxus_error,
    on_http_error,
    on_validation_error,
)
from eudoxus.service.services import Services
from eudoxus.service.settings import Settings, load_settings
from eudoxus.service.shortcut import ChatShortcut

DESCRIPTION = """Composable reasoning strategies over any model endpoint: journaled, budgeted, replayable.

The OpenAI routes serve any OpenAI client. The native routes add typed tasks, durable runs, events and journals.
Errors are RFC 9457 problem details that also hold OpenAI's `error` object; `code` is stable."""


class Application(FastAPI):
    """FastAPI within our own layers, which cost less than its own and see every response."""

    def __init__(self, settings: Settings, metrics: Metrics, **options: Any) -> None:
        self._settings, self._metrics = settings, metrics
        super().__init__(**options)

    def build_middleware_stack(self) -> ASGIApp:
        """Outermost first: what every request gets, who may come in, the hot route, then everything that FastAPI does."""
        inside = ChatShortcut(super().build_middleware_stack())
        return Boundary(Admission(inside, self._settings, self.state), self._metrics)

    def openapi(self) -> Json:
        """FastAPI's description with our error schema in place of its own."""
        if self.openapi_schema is None:
            self.openapi_schema = with_problems(super().openapi())
        return self.openapi_schema


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

    app = Application(
        settings,
        metrics,
        title="Eudoxus",
        version=package_version(),
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    for module in (openai_routes, run_routes, plan_routes, solve_routes, parsel_routes, sandbox_routes, code_routes, evaluation_routes,
                   catalogue_routes, manual_routes, health_routes):
        app.include_router(module.router)
    # The pages that FastAPI itself offers load their scripts from elsewhere; these come from here, also without a network.
    patch_fastapi(app, swagger_ui_parameters={"filter": True, "displayRequestDuration": True})
    app.add_exception_handler(EudoxusError, on_eudoxus_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_error)
    return app
