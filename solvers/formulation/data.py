"""The constants of a formulation: sets and parameters, looked up by elements."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeAlias

from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.reading import MOST_INTEGER
from eudoxus.solvers.formulation.terms import Number, TermError, Value

MOST_ELEMENTS: Final = 100_000
"""Of a set, and of a range."""
MOST_PARTS: Final = 64
"""Of an element that is a list."""
MOST_TEXT: Final = 1_000
"""Characters of an element."""
_READ_AS_WHOLE: Final = 10**15
"""Below it a float without fraction is written out digit by digit."""
JOINT: Final = "|"
"""Between the elements of a key: ``cost["s1|r1"]`` is ``cost[s1, r1]``."""

Element: TypeAlias = "int | str | tuple[Element, ...]"


def number(value: Any, where: str) -> Number:
    """An exact number out of JSON's; a decimal is what it is written as. Raises :class:`FormulationError`."""
    if isinstance(value, int) and not isinstance(value, bool):
        exact: Number = value
    elif isinstance(value, float) and abs(value) <= MOST_INTEGER:
        exact = decimal(value)
    else:
        raise FormulationError(f"{value!r} is not a number of at most {MOST_INTEGER:.0e}", where=where)
    if not -MOST_INTEGER <= exact <= MOST_INTEGER:
        raise FormulationError(f"{str(value)[:40]} is beyond {MOST_INTEGER:.0e}", where=where)
    return exact


def decimal(value: float) -> Number:
    """The shortest decimal that reads as this float."""
    if -_READ_AS_WHOLE < value < _READ_AS_WHOLE and value.is_integer():
        return int(value)
    exact = Fraction(repr(value))
    return exact.numerator if exact.denominator == 1 else exact


def element(value: Any, where: str) -> Element:
    """A member of a set. Raises :class:`FormulationError`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and JOINT not in value:
        return value
    if isinstance(value, list | tuple) and value:
        return tuple(element(part, where) for part in value)
    allowed = f"whole numbers, texts without {JOINT!r}, and lists of them"
    raise FormulationError(f"{value!r} cannot be an element; elements are {allowed}", where=where)


def elements(values: Any, where: str) -> tuple[Element, ...]:
    """A set's members in their order, each once. Raises :class:`FormulationError`."""
    if not isinstance(values, list | tuple):
        raise FormulationError(f"a set is a list, and this is {type(values).__name__}", where=where)
    if len(values) > MOST_ELEMENTS:
        raise FormulationError(f"{len(values):,} elements; a set has at most {MOST_ELEMENTS:,}", where=where)
    for value in values:
        _small(value, where)
    found = tuple(element(value, where) for value in values)
    if len(set(found)) != len(found):
        seen: set[Element] = set()
        twice = next(one for one in found if one in seen or seen.add(one))  # type: ignore[func-returns-value]
        raise FormulationError(f"{twice!r} is there twice", where=where)
    return found


def _small(value: Any, where: str) -> None:
    """Raises :class:`FormulationError` for long texts, and lists in lists whose parts, where they are shared, would multiply."""
    waiting, parts = [value], 0
    while waiting:
        now = waiting.pop()
        parts += 1
        if parts > MOST_PARTS:
            raise FormulationError(f"an element of more than {MOST_PARTS} parts", where=where)
        if isinstance(now, list | tuple):
            waiting += now[: MOST_PARTS + 1]
        elif isinstance(now, str) and len(now) > MOST_TEXT:
            raise FormulationError(f"an element of {len(now):,} characters; at most {MOST_TEXT:,} are possible", where=where)


def numbers_of(span: range) -> tuple[int, ...]:
    """The numbers of a range. Raises :class:`TermError` for too many; ``len`` cannot even count some."""
    count = (span[-1] - span[0]) // span.step + 1 if span else 0
    if count > MOST_ELEMENTS:
        raise TermError(f"a range of {count:,} numbers; at most {MOST_ELEMENTS:,} are possible")
    return tuple(span)


def label(name: str, keys: Sequence[Any]) -> str:
    """``x[s1,r2]``."""
    return f"{name}[{','.join(map(_shown, keys))}]" if keys else name


class Parameter:
    """A number, a text, or a table of them: objects by element, lists by position from 0 or by the elements of ``index``."""

    def __init__(self, name: str, values: Any, index: Sequence[tuple[Element, ...]] | None = None) -> None:
        """``index``: for each level of the lists, the elements that name its positions. Raises :class:`FormulationError`."""
        self._where = f"params.{name}"
        self._name = name
        self._values = values
        self._places = [{one: at for at, one in enumerate(level)} for level in index or ()]
        self._keys: dict[int, list[tuple[Element, ...]]] = {}
        self._found: dict[tuple[Element, ...], Value] = {}

    def __getitem__(self, keys: tuple[Element, ...]) -> Value:
        """The constant at ``keys``; none of them is the whole. Raises :class:`FormulationError`."""
        try:
            return self._found[keys]
        except KeyError:
            found = self._found[keys] = self._constant(self._descend(keys))
            return found

    def keys(self, length: int) -> list[tuple[Element, ...]]:
        """Keys of that length that lead to something, as whole numbers where they read as such."""
        if length in self._keys:
            return self._keys[length]
        found: list[tuple[tuple[Element, ...], Any]] = [((), self._values)]
        while found and len(found[0][0]) < length:
            found = [((*key, *more), inner) for key, values in found for more, inner in self._below(values, len(key))]
        self._keys[length] = [key for key, _ in found if len(key) == length]
        return self._keys[length]

    def _below(self, values: Any, level: int) -> list[tuple[tuple[Element, ...], Any]]:
        if isinstance(values, dict):
            return [(tuple(_whole(part) for part in str(key).split(JOINT)), inner) for key, inner in values.items()]
        if isinstance(values, list):
            names = list(self._places[level]) if level < len(self._places) else list(range(len(values)))
            return [((name,), inner) for name, inner in zip(names, values, strict=False)]
        return []

    def _descend(self, keys: tuple[Element, ...]) -> Any:
        at, values = 0, self._values
        while at < len(keys):
            joined = JOINT.join(map(_text, keys[at:]))
            if isinstance(values, dict) and joined in values:
                return values[joined]
            if isinstance(values, dict) and _text(keys[at]) in values:
                values = values[_text(keys[at])]
            elif isinstance(values, list) and (place := self._place(keys[at], at)) is not None and 0 <= place < len(values):
                values = values[place]
            else:
                raise FormulationError(f"{self._name} has nothing at {', '.join(map(repr, keys))}")
            at += 1
        return values

    def _place(self, key: Element, level: int) -> int | None:
        if level < len(self._places):
            return self._places[level].get(key)
        return key if isinstance(key, int) else None

    def _constant(self, found: Any) -> Value:
        if isinstance(found, bool | str):
            return found
        if isinstance(found, list):
            return tuple(self._constant(one) for one in found)
        if isinstance(found, dict):
            raise FormulationError(f"{self._name} is a table, and needs (more) elements in brackets")
        return number(found, self._where)


def _text(key: Element) -> str:
    return JOINT.join(map(_text, key)) if isinstance(key, tuple) else str(key)


def _shown(key: Any) -> str:
    return f"({','.join(map(_shown, key))})" if isinstance(key, tuple) else str(key)


def _whole(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdecimal() and len(text) <= 16 else text
