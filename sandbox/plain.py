"""Plain data: which types it is, how much of it, when two values are equal, and a short text of any object that runs none of its code."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import islice, repeat
from operator import eq, is_
from typing import Any

DEPTH = 60
"""Levels of nesting."""
NODES = 1_000_000
"""Values in all, where 64 characters or bytes of text count as one more."""
MOST_TEXT = 8 << 20
"""Characters or bytes of one text."""
MOST_BITS = 33_220
"""Of an integer: 10,000 digits."""
MOST_ITEMS = 100_000
"""Taken out of an iterator."""
SAFE_INT = 1 << 53
"""Beyond it other readers of JSON lose digits."""
MOST_EXPONENT = 1_000_000
COLLISIONS = 64
"""Keys of one hash in a set or dict; honest data has a few, hostile data would make inserting quadratic."""


class CodecError(Exception):
    """``what`` is wrong, at ``path`` in the value. Not a ValueError: a test that expects one must not take this for it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[object] = []

    def __str__(self) -> str:
        return self.what + (" at " + "".join(f"[{step}]" for step in reversed(self.path[-20:])) if self.path else "")


class NotPlain(CodecError):
    """Something that is not plain data, or a form that is not ours."""


class TooLarge(CodecError):
    """Too deep (cycles are), too many values, too long a text or number."""


def crowding(keys: list[Any]) -> int:
    """About how many comparisons of values it takes to tell keys of one hash apart. Raises ``TooLarge`` for too many of one hash.

    In sets of sets whose members all have one hash it is the square of the square: minutes, for a megabyte.
    """
    if len(keys) == len(set(map(hash, keys))):
        return 0
    hashes = Counter(map(hash, keys))
    if max(hashes.values()) > COLLISIONS:
        raise TooLarge("too many keys of one hash")
    return sum(count * _weight(key) for key in keys if (count := hashes[hash(key)]) > 1)


def _weight(key: Any) -> int:
    """About how many comparisons it takes to find a key equal to another one of its hash."""
    if type(key) is tuple:
        return 1 + sum(map(_weight, key))
    if type(key) is frozenset:
        hashes = Counter(map(hash, key))
        return 1 + sum(hashes[hash(member)] * _weight(member) for member in key)
    return 1


class Opaque:
    """What arrives in place of an object that is not plain data. It equals nothing, not even itself."""

    __slots__ = ("kind", "text")
    __hash__ = object.__hash__

    def __init__(self, text: str, kind: str = "object") -> None:
        self.text = text
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return False

    def __repr__(self) -> str:
        return self.text


def equal(a: Any, b: Any) -> bool:
    """Whether two decoded values are equal as by Python's ``==`` (1 == 1.0 == True), but NaN and opaque never are. Raises nothing."""
    kind = type(a)
    if kind is not type(b):
        if id(kind) in SCALARS and id(type(b)) in SCALARS:
            return bool(a == b)
        return (kind is set or kind is frozenset) and (type(b) is set or type(b) is frozenset) and a == b
    if kind is list or kind is tuple:
        return len(a) == len(b) and all(map(eq if leaves(a) and leaves(b) else equal, a, b))
    if kind is dict:
        return len(a) == len(b) and all(key in b and equal(value, b[key]) for key, value in a.items())
    if id(kind) in SCALARS or kind is set or kind is frozenset:
        return bool(a == b)
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray:
        return a.shape == b.shape and (a.dtype.kind in "SU") == (b.dtype.kind in "SU") and bool(numpy.all(a == b))
    return False


def leaves(values: Iterable[object]) -> bool:
    """Whether all are None, bool, int, float or str, by identity of the type."""
    return all(map(LEAVES.__contains__, map(id, map(type, values))))


def all_of(kind: type, values: Iterable[object]) -> bool:
    return all(map(is_, map(type, values), repeat(kind)))


# Types are looked up by identity: a metaclass may lie in __hash__ and __eq__.
mro = type.__dict__["__mro__"].__get__
_type_name = type.__dict__["__name__"].__get__
LEAVES = frozenset(map(id, (type(None), bool, int, float, str)))
SCALARS = frozenset(map(id, (type(None), bool, int, float, str, bytes, bytearray, complex, range, Decimal, Fraction)))
type_dict = type.__dict__["__dict__"].__get__


def name_of(kind: type) -> str:
    return clean(_type_name(kind), 100)


def repr_of(value: object) -> str:
    try:
        return clean(repr(value), 200)
    except BaseException as error:  # noqa: BLE001  (anything may come out of foreign code)
        return f"<{name_of(type(value))}: its repr raised {name_of(type(error))}>"


def clean(text: str, limit: int) -> str:
    """An exact str of at most ``limit`` characters without lone surrogates."""
    return str.__str__(text)[:limit].encode("utf-8", "backslashreplace").decode()[:limit]


def short(value: object, limit: int = 80) -> str:
    """A text like ``repr``, at most ``limit`` characters, that costs little for any size and calls no method of the value's class.

    Objects that are not plain show as the name of their type.
    """
    text = _sketch(value, limit, 3)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _sketch(value: Any, room: int, depth: int) -> str:
    kind = type(value)
    for base in mro(kind):
        if base is str:
            return repr(clean(value, room + 1))
        if base is int:
            return int.__repr__(value) if int.bit_length(value) < 4 * room else f"<int of {int.bit_length(value):,} bits>"
        if id(base) in _REPRS:
            return _REPRS[id(base)](value, room)
        if id(base) in _BRACKETS:
            start, end = _BRACKETS[id(base)]
            if depth == 0:
                return f"{start}…{end}"
            items = dict.items(value) if base is dict else base.__iter__(value)
            return start + _sketches(items, room - 2, depth - 1, pairs=base is dict, single=base is tuple) + end
    if kind is Opaque:
        return clean(value.text, room + 1)
    return f"<{name_of(kind)}>"


def _sketches(items: Iterable[Any], room: int, depth: int, *, pairs: bool, single: bool) -> str:
    """Items joined by commas until there is no room left."""
    parts: list[str] = []
    try:
        for item in islice(items, max(room, 0) // 3 + 2):
            if room <= 0:
                parts.append("…")
                break
            text = f"{_sketch(item[0], room, depth)}: {_sketch(item[1], room, depth)}" if pairs else _sketch(item, room, depth)
            parts.append(text)
            room -= len(text) + 2
    except RuntimeError:  # another thread changes it
        parts.append("…")
    return ", ".join(parts) + ("," if single and len(parts) == 1 else "")


_REPRS: dict[int, Callable[[Any, int], str]] = {
    id(type(None)): lambda v, n: "None",
    id(bool): lambda v, n: bool.__repr__(v),
    id(float): lambda v, n: float.__repr__(v),
    id(complex): lambda v, n: complex.__repr__(v),
    id(bytes): lambda v, n: repr(bytes.__getitem__(v, slice(n + 1))),
    id(bytearray): lambda v, n: repr(bytearray.__getitem__(v, slice(n + 1))),
    id(range): lambda v, n: range.__repr__(v) if max(map(int.bit_length, (v.start, v.stop))) < 4 * n else "<range>",
    id(Decimal): lambda v, n: Decimal.__repr__(v),
    id(Fraction): lambda v, n: "Fraction" + _sketch((v.numerator, v.denominator), n, 1) if type(v) is Fraction else "<Fraction>",
}
_BRACKETS = {
    id(list): ("[", "]"), id(tuple): ("(", ")"), id(dict): ("{", "}"), id(set): ("{", "}"), id(frozenset): ("frozenset({", "})"),
    id(deque): ("deque([", "])"),
}
