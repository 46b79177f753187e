"""Grids of digits (ARC): their form, how a prompt shows them, and how they are read out of replies."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field

Grid = tuple[tuple[int, ...], ...]
"""Rows of digits 0-9, all of one length, at least one."""


def _even(rows: Grid) -> Grid:
    if not rows[0] or len({len(row) for row in rows}) != 1:
        raise ValueError("expected rows of one length, at least one digit long")
    return rows


GridField = Annotated[
    tuple[tuple[Annotated[int, Field(ge=0, le=9)], ...], ...], Field(min_length=1, max_length=100), AfterValidator(_even)]
"""A grid as a field of a model."""

_FENCED = re.compile(r"```[\w-]*[ \t]*\n(.*?)```", re.DOTALL)
_MOST_REPLY = 200_000
_MOST_PLACES = 200
_BRACKETS = str.maketrans("[],", "   ")


def grid(said: Any) -> Grid | None:
    """``said`` as a grid, None where it is none."""
    if not isinstance(said, list | tuple) or not said or len(said) > 100:
        return None
    rows = [tuple(row) for row in said if isinstance(row, list | tuple)]
    if len(rows) != len(said) or not rows[0] or len(rows[0]) > 100 or len({len(row) for row in rows}) != 1:
        return None
    if not all(type(cell) is int and 0 <= cell <= 9 for row in rows for cell in row):
        return None
    return tuple(rows)


def shown(one: Grid) -> str:
    """A row a line, digits apart: ``0 3 3``."""
    return "\n".join(" ".join(map(str, row)) for row in one)


def written(attempts: Sequence[Sequence[Grid]]) -> str:
    """An answer: for each test input the attempts, the likeliest first."""
    return json.dumps({"attempts": attempts}, separators=(",", ":"))


def attempts_in(answer: str, count: int) -> list[list[Grid]] | None:
    """For each of ``count`` test inputs the attempts in ``answer``, as :func:`written` or as the grids of a reply; None for neither."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and isinstance(given := said.get("attempts"), list) and len(given) == count:
        return [[one for tried in (attempts if isinstance(attempts, list) else []) if (one := grid(tried))] for attempts in given]
    found = grids_in(answer, count)
    return None if found is None else [[one] for one in found]


def grids_in(reply: str, count: int) -> list[Grid] | None:
    """The ``count`` output grids in a model's reply, those written last; None where there are not as many.

    They are JSON, one list of grids or each by itself, in fences or not; or rows of digits in fences.
    """
    text = reply.rpartition("</think>")[2][-_MOST_REPLY:]
    blocks = _FENCED.findall(text)
    for piece in [*reversed(blocks), text]:
        found = [one for value in values_in(piece) for one in _grids(value)]
        if len(found) >= count:
            return found[-count:]
    rows = [one for block in blocks if (one := _digits(block))]
    return rows[-count:] if len(rows) >= count else None


def _grids(value: Any) -> list[Grid]:
    if (one := grid(value)) is not None:
        return [one]
    if isinstance(value, dict):
        return [one for inner in value.values() for one in _grids(inner)]
    nested = isinstance(value, list) and value and isinstance(value[0], list | dict)
    return [one for inner in value for one in _grids(inner)] if nested else []


def values_in(text: str) -> list[Any]:
    """The JSON arrays and objects in ``text``, outermost ones, in order."""
    decoder, found, at = json.JSONDecoder(), list[Any](), 0
    for _ in range(_MOST_PLACES):
        begin = re.compile(r"[\[{]").search(text, at)
        if begin is None:
            break
        try:
            value, at = decoder.raw_decode(text, begin.start())
            found.append(value)
        except (ValueError, RecursionError):
            at = begin.start() + 1
    return found


def headed(text: str) -> list[tuple[str, Grid]]:
    """The grids that stand below a line that ends in a colon, rows of digits apart, as :func:`shown`; each with its heading."""
    found, heading, rows = list[tuple[str, Grid]](), "", list[str]()
    for line in [*text.splitlines(), ""]:
        row = line.translate(_BRACKETS)
        if row.strip() and all(cell.isdecimal() and len(cell) == 1 for cell in row.split()):
            rows.append(row)
            continue
        if rows and heading and (one := _digits("\n".join(rows))):
            found.append((heading, one))
        rows, heading = [], line.strip()[:-1] if line.strip().endswith(":") else heading if not line.strip() else ""
    return found


def _digits(block: str) -> Grid | None:
    rows = [line.replace(",", " ").split() for line in block.strip().splitlines() if line.strip()]
    if not all(cell.isdecimal() and len(cell) == 1 for row in rows for cell in row):
        return None
    return grid([[int(cell) for cell in row] for row in rows])
