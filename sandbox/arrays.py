"""Numpy arrays on the wire: type, shape and bytes. Numpy itself is imported only where an array arrives and numpy is installed."""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from math import prod
from typing import Any

from eudoxus.sandbox.plain import NotPlain, Opaque, all_of

KINDS = "biufcSU"
"""Of numpy's types, those that are plain: no objects, records or dates."""
_TYPE = re.compile(r"[<>|](b1|[iuf](1|2|4|8|16)|c(8|16|32)|[SU][0-9]{1,6})", re.ASCII)


def to_json(numpy: Any, value: Any) -> dict[str, Any]:
    """``value``, exactly an ndarray of one of ``KINDS``."""
    data = b64encode(numpy.ascontiguousarray(value).tobytes()).decode()
    return {"dtype": value.dtype.str, "shape": list(value.shape), "data": data}


def from_json(dtype: str, shape: Any, data: bytes) -> Any:
    """The array, or ``Opaque`` without numpy. Raises ``NotPlain`` or ValueError where type, shape and bytes do not fit together."""
    if not _TYPE.fullmatch(dtype) or type(shape) is not list or not all_of(int, shape) or len(shape) > 32 or min(shape, default=0) < 0:
        raise NotPlain("an array's type or shape")
    try:
        import numpy  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return Opaque("array", "ndarray")
    if dtype.endswith("b1"):  # bytes other than 0 and 1 behave as neither
        return (numpy.frombuffer(data, "u1", prod(shape)) != 0).reshape(shape)
    if "U" in dtype and (numpy.frombuffer(data, dtype[0] + "u4") > sys.maxunicode).any():
        raise NotPlain("an array of no characters")
    return numpy.frombuffer(data, numpy.dtype(dtype), prod(shape)).reshape(shape).copy()
