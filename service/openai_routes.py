"""OpenAI's dialect: any OpenAI client works by changing its base URL, with strategies in the model name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from eudoxus.runtime.errors import EudoxusError, InvalidRequest
from eudoxus.runtime.journal.database import Statement
from eudoxus.runtime.result import Result
from eudoxus.service.api_docs import problems
from eudoxus.service.chat_request import ChatCall, read_chat, request_schema
from eudoxus.service.chat_response import completion_json
from eudoxus.service.chat_runs import ChatRuns, body_digest
from eudoxus.service.chat_stream import ChatStream
from eudoxus.service.executor import Job
from eudoxus.service.listing import described, listed
from eudoxus.service.problems import (
    DeadlineReached,
    LimitReached,
    NoAnswer,
    ProblemResponse,
    RunCancelled,
    ShuttingDown,
    problem_of,
)
from eudoxus.service.services import Services, key_of, services_of
from eudoxus.service.store import RunRow
from eudoxus.service.streaming import LiveResponse

router = APIRouter(tags=["OpenAI"])

CLIENT_GONE = 499
"""Nobody reads this status; the access log shows it."""
MAX_KEY = 255

_CHAT_DOCS: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": request_schema()}}},
    "responses": {
        "200": {
            "description": "The answer; with `stream: true` server-sent chunks, ended by `[DONE]`.",
            "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {"schema": {"type": "string"}}},
        }
    },
}


@router.post(
    "/v1/chat/completions",
    operation_id="createChatCompletion",
    summary="Answer a conversation by a strategy over a model",
    openapi_extra=_CHAT_DOCS,
    responses=problems(400, 401, 402, 403, 404, 409, 413, 422, 429, 502, 503, 504),
)
async def create_chat_completion(request: Request) -> Response:
    """`model` is `endpoint:model`, a preset, or strategies over a model: `best_of_n(n=8)/openai:gpt-4o-mini`."""
    services = services_of(request)
    body = await request.body()
    call = read_chat(body)
    key = key_of(request)
    key_id, digest = key.id if key else None, body_digest(body)
    name = _idempotency_key(request)
    runs, headers = None, dict[str, str]()
    if name is not None:
        runs, finished = await _remembered(services, key_id, name, digest)
        if finished:
            return _answer_again(call, finished)
    elif request.headers.get("x-stainless-retry-count", "0") != "0":
        runs = services.desk.running(key_id, digest)
    if runs is None:
        options = call.options
        spec = services.specs.combined(call.model, options.strategy, options.params)
        runs = services.desk.start(spec, call, digest, key_id)
        if name is not None:
            await services.store.database.write(*_remembering(services, key_id, name, digest, runs))
    else:
        headers["idempotent-replayed"] = "true"
    request.scope["run_id"] = runs.id
    if call.stream:
        stream = ChatStream(runs, services.desk, outcome_of, request.scope["request_id"])
        return LiveResponse(stream.pieces(), headers={"x-run-id": runs.id, **headers})
    return await _wait(request, services, runs, headers)


async def _wait(request: Request, services: Services, runs: ChatRuns, headers: dict[str, str]) -> Response:
    """The answer when all runs have ended; when the client leaves first, they are cancelled in a moment."""
    runs.waiting += 1
    gone = asyncio.ensure_future(request.receive())
    try:
        waiting = {job.task for job in runs.jobs if job.task is not None}
        while waiting and not gone.done():
            done, _ = await asyncio.wait({*waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            waiting -= done
            if waiting and any(job.error for job in runs.jobs):
                await asyncio.gather(*(services.executor.cancel(job.id, "another of the n runs failed") for job in runs.jobs))
        if waiting:
            return Response(status_code=CLIENT_GONE)
    finally:
        gone.cancel()
        services.desk.leave(runs)
    return _answer(request, services, runs, headers)


def _answer(request: Request, services: Services, runs: ChatRuns, headers: dict[str, str]) -> Response:
    headers["x-run-id"] = runs.id
    failed = next((job for job in runs.jobs if job.error is not None and not job.cancel_reason), None)
    try:
        if failed is not None:
            outcome_of(runs, failed)
        results = [(job.id, outcome_of(runs, job)) for job in runs.jobs]
    except EudoxusError as error:
        if isinstance(error, RunCancelled) and services.executor.draining.is_set():
            error = ShuttingDown("the service is shutting down; ask again in a few seconds")
        run_id = failed.id if failed is not None else runs.id
        return ProblemResponse(problem_of(error, run_id=run_id, request_id=request.scope["request_id"]), headers)
    body = completion_json(runs.call.model, runs.created, results, strategy=runs.path, seconds=runs.seconds())
    overhead = runs.overhead()
    services.metrics.overhead.observe(overhead)
    headers["x-eudoxus-overhead-ms"] = f"{overhead * 1000:.2f}"
    headers["x-eudoxus-upstream-ms"] = f"{(runs.seconds() - overhead) * 1000:.2f}"
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)


def outcome_of(runs: ChatRuns, job: Job) -> Result:
    """The result of an ended job. Raises its error, and the fitting one when it ended without an answer."""
    if job.error is not None:
        raise job.error
    if job.result is None:
        raise ShuttingDown("the service is shutting down; ask again in a few seconds")
    return _with_answer(job.result, runs.call, runs.seconds())


def _with_answer(result: Result, call: ChatCall, seconds: float) -> Result:
    if result.answer is not None or (result.completion is not None and result.completion.tool_calls):
        return result
    if result.outcome != "limit":
        raise NoAnswer(f"the strategy found no usable answer: {result.detail or result.outcome}")
    allowed = call.options.budget.seconds
    if allowed is not None and seconds >= allowed:
        raise DeadlineReached(f"no answer yet when the time was over: {result.detail}", param="eudoxus.budget.seconds")
    raise LimitReached(f"no answer yet when the budget was spent: {result.detail}", param="eudoxus.budget")


# -- idempotency ---------------------------------------------------------------------------------------------------------


def _idempotency_key(request: Request) -> str | None:
    name = request.headers.get("idempotency-key")
    if name is not None and not 0 < len(name) <= MAX_KEY:
        raise InvalidRequest(f"Idempotency-Key: expected 1 to {MAX_KEY} characters, got {len(name)}", param="idempotency-key")
    return name


def _scope(key_id: str | None) -> str:
    return f"{key_id or ''} chat"


def _remembering(services: Services, key_id: str | None, name: str, digest: bytes, runs: ChatRuns) -> Sequence[Statement]:
    forget = ("DELETE FROM idempotency WHERE scope = ? AND key = ?", (_scope(key_id), name))
    return (forget, *services.store.remember(_scope(key_id), name, digest, [job.id for job in runs.jobs]))


async def _remembered(services: Services, key_id: str | None, name: str, digest: bytes) -> tuple[ChatRuns | None, list[RunRow]]:
    """What this idempotency key stands for: runs under way, or the rows of ended ones. Raises :class:`IdempotencyMismatch`."""
    made = services.store.remembered(_scope(key_id), name, digest)
    if made is None:
        return None, []
    running = services.desk.running(key_id, digest)
    if running is not None and [job.id for job in running.jobs] == made:
        return running, []
    rows = [row for id in made if (row := await services.store.get(id)) is not None]
    whole = len(rows) == len(made) and all(row.result is not None for row in rows)
    return None, rows if whole else []


def _answer_again(call: ChatCall, rows: Sequence[RunRow]) -> Response:
    """The answer of runs that ended earlier, perhaps before a restart."""
    first, seconds = rows[0], (rows[0].completed or 0.0) - rows[0].created
    results = [(row.id, _with_answer(Result.model_validate(row.result), call, seconds)) for row in rows]
    body = completion_json(call.model, first.created, results, strategy=first.path, seconds=seconds)
    return Response(orjson.dumps(body), media_type="application/json", headers={"x-run-id": first.id, "idempotent-replayed": "true"})


# -- models --------------------------------------------------------------------------------------------------------------


@router.get("/v1/models", operation_id="listModels", summary="Models of all endpoints, and presets", responses=problems(401, 403))
async def list_models(request: Request) -> Response:
    """Any strategy may be put before each of them; combinations are valid, but not listed."""
    return Response(orjson.dumps({"object": "list", "data": await listed(services_of(request))}), media_type="application/json")


@router.get(
    "/v1/models/{id:path}",
    operation_id="retrieveModel",
    summary="One model, preset, or combination",
    responses=problems(400, 401, 403, 404),
)
async def retrieve_model(id: str, request: Request) -> Response:
    return Response(orjson.dumps(await described(id, services_of(request))), media_type="application/json")
