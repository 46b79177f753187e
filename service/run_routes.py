"""The native API: typed tasks, durable runs, their events and journals."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from eudoxus.runtime.budget import Limits
from eudoxus.runtime.canonical import canonical
from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.runtime.journal import text_of
from eudoxus.runtime.run import Order
from eudoxus.service.api_docs import problems
from eudoxus.service.chat_runs import body_digest
from eudoxus.service.ending import ended
from eudoxus.service.events import EventFeed, as_ndjson, as_sse
from eudoxus.service.json_body import sound_json
from eudoxus.service.problems import Conflict, RunNotFound
from eudoxus.service.run_resource import Run, RunPage, run_json
from eudoxus.service.services import Services, key_of, services_of
from eudoxus.service.store import RunRow
from eudoxus.service.streaming import NDJSON, LiveResponse

router = APIRouter(prefix="/v1/runs", tags=["Runs"], dependencies=[Depends(sound_json)])

MAX_AFTER = 2**62
RunId = Annotated[str, Path(max_length=64, description="`run_…`")]
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the end of the run")]


class RunRequest(BaseModel):
    """A run to be made."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "strategy": "best_of_n(n=4)/openai:gpt-4o-mini",
                    "task": {"kind": "chat", "messages": [{"role": "user", "content": "What is 17 * 23?"}]},
                    "budget": {"requests": 10, "seconds": 60},
                }
            ]
        },
    )

    strategy: str | Json
    """Strategies over a model, as a path or as JSON."""
    task: Json
    """Fields of the task, and its `kind` (`chat` when left out)."""
    model: str | None = Field(None, max_length=1024)
    """The model, when the strategy leaves its end open."""
    budget: Limits = Limits()
    """Limits of the whole run; at a limit it ends as `incomplete` with the best answer so far."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Seed of the strategy's own choices."""
    cache: bool = False
    """Whether answers may come from, and go to, the cache across runs."""
    metadata: Annotated[dict[str, Annotated[str, Field(max_length=512)]], Field(max_length=16)] = {}
    """Up to 16 pairs; the list of runs can be filtered by them."""


class Cancel(BaseModel):
    """Why a run is cancelled."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("cancelled by request", max_length=500)


@router.post(
    "",
    operation_id="createRun",
    summary="Start a run",
    status_code=202,
    response_model=Run,
    responses={200: {"model": Run, "description": "Ended within `wait`"}, **problems(400, 401, 403, 404, 413, 422, 429, 503)},
)
async def create_run(
    order: RunRequest,
    request: Request,
    wait: Wait = 0,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Response:
    """The run is durable when this answers. With `Idempotency-Key` a repeated request gives the same run."""
    services, key = services_of(request), key_of(request)
    key_id = key.id if key else None
    scope, digest = f"{key_id or ''} runs", body_digest(await request.body())
    if idempotency_key is not None and (row := await _remembered(services, scope, idempotency_key, digest)) is not None:
        return await _created(services, row, wait, request, {"idempotent-replayed": "true"})
    run = await asyncio.to_thread(_read, services, order)
    name = idempotency_key
    try:
        job = await services.executor.start(
            run,
            key_id=key_id,
            cache=order.cache,
            remember=None if name is None else lambda run_id: services.store.remember(scope, name, digest, [run_id]),
        )
    except sqlite3.IntegrityError:
        # Another request with this key was faster by a moment.
        row = await _remembered(services, scope, name or "", digest)
        if row is None:
            raise
        return await _created(services, row, wait, request, {"idempotent-replayed": "true"})
    return await _created(services, job.row, wait, request, {})


def _read(services: Services, order: RunRequest) -> Order:
    """The order in a request. Raises what is wrong with strategy, model or task. Off the event loop: a task may be large."""
    spec = services.specs.combined(order.model, order.strategy, {})
    canonical(order.task)
    found = Order(spec, services.runtime.registry.task(order.task), order.seed, order.budget, order.metadata or None)
    services.runtime.check(found)
    return found


async def _remembered(services: Services, scope: str, name: str, digest: bytes) -> RunRow | None:
    made = services.store.remembered(scope, name, digest)
    return await services.store.get(made[0]) if made else None


async def _created(services: Services, row: RunRow, wait: float, request: Request, headers: dict[str, str]) -> Response:
    row = await _waited(services, row, wait)
    request.scope["run_id"] = row.id
    status = 200 if wait and row.terminal else 202
    return JSONResponse(run_json(row), status, {"location": f"/v1/runs/{row.id}", "x-run-id": row.id, **headers})


async def _waited(services: Services, row: RunRow, seconds: float) -> RunRow:
    """The run's row when it has ended, or as it is after ``seconds`` or when the service shuts down."""
    jobs = services.executor.jobs
    return await ended(row, seconds, services.executor.draining, lambda run: jobs[run].task if run in jobs else None, services.store.get)


@router.get("", operation_id="listRuns", summary="Runs, newest first", response_model=RunPage, responses=problems(400, 401, 403, 422))
async def list_runs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    after: Annotated[str | None, Query(max_length=64)] = None,
    order: Literal["asc", "desc"] = "desc",
    status: Literal["queued", "in_progress", "completed", "failed", "cancelled", "incomplete"] | None = None,
    face: Annotated[Literal["chat", "native"] | None, Query(description="`chat`: made by the OpenAI routes")] = None,
) -> Response:
    """Pages by cursor: `after` is the last id of the page before. Filter by metadata with `metadata.NAME=VALUE`."""
    services, key = services_of(request), key_of(request)
    wanted = {name.removeprefix("metadata."): value for name, value in request.query_params.items() if name.startswith("metadata.")}
    rows, more = await services.store.page(
        limit=limit,
        after=after,
        ascending=order == "asc",
        status=status,
        face=face,
        metadata=wanted,
        key_id=None if key is None or key.may("admin") else key.id,
    )
    data = [run_json(row, whole=False) for row in rows]
    return JSONResponse(
        {
            "object": "list",
            "data": data,
            "first_id": rows[0].id if rows else None,
            "last_id": rows[-1].id if rows else None,
            "has_more": more,
        }
    )


@router.get("/{run_id}", operation_id="retrieveRun", summary="One run", response_model=Run, responses=problems(401, 403, 404, 422))
async def retrieve_run(run_id: RunId, request: Request, wait: Wait = 0) -> Response:
    services = services_of(request)
    row = await _waited(services, await _mine(run_id, request), wait)
    job = services.executor.jobs.get(run_id)
    return JSONResponse(run_json(row, best=_best(job.journal.recorded.events) if job else None))


@router.get(
    "/{run_id}/events",
    operation_id="streamRunEvents",
    summary="What happens in a run, live",
    response_class=Response,
    responses={
        200: {
            "description": "Events until the run has ended",
            "content": {"text/event-stream": {"schema": {"type": "string"}}, NDJSON: {"schema": {"type": "string"}}},
        },
        **problems(400, 401, 403, 404, 422),
    },
)
async def stream_run_events(
    run_id: RunId,
    request: Request,
    after: Annotated[int, Query(ge=-1, le=MAX_AFTER, description="Only events numbered higher")] = -1,
    last_event_id: Annotated[str | None, Header(description="Sent by reconnecting clients; wins over `after`")] = None,
) -> Response:
    """Numbered events are durable: a client that reconnects with the last number it saw misses none. Pieces of text carry no number."""
    row = await _mine(run_id, request)
    services = services_of(request)
    feed = EventFeed(row.id, services.store, services.executor, _number(last_event_id) if last_event_id else after)
    counted = _counted(feed, services)
    if NDJSON in request.headers.get("accept", ""):
        return LiveResponse(as_ndjson(row.id, counted), NDJSON)
    return LiveResponse(as_sse(row.id, counted))


async def _counted(feed: EventFeed, services: Services) -> AsyncIterator[Any]:
    services.metrics.sse_clients.inc()
    try:
        async for event in feed.events():
            yield event
    finally:
        services.metrics.sse_clients.dec()


@router.post(
    "/{run_id}/cancel",
    operation_id="cancelRun",
    summary="Cancel a run",
    status_code=202,
    response_model=Run,
    responses={200: {"model": Run, "description": "It had ended already"}, **problems(401, 403, 404, 422)},
)
async def cancel_run(run_id: RunId, request: Request, cancel: Cancel | None = None) -> Response:
    """What was recorded is kept. Cancelling twice, or after the end, changes nothing."""
    row = await _mine(run_id, request)
    if row.terminal:
        return JSONResponse(run_json(row))
    services = services_of(request)
    await services.executor.cancel(run_id, (cancel or Cancel()).reason)
    return JSONResponse(run_json(await services.store.get(run_id) or row), 202)


@router.get(
    "/{run_id}/journal",
    operation_id="downloadRunJournal",
    summary="The run's record, replayable",
    response_class=Response,
    responses={200: {"description": "JSON Lines", "content": {NDJSON: {"schema": {"type": "string"}}}}, **problems(401, 403, 404, 422)},
)
async def download_run_journal(run_id: RunId, request: Request) -> Response:
    """`eudoxus replay FILE` runs it again without a call; as a cassette it makes a test."""
    row = await _mine(run_id, request)
    records = await services_of(request).store.journals.records(row.id)
    text = await asyncio.to_thread(lambda: b"".join(text_of(records)))
    return Response(text, media_type=NDJSON, headers={"content-disposition": f'attachment; filename="{row.id}.jsonl"'})


@router.delete(
    "/{run_id}",
    operation_id="deleteRun",
    summary="Remove a run and its journal",
    status_code=204,
    response_class=Response,
    responses=problems(401, 403, 404, 409, 422),
)
async def delete_run(run_id: RunId, request: Request) -> Response:
    row = await _mine(run_id, request)
    if not row.terminal:
        raise Conflict(f"the run is {row.status}: cancel it first")
    await services_of(request).store.delete(row.id)
    return Response(status_code=204)


async def _mine(run_id: str, request: Request) -> RunRow:
    """The run, if the caller's key made it or may see all. Raises :class:`RunNotFound`."""
    row, key = await services_of(request).store.get(run_id), key_of(request)
    if row is None or (key is not None and not key.may("admin") and row.key_id != key.id):
        raise RunNotFound(f"there is no run {run_id!r}", param="run_id")
    request.scope["run_id"] = row.id
    return row


def _number(last_event_id: str) -> int:
    try:
        number = int(last_event_id)
    except ValueError:
        number = MAX_AFTER + 1
    if not -1 <= number <= MAX_AFTER:
        raise InvalidRequest(f"Last-Event-ID: expected the number of an event, got {last_event_id[:40]!r}", param="last-event-id")
    return number


def _best(events: dict[str, Any]) -> str | None:
    """The best answer so far of a run under way."""
    found = [event for event in events.values() if event.type == "candidate.best"]
    answer = max(found, key=lambda event: event.seq).data.get("answer") if found else None
    return answer if isinstance(answer, str) else None
