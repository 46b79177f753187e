"""EvalPlus' format (Liu et al. 2023, arXiv 2305.01210): ``base_input`` and ``plus_input`` beside a reference that gives the outputs.

Comparison as in EvalPlus 0.3.1: outputs are equal; or else, where the row has an ``atol`` or the expected output is a float or a list of
floats (``atol`` 1e-6 then), they are of one type and length and all their numbers are within ``atol`` and, relatively, 1e-7. A few tasks
have more than one right output and a rule of their own.
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


def _floats(x):
    return isinstance(x, float) or (isinstance(x, (list, tuple)) and bool(x) and all(isinstance(i, float) for i in x))


def _near(a, b, atol):
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(_near(x, y, atol) for x, y in zip(a, b))
    if not isinstance(a, (int, float, complex)) or not isinstance(b, (int, float, complex)):
        return False
    return a == b or abs(a - b) <= atol + 1e-07 * abs(b)


def _same(given, expected, args, atol):
    if {special}:
        return True
    if given == expected:
        return True
    if not atol and _floats(expected):
        atol = 1e-6
    return bool(atol) and type(given) is type(expected) and _near(given, expected, atol)


for _number, _args in enumerate({inputs}):
    _expected = _reference(*_copy.deepcopy(_args))
    try:
        _given = {entry}(*_copy.deepcopy(_args))
    except ImportError:
        raise
    except Exception as _error:
        raise AssertionError(f"input {{_number}}: raised {{type(_error).__name__}}") from None
    assert _same(_given, _expected, _args, {atol!r}), f"input {{_number}}: another output"
'''
_ANY_ROOT = "abs(sum(c * _math.pow(given, i) for i, c in enumerate(args[0]))) <= (atol or 1e-6)"
_AS_SETS = "set(given) == set(expected)"
_FOUND = "(given if isinstance(given, bool) else given is not None) == (expected is not None)"
_PYRAMID = "abs(given - round(args[0] ** 2 + 2 * args[0] * _math.hypot(args[0] / 2, args[1]))) <= atol"
_DIGITS = "given == sum(abs(int(x) - int(y)) for x, y in zip(*(str(n).zfill(max(map(len, map(str, args)))) for n in args)))"
SPECIAL = {
    "HumanEval": {"find_zero": _ANY_ROOT},
    "Mbpp": {
        "are_equivalent": "True", "sum_div": "given == 0", "surface_Area": _PYRAMID, "digit_distance_nums": _DIGITS,
        **dict.fromkeys(("check_str", "text_match_three", "text_starta_endb"), _FOUND),
        **dict.fromkeys(
            ("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum", "intersection_array",
             "find_dissimilar", "Diff"), _AS_SETS)},
}
"""Functions with more right outputs than the reference's, and EvalPlus' rule for each: any root is a root, lists that stand for sets,
whether anything was found, another reading of the statement."""


def items(content: bytes) -> Iterator[Item]:
    """Raises :class:`InvalidRequest` for a row that lacks a member."""
    for number, row in enumerate(rows(content), start=1):
        at = f"row {number}"
        id, prompt, entry = text_of(row, "task_id", at=at), text_of(row, "prompt", at=at), text_of(row, "entry_point", at=at).strip()
        reference = whole_program(prompt, entry, text_of(row, "canonical_solution", at=at))
        task, rule = CodeTask(statement=prompt, entry_point=entry), SPECIAL.get(id.partition("/")[0], {}).get(entry, "False")
        parts = []
        for name in ("base", "plus"):
            inputs = _inputs(row, f"{name}_input", at)
            check = _CHECK.format(
                reference=reference, entry=entry, special=rule, inputs=pprint.pformat(inputs, width=1_000_000, compact=True),
                atol=row.get("atol") or 0)
            parts.append(Part(name, sandbox.Test(code=check, name=name), inputs))
        setup = setup_of_prompt(prompt) if f"def {entry}" in prompt else ""  # the prompts of MBPP+ are docstrings alone
        yield Item(id, task, CheckGrader(task, tuple(parts), setup, reference, SECONDS, all_parts=True))


def _inputs(row: dict[str, Any], name: str, at: str) -> list[Any]:
    found = row.get(name)
    if not isinstance(found, list) or not all(isinstance(args, list) for args in found):
        raise InvalidRequest(f"{at}: expected {name!r} as a list of lists of arguments", param="dataset")
    return found
