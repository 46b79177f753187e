"""Induction tasks: a few pairs of input and output, and inputs whose outputs are wanted."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, ValidationError

from eudoxus.agents.induction.grids import GridField, headed, shown, values_in
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Task
from eudoxus.runtime.chat import Value
from eudoxus.runtime.errors import InvalidTask

_HOW_TO_ASK = (
    'an induction task has training pairs and test inputs, but {}. This message would work:\n\n'
    '{{"train": [{{"input": [[1, 0]], "output": [[0, 1]]}}, {{"input": [[2, 0]], "output": [[0, 2]]}}], "test": [{{"input": [[3, 0]]}}]}}')


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

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        """Read an ARC task from what the user says: JSON with ``train`` and ``test``, or grids below headings like ``Example 1, input:``.

        Test outputs that are given are thrown away. Raises :class:`InvalidTask` showing a message that would work.
        """
        said = "\n\n".join(message.text for message in task.messages if message.role == "user")
        found = _in_json(said) or _below_headings(said)
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            reason = f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
            raise InvalidTask(_HOW_TO_ASK.format(reason), param="messages") from None

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


def _in_json(text: str) -> dict[str, Any] | None:
    """The task in the last JSON object that has pairs, without the outputs of the test."""
    said = next((one for one in reversed(values_in(text)) if isinstance(one, dict) and "train" in one and "test" in one), None)
    if said is None:
        return None
    test = said["test"] if isinstance(said["test"], list) else []
    return {"train": said["train"], "test": [one.get("input") if isinstance(one, dict) else one for one in test]}


def _below_headings(text: str) -> dict[str, Any]:
    """Inputs that an output follows are examples, the others are test inputs."""
    train, test = list[dict[str, Any]](), list[Any]()
    for heading, one in headed(text):
        if "output" in heading.lower() and test:
            train.append({"input": test.pop(), "output": one})
        elif "input" in heading.lower():
            test.append(one)
    return {"train": train, "test": test}
