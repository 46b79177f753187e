"""What a formulation means, and what is said of one that means nothing."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.formulation.grounding import ground
from eudoxus.solvers.formulation.terms import Compare, Linear

COFFEE: dict[str, Any] = {
    "sets": {"S": ["s1", "s2"], "R": ["r1", "r2", "r3"]},
    "params": {"cap": {"s1": 5, "s2": 6.5}, "need": [1, 2, 3],
               "cost": {"s1|r1": 1, "s1|r2": 2, "s1|r3": 3, "s2": {"r1": 4, "r2": 5, "r3": 6}}},
    "variables": {"x": {"type": "int", "index": ["S", "R"], "lb": 0}},
    "constraints": [{"name": "capacity", "forall": ["s in S"], "expr": "sum(x[s, r] for r in R) <= cap[s]"}],
    "objective": {"sense": "min", "expr": "sum(cost[s, r] * x[s, r] for s in S for r in R)"},
}


def with_constraint(**constraint: Any) -> dict[str, Any]:
    return {**COFFEE, "constraints": [{"name": "c", **constraint}]}


def test_each_combination_of_a_forall_is_a_row_with_its_own_label():
    grounded = ground(COFFEE)
    assert [row.label for row in grounded.rows] == ["capacity[s1]", "capacity[s2]"]
    row = grounded.rows[0].truth
    assert isinstance(row, Compare) and isinstance(row.left, Linear)
    assert row.left.terms == {0: 1, 1: 1, 2: 1} and row.right == 5
    assert [unknown.label for unknown in grounded.unknowns][:3] == ["x[s1,r1]", "x[s1,r2]", "x[s1,r3]"]


def test_tables_are_read_by_joined_keys_and_by_nested_ones():
    objective = ground(COFFEE).objective
    assert objective is not None and isinstance(objective.value, Linear)
    assert objective.value.terms == {0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6}


def test_lists_are_read_by_position_or_by_the_order_of_a_set():
    by_position = ground(with_constraint(forall=["i in range(3)"], expr="x['s1', 'r1'] <= need[i]"))
    assert [row.truth.right for row in by_position.rows if isinstance(row.truth, Compare)] == [1, 2, 3]
    named = {**COFFEE, "params": {"need": {"index": ["R"], "values": [7, 8, 9]}}, "objective": None,
             "constraints": [{"name": "c", "expr": "x['s1', 'r2'] <= need['r2']"}]}
    assert ground(named).rows[0].truth.right == 8  # type: ignore[union-attr]


def test_pairs_are_bound_by_both_names():
    document = {"sets": {"ARCS": [["a", "b"], ["b", "c"]]}, "variables": {"f": {"type": "real", "index": ["ARCS"], "lb": 0}},
                "constraints": [{"name": "flow", "forall": ["(i, j) in ARCS"], "if": "i != 'a'", "expr": "f[(i, j)] <= 3"}]}
    assert [row.label for row in ground(document).rows] == ["flow[b,c]"]


def test_bounds_may_speak_of_the_index():
    document = {"sets": {"S": ["a", "b"]}, "params": {"cap": {"a": 3, "b": 4}},
                "variables": {"x": {"type": "int", "index": ["s in S"], "lb": 0, "ub": "cap[s] + 1"}}}
    assert [unknown.upper for unknown in ground(document).unknowns] == [4, 5]


def test_decimals_are_exact():
    row = ground({"variables": {"x": {"type": "real"}}, "constraints": [{"name": "c", "expr": "x <= 0.1 + 0.2"}]}).rows[0].truth
    assert isinstance(row, Compare) and row.right * 10 == 3  # type: ignore[operator]


@pytest.mark.parametrize(("expr", "said"), [
    ("x['s1', 'r9'] <= 1", "there is no x['s1', 'r9']"),
    ("x['s1'] <= 1", "x has 2 index value(s), not 1"),
    ("y <= 1", "'y' means nothing here"),
    ("x <= 1", "x needs 2 index value(s) in brackets"),
    ("sum(x[s, r] for s in S) <= 1", "'r' means nothing here"),
    ("cap['s3'] <= x['s1', 'r1']", "cap has nothing at 's3'"),
    ("cap <= x['s1', 'r1']", "cap is a table"),
    ("x['s1', 'r1'] / 0 <= 1", "division by zero"),
    ("x['s1', 'r1'] <= 'three'", "the text 'three' stands where a number is needed"),
    ("x['s1', 'r1'] + 1", "a number stands where something true or false is needed"),
    ("sum(x[s, s2] for s in S for x in S) <= 1", "'x' is declared already"),
    ("max(q for q in []) <= x['s1', 'r1']", "max of nothing"),
    ("x['s1', 'r1'] % x['s1', 'r2'] <= 1", "the right side of %"),
    ("sum(1 for r in R if x['s1', r] > 0) <= 1", "a condition cannot depend on variables"),
    ("range(x['s1', 'r1']) <= 1", "range takes"),
    ("len(3) <= x['s1', 'r1']", "len is of a collection"),
    ("atmost(1) and True", "atmost takes a number and the things to count"),
    ("abs(1, 2) <= x['s1', 'r1']", "abs takes 1 argument(s), not 2"),
    ("x['s1', 'r1'] <= 10**3", "** is not allowed: there is no power"),
    ("__import__('os').system('true') == 0", "this cannot be called"),
    ("x.__class__ == 1", "an attribute is not allowed"),
    ("(lambda: 1)() == 1", "this cannot be called"),
    ("[s for s in S] == 1", "a list comprehension is not allowed"),
    ("open('/etc/passwd') == 1", "open cannot be called"),
    ("sum(9999999999999999 for s in S) <= 1", "a number beyond"),
    ("f'{x}' == 1", "there are no f-strings"),
    ("(x := 3) <= 4", "nothing can be assigned"),
    ("x['s1', 'r1'] <= ", "not an expression"),
    ("(" * 300 + "1" + ")" * 300 + " <= 1", "too many nested parentheses"),
    ("x['s1','r1'] <= 1 " + "+ 1 " * 170, "nested more than 150 levels"),
    ("'a' * 1000000000 == 'b'", "stands where a number is needed"),
    ("1 <= 2j", "2j is neither a number"),
    ("__builtins__ == 1", "is not a name that can be used"),
])
def test_what_makes_no_sense_is_named_with_its_place(expr: str, said: str):
    with pytest.raises(FormulationError) as refused:
        ground(with_constraint(expr=expr))
    assert said in str(refused.value)
    assert refused.value.where == "constraints.c.expr"


def test_an_error_tells_the_column_and_the_values_of_the_bound_names():
    with pytest.raises(FormulationError) as refused:
        ground(with_constraint(forall=["s in S", "r in R"], expr="x[s, r] <= cap[r]"))
    assert refused.value.told() == {
        "what": "cap has nothing at 'r1'", "where": "constraints.c.expr", "column": 12, "index": {"s": "'s1'", "r": "'r1'"}}


@pytest.mark.parametrize(("change", "where", "said"), [
    ({"sets": {"S": ["a", "a"]}}, "sets.S", "'a' is there twice"),
    ({"sets": {"S": [1.5]}}, "sets.S", "cannot be an element"),
    ({"sets": {"S": "range(10**9)"}}, "sets.S", "** is not allowed"),
    ({"sets": {"S": "range(1000000)"}}, "sets.S", "a range of 1,000,000 numbers"),
    ({"sets": {"sum": [1]}}, "sets", "'sum' cannot be a name"),
    ({"params": {"S": 1}}, "params", "'S' is declared twice"),
    ({"params": {"p": {"index": ["T"], "values": [1]}}}, "params.p.index", "'T' is not a set"),
    ({"variables": {"x": {"type": "int", "index": ["T"]}}}, "variables.x.index[0]", "'T' means nothing here"),
    ({"variables": {"x": {"type": "int", "lb": 3, "ub": 2}}}, "variables.x", "lb 3 is above ub 2"),
    ({"variables": {"y": {"type": "int"}, "x": {"type": "int", "ub": "y"}}}, "variables.x.ub", "a bound cannot depend on variables"),
    ({"variables": {"x": {"type": "int", "index": ["range(300)", "range(300)"]}}}, "variables.x", "more than 50,000 variables"),
])
def test_what_is_declared_badly_is_named(change: dict[str, Any], where: str, said: str):
    with pytest.raises(FormulationError) as refused:
        ground({"sets": {"S": ["a"]}, **change})
    assert refused.value.where == where
    assert said in refused.value.what


@pytest.mark.parametrize("expr", [
    "sum(i for i in range(2000) for j in range(2000)) <= y", "all(y >= i for i in range(100000) for j in range(99))"])
def test_loops_that_multiply_are_stopped(expr: str):
    with pytest.raises(FormulationError, match="steps of evaluation"):
        ground({"variables": {"y": {"type": "int"}}, "constraints": [{"name": "c", "expr": expr}]})


def test_rows_that_multiply_are_stopped():
    with pytest.raises(FormulationError, match="instances of constraints"):
        ground({"variables": {"y": {"type": "int"}}, "constraints": [{"name": "c", "forall": ["i in range(30000)"], "expr": "y >= i"}]})


def test_numbers_that_multiply_are_stopped():
    tower = " * ".join(["999999999999999"] * 40)
    with pytest.raises(FormulationError, match=r"a number of \d+ bits"):
        ground({"variables": {"y": {"type": "int"}}, "constraints": [{"name": "c", "expr": f"y <= {tower}"}]})
