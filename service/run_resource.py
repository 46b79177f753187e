"""A run as the API shows it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from eudoxus.runtime.chat import Json
from eudoxus.service.store import RunRow, iso


class Links(BaseModel):
    """Where more about the run is."""

    self: str
    events: str
    journal: str
    cancel: str


class Run(BaseModel):
    """One run. Times are ISO 8601 UTC."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """`run_` and a UUIDv7: sorts by creation."""
    object: Literal["run"]
    status: Literal["queued", "in_progress", "completed", "failed", "cancelled", "incomplete"]
    """`incomplete`: a budget ended it; `result` holds the best answer so far."""
    face: Literal["chat", "native"]
    strategy: str
    """The specification as a path."""
    spec: Json
    """The same in its canonical JSON form."""
    task: Json | None = None
    """Left out in lists."""
    seed: int
    budget: Json | None
    cache: bool
    metadata: Json
    result: Json | None
    """answer, outcome, authority, detail, artifacts, usage; None until the run has ended."""
    best_so_far: str | None
    """The best answer yet of a run in progress."""
    error: Json | None
    usage: Json | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    links: Links


class RunPage(BaseModel):
    """A page of runs; ask for the next one with `after=last_id`."""

    object: Literal["list"]
    data: list[Run]
    first_id: str | None
    last_id: str | None
    has_more: bool


def run_json(row: RunRow, *, whole: bool = True, best: str | None = None) -> Json:
    """``row`` as :class:`Run`; without its task unless ``whole``."""
    here = f"/v1/runs/{row.id}"
    said: Json = {
        "id": row.id,
        "object": "run",
        "status": row.status,
        "face": row.face,
        "strategy": row.path,
        "spec": row.spec,
        "seed": row.seed,
        "budget": row.budget,
        "cache": row.cache,
        "metadata": row.metadata or {},
        "result": row.result,
        "best_so_far": best,
        "error": row.error,
        "usage": row.usage,
        "created_at": iso(row.created),
        "started_at": iso(row.started),
        "completed_at": iso(row.completed),
        "links": {"self": here, "events": f"{here}/events", "journal": f"{here}/journal", "cancel": f"{here}/cancel"},
    }
    return said | {"task": row.task} if whole else said
