"""What an evaluation writes down: its plan once, and a line for each sample, grade and fault, append-only.

A line is written in one piece. A process that is killed leaves at most one unfinished line, which the next one cuts off.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from eudoxus.evaluation.grading import Grade
from eudoxus.runtime import Limits, Usage
from eudoxus.runtime.chat import NOTHING
from eudoxus.runtime.errors import InvalidRequest, JournalError

Key = tuple[str, int]
"""Task id and sample index."""
Status = Literal["answered", "limit", "failed", "error"]
"""*limit*: a budget of the sample ended it. *failed*: the strategy gave no answer. *error*: it raised. All of them are graded."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    sample: int

    @property
    def key(self) -> Key:
        return self.task, self.sample


class SampleLine(_Line):
    """What a strategy answered, and what that cost."""

    t: Literal["sample"] = "sample"
    status: Status
    answer: str | None = None
    outcome: str = ""
    authority: str = ""
    detail: str = ""
    error: dict[str, Any] | None = None
    usage: Usage = NOTHING
    seconds: float = 0.0
    ended: str = ""
    """ISO 8601 UTC."""


class GradeLine(_Line):
    """What the grader says of the sample. The last one of a sample counts."""

    t: Literal["grade"] = "grade"
    grade: Grade
    pkg: str = ""


class FaultLine(_Line):
    """Endpoint, sandbox or journal broke: the sample has no answer, and is asked again on resumption."""

    t: Literal["fault"] = "fault"
    code: str
    message: str
    usage: Usage = NOTHING


Line = SampleLine | GradeLine | FaultLine
_LINES: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="t")])


class Plan(BaseModel):
    """What was asked for: everything that decides the result besides the answers of models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    spec: str
    """The strategy over its model, as a path."""
    dataset: str
    path: str | None = None
    """The file of the data set, where one was given."""
    digest: str
    provenance: str
    metric: str
    tasks: tuple[str, ...]
    samples: int = Field(1, ge=1, le=10_000)
    seed: int = 0
    limits: Limits = Limits()
    """Of each sample."""
    created: str
    pkg: str


@dataclass(slots=True)
class Recorded:
    """All lines of an evaluation, by sample."""

    samples: dict[Key, SampleLine] = field(default_factory=dict)
    grades: dict[Key, Grade] = field(default_factory=dict)
    faults: dict[Key, FaultLine] = field(default_factory=dict)
    """Those of samples that still have no answer."""
    lost: Usage = NOTHING
    """What faulted attempts cost."""

    def take(self, line: Line) -> None:
        if isinstance(line, SampleLine):
            self.samples[line.key] = line
            self.faults.pop(line.key, None)
        elif isinstance(line, GradeLine):
            self.grades[line.key] = line.grade
        else:
            self.faults[line.key] = line
            self.lost = self.lost + line.usage

    @property
    def usage(self) -> Usage:
        """What all samples and faulted attempts cost."""
        total = self.lost
        for sample in self.samples.values():
            total = total + sample.usage
        return total


class Folder:
    """The folder of one evaluation: ``plan.json``, ``records.jsonl`` and ``journals/``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, plan: Plan) -> Folder:
        """Raises :class:`InvalidRequest` when there is an evaluation already."""
        folder = cls(path)
        if folder.plan_file.exists():
            raise InvalidRequest(f"{path} holds an evaluation already; go on with it by resume, or choose another folder", param="out")
        try:
            (path / "journals").mkdir(parents=True, exist_ok=True)
            part = path / "plan.json.part"
            part.write_bytes(orjson.dumps(plan.model_dump(mode="json"), option=orjson.OPT_INDENT_2) + b"\n")
            part.replace(folder.plan_file)
        except OSError as error:
            raise InvalidRequest(f"cannot write to {path}: {error.strerror}", param="out") from None
        return folder

    @property
    def plan_file(self) -> Path:
        return self.path / "plan.json"

    @property
    def records_file(self) -> Path:
        return self.path / "records.jsonl"

    def plan(self) -> Plan:
        """Raises :class:`InvalidRequest` when this is no folder of an evaluation."""
        try:
            return Plan.model_validate_json(self.plan_file.read_bytes())
        except OSError:
            raise InvalidRequest(f"{self.path} holds no evaluation (no plan.json)", param="evaluation") from None
        except ValidationError as error:
            raise InvalidRequest(f"{self.plan_file}: {error.errors()[0]['msg']}", param="evaluation") from None

    def recorded(self) -> Recorded:
        """All whole lines. Raises :class:`JournalError` for a damaged one."""
        found = Recorded()
        if self.records_file.exists():
            for line in _whole(self.records_file.read_bytes(), self.records_file)[0]:
                found.take(line)
        return found

    def journal(self, key: Key) -> Path:
        """The journal of a sample."""
        return self.path / "journals" / f"{quote(key[0], safe='')}.{key[1]}.jsonl"


class RecordFile:
    """Appends to the records of a folder; one process at a time."""

    def __init__(self, folder: Folder) -> None:
        self.path = folder.records_file
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise JournalError(f"the evaluation in {folder.path} is being worked on by another process") from None
        self.recorded = Recorded()
        try:
            lines, size = _whole(self.path.read_bytes(), self.path)
        except JournalError:
            os.close(self._fd)
            raise
        os.ftruncate(self._fd, size)
        for line in lines:
            self.recorded.take(line)

    def append(self, line: Line) -> None:
        """Write ``line``. Raises :class:`JournalError` when the disk does not take it."""
        data = orjson.dumps(line.model_dump(mode="json")) + b"\n"
        size = os.fstat(self._fd).st_size
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            raise JournalError(f"cannot write to {self.path}: {error.strerror}") from None
        if written < len(data):
            os.ftruncate(self._fd, size)
            raise JournalError(f"cannot write to {self.path}: only part of a record could be written (disk full?)")
        self.recorded.take(line)

    def close(self) -> None:
        os.close(self._fd)


def _whole(data: bytes, path: Path) -> tuple[list[Line], int]:
    """The lines that are whole, and how many bytes they are. An unfinished last line is left out; other damage is an error."""
    lines, size = list[Line](), 0
    for number, text in enumerate(data.splitlines(keepends=True), start=1):
        if not text.endswith(b"\n"):
            break
        try:
            lines.append(_LINES.validate_json(text))
        except ValidationError as error:
            raise JournalError(f"{path}, line {number}: {error.errors()[0]['msg']}") from None
        size += len(text)
    return lines, size


def run_id(plan: Plan, key: Key) -> str:
    """The id under which a sample runs; endpoints see it."""
    return f"{plan.id}:{key[1]}:{quote(key[0], safe='')}"


def key_of_run(id: str) -> Key | None:
    """The sample behind a run id of :func:`run_id`; None for another."""
    parts = id.split(":")
    return (unquote(parts[2]), int(parts[1])) if len(parts) == 3 and parts[1].isdecimal() else None


def now() -> str:
    """ISO 8601 UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
