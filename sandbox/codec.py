"""Plain data as tagged JSON: what crosses between processes that do not trust each other. Exact built-in types only, never pickle."""

from __future__ import annotations

import binascii
import sys
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from math import isfinite
from typing import Any, TypeAlias, cast

from eudoxus.sandbox import arrays
from eudoxus.sandbox.plain import (
    DEPTH,
    MOST_BITS,
    MOST_EXPONENT,
    MOST_ITEMS,
    MOST_TEXT,
    NODES,
    SAFE_INT,
    SCALARS,
    CodecError,
    NotPlain,
    Opaque,
    TooLarge,
    all_of,
    clean,
    crowding,
    equal,
    leaves,
    mro,
    name_of,
    repr_of,
    short,
    type_dict,
)

__all__ = ["CodecError", "Encoder", "Json", "NotPlain", "Opaque", "TooLarge", "clean", "decode", "encode", "equal", "short"]

Json: TypeAlias = Any


def encode(value: Any, *, depth: int = DEPTH, nodes: int = NODES, opaque: bool = True) -> Json:
    """``value`` as JSON of exact built-in types.

    Subclasses are flattened by their base type's own methods; no method of the value's class is called, but that iterators are run
    out and that an object which is not plain gives its ``repr``. Raises ``TooLarge``, ``NotPlain`` where ``opaque`` is off and such
    an object (that is not itself an ``Opaque``) is met, and whatever an iterator raises.
    """
    kind = type(value)
    if value is None or kind is bool or (kind is int and -SAFE_INT <= value <= SAFE_INT):
        return value
    return Encoder(nodes, opaque).value(value, depth)


def decode(json: Json, *, depth: int = DEPTH, nodes: int = NODES, iterators: bool = False) -> Any:
    """The value of tagged JSON, made of exact built-in types (and ``Opaque``, and numpy arrays where numpy is installed).

    An iterator's items come back as a list, or as an iterator where ``iterators`` is on. Raises nothing but ``NotPlain`` and ``TooLarge``.
    """
    kind = type(json)
    if json is None or kind is bool or kind is float or (kind is int and -SAFE_INT <= json <= SAFE_INT):
        return json
    try:
        return _Decoder(nodes, iterators).value(json, depth)
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError) as error:
        raise NotPlain(f"malformed data ({type(error).__name__})") from None


class _Budget:
    def __init__(self, nodes: int) -> None:
        self._left = nodes

    def charge(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise TooLarge("too many values")

    def text(self, length: int) -> None:
        if length > MOST_TEXT:
            raise TooLarge(f"a text of {length:,} characters or bytes")
        self.charge(length >> 6)


class Encoder(_Budget):
    """What :func:`encode` does."""

    def __init__(self, nodes: int, opaque: bool) -> None:
        super().__init__(nodes)
        self._opaque = opaque

    def value(self, value: Any, depth: int) -> Json:
        kind = type(value)
        if kind is str:
            return self._str(value)
        if kind is int:
            return value if -SAFE_INT <= value <= SAFE_INT else {"$int": _hex(value)}
        if kind is float:
            return value if isfinite(value) else {"$float": str(value)}
        if value is None or kind is bool:
            return value
        if depth <= 0:
            raise TooLarge("nested too deep, or in a cycle")
        write = _BASES.get(id(kind))
        if write is not None:
            return write(self, value, depth - 1)
        return self.other(value, kind, depth)

    def items(self, values: list[Any], depth: int) -> list[Json]:
        self.charge(len(values))
        if not values:
            return []
        kind = type(values[0])
        if kind is int and all_of(int, values) and min(values) >= -SAFE_INT and max(values) <= SAFE_INT:
            return values
        if kind is float and all_of(float, values) and all(map(isfinite, values)):
            return values
        if kind is str and all_of(str, values) and all(map(str.isascii, values)):
            self.text(max(map(len, values)))
            self.charge(sum(map(len, values)) >> 6)
            return values
        found: list[Json] = []
        try:
            for value in values:
                found.append(self.value(value, depth))
        except CodecError as error:
            error.path.append(len(found))
            raise
        return found

    def members(self, values: list[Any], depth: int) -> list[Json]:
        """The members of a set."""
        return self.items(values, depth)

    def _str(self, value: str) -> Json:
        self.text(len(value))
        if value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError:  # lone surrogates: JSON would join two neighbours into one character
            return {"$str": b64encode(value.encode("utf-8", "surrogatepass")).decode()}
        return value

    def other(self, value: Any, kind: type, depth: int) -> Json:
        """A subclass by the nearest base that is plain, an iterator by its items, anything else by its ``repr``."""
        numpy = sys.modules.get("numpy")
        for base in mro(kind):
            write = _BASES.get(id(base))
            if write is not None:
                return write(self, value, depth - 1)
            if numpy is not None and base is numpy.generic:
                found = numpy.generic.item(value)
                if id(type(found)) in SCALARS:
                    return self.value(found, depth)
                break
            if numpy is not None and base is numpy.ndarray:
                plain = numpy.ndarray.view(value, numpy.ndarray)
                if plain.dtype.kind in arrays.KINDS:
                    self.text(plain.nbytes)
                    return {"$ndarray": arrays.to_json(numpy, plain)}
                break
            if "__next__" in type_dict(base):
                items = list(islice(iter(value), MOST_ITEMS + 1))
                if len(items) > MOST_ITEMS:
                    raise TooLarge(f"an iterator of more than {MOST_ITEMS:,} items")
                return {"$iter": self.items(items, depth - 1)}
        if not self._opaque and kind is not Opaque:  # what came from the other side may go back
            raise NotPlain(f"{name_of(kind)} is not plain data")
        return {"$opaque": repr_of(value), "type": name_of(kind)}

    def bytes(self, tag: str, value: bytes | bytearray) -> Json:
        self.text(len(value))
        return {tag: b64encode(value).decode()}

    def pairs(self, keys: list[Any], values: list[Any], depth: int) -> Json:
        return {"$dict": list(map(list, zip(self.items(keys, depth), self.items(values, depth), strict=False)))}

    def complex(self, real: float, imaginary: float) -> Json:
        return {"$complex": self.items([real, imaginary], 1)}

    def decimal(self, value: Decimal) -> Json:
        text = Decimal.__str__(value)
        if len(text) > MOST_BITS // 3:
            raise TooLarge("a decimal of too many digits")
        return {"$decimal": text}

    def fraction(self, value: Fraction) -> Json:
        parts = [_slot(Fraction, slot)(value) for slot in ("_numerator", "_denominator")]  # may hold anything in a subclass
        if not all_of(int, parts):
            raise NotPlain("a fraction that is none")
        return {"$fraction": list(map(_hex, parts))}


def _hex(value: int) -> str:
    if value.bit_length() > MOST_BITS:
        raise TooLarge(f"an integer of {value.bit_length():,} bits")
    return format(value, "x")


def _slot(kind: type, name: str) -> Callable[[Any], Any]:
    return cast("Callable[[Any], Any]", type_dict(kind)[name].__get__)


def _ordered(value: Any) -> tuple[list[Any], list[Any]]:
    """Keys and values in the order that ``move_to_end`` gave them, where looking the keys up calls nobody's ``__hash__``."""
    if leaves(dict.keys(value)):
        keys = list(OrderedDict.__iter__(value))
        return keys, [dict.__getitem__(value, key) for key in keys]
    return list(dict.keys(value)), list(dict.values(value))


_real, _imaginary = _slot(complex, "real"), _slot(complex, "imag")
_ALL = slice(None)
_VIEWS = (id(type({}.keys())), id(type({}.values())), id(type({}.items())))
_BASES: dict[int, Callable[[Encoder, Any, int], Json]] = {
    id(int): lambda e, v, d: e.value(int.__int__(v), d),
    id(float): lambda e, v, d: e.value(float.__float__(v), d),
    id(str): lambda e, v, d: e.value(str.__str__(v), d),
    id(list): lambda e, v, d: e.items(list.__getitem__(v, _ALL), d),
    id(tuple): lambda e, v, d: {"$tuple": e.items(list(tuple.__iter__(v)), d)},
    id(OrderedDict): lambda e, v, d: e.pairs(*_ordered(v), d),
    id(dict): lambda e, v, d: e.pairs(list(dict.keys(v)), list(dict.values(v)), d),
    id(set): lambda e, v, d: {"$set": e.members(list(set.__iter__(v)), d)},
    id(frozenset): lambda e, v, d: {"$frozenset": e.members(list(frozenset.__iter__(v)), d)},
    id(bytes): lambda e, v, d: e.bytes("$bytes", bytes.__getitem__(v, _ALL)),
    id(bytearray): lambda e, v, d: e.bytes("$bytearray", bytearray.__getitem__(v, _ALL)),
    id(complex): lambda e, v, d: e.complex(_real(v), _imaginary(v)),
    id(range): lambda e, v, d: {"$range": [e.value(part, 1) for part in (v.start, v.stop, v.step)]},
    id(Decimal): lambda e, v, d: e.decimal(v),
    id(Fraction): lambda e, v, d: e.fraction(v),
    **dict.fromkeys(_VIEWS, lambda e, v, d: e.items(list(v), d)),
}


class _Decoder(_Budget):
    def __init__(self, nodes: int, iterators: bool) -> None:
        super().__init__(nodes)
        self._iterators = iterators

    def value(self, json: Any, depth: int) -> Any:
        kind = type(json)
        if kind is str:
            self.text(len(json))
            return json
        if kind is int:
            if json.bit_length() > MOST_BITS:
                raise TooLarge("a large integer")
            return json
        if json is None or kind is bool or kind is float:
            return json
        if depth <= 0:
            raise TooLarge("nested too deep")
        if kind is list:
            return self.items(json, depth - 1)
        if kind is not dict:
            raise NotPlain(f"{name_of(kind)} in JSON")
        return self._tagged(json, depth - 1)

    def items(self, json: Any, depth: int) -> list[Any]:
        if type(json) is not list:
            raise NotPlain("a list is missing")
        self.charge(len(json))
        if json and type(json[0]) is int and all_of(int, json) and min(json) >= -SAFE_INT and max(json) <= SAFE_INT:
            return json[:]
        if json and type(json[0]) is float and all_of(float, json):
            return json[:]
        return [self.value(item, depth) for item in json]

    def _tagged(self, json: dict[Any, Any], depth: int) -> Any:
        tag = next(iter(json), "")
        read = _READERS.get(tag) if type(tag) is str else None
        if read is not None and (len(json) == 1 or (tag == "$opaque" and len(json) == 2)):
            return read(self, json[tag], depth) if tag != "$opaque" else Opaque(_text(json[tag]), _text(json.get("type", "object")))
        if not all_of(str, json) or any(key.startswith("$") for key in json):
            raise NotPlain("an unknown tag")
        self.charge(len(json))
        return {key: self.value(item, depth) for key, item in json.items()}

    def pairs(self, json: Any, depth: int) -> dict[Any, Any]:
        if type(json) is not list or not all_of(list, json) or any(len(pair) != 2 for pair in json):
            raise NotPlain("pairs are missing")
        keys = self._keys([pair[0] for pair in json], depth)
        return dict(zip(keys, self.items([pair[1] for pair in json], depth), strict=True))

    def members(self, json: Any, depth: int) -> list[Any]:
        return self._keys(json, depth)

    def _keys(self, json: Any, depth: int) -> list[Any]:
        keys = self.items(json, depth)
        self.charge(crowding(keys))
        return keys

    def bytes(self, json: Any) -> bytes:
        self.text(len(json))
        return binascii.a2b_base64(json, strict_mode=True)

    def iterator(self, json: Any, depth: int) -> list[Any] | Iterator[Any]:
        items = self.items(json, depth)
        return iter(items) if self._iterators else items


def _integer(json: Any) -> int:
    if len(_text(json)) > MOST_BITS // 4 + 2:
        raise TooLarge("a large integer")
    return int(json, 16)


def _text(json: Any) -> str:
    if type(json) is not str:
        raise NotPlain("a text is missing")
    return json


def _decimal(json: Any) -> Decimal:
    if len(_text(json)) > MOST_BITS // 3:
        raise TooLarge("a large decimal")
    found = Decimal(json)
    if found.is_snan() or (found.is_finite() and abs(found.adjusted()) > MOST_EXPONENT):
        raise NotPlain("a decimal that traps or is out of range")
    return found


_FLOATS = {"nan": "nan", "inf": "inf", "-inf": "-inf"}
_READERS: dict[str, Callable[[_Decoder, Any, int], Any]] = {
    "$int": lambda d, j, n: _integer(j),
    "$float": lambda d, j, n: float(_FLOATS[j]),
    "$str": lambda d, j, n: d.bytes(j).decode("utf-8", "surrogatepass"),
    "$tuple": lambda d, j, n: tuple(d.items(j, n)),
    "$dict": lambda d, j, n: d.pairs(j, n),
    "$set": lambda d, j, n: set(d.members(j, n)),
    "$frozenset": lambda d, j, n: frozenset(d.members(j, n)),
    "$iter": lambda d, j, n: d.iterator(j, n),
    "$bytes": lambda d, j, n: d.bytes(j),
    "$bytearray": lambda d, j, n: bytearray(d.bytes(j)),
    "$complex": lambda d, j, n: complex(*map(float, d.items(j, 1))),
    "$range": lambda d, j, n: range(*d.items(j, 1)),
    "$decimal": lambda d, j, n: _decimal(j),
    "$fraction": lambda d, j, n: Fraction(*map(_integer, j)),
    "$ndarray": lambda d, j, n: arrays.from_json(_text(j["dtype"]), j["shape"], d.bytes(j["data"])),
    "$opaque": lambda d, j, n: Opaque(_text(j)),
}
