"""EvalPlus' result file, written and read: ``{date, hash, eval: {task: [{solution, base_status, plus_status, …}]}}`` (evalplus 0.3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.export import program_of
from eudoxus.evaluation.files import document
from eudoxus.evaluation.grading import CheckGrader, Grade, Part
from eudoxus.evaluation.records import Folder
from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import InvalidRequest

Status = Literal["pass", "fail", "timeout"]
PARTS = ("base", "plus")
_INPUT = re.compile(r"input (\d+): ")


@dataclass(frozen=True, slots=True)
class Result:
    """One program of a result file."""

    task: str
    solution: str
    base: Status | None
    plus: Status | None
    """None where only the base inputs were tried."""

    @property
    def solved(self) -> bool:
        """By EvalPlus' rule: plus counts only where base passes, too."""
        return self.base == "pass" and self.plus in ("pass", None)


def written(folder: Folder, dataset: DataSet) -> Json | None:
    """The result file of an evaluation; None for a data set without base and plus inputs.

    As EvalPlus by default, a failed status names the first input that failed; after a timeout ours names none.
    """
    plan, recorded, found = folder.plan(), folder.recorded(), dict[str, list[Json]]()
    for item in dataset.items:
        grader = item.grader
        if not isinstance(grader, CheckGrader) or [part.name for part in grader.parts] != [*PARTS]:
            continue
        for sample in range(plan.samples):
            grade, line = recorded.grades.get((item.id, sample)), recorded.samples.get((item.id, sample))
            if grade is not None and line is not None:
                found.setdefault(item.id, []).append(
                    {"task_id": item.id, "solution": program_of(line.answer or "", grader), **_statuses(grade, grader.parts)})
    return {"date": plan.created[:16].replace("T", " "), "hash": dataset.digest, "eval": found} if found else None


def _statuses(grade: Grade, parts: Any) -> Json:
    said: Json = {}
    for part in parts:
        status, failed = _status(grade, part)
        said |= {f"{part.name}_status": status, f"{part.name}_fail_tests": failed}
    return said


def _status(grade: Grade, part: Part) -> tuple[Status, list[Any]]:
    if grade.parts.get(part.name):
        return "pass", []
    detail = grade.details.get(part.name, grade.detail)
    if detail == "timed out":
        return "timeout", []
    number = _INPUT.search(detail)
    at = int(number[1]) if number else len(part.inputs)
    return "fail", [part.inputs[at]] if at < len(part.inputs) else []


def looks_so(content: bytes) -> bool:
    """Whether ``content`` is one JSON object with ``eval``, not lines or a list of samples."""
    try:
        said = document(content)
    except InvalidRequest:
        return False
    return isinstance(said, dict) and "eval" in said


def read(content: bytes) -> Iterator[Result]:
    """The programs of a result file. Raises :class:`InvalidRequest` naming the task."""
    said = document(content)
    by_task = said.get("eval") if isinstance(said, dict) else None
    if not isinstance(by_task, dict):
        raise InvalidRequest("expected EvalPlus' results: an object with 'eval', tasks by name", param="dataset")
    for task, entries in by_task.items():
        if not isinstance(entries, list):
            raise InvalidRequest(f"{task}: expected a list of results", param="dataset")
        for entry in entries:
            solution = entry.get("solution") if isinstance(entry, dict) else None
            statuses = [entry.get(f"{part}_status") for part in PARTS] if isinstance(entry, dict) else [0]
            if not isinstance(solution, str) or any(status not in (None, "pass", "fail", "timeout") for status in statuses):
                raise InvalidRequest(f"{task}: expected 'solution' and statuses pass, fail or timeout", param="dataset")
            yield Result(task, solution, *statuses)
