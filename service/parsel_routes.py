"""Parsel programs without a model: whether they are well-formed, and in what order they are implemented. Nothing is executed."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from eudoxus.agents.code.parsel.check import CheckedProgram, checked
from eudoxus.agents.code.parsel.task import TargetName
from eudoxus.service.api_docs import problems
from eudoxus.service.json_body import sound_json

router = APIRouter(prefix="/v1/parsel", tags=["Parsel"], dependencies=[Depends(sound_json)])


class CheckRequest(BaseModel):
    """A Parsel program."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"program": "total(words: list[str]) -> int: the length of all words together\ntotal(['a', 'bc']) -> 3\n"}],
        },
    )

    program: Annotated[str, Field(max_length=2_000_000)]
    """Its text."""
    target: TargetName = "python"
    """The language that types, defaults and constraints are written in."""


class ProgramCheck(CheckedProgram):
    """What the program consists of, or what is wrong with it."""

    object: Literal["parsel.check"] = "parsel.check"


@router.post("/check", operation_id="checkParsel", summary="Whether a Parsel program is well-formed", response_model=ProgramCheck,
             responses=problems(400, 401, 403, 413, 422, 429))
async def check_parsel(asked: CheckRequest) -> Response:
    """Errors with line and column, the call graph, and the components in the order of implementation. Errors are no error of HTTP."""
    found = await asyncio.to_thread(checked, asked.program, asked.target)
    return JSONResponse({"object": "parsel.check", **found.model_dump()})
