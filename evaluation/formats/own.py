"""Tasks of any kind in one file: ``{"id", "task": {"kind": …}, "grade": {…}, "reference"}``, the format of the examples that ship.

``grade`` is ``{"check": "def check(candidate): …"}`` for programs, ``{"number"|"choice"|"text": gold}`` for answers in words, or
``{"grids": [output, …]}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eudoxus.agents.code import CodeTask
from eudoxus.agents.induction import InductionTask
from eudoxus.agents.induction.grids import grid
from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.files import rows, text_of
from eudoxus.evaluation.grading import AnswerGrader, CheckGrader, Grader, GridGrader, Part
from eudoxus.runtime import ChatTask, Registry, Task
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.sandbox.split_tests import setup_of_prompt, whole_check


def items(content: bytes) -> Iterator[Item]:
    """Raises :class:`InvalidRequest` naming the row and what was expected."""
    registry = Registry((), (ChatTask, CodeTask, InductionTask))
    for number, row in enumerate(rows(content), start=1):
        at = f"row {number}"
        said = row.get("task")
        if not isinstance(said, dict):
            raise InvalidRequest(f"{at}: expected 'task' as an object with its kind", param="dataset")
        task = registry.task(said)
        yield Item(text_of(row, "id", at=at), task, _grader(task, row.get("grade"), row.get("reference"), at))


def _grader(task: Task, said: Any, reference: Any, at: str) -> Grader:
    if isinstance(said, dict) and len(said) == 1:
        way, gold = next(iter(said.items()))
        if way in ("number", "choice", "text") and isinstance(gold, str):
            return AnswerGrader(gold, way)
        if way == "check" and isinstance(gold, str) and isinstance(task, CodeTask) and task.entry_point:
            setup = setup_of_prompt(task.header) if task.header else ""
            return CheckGrader(task, (Part("test", whole_check(gold, task.entry_point)),), setup, reference)
        if way == "grids" and isinstance(gold, list) and isinstance(task, InductionTask) and len(gold) == len(task.test):
            outputs = [one for said_grid in gold if (one := grid(said_grid)) is not None]
            if len(outputs) == len(gold):
                return GridGrader(tuple(outputs))
    raise InvalidRequest(
        f"{at}: 'grade': expected one of check (for code), number, choice, text, grids (for induction), with its gold", param="dataset")
