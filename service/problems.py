"""Errors over HTTP: RFC 9457 problem details and OpenAI's error object in one body, and what retrying clients need to know."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import EudoxusError
from eudoxus.sandbox.model import SandboxBusy, SandboxUnavailable

PROBLEM = "application/problem+json"


class RunNotFound(EudoxusError):
    """No run has this id, or it belongs to another key."""

    code = "run_not_found"


class EvaluationNotFound(EudoxusError):
    """No evaluation has this id, or it belongs to another key."""

    code = "evaluation_not_found"


class DataSetAbsent(EudoxusError):
    """The data set is known, and its file is not on this server."""

    code = "data_set_missing"


class ModelNotFound(EudoxusError):
    """The model string names a strategy, preset or endpoint that is not there."""

    code = "model_not_found"


class Conflict(EudoxusError):
    """The run's state does not allow this."""

    code = "conflict"


class BodyTooLarge(EudoxusError):
    """The request body is longer than the service accepts."""

    code = "body_too_large"


class RateLimited(EudoxusError):
    """As many requests as allowed are being answered."""

    code = "rate_limited"
    retryable = True


class QueueFull(EudoxusError):
    """As many runs as allowed are waiting."""

    code = "queue_full"
    retryable = True


class ShuttingDown(EudoxusError):
    """The service is stopping; another instance, or this one later, will answer."""

    code = "shutting_down"
    retryable = True


class NoAnswer(EudoxusError):
    """The strategy ended without a usable answer, and says why."""

    code = "no_answer"


class LimitReached(EudoxusError):
    """A budget ended the run before there was any answer."""

    code = "budget_exceeded"


class DeadlineReached(EudoxusError):
    """The limit of seconds ended the run before there was any answer."""

    code = "deadline_exceeded"


class StreamDiverged(EudoxusError):
    """The text that was streamed is not the beginning of the answer: it came from a try that was broken off."""

    code = "stream_diverged"
    retryable = True


class RunCancelled(EudoxusError):
    """The run was cancelled before it had an answer."""

    code = "run_cancelled"


STATUS: dict[str, int] = {
    "invalid_request": 400,
    "unsupported_parameter": 400,
    "invalid_task": 400,
    "invalid_spec": 400,
    "invalid_params": 400,
    "capability_missing": 400,
    "invalid_grammar": 400,
    "grammar_too_large": 400,
    "grammar_not_in_subset": 400,
    "grammar_engine_missing": 400,
    "unsatisfiable": 400,
    "token_budget_too_small": 400,
    "context_length_exceeded": 400,
    "invalid_pddl": 400,
    "unsupported_pddl": 400,
    "unknown_strategy": 404,
    "unknown_endpoint": 404,
    "model_not_found": 404,
    "run_not_found": 404,
    "evaluation_not_found": 404,
    "data_set_missing": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "invalid_api_key": 401,
    "forbidden": 403,
    "budget_exceeded": 402,
    "conflict": 409,
    "run_cancelled": 409,
    "gone": 410,
    "body_too_large": 413,
    "idempotency_mismatch": 422,
    "validation_error": 422,
    "no_answer": 422,
    "sampling_limit": 422,
    "grammar_dead_end": 422,
    "grammar_matcher_failed": 422,
    "rate_limited": 429,
    "queue_full": 429,
    "sandbox_busy": 429,
    "upstream_error": 502,
    "upstream_auth": 502,
    "upstream_rate_limited": 502,
    "upstream_unavailable": 502,
    "upstream_malformed": 502,
    "constraint_violation": 502,
    "model_unusable": 502,
    "invalid_vocabulary": 502,
    "model_changed": 502,
    "no_recorded_answer": 502,
    "effect_failed": 502,
    "stream_diverged": 502,
    "upstream_timeout": 504,
    "deadline_exceeded": 504,
    "shutting_down": 503,
    "journal_full": 503,
    "fenced": 503,
    "sandbox_unavailable": 503,
    "internal": 500,
}
"""HTTP status of each code; codes that are not here are bugs and give 500."""

_RETRY_AFTER = {"rate_limited": "1", "queue_full": "5", "sandbox_busy": "1", "shutting_down": "5", "journal_full": "10", "fenced": "1"}

_TITLES = {
    400: "The request is not valid",
    401: "No valid API key",
    402: "The budget is spent",
    403: "Not allowed for this key",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "The state does not allow this",
    410: "No longer there",
    413: "The body is too large",
    422: "The request cannot be carried out",
    429: "Too many requests",
    500: "Internal error",
    502: "The model endpoint failed",
    503: "Not available at present",
    504: "Took too long",
}


def problem(
    code: str,
    detail: str,
    *,
    param: str | None = None,
    errors: list[Json] | None = None,
    run_id: str | None = None,
    request_id: str | None = None,
    status: int | None = None,
    **more: Any,
) -> Json:
    """The body of an error response."""
    status = status or STATUS.get(code, 500)
    body: Json = {
        "type": f"urn:eudoxus:error:{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "error": {"message": detail, "type": _openai_type(status), "code": code, "param": param},
    }
    if errors is None and param:
        errors = [{"pointer": pointer(param), "detail": detail}]
    optional = {"errors": errors, "run_id": run_id, "instance": request_id and f"urn:eudoxus:request:{request_id}", **more}
    return body | {name: value for name, value in optional.items() if value is not None}


def pointer(param: str) -> str:
    """A dotted name as a JSON pointer: ``task.messages.0`` → ``#/task/messages/0``."""
    return param if param.startswith("#") else "#/" + param.replace(".", "/").lstrip("/")


def headers_for(code: str) -> dict[str, str]:
    """What tells clients whether asking again helps: without it the openai client repeats every 5xx twice."""
    status = STATUS.get(code, 500)
    headers: dict[str, str] = {}
    if code in _RETRY_AFTER:
        headers = {"retry-after": _RETRY_AFTER[code], "x-should-retry": "true"}
    elif status >= 500 or status in (409, 422):
        headers = {"x-should-retry": "false"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return headers


def problem_of(error: EudoxusError, *, run_id: str | None = None, request_id: str | None = None) -> Json:
    """The body for one of our errors. A bug (a code without a status) keeps its message to the log."""
    if STATUS.get(error.code, 500) == 500:
        return internal(run_id=run_id, request_id=request_id)
    upstream = getattr(error, "status", None)
    return problem(
        error.code,
        str(error),
        param=error.param,
        run_id=run_id or getattr(error, "run_id", None),
        request_id=request_id,
        upstream_status=upstream,
        missing=[{"what": what, "fix": fix} for what, fix in error.missing] if isinstance(error, SandboxUnavailable) else None,
    )


def internal(*, run_id: str | None = None, request_id: str | None = None) -> Json:
    """The body for a bug: nothing of the inside gets out, the log has it under the request id."""
    detail = f"an internal error; the log has it under request {request_id}" if request_id else "an internal error"
    return problem("internal", detail, run_id=run_id, request_id=request_id)


class ProblemResponse(Response):
    """A problem as an HTTP response."""

    media_type = PROBLEM

    def __init__(self, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(body), body["status"], {**headers_for(body["code"]), **(headers or {})})


# -- handlers for what FastAPI and Starlette raise -----------------------------------------------------------------------


async def on_eudoxus_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, EudoxusError)
    if STATUS.get(error.code, 500) == 500:
        raise error  # the outermost floor logs it
    headers = {"retry-after": str(ceil(error.retry_after))} if isinstance(error, SandboxBusy) else None
    return ProblemResponse(problem_of(error, request_id=_request_id(request)), headers)


async def on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [_complaint(e) for e in error.errors()]
    first = found[0]
    detail = f"{first['pointer']}: {first['detail']}"
    place, _, rest = first["pointer"].removeprefix("#/").partition("/")
    body = problem("validation_error", detail, param=(rest or place).replace("/", "."), errors=found, request_id=_request_id(request))
    return ProblemResponse(body)


async def on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed", 400: "invalid_request"}.get(error.status_code, "invalid_request")
    detail = f"there is nothing at {request.url.path}" if error.status_code == 404 else str(error.detail)
    if error.status_code == 405:
        detail = f"{request.method} is not possible at {request.url.path}"
    return ProblemResponse(problem(code, detail, request_id=_request_id(request), status=error.status_code), error.headers)


def _complaint(error: Mapping[str, Any]) -> Json:
    loc = [str(part) for part in error["loc"]]
    if loc and loc[0] == "body":
        loc = loc[1:]
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "json_invalid":
        return {"pointer": "#/", "detail": f"the body is not JSON: {error['ctx']['error']}, at character {error['loc'][-1]}"}
    if error["type"] not in ("missing", "extra_forbidden") and isinstance(error["input"], str | int | float | bool | None):
        message += f" (got {error['input']!r:.80})"
    return {"pointer": "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in loc), "detail": message}


def _openai_type(status: int) -> str:
    match status:
        case 401:
            return "authentication_error"
        case 403:
            return "permission_error"
        case 402:
            return "insufficient_quota"
        case 429:
            return "rate_limit_error"
        case s if s >= 500:
            return "server_error"
    return "invalid_request_error"


def _request_id(request: Request) -> str | None:
    found = request.scope.get("request_id")
    return found if isinstance(found, str) else None
