r"""Numbers as people and models write them: ``1,234.50``, ``$3``, ``-2/3``, ``1 1/2``, ``45 %``, ``\frac{1}{2}``, ``3 \times 10^8 m/s``.

A quantity keeps its value exactly. Units are compared only where both are known; nothing is converted.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

_MAX_LENGTH = 200
_MAX_SEARCHED = 2000
_MAX_EXPONENT = 400
_MIN_DIGITS = 3
_MIN_PLACES = 2

_ALIASES = """
m meter metre|km kilometer kilometre|cm centimeter centimetre|mm millimeter millimetre|mi mile|ft foot feet|in inch inches|yd yard
g gram gramme|kg kilogram kilogramme kilo|mg milligram|ton tonne|lb pound lbs|oz ounce
s sec second|min minute|h hr hour|day|week wk|month|year yr|ms millisecond|am a.m|pm p.m
l liter litre|ml milliliter millilitre|gal gallon
°c degc celsius|°f degf fahrenheit|kelvin|° deg degree|rad radian
usd $ dollar us$|eur € euro|gbp £|jpy ¥ yen|inr ₹ rupee|cent ¢
joule|kj kilojoule|watt|kw kilowatt|newton|pa pascal|volt|ampere amp|ohm|hz hertz|mol mole
byte|kb kilobyte|mb megabyte|gb gigabyte|bit
"""
"""Groups parted by bars and lines, the canonical name first. No single letters that algebra uses (``2n`` is no number of newtons)."""
_UNITS = {alias: group.split()[0] for line in _ALIASES.split("\n") for group in line.split("|") for alias in group.split()}
_UNITS["mph"], _UNITS["kmh"], _UNITS["kph"] = "mi/h", "km/h", "km/h"
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_NAMES = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty
"""
_WORDS = {word: value for value, word in enumerate(_NAMES.split())}
_WORDS |= {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}

_SUPERSCRIPTS = {ord(c): plain for c, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True)}
_PLAIN = r"(?:(?:\d{1,3}(?P<GAP>[, '_])\d{3}(?:(?P=GAP)\d{3})*|\d+)(?!\d)(?:\.\d+)?|\.\d+)"
"""Digits with or without separators of thousands and decimals; GAP names the separator."""
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)(?P<before>(?:(?:us)?\$|[€£¥₹]) ?)?(?P<sign2>[-+]?)\(?"
    r"(?:(?P<mixed>\d+)\s+(?P<top>\d+)/(?P<low>\d+)"
    r"|(?P<base>\d{1,3})\^\(?(?P<power>-?\d{1,3})\)?"
    r"|(?P<main>" + _PLAIN.replace("GAP", "gap") + r")\)?(?:\s?/\s?\(?(?P<under>" + _PLAIN.replace("GAP", "gap2") + r")"
    r"|e(?P<exp>[-+]?\d{1,4})|\s*[*x]\s*10\^\(?(?P<ten>[-+]?\d{1,4})\)?)?)\)?",
    re.IGNORECASE,
)
_EUROPEAN = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d{3})+),(\d{1,2})(?![\d.,])")
_JOINS = re.compile(r"\b(?:or|and|to|of|than|plus|minus|times)\b", re.IGNORECASE)
_APPROXIMATELY = re.compile(r"^(?:about|approximately|approx\.?|around|roughly|exactly|only|just|≈|~|=|:)\s*", re.IGNORECASE)
_SPACING = re.compile(r"\\[,;:! ]|~|[\u00a0\u2009\u202f\u2007]")
_LATEX = re.compile(r"\\(?:text|mathrm|textbf|mathbf|textrm|operatorname|mbox)\s*\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number with its unit."""

    value: Fraction
    unit: str = ""
    """Canonical (``km`` for kilometers) when known, else as written in lower case without a plural s; ``%`` for percent."""
    known: bool = False
    """Whether ``unit`` is one of the known units."""
    places: int | None = None
    """Decimals written; None for integers and fractions, which are exact."""


def parse(text: str) -> Quantity | None:
    """The quantity that ``text`` is as a whole, or None."""
    text = plain(text)
    if not text or len(text) > _MAX_LENGTH:
        return None
    if "=" in text and (right := parse(text.rpartition("=")[2])):
        return right
    while (stripped := _APPROXIMATELY.sub("", text)) != text:
        text = stripped
    text = re.sub(r"^([-+]) ", r"\1", text)
    word, _, rest = text.partition(" ")
    if word.casefold().rstrip(".") in _WORDS:
        text = f"{_WORDS[word.casefold().rstrip('.')]} {rest}".strip()
    found = _NUMBER.match(text)
    if found is None or (value := _value(found)) is None:
        return None
    return _with_unit(value, _places(found), found["before"], text[found.end():])


def find(text: str, *, last: bool = True) -> str | None:
    """The last (or first) number inside free text, as written."""
    text = plain(text)[-_MAX_SEARCHED:]
    numbers = [m for m in _NUMBER.finditer(text) if _stands_alone(text, m) and _value(m) is not None]
    if not numbers:
        return None
    found = numbers[-1 if last else 0]
    percent = re.match(r"\s?%", text[found.end():])
    return (found.group() + (percent.group() if percent else "")).strip()


def same(a: Quantity, b: Quantity) -> bool:
    """Whether both say the same: equal values, or one the rounding of the other to at least three digits and two decimals.

    ``50 %`` is the same as ``50`` and as ``0.5``, since either may be meant. Two known units must agree.
    """
    if "%" in (a.unit, b.unit) and a.unit != b.unit:
        share, other = (a, b) if a.unit == "%" else (b, a)
        if other.known:
            return False
        places = None if share.places is None else share.places + 2
        return _equal(share.value, share.places, other) or _equal(share.value / 100, places, other)
    if a.known and b.known and a.unit != b.unit:
        return False
    return _equal(a.value, a.places, b)


def plain(text: str) -> str:
    """``text`` without LaTeX dress, markdown emphasis, odd spaces and typographic signs, as far as numbers are concerned."""
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: "^" + m[0].translate(_SUPERSCRIPTS), text)
    text = re.sub(r"[¼½¾⅐-⅞]", lambda m: " " + unicodedata.normalize("NFKC", m[0]).replace("\u2044", "/"), text)
    text = _SPACING.sub(" ", text).replace("{,}", ",").replace("\\%", "%").replace("\\$", "$")
    text = re.sub(r"[\u2212\u2013\u2012\u2011]", "-", unicodedata.normalize("NFKC", text))
    text = _LATEX.sub(r" \1", text)
    text = re.sub(r"\\[dtc]?frac\s*(\d)\s*(\d)(?!\d)", r" \1/\2", text)
    text = re.sub(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", r" \1/\2", text)
    text = re.sub(r"\\(?:times|cdot)(?![a-zA-Z])|[×·]", "*", text)
    text = re.sub(r"\\(?:left|right|displaystyle|quad)(?![a-zA-Z])|\\[()\[\]]", " ", text)
    text = re.sub(r"\^\{([^{}]*)\}", r"^\1", text).replace("^\\circ", "°").replace("\\circ", "°")
    text = _EUROPEAN.sub(lambda m: m[1].replace(".", "") + "." + m[2], text)
    text = re.sub(r"\*\*|__|`", "", text)
    text = re.sub(r"\$([^$]*)\$", r"\1", text)
    return re.sub(r"\s+", " ", text).strip().rstrip(".,;!").strip()


def _value(found: re.Match[str]) -> Fraction | None:
    sign = -1 if "-" in (found["sign"], found["sign2"]) else 1
    if found["mixed"]:
        return sign * (int(found["mixed"]) + Fraction(int(found["top"]), int(found["low"]))) if int(found["low"]) else None
    if found["base"]:
        base, power = int(found["base"]), int(found["power"])
        return None if abs(power) > _MAX_EXPONENT or (base == 0 and power < 0) else sign * Fraction(base) ** power
    value = Fraction(re.sub(r"[, '_]", "", found["main"]))
    if found["under"]:
        under = Fraction(re.sub(r"[, '_]", "", found["under"]))
        return sign * value / under if under else None
    exponent = int(found["exp"] or found["ten"] or 0)
    return None if abs(exponent) > _MAX_EXPONENT else sign * value * Fraction(10) ** exponent


def _places(found: re.Match[str]) -> int | None:
    main = found["main"]
    if not main or "." not in main or found["under"]:
        return None
    return max(0, len(main.rpartition(".")[2]) - int(found["exp"] or found["ten"] or 0))


def _with_unit(value: Fraction, places: int | None, before: str | None, after: str) -> Quantity | None:
    """The number with what stands around it; None when that is more than a unit."""
    attached = after[:1].isalpha()
    after = after.strip().rstrip(".")
    if attached and after in ("k", "K"):
        return Quantity(value * 1000, places=places)
    scale, _, rest = after.partition(" ")
    if scale.casefold() in _SCALES and not attached:
        value, after = value * _SCALES[scale.casefold()], rest.strip()
        places = None
    if before:
        known = _known(before.strip().casefold())
        agrees = not after or _known(after.casefold()) == known
        return Quantity(value, known or "", True, places) if agrees or not re.search(r"\d", after) else None
    if not after:
        return Quantity(value, places=places)
    if after.casefold() in ("%", "percent", "per cent", "pct"):
        return Quantity(value, "%", places=places)
    known = _known(after.casefold())
    if known:
        return Quantity(value, known, True, places)
    if not re.fullmatch(r"[^\W\d_]{2,}(?:[ /-][^\W\d_]+){0,4}", after) or _JOINS.search(after):
        return None
    return Quantity(value, after.casefold().removesuffix("s"), False, places)


def _known(unit: str) -> str | None:
    """``kilometers per hour`` → ``km/h``; None when a part is unknown."""
    unit = re.sub(r"^(?:square|sq\.?) (\S+)", r"\1^2", unit)
    unit = re.sub(r"^(?:degrees?|deg|°) ?(celsius|fahrenheit|c|f)$", lambda m: "°" + m[1][0], unit)
    unit = re.sub(r"^cubic (\S+)", r"\1^3", unit)
    parts = []
    for part in re.split(r" ?/ ?| per ", unit):
        name, power = re.fullmatch(r"(.*?)\^?([23]?)", part.strip().rstrip("."), re.DOTALL).groups()  # type: ignore[union-attr]
        canonical = _UNITS.get(name) or _UNITS.get(name.removesuffix("s"))
        if canonical is None:
            return None
        parts.append(canonical + (f"^{power}" if power else ""))
    return "/".join(parts)


def _equal(value: Fraction, places: int | None, other: Quantity) -> bool:
    if value == other.value:
        return True
    written = [(p, v) for p, v in ((places, value), (other.places, other.value)) if p is not None]
    if not written:
        return False
    coarse, rounded = min(written)
    enough = coarse >= _MIN_PLACES and abs(rounded) * 10**coarse >= 10 ** (_MIN_DIGITS - 1)
    return enough and abs(value - other.value) <= Fraction(1, 2 * 10**coarse)


def _stands_alone(text: str, found: re.Match[str]) -> bool:
    """Not part of a word, a date, a time or a longer number."""
    before, after = text[: found.start()][-1:], text[found.end():][:2]
    if before.isalnum() or before in tuple("_^\\:/.)"):
        return False
    return not re.match(r"[:/^_]\d|\.\d", after)
