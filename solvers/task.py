"""Tasks to be formulated: words, and constants that a model need not copy; and a person's answer to suggested repairs."""

from __future__ import annotations

import json
import operator
import re
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from eudoxus.runtime import ChatRequest, ChatTask, Message, Task
from eudoxus.runtime.errors import InvalidTask
from eudoxus.solvers.edits import Edit
from eudoxus.solvers.examples import example, examples
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.reading import FUNCTIONS
from eudoxus.solvers.formulation.units import unit
from eudoxus.solvers.replies import Wrong, json_in

MOST_DATA = 200_000
"""Characters of the constants as JSON: a model reads them all."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_QUERY = re.compile(r"^[ \t]*(?:query|question)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_DATA = re.compile(r"^[ \t]*data[ \t]*:[ \t]*([a-z_]+)[ \t.]*$", re.IGNORECASE | re.MULTILINE)


class FormulationTask(Task):
    """Formulate what ``description`` tells as an optimisation model, solve it, and answer ``query``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "formulation"

    description: str = Field(min_length=1, max_length=100_000)
    """The situation in English: what is to be decided, what must hold, what is best."""
    query: str | None = Field(None, min_length=1, max_length=20_000)
    """A question about it: *what if*, *why*, *why not*, or wishes to be met. None asks for the optimum."""
    data: dict[str, Any] | str = Field(default_factory=dict)
    """Constants by name, as in a formulation's ``params``; they are part of every formulation. Or the name of shipped data."""
    units: dict[str, str] = Field({}, max_length=500, exclude_if=operator.not_)
    """Units of the constants, such as ``{"cost": "EUR/t"}``. The model is told them and gives those of its variables; what has different
    ones must not be added or compared."""
    formulation: Formulation | None = None
    """A formulation of the description; then the model writes changes to it only."""

    @field_validator("data")
    @classmethod
    def _names_can_be_used(cls, data: dict[str, Any] | str) -> dict[str, Any] | str:
        if isinstance(data, str):
            if data not in examples():
                raise ValueError(f"no data are called {data[:60]!r}: give an object, or one of {', '.join(examples())}")
            return data
        for name in data:
            if not _NAME.fullmatch(name) or name in FUNCTIONS or name.startswith("__"):
                raise ValueError(f"{name[:60]!r} cannot name a constant: expected letters, digits and _, and no function of expressions")
        if (length := len(json.dumps(data))) > MOST_DATA:
            raise ValueError(f"{length:,} characters of JSON; at most {MOST_DATA:,} can be shown to a model")
        return {name: ordered(data[name]) for name in sorted(data)}

    @field_validator("formulation")
    @classmethod
    def _always_shown_alike(cls, formulation: Formulation | None) -> Formulation | None:
        return formulation and sorted_out(formulation)

    @model_validator(mode="after")
    def _units_are_of_the_data(self) -> Self:
        for name, text in self.units.items():
            if name not in self.constants:
                raise ValueError(f"units: there is no constant {name[:60]!r} in the data")
            try:
                unit(text, f"units.{name}")
            except FormulationError as error:
                raise ValueError(str(error)) from None
        return self

    @model_validator(mode="after")
    def _formulation_and_data_agree(self) -> Self:
        if self.formulation is not None:
            try:
                stated(self.formulation, self)
            except Wrong as complaint:
                raise ValueError(f"formulation and data do not agree: {complaint}") from None
        return self

    @property
    def constants(self) -> dict[str, Any]:
        """The data, by name."""
        return example(self.data) if isinstance(self.data, str) else self.data

    def request(self, **defaults: Any) -> ChatRequest:
        """The task as a direct question, without a solver."""
        data = f"Data:\n{json.dumps(self.constants)}" if self.constants else None
        words = "\n\n".join(filter(None, [self.description, data, self.query]))
        return ChatRequest(messages=(Message(role="user", content=words),)).model_copy(update=defaults)

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        """What the user says: constants (or a formulation) in a block of JSON, the query after a line ``Query:``.

        Raises :class:`InvalidTask` showing a message that would work.
        """
        words = "\n\n".join(message.text for message in task.messages if message.role == "user")
        fields: dict[str, Any] = {}
        try:
            for block in _FENCE.findall(words):
                found = json_in(block)
                fields["formulation" if "variables" in found else "data"] = found
            words = _FENCE.sub("", words)
            if named := _DATA.search(words):
                fields["data"], words = named[1].lower(), _DATA.sub("", words)
            asked = list(_QUERY.finditer(words))
            if asked:
                words, fields["query"] = words[:asked[-1].start()], words[asked[-1].end():].strip() or None
            return cls(description=words.strip(), **fields)
        except (Wrong, ValidationError) as error:
            said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ") if isinstance(error, ValidationError) else error
            raise InvalidTask(_how_to_ask(str(said)), param="messages") from None


class Suggestion(BaseModel):
    """A change that was solved: with its edits there is a solution."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    words: str
    """What to do, in English."""
    constraints: tuple[str, ...]
    """The names of the constraints that it changes: those to be refused, if it is."""
    edits: tuple[Edit, ...]
    objective: float | None = None
    """The optimum with the edits, where the formulation has an objective."""


class RepairTask(Task):
    """A person's answer to suggestions: what of them to do, what must stay, what to do instead. It is solved again."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "repair"

    formulation: Formulation
    """The one without a solution, as the run before gave it."""
    accept: tuple[Edit, ...] = Field((), max_length=100)
    """The edits of the suggestions that are welcome."""
    modify: tuple[Edit, ...] = Field((), max_length=100)
    """Other changes, in place of suggestions."""
    refuse: tuple[str, ...] = Field((), max_length=200)
    """Names of constraints that must stay as they are, now and in further rounds."""

    @field_validator("refuse")
    @classmethod
    def _plain(cls, refuse: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(refuse))

    @field_validator("formulation")
    @classmethod
    def _always_shown_alike(cls, formulation: Formulation) -> Formulation:
        return sorted_out(formulation)


def sorted_out(formulation: Formulation) -> Formulation:
    """The same with its names in alphabetical order."""
    return Formulation.model_validate(ordered(formulation.model_dump(mode="json", by_alias=True)))


def ordered(value: Any) -> Any:
    """JSON with its keys in alphabetical order, as a journal keeps it: a replay must show a model the same text."""
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value)}
    return [ordered(one) for one in value] if isinstance(value, list | tuple) else value


def stated(formulation: Formulation, task: FormulationTask) -> Formulation:
    """The formulation with the task's constants among its own. Raises :class:`Wrong` where it says something else of one."""
    for name, given in task.constants.items():
        if name in formulation.variables:
            raise Wrong(f"variables.{name}: {name} is given in the data; give the variable another name")
        if name in formulation.sets and ordered(formulation.sets[name]) != given:
            raise Wrong(f"sets.{name}: {name} is given in the data with other members; leave it out, or give the set another name")
        if name in formulation.params and formulation.params[name] != given:
            raise Wrong(f"params.{name}: {name} is given in the data with other values; leave it out, and change it by an edit where the "
                        "question changes it")
    for name, text in task.units.items():
        if formulation.units.get(name, text) != text:
            raise Wrong(f"units.{name}: {name} is given in {text}")
    missing = {name: given for name, given in task.constants.items() if name not in formulation.sets}
    here = {name: text for name, text in task.units.items() if name in missing or name in formulation.params}
    return formulation.model_copy(update={"params": {**missing, **formulation.params}, "units": {**here, **formulation.units}})


def _how_to_ask(reason: str) -> str:
    return (f"a formulation needs a description of the task, but {reason}. Constants can stand in a ```json block, a question after a line "
            "'Query:'. This message would work:\n\nTwo machines make bolts. Every bolt on machine a costs 3 cents, on b 2; 100 bolts are "
            "needed and b makes at most 60. What is cheapest?\n\nQuery: What if b makes 80?")
