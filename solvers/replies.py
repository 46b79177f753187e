"""Answers of a model, read tolerantly; and asking again, with what is wrong, as often as is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from eudoxus.decoding.offer import OfferOf
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Message

MOST_REPLY = 1_000_000
"""Characters of an answer that are read."""
MOST_FAULTS = 5
"""Shown to the model at once."""
_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>")
_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*+"?)|(?://|#)[^\n]*', re.DOTALL)
_TRAILING = re.compile(r'("(?:[^"\\]|\\.)*+"?)|,(?=\s*+[}\]])', re.DOTALL)

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class Wrong(Exception):
    """What is wrong with a model's answer, in words for the model."""


def json_in(text: str) -> dict[str, Any]:
    """The JSON object of an answer, with or without fence, words around it, comments and trailing commas. Raises :class:`Wrong`."""
    if len(text) > MOST_REPLY:
        raise Wrong(f"the answer has {len(text):,} characters; at most {MOST_REPLY:,} are read")
    spoken = _THOUGHT_ENDS.split(text)[-1]
    complaint = "there is no { … } in it"
    for place in (*reversed(_FENCE.findall(spoken)), spoken):
        begin, end = place.find("{"), place.rfind("}")
        if not 0 <= begin < end:
            continue
        try:
            return _object(place[begin:end + 1])
        except (ValueError, TypeError, RecursionError) as error:
            complaint = str(error)
    raise Wrong(f"the answer is not one JSON object: {complaint}")


def validated(form: type[M], said: Any, within: str = "") -> M:
    """``said`` as a ``form``. Raises :class:`Wrong` with the first things that do not fit, each with its place."""
    try:
        return form.model_validate(said)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        lines = [f"{'.'.join(map(str, (*filter(None, [within]), *one['loc']))) or 'the object'}: {one['msg'].removeprefix('Value error, ')}"
                 for one in found[:MOST_FAULTS]]
        if len(found) > MOST_FAULTS:
            lines.append(f"and {len(found) - MOST_FAULTS} more")
        raise Wrong("\n".join(lines)) from None


async def asked(ctx: Context, request: ChatRequest, accept: Callable[[str], Awaitable[T]], retries: int) -> T:
    """What ``accept`` makes of the answer. What it finds :class:`Wrong` is told to the model, which answers again, up to ``retries`` times.

    Raises :class:`Wrong` with what is wrong in the end; sooner, when the same answer comes again.
    """
    question, before = request, None
    while True:
        answer = (await ctx.complete(question))[0]
        try:
            if answer.finish_reason == "length":
                raise Wrong("the answer was cut off at the most tokens allowed; write it shorter")
            return await accept(answer.text)
        except Wrong as complaint:
            ctx.emit("formulation.wrong", what=str(complaint))
            if retries == 0 or answer.text == before:
                raise
            retries, before = retries - 1, answer.text
            again = render("formulation/again", problem=str(complaint))
            history = (*request.messages, Message(role="assistant", content=answer.text), *again.messages)
            question = request.model_copy(update={"messages": history, "prompt": again.prompt})


async def held_to(form: type[BaseModel], ctx: Context, *, structured: bool | None) -> dict[str, Any]:
    """The field of a request that holds the answer to the schema of ``form``; nothing where the endpoint cannot, unless it is wanted."""
    if structured is None:
        structured = (await ctx.perform(OfferOf.the_model_of(ctx))).json_schema
    if not structured:
        return {}
    schema = form.model_json_schema()
    return {"response_format": {"type": "json_schema", "json_schema": {"name": form.__name__.lower(), "schema": schema, "strict": False}}}


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, strict=False)
    except ValueError:
        plain = _TRAILING.sub(lambda one: one[1] or "", _COMMENT.sub(lambda one: one[1] or "", text))
        found = json.loads(plain, strict=False)
    assert isinstance(found, dict)
    orjson.dumps(found)  # what is nested too deeply, and numbers and characters that no journal can hold, are refused here
    return found
