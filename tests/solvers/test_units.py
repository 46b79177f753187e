"""Units and magnitudes: what is found doubtful before a formulation is believed."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eudoxus.solvers.formulation.dimensions import mixed
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.findings import Finding
from eudoxus.solvers.formulation.grounding import ground
from eudoxus.solvers.formulation.magnitudes import implausible
from eudoxus.solvers.formulation.units import NONE, unit
from eudoxus.solvers.solving import Solve
from tests.solvers.formulating import BUSES, FORMULATION, run, said

MILL: dict[str, Any] = {
    "sets": {"M": ["old", "new"]},
    "params": {"rate": {"old": 2, "new": 5}, "open": {"old": 8, "new": 10}, "price": 30, "stock": 60, "setup": 20, "wage": 18},
    "variables": {"run": {"type": "real", "index": ["M"], "lb": 0}, "on": {"type": "bool", "index": ["M"]}},
    "units": {"rate": "t/h", "open": "h", "price": "EUR/t", "stock": "t", "setup": "min", "run": "h", "wage": "EUR/h"},
}


def looked(*exprs: str, objective: str | None = None, **units: str) -> list[Finding]:
    document = MILL | {"units": MILL["units"] | units, "constraints": [{"name": f"c{n}", "expr": e} for n, e in enumerate(exprs)]}
    if objective:
        document["objective"] = {"sense": "max", "expr": objective}
    return mixed(Formulation.model_validate(document).document())


@pytest.mark.parametrize("expr", [
    "sum(rate[m] * run[m] for m in M) <= stock", "run['old'] <= open['old'] * on['old']", "run['old'] <= 8",
    "run['old'] + 5 <= open['old']",
    "60 * run['old'] >= setup", "max(run['old'], open['old']) - abs(run['new']) <= open['new']", "stock / rate['old'] <= open['old']",
    "sum(on[m] for m in M) <= 1", "all(run[m] <= open[m] for m in M)", "implies(on['old'], run['old'] >= 1)",
    "run['old'] % 2 == run['new']", "(stock if on['old'] else stock * 2) >= rate['new'] * run['new']",
])
def test_what_goes_together_is_not_doubted(expr: str):
    assert looked(expr, objective="sum(price * rate[m] * run[m] - wage * run[m] for m in M)") == []


def test_hours_and_tonnes_are_different_kinds_and_the_terms_are_told_with_their_units():
    (found,) = looked("sum(run[m] for m in M) <= stock")
    assert (found.kind, found.where, found.column) == ("units", "constraints.c0.expr", 27)
    assert found.terms == ("sum(run[m] for m in M) [h]", "stock [t]")
    assert found.what.startswith("compares sum(run[m] for m in M) [h] and stock [t], different kinds")


def test_hours_and_minutes_are_of_one_kind_and_sixty_times_apart():
    (found,) = looked("sum(run[m] for m in M) + setup <= open['old']")
    assert (found.kind, found.terms) == ("scales", ("sum(run[m] for m in M) [h]", "setup [min]"))
    assert found.what.endswith("one h is 60 min")


def test_units_further_apart_than_a_float_can_tell_are_told_all_the_same():
    found, = looked("setup + stock <= 3", setup="*".join(["kWh^9/J^9"] * 10), stock="1")
    assert found.kind == "scales" and "is more than 1e+300 1" in found.what


@pytest.mark.parametrize(("expr", "terms"), [
    ("price + wage <= 9", ("price [EUR/t]", "wage [EUR/h]")),
    ("min(stock, run['old']) >= 1", ("stock [t]", "run['old'] [h]")),
    ("on['old'] + stock <= 1", ("on['old'] [1]", "stock [t]")),
    ("implies(on['old'], price * stock <= wage)", ("price * stock [EUR]", "wage [EUR/h]")),
    ("sum(rate[m] for m in M if rate[m] >= price) <= 3", ("rate[m] [t/h]", "price [EUR/t]")),
    ("-stock <= -open['old']", ("-stock [t]", "-open['old'] [h]")),
    ("(stock if on['old'] else wage) <= 1", ("stock [t]", "wage [EUR/h]")),
])
def test_mixtures_are_found_wherever_they_stand(expr: str, terms: tuple[str, str]):
    assert [one.terms for one in looked(expr)] == [terms]


def test_the_objective_is_looked_at_and_names_without_a_unit_go_with_everything():
    (found,) = looked(objective="price * stock + stock")
    assert found.where == "objective.expr"
    document = MILL | {"units": {"stock": "t"}, "constraints": [{"name": "c", "expr": "run['old'] <= stock"}]}
    assert mixed(Formulation.model_validate(document).document()) == []
    assert mixed(Formulation.model_validate(MILL | {"units": {}}).document()) == []


@pytest.mark.parametrize(("text", "scale"), [
    ("kg*m/s^2", 1), ("kEUR", 1000), ("%", Fraction(1, 100)), ("1/h", Fraction(1, 3600)), ("t per day", Fraction(1000, 86400)),
    ("crate", 1), ("kWh", 3_600_000), ("1", 1),
])
def test_units_are_read(text: str, scale: Fraction):
    assert unit(text, "units.x").scale == scale
    assert unit("kW*h", "").kind == unit("kWh", "").kind == unit("MJ", "").kind


@pytest.mark.parametrize("text", ["", " ", "3 t", "t//h", "t**2", "/h", "t h", "t^99", "m^9*m^9", "x" * 200,
                                  "__import__('os')", "a.b", "(t)"])
def test_what_is_no_unit_is_refused_with_its_place(text: str):
    with pytest.raises(FormulationError) as refused:
        unit(text, "units.x")
    assert refused.value.where == "units.x"


@given(st.lists(st.tuples(st.sampled_from(["t", "kg", "h", "min", "EUR", "crate", "m2", "%"]), st.integers(-2, 2)), max_size=4))
def test_units_are_a_group_and_read_back_from_what_they_are_written_as(parts: list[tuple[str, int]]):
    whole = NONE
    for symbol, power in parts:
        whole = whole * unit(symbol, "").to_the(power)
    assert whole / whole == NONE
    assert whole * NONE == whole
    if all(abs(power) <= 9 for _, power in (*whole.kind, *whole.written)):
        assert unit(str(whole), "") == whole


async def test_a_unit_of_nothing_and_a_bad_one_are_faults_with_their_place():
    for units, where in (({"nought": "t"}, "units.nought"), ({"stock": "t t"}, "units.stock")):
        found = await Solve(formulation=Formulation.model_validate(MILL | {"units": units})).run()
        assert found.status == "invalid" and found.error is not None and found.error.where == where


async def test_a_solution_tells_what_is_doubtful_and_is_silent_where_nothing_is():
    document = MILL | {"constraints": [{"name": "capacity", "forall": ["m in M"], "expr": "run[m] <= setup"}],
                       "objective": {"sense": "max", "expr": "sum(price * rate[m] * run[m] for m in M)"}}
    found = await Solve(formulation=Formulation.model_validate(document)).run()
    assert found.status == "optimal"
    assert [(one.kind, one.where, one.terms) for one in found.doubts] == [
        ("scales", "constraints.capacity.expr", ("run[m] [h]", "setup [min]"))]
    plain = await Solve(formulation=Formulation.model_validate(document | {"units": {}})).run()
    assert "doubts" not in plain.model_dump()


def amounts(params: dict[str, Any], *exprs: str, ub: float | None = 10) -> list[Finding]:
    document = Formulation.model_validate({
        "sets": {"S": ["a", "b", "c"]}, "params": params, "variables": {"x": {"type": "real", "index": ["S"], "lb": 2, "ub": ub}},
        "constraints": [{"name": f"c{n}", "expr": e} for n, e in enumerate(exprs)]}).document()
    return implausible(document, ground(document))


def test_an_entry_in_grams_among_kilograms_stands_out():
    (found,) = amounts({"weight": {"a": 2, "b": 3, "c": 4500}})
    assert (found.kind, found.where) == ("magnitude", "params.weight")
    assert found.terms[0] == "weight[c] = 4500"
    assert [one.terms[0] for one in amounts({"w": {"a": {"x": 1, "y": 9e4}, "b": {"x": 2, "y": 3}}})] == ["w[a|y] = 90000"]
    assert amounts({"weight": {"a": 2, "b": 3, "c": 2000}}) == []
    assert amounts({"weight": {"a": 2, "b": 90_000}}) == []


def test_numbers_that_cannot_be_used_are_not_compared():
    assert amounts({"w": {"a": 1, "b": 2, "c": 10**4000, "d": float("nan"), "e": float("inf"), "f": 3, "g": True, "h": "9"}}) == []


def test_a_limit_that_nothing_comes_near_is_told_with_both_amounts():
    (found,) = amounts({"w": {"a": 2, "b": 3, "c": 4}}, "sum(w[s] * x[s] for s in S) <= 500000")
    assert found.where == "constraints.c0"
    assert found.terms == ("the variables come to 90 at the most", "the limit is 500000")
    (found,) = amounts({"w": {"a": 2, "b": 3, "c": 4}}, "sum(w[s] * x[s] for s in S) >= 1 / 100")
    assert found.terms == ("the variables come to 18 at the least", "the limit is 0.01")


@pytest.mark.parametrize("expr", [
    "x['a'] <= 9000", "x['a'] + x['b'] >= 3", "x['a'] == x['b']", "x['a'] <= x['b']", "x['a'] * x['b'] <= 9e9"])
def test_limits_within_reach_and_forms_without_a_limit_are_not_doubted(expr: str):
    assert amounts({}, expr) == []
    assert amounts({}, "x['a'] <= 9e9", ub=None) == []


async def test_a_model_that_mixes_units_is_told_so_and_the_task_gives_those_of_the_constants():
    task = BUSES.model_copy(update={"units": {"cost": "EUR", "seats": "seat", "pupils": "seat", "drivers": "1"}})
    wrong = FORMULATION | {"units": {"n": "h"}}
    right = FORMULATION | {"units": {"n": "1"}}
    result, endpoint = await run("llmfp(lean=true,max_iters=0)", task, [json.dumps({"formulation": one}) for one in (wrong, right)])
    assert 'seats = {"coach": 40, "minibus": 12}  (in seat)' in said(endpoint, 0)
    assert '"units": {"x": "t"}' in said(endpoint, 0)
    assert "sum(seats[t] * n[t] for t in TYPES) [h*seat] and pupils [seat], different kinds of quantity." in said(endpoint, 1)
    assert result.artifacts["formulation"]["units"]["n"] == "1"
    assert result.artifacts["formulation"]["units"]["cost"] == "EUR"


def test_a_task_refuses_units_of_what_it_does_not_give():
    for units in ({"nought": "t"}, {"cost": "EUR EUR"}):
        with pytest.raises(ValidationError, match="units"):
            type(BUSES).model_validate(BUSES.model_dump() | {"units": units})
