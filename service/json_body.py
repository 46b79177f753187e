"""Request bodies as JSON: nothing gets in that cannot be written down again (broken text, NaN, nesting without end)."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request

from eudoxus.runtime.errors import InvalidRequest

MAX_DEPTH = 64
"""Brackets within brackets. Real requests stay under 20; serialisers give up at about 250."""


def read_json(body: bytes) -> Any:
    """The value in ``body``. Raises :class:`InvalidRequest`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from None
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise InvalidRequest(f"the body is nested more than {MAX_DEPTH} deep")
    return value


async def sound_json(request: Request) -> None:
    """A dependency of routes that take JSON; FastAPI's own reader lets through what a journal cannot hold."""
    if body := await request.body():
        read_json(body)


def _deeper(value: Any, left: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return left == 0 or any(_deeper(inner, left - 1) for inner in value)
