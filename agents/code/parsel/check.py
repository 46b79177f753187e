"""Looking at a Parsel program without a model: errors with their places, call graph, components and order."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from eudoxus.agents.code.parsel.graph import calls, components, dependencies
from eudoxus.agents.code.parsel.language import ParselError, Program
from eudoxus.agents.code.parsel.parse import MOST_ERRORS, read
from eudoxus.agents.code.parsel.targets import Python, Smt
from eudoxus.agents.code.parsel.targets.plan import plan_faults


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ErrorAt(_Said):
    """What is wrong, and where."""

    line: int
    """From 1; 0 where the program as a whole is at fault."""
    column: int
    message: str


class Defined(_Said):
    """A function of the program."""

    name: str
    signature: str
    description: str
    line: int
    constraints: int
    """How many it has."""
    calls: list[str]
    """The functions that it may call: its helpers, and those that it refers to."""


class CheckedProgram(_Said):
    """What a program consists of, or what is wrong with it."""

    valid: bool
    errors: list[ErrorAt]
    root: str | None = None
    functions: list[Defined] = []
    components: list[list[str]] = []
    """Functions that are implemented together, in the order of implementation: those that others depend on first. Helpers without
    constraints belong to the function that they help, whose constraints alone can test them."""
    canonical: str = ""
    """The program in its one canonical form."""


def faults(program: Program, target: Literal["python", "pddl_plan", "smt"]) -> list[ParselError]:
    """What is wrong with the parts of a program that are text in the target's language."""
    return {"python": Python().faults, "pddl_plan": plan_faults, "smt": Smt().faults}[target](program)


def checked(text: str, target: Literal["python", "pddl_plan", "smt"] = "python") -> CheckedProgram:
    """Everything about a program that can be known without a model. Whatever is wrong with it is part of the result."""
    program, errors = read(text)
    if program is not None:
        errors = faults(program, target)[:MOST_ERRORS]
    found = [ErrorAt(line=error.line, column=error.column, message=error.reason) for error in errors]
    if program is None or found:
        return CheckedProgram(valid=False, errors=found)
    uses = calls(program)
    functions = [
        Defined(name=f.name, signature=f.signature, description=f.description, line=f.line, constraints=len(f.constraints),
                calls=list(uses[f.name]))
        for f in program.functions.values()
    ]
    together = [list(members) for members in components(dependencies(program))]
    return CheckedProgram(
        valid=True, errors=[], root=program.root.name, functions=functions, components=together, canonical=str(program))
