"""Answering by hand: what endpoints of type ``manual`` ask, and a person's answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import JSONResponse, Response

from eudoxus.runtime.chat import Json
from eudoxus.runtime.endpoints.manual import ManualEndpoint, PendingRequest
from eudoxus.service.api_docs import problems
from eudoxus.service.json_body import sound_json
from eudoxus.service.problems import RunNotFound
from eudoxus.service.services import Services, services_of

router = APIRouter(prefix="/v1/manual", tags=["Answering by hand"], dependencies=[Depends(sound_json)])


class ManualAnswer(BaseModel):
    """A person's answer: ``text``, or ``texts`` when several are wanted, or ``refuse`` with the reason."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = None
    texts: list[str] | None = Field(None, min_length=1, max_length=256)
    refuse: str | None = Field(None, max_length=2000)

    @model_validator(mode="after")
    def _one(self) -> ManualAnswer:
        if sum(value is not None for value in (self.text, self.texts, self.refuse)) != 1:
            raise ValueError("give exactly one of text, texts, refuse")
        return self


@router.get("", operation_id="listManualRequests", summary="Requests that wait for a person", responses=problems(401, 403))
async def list_manual_requests(request: Request) -> Response:
    services = services_of(request)
    data = [_shown(endpoint, asked) for endpoint in _manual(services) for asked in endpoint.pending()]
    return JSONResponse({"object": "list", "data": data})


@router.post("/{id}", operation_id="answerManualRequest", summary="Answer one of them", responses=problems(400, 401, 403, 404, 422))
async def answer_manual_request(
    id: Annotated[str, Path(max_length=128, description="`endpoint:m1`, or `m1` when one endpoint has it")],
    answer: ManualAnswer,
    request: Request,
) -> Response:
    endpoint, asked = _find(id, services_of(request))
    if answer.refuse is not None:
        endpoint.refuse(asked.id, answer.refuse)
    else:
        endpoint.answer(asked.id, *(answer.texts or [answer.text or ""]))
    return JSONResponse({"object": "manual.answer", "id": f"{endpoint.name}:{asked.id}", "run_id": asked.run_id})


def _find(id: str, services: Services) -> tuple[ManualEndpoint, PendingRequest]:
    name, _, number = id.rpartition(":")
    for endpoint in _manual(services):
        for asked in endpoint.pending():
            if asked.id == number and name in ("", endpoint.name):
                return endpoint, asked
    raise RunNotFound(f"no request {id!r} waits for an answer", param="id")


def _manual(services: Services) -> Iterator[ManualEndpoint]:
    for name in services.endpoints.names():
        endpoint = services.endpoints.get(name)
        if isinstance(endpoint, ManualEndpoint):
            yield endpoint


def _shown(endpoint: ManualEndpoint, asked: PendingRequest) -> Json:
    return {
        "id": f"{endpoint.name}:{asked.id}",
        "object": "manual.request",
        "endpoint": endpoint.name,
        "run_id": asked.run_id,
        "path": asked.path,
        "model": asked.model,
        "n": asked.n,
        "waiting_since": asked.waiting_since.isoformat(),
        "prompt": asked.request.prompt,
        "request": asked.request.fingerprinted(),
    }
