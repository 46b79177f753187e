"""Values that a program gave, to be handed on: plain data in one form, so much and no more, and never believed."""

from __future__ import annotations

import json
import sys
from itertools import accumulate
from operator import mul
from typing import Any

from eudoxus.sandbox.codec import CodecError, Encoder, Json, NotPlain, Opaque, TooLarge, clean, decode
from eudoxus.sandbox.inside.wire import Malformed
from eudoxus.sandbox.model import Raised
from eudoxus.sandbox.plain import DEPTH, NODES
from eudoxus.sandbox.verdict import Judgement

MOST_MESSAGE = 300
MOST_EMPTY = 100
"""Lists in an array without elements: one of shape (10**9, 0) has no bytes, and a milliard lists."""


def given(json: Json) -> Json:
    """An answer's tagged JSON in the form in which values are handed on.

    It is that of the codec but for three things: numpy's arrays are nested lists of Python's numbers and its scalars are numbers
    (``tolist``), sets are in the order of their members' JSON, and an object that is not plain data raises ``NotPlain``. So equal
    values have equal JSON, but for 1, 1.0 and True, and for the order of a dict's keys. Raises ``Malformed`` for what the codec
    cannot have written, ``NotPlain`` and ``TooLarge``.
    """
    try:
        value = decode(json)
    except CodecError as error:
        raise Malformed(f"an answer of another form: {error}") from None
    return _Given(NODES, opaque=False).value(value, DEPTH)


class Keeping:
    """Hands on the values of one run, while there is room."""

    def __init__(self, value_bytes: int, total_bytes: int) -> None:
        """``value_bytes`` of JSON at most for one value, ``total_bytes`` for all."""
        self._most = value_bytes
        self._room = total_bytes

    def kept(self, answer: Json) -> Judgement:
        """``passed`` with the value, or ``error`` for one that is not plain or too large. Raises ``Malformed``."""
        try:
            value = given(answer)
            size = len(json.dumps(value, separators=(",", ":")))
            if size > self._most:
                raise TooLarge(f"a value of {size:,} bytes of JSON, where {self._most:,} are handed on")
            if size > self._room:
                raise TooLarge(f"a value of {size:,} bytes of JSON, where the values before it left room for {self._room:,}")
        except CodecError as error:
            return Judgement("error", Raised(type=type(error).__name__, msg=clean(str(error), MOST_MESSAGE)))
        self._room -= size
        return Judgement("passed", value=value)


class _Given(Encoder):
    """Writes values that were decoded, so of exact built-in types, arrays, and ``Opaque``."""

    def other(self, value: Any, kind: type, depth: int) -> Json:
        numpy = sys.modules.get("numpy")
        if numpy is not None and kind is numpy.ndarray:
            if value.size == 0 and max(accumulate(value.shape, mul), default=0) > MOST_EMPTY:
                raise TooLarge("an empty array of many rows")
            self.charge(value.size)
            return self.value(value.tolist(), depth)
        if kind is Opaque:
            raise NotPlain(f"{value.kind} is not plain data")
        return super().other(value, kind, depth)

    def members(self, values: list[Any], depth: int) -> list[Json]:
        return sorted(self.items(values, depth), key=json.dumps)
