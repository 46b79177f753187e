"""Formulations made to blow up: each ends within its time with an answer or a reason, and leaves no process behind."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.solving import Solution, Solve

X = {"x": {"type": "int", "lb": 0, "ub": 10}}
BITS = {name: {"type": "bool"} for name in "abcd"}


async def ended(document: dict[str, Any], **options: Any) -> Solution:
    """What comes of it. It must come long before the limits: what they stop is no refusal."""
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patched:
        patched.setattr(tempfile, "tempdir", place)
        start = time.monotonic()
        found = await Solve(formulation=Formulation.model_validate(document), seconds=options.pop("seconds", 15), **options).run()
        assert time.monotonic() - start < 14, found
        nothing_is_left(place)
    return found


def nothing_is_left(place: str) -> None:
    """Neither files nor processes that work there."""
    assert not list(Path(place).iterdir())
    for process in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            assert not str(process.readlink()).startswith(place)


def one(expr: str, variables: Any = None, **more: Any) -> dict[str, Any]:
    return {"variables": X if variables is None else variables, "constraints": [{"name": "c", "expr": expr}], **more}


def nested(form: str, inner: str, times: int) -> str:
    for _ in range(times):
        inner = form.format(inner)
    return inner


@pytest.mark.parametrize(("document", "said"), [
    (one("sum(1 / n for n in range(1, 90000)) * x <= 3"), "too long a numerator"),
    (one("sum(x / n for n in range(1, 90000)) <= 3"), "too long a numerator"),
    (one("x in range(1000000000000000 * 1000000000000000)"), "at most 100,000"),
    (one("len(range(90000)) > x", sets={}) | {"constraints": [
        {"name": "c", "forall": ["i in range(20000)"], "expr": "len(range(90000)) > x + i"}]}, "steps of evaluation"),
    (one("x >= 0") | {"constraints": [{"name": "c", "forall": ["i in range(10000)"], "expr": "x + i in S"}],
                      "sets": {"S": list(range(50_000))}}, "steps of evaluation"),
    (one("x >= 0") | {"constraints": [{"name": "c", "forall": ["i in range(10000)"], "expr": "t[x] >= i"}],
                      "params": {"t": list(range(900))}}, "steps of evaluation"),
    (one("t[x] >= 3", params={"t": list(range(300_000))}), "at most 1,000"),
    (one("x >= 0", sets={"S": [*range(99_000), 98_999]}), "98999 is there twice"),
    (one("x >= 0", sets={"S0": [1], **{f"S{n + 1}": f"[[S{n}, 1], [S{n}, 2]]" for n in range(60)}}), "parts"),
    (one("x >= 0", sets={"S": ["a" * 5000]}), "characters"),
    (one("x / 0 <= 3"), "division by zero"), (one("min(x for i in range(0)) <= 3"), "min of nothing"),
    (one("x <= 'a'"), "stands where a number is needed"), (one("x.__class__ == 3"), "no attributes"), (one("9 ** 9 ** 9 > x"), "no power"),
    (one("x <= " + "9" * 3000), "a number beyond"), (one("(" * 300 + "x" + ")" * 300 + " > 3"), "not an expression"),
    (one(nested("abs({})", "x", 160)), "nested"), (one("x <= 1e400"), "a number beyond"), (one("é > 3"), "means nothing here"),
    (one("x >= 0") | {"params": {"x": 3}}, "'x' is declared twice"), (one("ｓum(x) > 1"), "collection"),
    (one("x <= p", params={"p": float("nan")}), "is not a number"), (one("x <= p", params={"p": float("inf")}), "is not a number"),
    (one("x <= p", params={"p": 10**4000}), "beyond"), (one("x <= 3", {"x": {"type": "int", "lb": 5, "ub": 3}}), "is above ub"),
])
async def test_what_blows_up_or_makes_no_sense_is_refused_with_the_reason(document: dict[str, Any], said: str):
    found = await ended(document)
    assert found.status == "invalid" and said in found.detail
    assert len(found.detail) < 1000


@pytest.mark.parametrize("backend", [None, "z3"])
@pytest.mark.parametrize("document", [
    one(nested("({} == a)", "a", 100), BITS), one(nested("(a == {} == b)", "c", 40), BITS),
    one(nested("(a if {} else b)", "c", 60), BITS), one(nested("(a == {}) or b", "c", 60), BITS),
    one(nested("iff({}, a)", "b", 100), BITS), one(nested("(({}) + a <= 1)", "b", 60), BITS),
    one("t[t[t[t[x]]]] >= 3", params={"t": [(7 * n) % 11 for n in range(11)]}),
    one("t[x] == 3", {"x": {"type": "int", "lb": 0, "ub": 899}}, params={"t": list(range(900))}),
    one(nested("abs({} - 1)", "x", 60) + " <= 3"), one(nested("max({}, x - 1)", "x", 90) + " <= 3"),
    one(nested("({} if x > 3 else x)", "x", 90) + " <= 3"),
])
async def test_what_is_deep_or_shared_is_solved_all_the_same(document: dict[str, Any], backend: Any):
    found = await ended(document, backend=backend)
    assert found.status == "optimal", found


async def test_a_value_too_long_for_json_is_no_crash():
    found = await ended(one("x == 1000000000000000", {"x": {"type": "int"}}, outputs={"big": "*".join(["(x*x*x*x*x*x*x*x*x*x)"] * 100)}))
    assert found.status == "invalid" and "too large" in found.detail
