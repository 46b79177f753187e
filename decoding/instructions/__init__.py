"""Verifiable instructions: IFEval's 25 and some of IFBench's, by their keys, as checks that a program decides."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eudoxus.decoding.instructions.base import LONGEST_TEXT, Finding, Instruction, check_loosely
from eudoxus.decoding.instructions.forms import FORMS
from eudoxus.decoding.instructions.ifbench import IFBENCH
from eudoxus.decoding.instructions.keywords import KEYWORDS
from eudoxus.decoding.instructions.language import LANGUAGE
from eudoxus.decoding.instructions.lengths import LENGTHS
from eudoxus.runtime.errors import InvalidRequest

__all__ = ["INSTRUCTIONS", "LONGEST_TEXT", "Finding", "Given", "Instruction", "check_loosely", "instruction"]

IFEVAL: tuple[type[Instruction], ...] = (*KEYWORDS, *LENGTHS, *LANGUAGE, *FORMS)
INSTRUCTIONS: dict[str, type[Instruction]] = {one.key: one for one in (*IFEVAL, *IFBENCH)}
"""All instructions by key."""


def instruction(key: str, kwargs: Mapping[str, Any]) -> Instruction:
    """The instruction ``key`` with its arguments; those that are None count as not given, as published files write them.

    Raises :class:`InvalidRequest` naming the key or the argument at fault.
    """
    kind = INSTRUCTIONS.get(key)
    if kind is None:
        near = difflib.get_close_matches(key, INSTRUCTIONS, n=2)
        raise InvalidRequest(f"no instruction is called {key!r}; {_hint(near)}", param="id")
    unknown = next((name for name, value in kwargs.items() if value is not None and name not in kind.model_fields), None)
    if unknown is not None:
        near = difflib.get_close_matches(unknown, kind.model_fields, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has: {', '.join(kind.model_fields) or 'none'}"
        raise InvalidRequest(f"{key}: kwargs.{unknown}: there is no such argument; {hint}", param=f"kwargs.{unknown}")
    try:
        return kind.model_validate({name: value for name, value in kwargs.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(["kwargs", *map(str, first["loc"])])
        raise InvalidRequest(f"{key}: {where}: {first['msg'].removeprefix('Value error, ')}", param=where) from None


def _hint(near: list[str]) -> str:
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(INSTRUCTIONS)}"


class Given(BaseModel):
    """An instruction as it is given in a request: ``{"id": "length_constraints:number_words", "kwargs": {…}}``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str = Field(max_length=100)
    """The key of the instruction."""
    kwargs: dict[str, Any] = {}
    """Its arguments, named as in the benchmark."""

    @model_validator(mode="after")
    def _can_be_used(self) -> Self:
        try:
            instruction(self.id, self.kwargs)
        except InvalidRequest as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def instruction(self) -> Instruction:
        """What it is."""
        return instruction(self.id, self.kwargs)
