"""Sizes at which floats mislead: HiGHS takes small coefficients as zero and large bounds as none."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.solving import Solution, Solve

SACK = {"sets": {"I": "range(8)"}, "params": {"weight": [3, 5, 7, 9, 4, 6, 8, 11], "worth": [4, 6, 8, 9, 5, 7, 9, 13], "huge": 10**15},
        "variables": {"x": {"type": "bool", "index": ["I"]}},
        "constraints": [{"name": "weight", "expr": "sum(weight[i] * x[i] for i in I) <= 25"}]}
REAL = {"params": {"huge": 10**15}, "variables": {"x": {"type": "real", "lb": 0}}}


async def solved(document: dict[str, Any], **options: Any) -> Solution:
    return await Solve(formulation=Formulation.model_validate(document), seconds=10, **options).run()


@pytest.mark.parametrize(("factor", "best"), [("1", 30), ("0.00000001", 3e-7), ("1000000000", 3e10), ("0.000000000000001", 3e-14)])
async def test_the_optimum_is_the_same_in_any_unit(factor: str, best: float):
    found = await solved(SACK | {"objective": {"sense": "max", "expr": f"{factor} * sum(worth[i] * x[i] for i in I)"}}, backend="highs")
    assert found.status == "optimal" and found.objective == pytest.approx(best)


async def test_a_coefficient_that_floats_lose_is_no_contradiction():
    found = await solved(REAL | {"constraints": [{"name": "c", "expr": "0.0000000001 * x >= 1"}]})
    assert (found.status, found.backend, found.values["x"]) == ("optimal", "z3", 10**10)


@pytest.mark.parametrize("constraint", ["x <= huge * huge", "x <= huge * 1000000 + 7"])
async def test_a_large_bound_is_a_bound(constraint: str):
    found = await solved(REAL | {"constraints": [{"name": "c", "expr": constraint}], "objective": {"sense": "max", "expr": "x"}})
    assert (found.status, found.backend) == ("optimal", "z3")


async def test_highs_refuses_what_it_would_misread():
    found = await solved(REAL | {"constraints": [{"name": "c", "expr": "x <= huge * huge"}]}, backend="highs")
    assert found.status == "unsuitable" and "a bound beyond 1e+20" in found.detail


@pytest.mark.parametrize("backend", ["highs", "z3"])
@pytest.mark.parametrize(("bounds", "value"), [({"lb": 0.5}, True), ({"ub": 0.5}, False)])
async def test_a_bound_between_false_and_true_decides(bounds: dict[str, float], value: bool, backend: Any):
    found = await solved({"variables": {"x": {"type": "bool", **bounds}}}, backend=backend)
    assert (found.status, found.values) == ("optimal", {"x": value})


async def test_that_there_is_no_solution_is_told_even_where_the_reason_takes_too_long():
    """Pigeons and holes: finding a core takes longer than the second there is for it."""
    document = {"sets": {"P": "range(12)", "H": "range(11)"}, "variables": {"at": {"type": "bool", "index": ["P", "H"]}},
                "constraints": [{"name": "somewhere", "forall": ["p in P"], "expr": "sum(at[p, h] for h in H) >= 1"},
                                {"name": "alone", "forall": ["h in H"], "expr": "sum(at[p, h] for p in P) <= 1"}]}
    found = await Solve(formulation=Formulation.model_validate(document), seconds=1).run()
    assert found.status == "infeasible"
