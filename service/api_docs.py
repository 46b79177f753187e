"""What OpenAPI says of errors, once for all routes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from eudoxus.service.problems import PROBLEM

_MEANING = {
    400: "The request is not valid; `errors` points at the field",
    401: "No valid API key",
    402: "The budget was spent before an answer",
    403: "The key's scopes do not allow this",
    404: "Not found",
    409: "The run's state does not allow this",
    413: "The body is too large",
    422: "Valid JSON of the wrong shape, or no answer",
    429: "Too much at once; see Retry-After",
    502: "The model endpoint failed",
    503: "Shutting down, or no isolation for programs",
    504: "Took too long",
}


class FieldError(BaseModel):
    """One field at fault."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    pointer: str
    """JSON pointer into the body."""
    detail: str


class OpenAIError(BaseModel):
    """The error as OpenAI's clients read it."""

    message: str
    type: str
    code: str | None
    param: str | None


class Problem(BaseModel):
    """RFC 9457 problem details, with OpenAI's error object inside."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str
    title: str
    status: int
    detail: str
    code: str
    """Stable and machine-readable; the same in HTTP, command line and Python."""
    error: OpenAIError
    errors: list[FieldError] | None = None
    run_id: str | None = None
    instance: str | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for OpenAPI."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {s: {"description": _MEANING[s], "content": {PROBLEM: {"schema": schema}}} for s in statuses}


def with_problems(schema: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI description with our error schema in place of FastAPI's, and the API key in it."""
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {}) | {"Problem": problem}
    for methods in schema["paths"].values():
        for operation in methods.values():
            if "HTTPValidationError" in str(operation["responses"].get("422", "")):
                operation["responses"]["422"] = problems(422)[422]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "`eudoxus keys create`"}}
    schema["security"] = [{}, {"key": []}]
    return schema
