"""Units of measurement: what they are made of, and when two are of one kind and of one scale.

Symbols of time, mass, length, area, volume, energy and power are known with their scale, ``k`` and ``M`` before the three letters of a
currency too. Any other symbol stands for itself: ``crate`` is a unit that nothing but ``crate`` equals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from eudoxus.solvers.formulation.errors import FormulationError

MOST_TEXT: Final = 100
"""Characters of a unit."""
MOST_POWER: Final = 9

_SIZES: Final[dict[str, tuple[str, Fraction]]] = {
    symbol: (base, Fraction(size))
    for base, sizes in {
        "s": {"s second seconds": "1", "min minute minutes": "60", "h hour hours": "3600", "d day days": "86400", "week weeks": "604800"},
        "kg": {"mg": "1/1000000", "g": "1/1000", "kg": "1", "t tonne tonnes": "1000"},
        "m": {"mm": "1/1000", "cm": "1/100", "m": "1", "km": "1000"},
        "m^2": {"m2": "1", "ha": "10000", "km2": "1000000"},
        "m^3": {"ml": "1/1000000", "l": "1/1000", "hl": "1/10", "m3": "1"},
        "J": {"J": "1", "kJ": "1000", "MJ": "1000000", "Wh": "3600", "kWh": "3600000", "MWh": "3600000000"},
        "J s^-1": {"W": "1", "kW": "1000", "MW": "1000000"},
        "": {"%": "1/100"},
    }.items()
    for symbols, size in sizes.items() for symbol in symbols.split()
}
_MONEY: Final = re.compile(r"([kM])([A-Z]{3})")
_PART: Final = re.compile(r"\s*([*·/]|per\b)?\s*(1|%|[^\W\d][\w]*)(?:\^(-?\d))?\s*")


@dataclass(frozen=True, slots=True)
class Unit:
    """``written``: symbols with their powers. ``kind``: those of the base units. ``scale``: how many of them it is."""

    written: tuple[tuple[str, int], ...]
    kind: tuple[tuple[str, int], ...]
    scale: Fraction

    def __mul__(self, other: Unit) -> Unit:
        return Unit(_joined(self.written, other.written), _joined(self.kind, other.kind), self.scale * other.scale)

    def __truediv__(self, other: Unit) -> Unit:
        return self * other.to_the(-1)

    def to_the(self, power: int) -> Unit:
        """The unit times itself, ``power`` times."""
        written, kind = (tuple((symbol, one * power) for symbol, one in part) for part in (self.written, self.kind))
        return Unit(written, kind, self.scale**power)

    def __str__(self) -> str:
        above = [_shown(symbol, power) for symbol, power in self.written if power > 0]
        below = [_shown(symbol, -power) for symbol, power in self.written if power < 0]
        return "/".join(["*".join(above) or "1", *below])


NONE: Final = Unit((), (), Fraction(1))
"""Of numbers that count nothing in particular."""


def unit(text: str, where: str) -> Unit:
    """The unit that is written as ``EUR/t``, ``kg*m/s^2``, ``crates per day`` or ``1``. Raises :class:`FormulationError`."""
    found, at = NONE, 0
    if not isinstance(text, str) or not text.strip() or len(text) > MOST_TEXT:
        raise FormulationError(f"a unit is a text of 1 to {MOST_TEXT} characters, such as 'EUR/t'", where=where)
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or (part[1] is None) != (at == 0):
            raise FormulationError(f"{text!r} is no unit: write symbols with * and /, such as 'EUR/t'", where=where, column=at + 1)
        one = _symbol(part[2]).to_the(int(part[3] or 1))
        found = found / one if part[1] in ("/", "per") else found * one
        at = part.end()
    if any(abs(power) > MOST_POWER for _, power in found.kind):
        raise FormulationError(f"{text!r} has a power beyond {MOST_POWER}", where=where)
    return found


def _symbol(symbol: str) -> Unit:
    if symbol == "1":
        return NONE
    base, size = _SIZES.get(symbol, (symbol, Fraction(1)))
    if money := _MONEY.fullmatch(symbol):
        base, size = money[2], Fraction(1000 if money[1] == "k" else 1_000_000)
    powers = [(name, int(power or 1)) for name, _, power in (one.partition("^") for one in base.split())]
    return Unit(((symbol, 1),), tuple(sorted(powers)), size)


def _joined(left: tuple[tuple[str, int], ...], right: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    powers = dict(left)
    for symbol, power in right:
        powers[symbol] = powers.get(symbol, 0) + power
    return tuple(sorted((symbol, power) for symbol, power in powers.items() if power))


def _shown(symbol: str, power: int) -> str:
    return symbol if power == 1 else f"{symbol}^{power}"
