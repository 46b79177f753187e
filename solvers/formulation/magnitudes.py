"""Amounts that are probably in another unit than the others: one entry of a table, or a limit far beyond what can come up to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import islice
from typing import Any, Final

from eudoxus.solvers.formulation.data import JOINT
from eudoxus.solvers.formulation.findings import MOST_FINDINGS, Finding
from eudoxus.solvers.formulation.grounding import Grounded, Row
from eudoxus.solvers.formulation.reading import MOST_INTEGER
from eudoxus.solvers.formulation.terms import Compare, Linear, Number

FAR: Final = 1_000
"""Times apart: from g to kg, from kg to t, from Wh to kWh."""
LEAST_ENTRIES: Final = 3
"""Of a table in which one can stand out."""
_MOST_ENTRIES: Final = 20_000


def implausible(document: Mapping[str, Any], grounded: Grounded) -> list[Finding]:
    """Entries of tables that are more than ``FAR`` times the median of their table, and limits that no values within the bounds of the
    variables come within ``FAR`` times of. Of a constraint with many instances the first one is told."""
    found = [one for name, values in document.get("params", {}).items() for one in islice(_standing_out(name, values), MOST_FINDINGS)]
    told: set[str] = set()
    for row in grounded.rows:
        if len(found) >= MOST_FINDINGS:
            break
        if row.name not in told and (finding := _out_of_reach(row, grounded)) is not None:
            told.add(row.name)
            found.append(finding)
    return found[:MOST_FINDINGS]


def _standing_out(name: str, values: Any) -> Iterator[Finding]:
    amounts = sorted(_amounts(values)) if isinstance(values, Mapping | list | tuple) else []
    if not LEAST_ENTRIES <= len(amounts) <= _MOST_ENTRIES:
        return
    usual = amounts[(len(amounts) - 1) // 2]  # the lower median
    if amounts[-1] <= FAR * usual:
        return
    for key, value in _numbers(values, ()):
        if (value := abs(value)) > FAR * usual:
            terms = (f"{name}[{JOINT.join(key)}] = {value:.10g}", f"the median of {name} is {usual:.10g}")
            yield Finding("magnitude", f"params.{name}", f"{terms[0]} is {value / usual:,.0f} times the median, {usual:.10g}", terms)


def _amounts(values: Any) -> list[int | float]:
    """Absolute values of all numbers but 0 that can be used, without their keys."""
    inside = values.values() if isinstance(values, Mapping) else values
    found = [abs(one) for one in inside if one and type(one) in (int, float) and -MOST_INTEGER <= one <= MOST_INTEGER]
    return found + [amount for one in inside if type(one) in (dict, list, tuple) for amount in _amounts(one)]


def _numbers(values: Any, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int | float]]:
    if isinstance(values, Mapping):
        inner = values["values"] if values.keys() == {"index", "values"} else None
        for name, value in values.items() if inner is None else [("", inner)]:
            yield from _numbers(value, (*key, str(name)) if inner is None else key)
    elif isinstance(values, list | tuple):
        for place, value in enumerate(values):
            yield from _numbers(value, (*key, str(place)))
    elif isinstance(values, int | float) and not isinstance(values, bool) and -MOST_INTEGER <= values <= MOST_INTEGER:
        yield key, values


def _out_of_reach(row: Row, grounded: Grounded) -> Finding | None:
    """That a row of the form *sum of variables <= limit* holds whatever the variables are, by far."""
    truth = row.truth
    if not isinstance(truth, Compare) or truth.relation == "==":
        return None
    terms: dict[int, Number] = {}
    limit: Number = 0
    for side, sign in ((truth.left, 1), (truth.right, -1)):
        if isinstance(side, Linear):
            for variable, factor in side.terms.items():
                terms[variable] = terms.get(variable, 0) + sign * factor
            limit -= sign * side.const
        elif isinstance(side, int | Fraction):
            limit -= sign * side
        else:
            return None
    if not limit or not terms:
        return None
    reach: Number = 0
    for variable, factor in terms.items():
        unknown = grounded.unknowns[variable]
        bound = unknown.upper if factor > 0 else unknown.lower
        if bound is None:
            return None
        reach += factor * bound
    if not (0 < FAR * reach < limit or reach < FAR * limit < 0):  # of sum >= limit both are below 0
        return None
    most, wanted = abs(float(reach)), abs(float(limit))
    told = (f"the variables come to {most:.10g} at the {'most' if limit > 0 else 'least'}", f"the limit is {wanted:.10g}")
    return Finding("magnitude", f"constraints.{row.name}", f"{row.label} never restricts anything: {told[0]}, and {told[1]}", told)
