"""Induction tasks: a few pairs of input and output, and inputs whose outputs are wanted."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import ConfigDict, Field

from eudoxus.agents.induction.grids import GridField, shown
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Task
from eudoxus.runtime.chat import Value


class Pair(Value):
    """An example."""

    input: GridField
    output: GridField


class InductionTask(Task):
    """Find the rule by which each ``train`` input becomes its output, and say what it makes of the ``test`` inputs.

    An answer is ``{"attempts": [[grid, …], …]}``: for each test input the attempts, the likeliest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "induction"

    train: tuple[Pair, ...] = Field(min_length=1, max_length=50)
    """Examples of the rule."""
    test: tuple[GridField, ...] = Field(min_length=1, max_length=50)
    """Inputs whose outputs are wanted."""

    def request(self, **defaults: Any) -> ChatRequest:
        """All grids in one question, to be answered with the output grids."""
        asked = render("induction/direct_grid", examples=self.examples, inputs=self.inputs, count=str(len(self.test)))
        return asked.model_copy(update=defaults)

    @property
    def examples(self) -> str:
        """The training pairs for a prompt."""
        return "\n\n".join(
            f"Example {number}, input:\n{shown(pair.input)}\nExample {number}, output:\n{shown(pair.output)}"
            for number, pair in enumerate(self.train, start=1))

    @property
    def inputs(self) -> str:
        """The test inputs for a prompt."""
        return "\n\n".join(f"Test input {number}:\n{shown(one)}" for number, one in enumerate(self.test, start=1))
