"""ARC-AGI-1, ARC-AGI-2 and 1D-ARC: ``{train: [{input, output}], test: [{input, output}]}`` for each task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from eudoxus.agents.induction import InductionTask, Pair
from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.files import document
from eudoxus.evaluation.grading import GridGrader
from eudoxus.runtime.errors import InvalidRequest


def items(content: bytes) -> Iterator[Item]:
    """One task, or an object of tasks by name. Raises :class:`InvalidRequest` naming the task that is none."""
    said = document(content)
    if isinstance(said, dict) and "train" in said:
        said = {"task": said}
    if not isinstance(said, dict):
        raise InvalidRequest("expected an object of ARC tasks by name", param="dataset")
    for name, one in said.items():
        yield item(str(name), one)


def item(name: str, said: Any) -> Item:
    """The task ``said``; its test outputs go to the grader alone. Raises :class:`InvalidRequest`."""
    try:
        train, test = [Pair(input=p["input"], output=p["output"]) for p in said["train"]], [Pair(**p) for p in said["test"]]
        task = InductionTask(train=tuple(train), test=tuple(pair.input for pair in test))
    except (ValidationError, KeyError, TypeError) as error:
        raise InvalidRequest(f"{name}: no ARC task: {error}", param="dataset") from None
    return Item(name, task, GridGrader(tuple(pair.output for pair in test)))
