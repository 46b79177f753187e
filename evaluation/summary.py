"""What an evaluation came to: score with its interval, pass@k, tokens and cost, and each task by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from eudoxus.evaluation.efficiency import eff_at_k
from eudoxus.evaluation.records import Folder, Plan, Recorded, SampleLine
from eudoxus.evaluation.statistics import Estimate, bootstrap, paired_difference, pass_at_k
from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import InvalidRequest

KS = (1, 5, 10, 25, 50, 100)
"""The k of pass@k that are given where there are so many samples of every task."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task."""

    task: str
    samples: int
    """Graded ones."""
    solved: int
    score: float
    """Mean over its samples."""
    efficiencies: tuple[float, ...]
    """Of each sample, where the task measures that; else empty."""
    tokens: int
    cost: float | None
    seconds: float
    detail: str
    """Why the first sample that is not solved is not."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One evaluation."""

    plan: Plan
    rows: tuple[TaskRow, ...]
    unscored: int
    """Samples without a grade: not asked yet, or hit by a fault of the infrastructure. They count neither way."""
    score: Estimate | None
    """Mean score per task; None while nothing is graded."""
    solved: Estimate | None
    """The same by the strict rule; differs from ``score`` for ARC tasks with several test inputs."""
    pass_at: dict[int, Estimate]
    eff_at: dict[int, Estimate]
    """eff@k (ENAMEL), where every task measures efficiency; else empty."""
    statuses: dict[str, int]
    requests: int
    tokens: int
    cost: float | None
    """US dollars, faulted attempts included."""
    estimated: bool
    """Whether tokens were estimated."""
    seconds: float
    """Sum over samples."""

    @property
    def solved_tasks(self) -> int:
        """Tasks of which some sample is solved."""
        return sum(row.solved > 0 for row in self.rows)

    @property
    def tokens_per_solved(self) -> float | None:
        return self.tokens / self.solved_tasks if self.solved_tasks else None

    @property
    def cost_per_solved(self) -> float | None:
        return self.cost / self.solved_tasks if self.solved_tasks and self.cost is not None else None

    def json(self) -> Json:
        """For ``summary.json``."""
        estimates: dict[str, Any] = {"score": self.score and asdict(self.score), "solved": self.solved and asdict(self.solved)}
        return {
            "id": self.plan.id, "spec": self.plan.spec, "dataset": self.plan.dataset, "digest": self.plan.digest,
            "metric": self.plan.metric, "tasks": len(self.plan.tasks), "samples": self.plan.samples, "seed": self.plan.seed,
            "unscored": self.unscored, **estimates,
            "pass_at": {str(k): asdict(one) for k, one in self.pass_at.items()},
            "eff_at": {str(k): asdict(one) for k, one in self.eff_at.items()}, "statuses": self.statuses, "requests": self.requests,
            "tokens": self.tokens, "tokens_estimated": self.estimated, "cost": self.cost, "seconds": round(self.seconds, 3),
            "solved_tasks": self.solved_tasks, "tokens_per_solved": self.tokens_per_solved, "cost_per_solved": self.cost_per_solved,
            "by_task": [asdict(row) for row in self.rows],
        }


def summarise(folder: Folder) -> Summary:
    """The summary of what is recorded so far. Raises :class:`InvalidRequest` and :class:`JournalError`."""
    plan, recorded = folder.plan(), folder.recorded()
    rows = tuple(row for task in plan.tasks if (row := _row(plan, recorded, task)) is not None)
    least = min((row.samples for row in rows), default=0) if len(rows) == len(plan.tasks) else 0
    statuses: dict[str, int] = {}
    for line in recorded.samples.values():
        statuses[line.status] = statuses.get(line.status, 0) + 1
    usage = recorded.usage
    return Summary(
        plan=plan, rows=rows, unscored=len(plan.tasks) * plan.samples - len(recorded.grades),
        score=bootstrap([row.score for row in rows]) if rows else None,
        solved=bootstrap([row.solved / row.samples for row in rows]) if rows else None,
        pass_at={k: bootstrap([pass_at_k(row.samples, row.solved, k) for row in rows]) for k in KS if k <= least},
        eff_at={
            k: bootstrap([eff_at_k(row.efficiencies, k) for row in rows])
            for k in KS if k <= least and all(len(row.efficiencies) == row.samples for row in rows)},
        statuses=statuses, requests=usage.requests, tokens=usage.total_tokens, cost=usage.cost, estimated=usage.estimated,
        seconds=math.fsum(line.seconds for line in recorded.samples.values()))


def _row(plan: Plan, recorded: Recorded, task: str) -> TaskRow | None:
    keys = [(task, sample) for sample in range(plan.samples) if (task, sample) in recorded.grades]
    if not keys:
        return None
    grades = [recorded.grades[key] for key in keys]
    lines: list[SampleLine] = [recorded.samples[key] for key in keys]
    costs = [line.usage.cost for line in lines]
    return TaskRow(
        task=task, samples=len(keys), solved=sum(grade.solved for grade in grades),
        score=math.fsum(grade.score for grade in grades) / len(keys),
        efficiencies=tuple(grade.efficiency for grade in grades if grade.efficiency is not None),
        tokens=sum(line.usage.total_tokens for line in lines), cost=None if None in costs else math.fsum(cost or 0.0 for cost in costs),
        seconds=round(math.fsum(line.seconds for line in lines), 3),
        detail=next((_why(line, grade.detail) for line, grade in zip(lines, grades, strict=True) if not grade.solved), ""))


def _why(line: SampleLine, detail: str) -> str:
    return detail if line.status == "answered" else f"{line.status}: {(line.error or {}).get('message') or line.detail or detail}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A on the tasks that both have scored."""

    a: Summary
    b: Summary
    score_a: Estimate
    score_b: Estimate
    difference: Estimate
    """Of the mean scores, B − A, paired by task."""
    better: Sequence[str]
    """Tasks on which B has the higher score."""
    worse: Sequence[str]

    @property
    def decided(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.difference.low > 0 or self.difference.high < 0

    def json(self) -> Json:
        return {
            "a": self.a.plan.spec, "b": self.b.plan.spec, "dataset": self.a.plan.dataset, "tasks": self.difference.n,
            "score_a": asdict(self.score_a), "score_b": asdict(self.score_b), "difference": asdict(self.difference),
            "decided": self.decided, "better": list(self.better), "worse": list(self.worse),
        }


def compare(a: Summary, b: Summary) -> Comparison:
    """B against A, with an interval. Raises :class:`InvalidRequest` for different data sets, and where no interval can be given."""
    if (a.plan.dataset, a.plan.digest) != (b.plan.dataset, b.plan.digest):
        said = f"{a.plan.dataset} and {b.plan.dataset} are different data sets or versions; scores on them cannot be compared"
        raise InvalidRequest(said, param="b")
    left, right = {row.task: row.score for row in a.rows}, {row.task: row.score for row in b.rows}
    common = [task for task in left if task in right]
    before, after = [left[task] for task in common], [right[task] for task in common]
    difference = paired_difference(before, after)
    return Comparison(
        a, b, bootstrap(before), bootstrap(after), difference,
        better=[task for task in common if right[task] > left[task]], worse=[task for task in common if right[task] < left[task]])
