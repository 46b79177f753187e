"""EvalPlus' format (Liu et al. 2023, arXiv 2305.01210): ``base_input`` and ``plus_input`` beside a reference that gives the outputs.

Comparison as in EvalPlus: equality; floats within ``atol`` (1e-6 where the row says 0 and the values are floats) and 1e-7 relatively.
"""

from __future__ import annotations

import pprint
from collections.abc import Iterator
from typing import Any

from eudoxus import sandbox
from eudoxus.agents.code import CodeTask
from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.files import rows, text_of
from eudoxus.evaluation.formats.humaneval import whole_program
from eudoxus.evaluation.grading import CheckGrader, Part
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.sandbox.split_tests import setup_of_prompt

SECONDS = 20.0
"""For all inputs of one kind, the reference included, which runs beside the program."""

_CHECK = '''
import copy as _copy, math as _math

_space = {{}}
exec({reference!r}, _space)
_reference = _space[{entry!r}]


def _close(a, b, atol):
    if isinstance(a, float) or isinstance(b, float):
        if not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
            return False
        return a == b or (_math.isnan(a) and _math.isnan(b)) or abs(a - b) <= (atol or 1e-6) + 1e-7 * abs(b)
    if type(a) in (list, tuple) and type(b) in (list, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(_close(x, y, atol) for x, y in zip(a, b))
    if type(a) is dict and type(b) is dict:
        return a.keys() == b.keys() and all(_close(a[k], b[k], atol) for k in a)
    return bool(a == b)


for _args in {inputs}:
    _expected = _reference(*_copy.deepcopy(_args))
    _given = {entry}(*_copy.deepcopy(_args))
    assert _close(_given, _expected, {atol!r}), "another output for " + repr(_args)[:200]
'''
_ROOT = '''
import math as _math

for _args in {inputs}:
    _x = {entry}(*_args)
    assert abs(sum(_c * _math.pow(_x, _i) for _i, _c in enumerate(_args[0]))) <= ({atol!r} or 1e-6), "no root of " + repr(_args)[:200]
'''
"""``find_zero`` has many right outputs: it must give a root."""


def items(content: bytes) -> Iterator[Item]:
    """Raises :class:`InvalidRequest` for a row that lacks a member."""
    for number, row in enumerate(rows(content), start=1):
        at = f"row {number}"
        prompt, entry = text_of(row, "prompt", at=at), text_of(row, "entry_point", at=at).strip()
        reference = whole_program(prompt, entry, text_of(row, "canonical_solution", at=at))
        task = CodeTask(statement=prompt, entry_point=entry)
        parts = tuple(
            Part(name, sandbox.Test(code=_check(reference, entry, _inputs(row, f"{name}_input", at), row.get("atol") or 0), name=name))
            for name in ("base", "plus"))
        yield Item(text_of(row, "task_id", at=at), task, CheckGrader(task, parts, setup_of_prompt(prompt), reference, SECONDS))


def _inputs(row: dict[str, Any], name: str, at: str) -> list[Any]:
    found = row.get(name)
    if not isinstance(found, list) or not all(isinstance(args, list) for args in found):
        raise InvalidRequest(f"{at}: expected {name!r} as a list of lists of arguments", param="dataset")
    return found


def _check(reference: str, entry: str, inputs: list[Any], atol: float) -> str:
    template = _ROOT if entry == "find_zero" else _CHECK
    return template.format(reference=reference, entry=entry, inputs=pprint.pformat(inputs, width=1_000_000, compact=True), atol=atol)
