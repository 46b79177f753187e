"""Tasks of any kind in one file: ``{"id", "task": {"kind": …}, "grade": {…}, "reference"}``, the format of the examples that ship.

``grade`` is ``{"check": "def check(candidate): …"}`` for programs, with ``"levels": [{"weight": 3, "tests": ["assert f(…) == …"]}]`` where
their time is measured against the reference's, ``{"number"|"choice"|"text": gold}`` for answers in words, or
``{"grids": [output, …]}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eudoxus import sandbox
from eudoxus.agents.code import CodeTask
from eudoxus.agents.induction import InductionTask
from eudoxus.agents.induction.grids import grid
from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.files import rows, text_of
from eudoxus.evaluation.grading import AnswerGrader, CheckGrader, EfficiencyGrader, Grader, GridGrader, Level, Part
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
    if isinstance(said, dict) and said.keys() == {"check", "levels"} and isinstance(reference, str):
        check = _grader(task, {"check": said["check"]}, reference, at)
        assert isinstance(check, CheckGrader)
        return EfficiencyGrader(check, _levels(said["levels"], at))
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


def _levels(said: Any, at: str) -> list[Level]:
    found = list[Level]()
    for number, level in enumerate(said if isinstance(said, list) else [], start=1):
        weight, tests = (level.get("weight"), level.get("tests")) if isinstance(level, dict) else (None, None)
        sound = isinstance(tests, list) and tests and all(isinstance(test, str) for test in tests)
        if not sound or not isinstance(weight, int | float) or not 0 < weight < 1000:
            raise InvalidRequest(f"{at}: level {number}: expected a positive weight and a list of tests", param="dataset")
        named = (sandbox.Test(code=test, name=f"test {index} of level {number}") for index, test in enumerate(tests or [], start=1))
        found.append(Level(float(weight), tuple(named)))
    if not found:
        raise InvalidRequest(f"{at}: 'levels': expected a list of levels", param="dataset")
    return found
