"""The task of implementing a Parsel program that a person wrote."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from eudoxus import sandbox
from eudoxus.agents.code.parsel.check import faults
from eudoxus.agents.code.parsel.language import Program
from eudoxus.agents.code.parsel.parse import parse
from eudoxus.agents.code.parsel.targets import PddlPlan, Python, Smt, Target
from eudoxus.agents.code.syntax import complaint
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Task
from eudoxus.runtime.errors import InvalidRequest, InvalidTask

TargetName = Literal["python", "pddl_plan", "smt"]
MOST_FUNCTIONS = 200
"""Of a program that is to be implemented; each takes several calls of the model."""


class ParselTask(Task):
    """Implement a Parsel program."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "parsel"

    program: str = Field(min_length=1, max_length=1_000_000)
    """The program in Parsel: definitions, constraints, references."""
    target: TargetName = "python"
    """The language of the result."""
    setup: str = Field("", max_length=100_000)
    """For ``python``: imports and helpers that exist before the program."""
    domain: str | None = Field(None, min_length=1, max_length=1_000_000)
    """For ``pddl_plan``: the domain in PDDL, or a shipped one's name."""
    problem: str | None = Field(None, min_length=1, max_length=1_000_000)
    """For ``pddl_plan``: the problem in PDDL that plans are made for."""
    strict: bool = True
    """For ``python``: whether values are equal only if their types are, so that 1, 1.0 and True differ."""
    limits: sandbox.Limits = sandbox.Limits(wall_s=4, call_s=1, cpu_s=4, memory_mb=512)
    """What the constraints of one function may use."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        program = parsed_program(self.program)
        if len(program.functions) > MOST_FUNCTIONS:
            raise ValueError(f"program: at most {MOST_FUNCTIONS} functions are implemented, this one has {len(program.functions)}")
        if found := faults(program, self.target):
            raise ValueError(f"program: {found[0]}")
        if self.target != "python" and (self.setup or not self.strict):
            raise ValueError("setup and strict are for the target python")
        if problem := complaint(self.setup):
            raise ValueError(f"setup is no Python: {problem[1]}")
        needed = self.target == "pddl_plan"
        if needed != (self.domain is not None) or needed != (self.problem is not None):
            raise ValueError("domain and problem are needed by the target pddl_plan, and only by it")
        try:
            self.made_target()
        except InvalidRequest as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def parsed(self) -> Program:
        return parse(self.program)

    def made_target(self) -> Target:
        """The target with all that the task says about it."""
        if self.target == "pddl_plan":
            assert self.domain is not None
            assert self.problem is not None
            return PddlPlan(self.domain, self.problem, limits=self.limits)
        return Smt() if self.target == "smt" else Python(setup=self.setup, helpers=self.setup, limits=self.limits, strict=self.strict)

    def request(self, **defaults: Any) -> ChatRequest:
        """The whole program as one question, for strategies that know nothing of Parsel."""
        target = self.made_target()
        return render("parsel/question", program=self.program, target=target.name, context=target.context()).model_copy(update=defaults)

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        """Read a program for Python from the last block fenced as ``parsel``. Raises :class:`InvalidTask`."""
        said = "\n\n".join(message.text for message in task.messages if message.role == "user")
        blocks = fenced_as(said, "parsel")
        if not blocks:
            raise InvalidTask(_how_to_ask("found none"), param="messages")
        try:
            return cls(program=blocks[-1])
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            raise InvalidTask(f"the Parsel program cannot be used: {reason}", param="messages") from None


def parsed_program(text: str) -> Program:
    """The program. Raises ValueError with the first errors."""
    try:
        return parse(text)
    except InvalidRequest as error:
        raise ValueError(f"program: {error}") from None


def fenced_as(text: str, language: str) -> list[str]:
    """The contents of the blocks that are fenced as ``language``."""
    pattern = rf"^[ \t]*```[ \t]*{language}[ \t]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)"
    return [found[1] for found in re.finditer(pattern, text, re.MULTILINE | re.DOTALL | re.IGNORECASE)]


def _how_to_ask(reason: str) -> str:
    return (
        f"parsel takes a Parsel program in a block fenced as parsel, or a Python function to be written (a header with a docstring, or its "
        f"name); {reason}. This message would work:\n\n"
        "```parsel\ntotal_length(words: list[str]) -> int: the length of all words together\ntotal_length(['a', 'bc']) -> 3\n```"
    )
