"""Formulations solved by the real solvers, in their own process."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.solving import Solution, Solve

KNAPSACK: dict[str, Any] = {
    "sets": {"I": ["tent", "stove", "rope", "map"]},
    "params": {"worth": {"tent": 9, "stove": 6, "rope": 5, "map": 2}, "weight": {"tent": 6, "stove": 4, "rope": 3, "map": 1}},
    "variables": {"take": {"type": "bool", "index": ["I"]}},
    "constraints": [{"name": "weight limit", "expr": "sum(weight[i] * take[i] for i in I) <= 8"}],
    "objective": {"sense": "max", "expr": "sum(worth[i] * take[i] for i in I)"},
    "outputs": {"carried": "sum(weight[i] for i in I if True) - sum(weight[i] * (1 - take[i]) for i in I)"},
}


async def solved(document: dict[str, Any], **options: Any) -> Solution:
    return await Solve(formulation=Formulation.model_validate(document), seconds=options.pop("seconds", 10), **options).run()


@pytest.mark.parametrize("backend", [None, "highs", "z3", "cp_sat"])
async def test_all_backends_find_the_optimum(backend: Any):
    found = await solved(KNAPSACK, backend=backend)
    assert (found.status, found.objective, found.outputs) == ("optimal", 13, {"carried": 8})
    assert found.values["take"] == {"tent": False, "stove": True, "rope": True, "map": True}
    assert found.backend == (backend or "highs")


async def test_what_is_not_linear_goes_to_z3_and_says_why():
    found = await solved({"variables": {"x": {"type": "int", "lb": 1, "ub": 50}, "y": {"type": "int", "lb": 1, "ub": 50}},
                          "constraints": [{"name": "area", "expr": "x * y == 35"}], "objective": {"sense": "min", "expr": "x + y"}})
    assert (found.status, found.objective, found.backend) == ("optimal", 12, "z3")
    assert found.why_backend == "not linear: area: a product of variables"


async def test_a_backend_that_cannot_take_it_says_so():
    found = await solved({"variables": {"x": {"type": "real"}}, "constraints": [{"name": "square", "expr": "x * x <= 4"}]}, backend="highs")
    assert found.status == "unsuitable" and "square: a product of variables" in found.detail


@pytest.mark.parametrize("backend", [None, "z3"])
async def test_an_objective_without_end_is_unbounded(backend: Any):
    found = await solved({"variables": {"x": {"type": "real", "lb": 0}}, "objective": {"sense": "max", "expr": "x"}}, backend=backend)
    assert found.status == "unbounded" and found.objective is None


async def test_a_supremum_that_is_not_reached_is_no_optimum():
    found = await solved({"variables": {"y": {"type": "real", "lb": 0}}, "constraints": [{"name": "below", "expr": "y < 3"}],
                          "objective": {"sense": "max", "expr": "y"}})
    assert (found.status, found.bound, found.objective) == ("not_attained", 3, None)


async def test_without_objective_any_assignment_will_do():
    found = await solved({"variables": {"x": {"type": "int", "lb": 0, "ub": 9}},
                          "constraints": [{"name": "even", "expr": "x % 2 == 0 and x > 6"}]})
    assert (found.status, found.values) == ("optimal", {"x": 8})


async def test_soft_constraints_are_paid_for_where_they_break():
    found = await solved({
        "sets": {"P": ["ann", "bob"]}, "variables": {"shift": {"type": "int", "index": ["P"], "lb": 1, "ub": 2}},
        "constraints": [{"name": "apart", "expr": "distinct(shift[p] for p in P)"},
                        {"name": "early", "forall": ["p in P"], "expr": "shift[p] == 1", "soft": 3},
                        {"name": "late ann", "expr": "shift['ann'] == 2", "soft": 1}]})
    assert found.status == "optimal"
    assert found.values["shift"] == {"ann": 2, "bob": 1} and found.unsatisfied == ("early[ann]",)


async def test_an_infeasible_one_has_a_minimal_core_and_the_least_changes():
    found = await solved({
        "sets": {"S": ["a", "b"]}, "params": {"cap": {"a": 10, "b": 20}},
        "variables": {"x": {"type": "int", "index": ["S"], "lb": 0}, "idle": {"type": "int", "lb": 0}},
        "constraints": [{"name": "capacity", "forall": ["s in S"], "expr": "x[s] <= cap[s]"},
                        {"name": "demand", "expr": "sum(x[s] for s in S) >= 37", "firm": True},
                        {"name": "unrelated", "expr": "idle <= 4"}]})
    assert found.status == "infeasible"
    assert found.core is not None and found.core.minimal
    assert found.core.constraints == ("capacity[a]", "capacity[b]", "demand")
    assert [(one.kind, one.constraints, one.by, one.limit, one.becomes) for one in found.repairs] == [
        ("relax", ("capacity[b]",), 7, 20, 27), ("relax", ("capacity[a]",), 7, 10, 17), ("drop", ("capacity[a]",), None, None, None)]


async def test_what_makes_no_sense_comes_back_with_its_place():
    found = await solved({"variables": {"x": {"type": "int"}},
                          "constraints": [{"name": "c", "forall": ["i in range(3)"], "expr": "x / i <= 1"}]})
    assert found.status == "invalid" and found.error is not None
    assert (found.error.where, found.error.column, found.error.index) == ("constraints.c.expr", 1, {"i": "0"})
    assert found.error.what == "division by zero"


async def test_a_solver_that_takes_too_long_is_stopped_and_gives_what_it_has():
    big = {"sets": {"I": "range(40)"}, "variables": {"x": {"type": "int", "index": ["I"], "lb": 2, "ub": 10**6}},
           "constraints": [{"name": "cube", "expr": "x[0] * x[0] * x[0] + x[1] * x[1] * x[1] == x[2] * x[2] * x[2]"}]}
    found = await solved(big, seconds=1, explain=False)
    assert found.status == "unknown" and not found.values


@pytest.mark.parametrize(("expr", "value"), [
    ("abs(x - 7)", 2), ("max(x, 3)", 9), ("min(x, 3) + max(3, x)", 12), ("floor(x / 2)", 4), ("ceil(x / 2)", 5), ("x % 4", 1),
    ("5 if x > 3 else 1", 5), ("sum([x > 1, x > 100])", 1), ("table[x]", 90), ("(b and x > 3) + (b or x > 30)", 2), ("x * b", 9),
])
@pytest.mark.parametrize("backend", ["highs", "z3"])
async def test_functions_mean_the_same_to_every_backend(backend: Any, expr: str, value: float):
    found = await solved({
        "params": {"table": [10 * n for n in range(13)]}, "outputs": {"looked": expr},
        "variables": {"x": {"type": "int", "lb": 0, "ub": 12}, "b": {"type": "bool"}, "y": {"type": "int", "lb": -500, "ub": 500}},
        "constraints": [{"name": "x", "expr": "x == 9"}, {"name": "b", "expr": "b"}, {"name": "y", "expr": f"y == ({expr})"}],
    }, backend=backend)
    assert (found.status, found.values["y"], found.outputs["looked"]) == ("optimal", value, value)


@pytest.mark.parametrize(("expr", "status"), [
    ("x == 0 and (x == 0 or 1 / x > 2)", "optimal"), ("x == 0 and implies(x > 0, 1 / x > 2)", "optimal"),
    ("x == 0 and 1 / x > 2", "infeasible"), ("1 / (x - x) > 2", "infeasible"),
])
async def test_a_division_must_make_sense_only_where_it_is_reached(expr: str, status: str):
    found = await solved({"variables": {"x": {"type": "int", "lb": 0, "ub": 5}}, "constraints": [{"name": "c", "expr": expr}]})
    assert found.status == status
    assert found.core is None or found.core.constraints == ("c",)
