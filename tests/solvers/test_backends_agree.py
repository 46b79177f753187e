"""Random small formulations: HiGHS, z3, CP-SAT and trying everything give the same optimum."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from eudoxus.solvers.backends import highs, z3
from eudoxus.solvers.backends.answer import Answer
from eudoxus.solvers.deciding import Clock, decide, evaluator, feasible
from eudoxus.solvers.explaining import core_of, repairs_of
from eudoxus.solvers.formulation.evaluation import Evaluator
from eudoxus.solvers.formulation.grounding import Grounded, ground
from eudoxus.solvers.formulation.linearising import linearised
from eudoxus.solvers.formulation.terms import Compare, total

NAMES = ("a", "b", "p")
DOMAINS = {"a": range(-2, 4), "b": range(5), "p": (False, True)}
DECLARED = {"a": {"type": "int", "lb": -2, "ub": 3}, "b": {"type": "int", "lb": 0, "ub": 4}, "p": {"type": "bool"}}

numbers = st.recursive(
    st.sampled_from(["a", "b", "p", "1", "2", "3", "0.5", "-1"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-"), inner),
        st.builds("({} * {})".format, st.sampled_from(["2", "-3", "p"]), inner),
        st.builds("abs({})".format, inner), st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("({} if p else {})".format, inner, inner), st.builds("floor((a + {}) / 2)".format, st.sampled_from(["b", "p", "3"])),
        st.builds("((a + 2 * b) % {})".format, st.sampled_from("234")), st.builds("table[{}]".format, st.sampled_from(["b", "3 - b", "a"])),
    ), max_leaves=4)
truths = st.recursive(
    st.one_of(st.just("p"), st.builds("{} {} {}".format, numbers, st.sampled_from(["<=", ">=", "==", "<", ">", "!="]), numbers)),
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner), st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["implies", "iff"]), inner, inner),
        st.builds("{}(1, [{}, {}])".format, st.sampled_from(["atmost", "atleast", "exactly"]), inner, inner),
    ), max_leaves=3)


@st.composite
def formulations(draw: Any) -> dict[str, Any]:
    constraints = draw(st.lists(truths, min_size=1, max_size=3))
    goals = st.fixed_dictionaries({"sense": st.sampled_from(["min", "max"]), "expr": numbers})
    objective = draw(st.one_of(st.none(), goals))
    return {"variables": DECLARED, "params": {"table": [5, 1, 4, 2, 3]}, "objective": objective,
            "constraints": [{"name": f"c{place}", "expr": expr} for place, expr in enumerate(constraints)]}


def brute_force(document: dict[str, Any]) -> tuple[bool, Any]:
    """Whether there is a solution, and the best objective."""
    costs = []
    for values in itertools.product(*(DOMAINS[name] for name in NAMES)):
        look = Evaluator(document, {name: {(): value} for name, value in zip(NAMES, values, strict=True)}, Fraction(0))
        if not look.broken():
            try:
                costs.append(look.cost())
            except ValueError:  # an element that is not in the table: no solution either
                continue
    if not costs or document["objective"] is None:
        return bool(costs), None
    return True, min(costs) if document["objective"]["sense"] == "min" else max(costs)


def outcome(document: dict[str, Any], grounded: Grounded, answer: Answer) -> tuple[bool, Any]:
    if answer.values is None:
        assert answer.status == "infeasible"
        return False, None
    look = evaluator(document, grounded, answer)
    assert not look.broken()
    return True, look.cost()


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(formulations())
def test_highs_z3_and_trying_everything_agree(document: dict[str, Any]):
    note(json.dumps(document["constraints"]) + json.dumps(document["objective"]))
    grounded = ground(document)
    expected = brute_force(document)
    assert outcome(document, grounded, highs.solve(linearised(grounded), 20)) == expected
    assert outcome(document, grounded, z3.solve(grounded, 20, 512)) == expected


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(formulations())
def test_cores_are_minimal_and_repairs_repair(document: dict[str, Any]):
    document = {**document, "objective": None}
    document["constraints"] = [*document["constraints"], {"name": "high", "expr": "a + b >= 9"}, {"name": "low", "expr": "a <= 2"}]
    grounded, clock = ground(document), Clock(60)
    core = core_of(grounded, clock, 512)
    assert core is not None and core.minimal
    assert feasible(Grounded(grounded.unknowns, core.rows, None, grounded.names), clock, 512) is False
    for row in core.rows:
        rest = [one for one in core.rows if one is not row]
        assert feasible(Grounded(grounded.unknowns, rest, None, grounded.names), clock, 512) is True
    for repair in repairs_of(grounded, core, frozenset(), clock, 512):
        rows = []
        for row in grounded.rows:
            if row.label not in repair.constraints:
                rows.append(row)
            elif repair.kind == "relax":
                assert isinstance(row.truth, Compare) and repair.by is not None
                eased = Compare(row.truth.relation, row.truth.left, total((row.truth.right, repair.by)))
                rows.append(type(row)(row.name, row.label, eased))
        assert feasible(Grounded(grounded.unknowns, rows, None, grounded.names), clock, 512) is True


CP_SAT = """
import json, sys
from eudoxus.solvers.backends import cp_sat
from eudoxus.solvers.backends.answer import Unsuitable
from eudoxus.solvers.formulation.grounding import ground
from eudoxus.solvers.formulation.linearising import linearised
for document in json.load(sys.stdin):
    try:
        answer = cp_sat.solve(linearised(ground(document)), 20)
    except Unsuitable:  # halves
        print("null")
    else:
        print(json.dumps([answer.status, answer.values]))
"""


def test_cp_sat_agrees_in_a_process_of_its_own():
    pytest.importorskip("ortools")
    documents: list[dict[str, Any]] = []

    @settings(max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(formulations())
    def collect(document: dict[str, Any]) -> None:
        documents.append(document)

    collect()
    asked = json.dumps(documents)
    done = subprocess.run([sys.executable, "-c", CP_SAT], input=asked, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    found = list(zip(documents, map(json.loads, done.stdout.splitlines()), strict=True))
    taken = [(document, *answer) for document, answer in found if answer is not None]
    assert len(taken) > len(found) // 2
    for document, status, values in taken:
        assert outcome(document, ground(document), Answer(status, values)) == brute_force(document)


def test_the_choice_of_backend_changes_no_optimum():
    document = {"variables": DECLARED, "params": {"table": [5, 1, 4, 2, 3]}, "objective": {"sense": "max", "expr": "table[b] + a"},
                "constraints": [{"name": "c", "expr": "implies(p, a < b) and (p or b > 2)"}]}
    found = [decide(document, ground(document), backend, Clock(20), 512) for backend in (None, "highs", "z3")]  # type: ignore[arg-type]
    assert len({outcome(document, ground(document), one.answer) for one in found}) == 1
