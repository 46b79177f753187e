"""Programs on grids: found in replies, run in the sandbox on all inputs of a task, and compared with its train outputs."""

from __future__ import annotations

import struct
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from eudoxus import sandbox
from eudoxus.agents.code.reply import program_in
from eudoxus.agents.code.task import CodeTask
from eudoxus.agents.induction.grids import Grid, grid
from eudoxus.agents.induction.task import InductionTask
from eudoxus.runtime import Context
from eudoxus.runtime.errors import EffectFailed
from eudoxus.sandbox.model import Raised

ENTRY = "transform_grid"
"""The function that a program must define: a two-dimensional array of numpy in, another out."""
NUMPY = "import numpy as np\n"
_WANTED = CodeTask(statement=ENTRY, entry_point=ENTRY)
_VALUE_BYTES = 64 << 10
"""A grid of 100 x 100 floats has 50,000; those of ARC have at most 30 x 30 cells."""
_USUAL_BYTES = 32 << 10
"""Of the value of one input, on average."""

Output = Grid | str
"""What a program makes of an input; where that is no grid, what happened instead, in words."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A program, and what it made of the inputs of its task."""

    program: str
    hypothesis: str
    """The rule that it was written for; empty where there was none."""
    train: tuple[Output, ...]
    test: tuple[Output, ...]
    right: tuple[bool, ...]
    """For each train pair whether the output is right."""
    cells: float
    """Share of the cells of the train outputs that are right, averaged over the pairs; 0 for one of another size."""
    final: bool
    """Whether no program could have forged that."""

    @property
    def passed(self) -> bool:
        """Whether it is right on all train pairs."""
        return all(self.right)

    @property
    def complete(self) -> bool:
        """Whether it gave a grid for every test input."""
        return not any(isinstance(one, str) for one in self.test)

    @property
    def rank(self) -> tuple[int, int, float]:
        """The more the better: train pairs that are right, outputs that are grids, cells. Test outputs are nobody's to compare."""
        return sum(self.right), sum(not isinstance(one, str) for one in (*self.train, *self.test)), self.cells


def program_of(reply: str) -> str:
    """The program in ``reply``, with numpy imported. Raises ``NoProgram``, whose message is for the model."""
    program = program_in(reply, _WANTED)
    if "import numpy as np" in program:
        return program
    lines = program.splitlines(keepends=True)
    at = max((number for number, line in enumerate(lines, start=1) if line.startswith("from __future__")), default=0)
    return "".join([*lines[:at], NUMPY, *lines[at:]])


async def tried(ctx: Context, program: str, task: InductionTask, *, hypothesis: str, seconds: float) -> Tried:
    """``program`` on the train and test inputs, each for at most ``seconds``. Whatever it does is an output.

    The outputs that are wanted never enter the sandbox. Raises :class:`EffectFailed` when the sandbox itself fails.
    """
    inputs = (*(pair.input for pair in task.train), *task.test)
    limits = sandbox.Limits(call_s=seconds, wall_s=min(300.0, 2 + seconds * len(inputs)), cpu_s=min(300.0, 2 + seconds * len(inputs)))
    found = await ctx.perform(sandbox.Evaluate(
        program=sandbox.Program(code=program, entry=ENTRY), calls=tuple(sandbox.Call(args=[array(one)]) for one in inputs),
        limits=limits, value_bytes=_VALUE_BYTES, total_bytes=_USUAL_BYTES * len(inputs)))
    if found.outcome == "infra_error":
        raise EffectFailed(f"the sandbox could not run the program: {found.exc.msg if found.exc else 'it does not say why'}")
    outputs = tuple(_output(test, seconds) for test in found.tests)
    train, wanted = outputs[: len(task.train)], [pair.output for pair in task.train]
    return Tried(
        program, hypothesis, train, outputs[len(task.train) :], tuple(one == gold for one, gold in zip(train, wanted, strict=True)),
        sum(map(_alike, train, wanted)) / len(wanted), found.verdict == "final",
    )


def array(one: Grid) -> dict[str, Any]:
    """A grid as an array of numpy for the sandbox, without numpy here: 64-bit integers, row by row."""
    cells = [cell for row in one for cell in row]
    data = b64encode(struct.pack(f"<{len(cells)}q", *cells)).decode()
    return {"$ndarray": {"dtype": "<i8", "shape": [len(one), len(one[0])], "data": data}}


def _output(test: sandbox.TestResult, seconds: float) -> Output:
    if test.outcome == "passed":
        found = grid(_whole(test.value))
        return f"it returned no two-dimensional grid of digits 0-9 but {_shown(test.value)}" if found is None else found
    if test.outcome == "timeout":
        return f"it did not end within {seconds:g} s"
    return f"it failed: {_told(test.exc)}" if test.exc else f"it failed ({test.outcome})"


def _told(exc: Raised) -> str:
    place = f" (line {exc.line} of the program)" if exc.line else ""
    return f"{exc.type}: {exc.msg}{place}"


def _whole(value: Any) -> Any:
    """Rows whose cells are whole numbers as rows of ints, as comparing arrays would have it: 1.0 and True are 1."""
    rows = [row.get("$tuple") if isinstance(row, dict) else row for row in _items(value)]
    if not rows or not all(isinstance(row, list) for row in rows):
        return None
    return [[int(cell) if isinstance(cell, bool) or (isinstance(cell, float) and cell.is_integer()) else cell for cell in row or ()]
            for row in rows]


def _items(value: Any) -> list[Any]:
    found = value.get("$tuple") if isinstance(value, dict) else value
    return found if isinstance(found, list) else []


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:199] + "…"


def _alike(output: Output, wanted: Grid) -> float:
    """Share of the cells that are right; 0 where the size is not."""
    if isinstance(output, str) or (len(output), len(output[0])) != (len(wanted), len(wanted[0])):
        return 0.0
    pairs = [(a, b) for row, gold in zip(output, wanted, strict=True) for a, b in zip(row, gold, strict=True)]
    return sum(a == b for a, b in pairs) / len(pairs)

