"""Evaluations as requests ask for them and as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.evaluation.beginning import MOST_SAMPLES
from eudoxus.evaluation.records import Folder
from eudoxus.runtime.budget import Limits
from eudoxus.runtime.chat import Json
from eudoxus.service.evaluation_store import EvaluationRow
from eudoxus.service.evaluations import Work
from eudoxus.service.store import iso

MOST_IN_ALL = 100_000
"""Samples of one evaluation."""


class EvaluationRequest(BaseModel):
    """An evaluation to be made."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True,
        json_schema_extra={"examples": [
            {"strategy": "best_of_n(n=4)/openai:gpt-4o-mini", "dataset": "humaneval", "limit": 20, "max_cost": 1.0}]})

    strategy: str | Json
    """Strategies over a model, as a path or as JSON. `pool:NAME` is a model of recorded completions."""
    model: str | None = Field(None, max_length=1024)
    """The model, when the strategy leaves its end open."""
    dataset: str = Field(min_length=1, max_length=64)
    """The name of a data set, as `GET /v1/datasets` lists them."""
    limit: int | None = Field(None, ge=1, le=MOST_IN_ALL)
    """The first so many tasks only."""
    tasks: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=10_000)
    """These tasks only."""
    without: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=10_000)
    """Not these tasks."""
    samples: int = Field(1, ge=1, le=MOST_SAMPLES)
    """Of each task."""
    seed: int = Field(0, ge=0, lt=2**63)
    budget: Limits = Limits()
    """Limits of each sample; one that hits them is graded with its best answer so far."""
    max_requests: int | None = Field(None, ge=0, lt=2**53)
    """Completions of the whole evaluation; never passed."""
    max_cost: float | None = Field(None, ge=0, allow_inf_nan=False)
    """US dollars for the whole evaluation; can be passed by the calls in flight."""
    concurrency: int = Field(4, ge=1, le=256)
    """Samples worked on at a time."""
    metadata: Annotated[dict[str, Annotated[str, Field(max_length=512)]], Field(max_length=16)] = {}
    """Up to 16 pairs; the list can be filtered by them."""


class Resume(BaseModel):
    """Caps for going on; what is left out stays as it was."""

    model_config = ConfigDict(extra="forbid")

    max_requests: int | None = Field(None, ge=0, lt=2**53)
    max_cost: float | None = Field(None, ge=0, allow_inf_nan=False)


class Progress(BaseModel):
    """How far an evaluation is."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    total: int
    """Samples in all: tasks times samples of each."""
    graded: int
    solved: int
    faults: int
    """Samples that the infrastructure has failed so far; they are asked again."""
    requests: int
    tokens: int
    cost: float | None
    """US dollars; null where a price is unknown."""
    seconds_left: float | None
    """An estimate from the rate so far; null before there is one."""


class EvaluationLinks(BaseModel):
    """Where more about the evaluation is."""

    self: str
    records: str
    report: str
    results: str
    cancel: str


class Evaluation(BaseModel):
    """One evaluation. Times are ISO 8601 UTC."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """`eval_` and a UUIDv7: sorts by creation."""
    object: Literal["evaluation"]
    status: Literal["queued", "in_progress", "completed", "failed", "cancelled", "incomplete"]
    """`incomplete`: a cap or faults of the infrastructure ended it; it can be gone on with."""
    strategy: str
    """The specification as a path."""
    dataset: str
    concurrency: int
    max_requests: int | None
    max_cost: float | None
    metadata: Json
    progress: Progress | None
    """Left out in lists."""
    summary: Json | None
    """Score with its interval, pass@k, tokens and cost; None until the evaluation has ended."""
    error: Json | None
    """Why it is not complete."""
    created_at: str
    started_at: str | None
    completed_at: str | None
    links: EvaluationLinks


class EvaluationPage(BaseModel):
    """A page of evaluations; ask for the next one with `after=last_id`."""

    object: Literal["list"]
    data: list[Evaluation]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Interval(BaseModel):
    """A mean with the ends of its 95 % interval, over `n` tasks."""

    mean: float
    low: float
    high: float
    n: int


class EvaluationDifference(BaseModel):
    """One evaluation against another on the tasks that both have scored."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    a: str
    """The strategy that is compared against."""
    b: str
    dataset: str
    tasks: int
    score_a: Interval
    score_b: Interval
    difference: Interval
    """Of the mean scores, B − A, by a bootstrap that pairs the tasks."""
    decided: bool
    """Whether the interval leaves zero out."""
    better: list[str]
    """Tasks on which B has the higher score."""
    worse: list[str]


class KnownDataSet(BaseModel):
    """A data set by its name."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    here: bool
    """Whether its file is on this server."""
    provenance: str


class DataSets(BaseModel):
    """What evaluations can be asked for."""

    object: Literal["list"]
    data: list[KnownDataSet]


def evaluation_json(row: EvaluationRow, progress: Json | None = None) -> Json:
    """``row`` as :class:`Evaluation`."""
    here = f"/v1/evaluations/{row.id}"
    return {
        "id": row.id, "object": "evaluation", "status": row.status, "strategy": row.strategy, "dataset": row.dataset,
        "concurrency": row.concurrency, "max_requests": row.max_requests, "max_cost": row.max_cost, "metadata": row.metadata or {},
        "progress": progress, "summary": row.summary, "error": row.error, "created_at": iso(row.created), "started_at": iso(row.started),
        "completed_at": iso(row.completed),
        "links": {"self": here, "records": f"{here}/records", "report": f"{here}/report", "results": f"{here}/results",
                  "cancel": f"{here}/cancel"},
    }


def progress_json(row: EvaluationRow, working: Mapping[str, Work], folder: Folder) -> Json:
    """How far it is: from memory where this process works on it, else from its records, which takes the disk's time."""
    work = working.get(row.id)
    state = work.state if work is not None else None
    if work is not None and state is not None:
        # The event loop goes on while this is read: copies, and sums that are kept anyway.
        grades, faults, usage = list(state.recorded.grades.values()), len(state.recorded.faults), work.purse.spent
    else:
        recorded = folder.recorded()
        grades, faults, usage = list(recorded.grades.values()), len(recorded.faults), recorded.usage
    left = state.seconds_left if state is not None else None
    return {
        "total": row.total, "graded": len(grades), "solved": sum(grade.solved for grade in grades), "faults": faults,
        "requests": usage.requests, "tokens": usage.total_tokens, "cost": usage.cost,
        "seconds_left": None if left is None else round(left, 1)}
