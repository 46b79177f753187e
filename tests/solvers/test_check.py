"""Asking the real z3."""

from __future__ import annotations

import random
import time
from typing import get_args

import pytest

from eudoxus.solvers import Check, check, second_opinion, z3


async def test_values_that_meet_the_constraints_are_given():
    text = "(declare-const x Int)(declare-const |a b| Real)(assert (= (* x x) 49))(assert (< x 0))(assert (= |a b| 0.5))"
    found = await Check(text=text).run()
    assert (found.status, found.model) == ("sat", {"x": "(- 7)", "|a b|": "(/ 1.0 2.0)"})


async def test_contradicting_assertions_are_named_and_the_others_are_not():
    text = "(declare-const x Int)(assert (! (> x 5) :named large))(assert (! (< x 3) :named small))(assert (> x 0))"
    found = await Check(text=text).run()
    assert found.status == "unsat" and sorted(found.core) == ["large", "small"]


async def test_an_error_makes_the_text_invalid_even_where_the_rest_could_be_satisfied():
    found = await Check(text="(declare-const x Int)(assert (> y 5))(assert (< x 3))").run()
    assert (found.status, found.message) == ("invalid", "unknown constant y")


async def test_what_the_gate_refuses_never_reaches_z3(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("eudoxus.solvers.check.ask", None)
    assert (await Check(text='(include "/etc/passwd")').run()).status == "invalid"


async def test_a_hard_text_ends_in_time():
    declared = "".join(f"(declare-const {name} Int)(assert (> {name} 0))" for name in "xyz")
    hard = f"{declared}(assert (= (+ (* x x x) (* y y y)) (* z z z)))"
    start = time.monotonic()
    assert (await Check(text=hard, seconds=1).run()).status in ("timeout", "unknown")
    assert time.monotonic() - start < 6


@pytest.mark.parametrize("text", [
    "(declare-const v (_ BitVec 64))(assert (= ((_ repeat 100000000) v) ((_ repeat 100000000) v)))",
    "(declare-const v (_ BitVec 4000000000))(assert (bvugt (bvmul v v) v))",
    "(define-fun-rec f ((n Int)) Int (f (+ n 1)))(assert (= (f 0) 1))(assert (= (f 1) 2))",
    "(declare-const x Int)(assert (= " + "(+ 1 (* x x " * 300 + "x" + "))" * 300 + " 7))",
    f"(declare-const x Int)(assert (= (* x x x) {'9' * 100_000}))",
    "(declare-const x Int)" + "".join(f"(assert-soft (> (* x x x) {n}) :id g{n})" for n in range(2000)),
])
async def test_a_text_that_blows_up_ends_within_its_memory_or_time(text: str):
    start = time.monotonic()
    found = await Check(text=text, seconds=1, memory_mb=64).run()
    assert found.status in get_args(check.Status) and time.monotonic() - start < 1 + z3.GRACE_S + 3


async def test_without_z3_the_outcome_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(z3, "executable", lambda: None)
    found = await Check(text="(assert true)").run()
    assert found.status == "unavailable" and "pip install z3-solver" in found.message


async def test_what_a_text_names_cannot_stand_for_a_status():
    found = await Check(text="(declare-const |sat| Bool)(assert (! (and |sat| (not |sat|)) :named |sat |))").run()
    assert found.status == "unsat"


async def test_the_optimum_is_told_exactly():
    text = "(declare-const x Int)(declare-const y Real)(assert (<= (* 3 y) 1 x))(minimize x)(maximize (+ y y))"
    found = await Check(text=text).run()
    assert [(one.kind, one.what, one.status, one.value) for one in found.objectives] == [
        ("minimize", "x", "optimal", "1"), ("maximize", "(+ y y)", "optimal", "2/3")]


async def test_an_objective_without_optimum_is_none():
    text = "(declare-const x Int)(declare-const y Real)(assert (< y 3.0))(assert (> x 1))(maximize y)(maximize x)(minimize x)"
    found = await Check(text=text).run()
    assert [(one.status, one.value) for one in found.objectives][:2] == [("not_attained", "3"), ("unbounded", None)]
    alone = await Check(text="(declare-const y Real)(assert (< y 3.0))(maximize y)").run()
    assert [(one.status, one.value) for one in alone.objectives] == [("not_attained", "3")]


async def test_what_soft_assertions_cost_is_told_by_group():
    text = ("(declare-const x Int)(assert (< x 6))(assert-soft (> x 5) :weight 2.5 :id late)(maximize x)(assert-soft (> x 7) :id late)"
            "(assert-soft (> x 4))")
    found = await Check(text=text).run()
    assert [(one.kind, one.what, one.value) for one in found.objectives] == [
        ("soft", "late", "7/2"), ("maximize", "x", "5"), ("soft", "", "0")]


@pytest.mark.parametrize("goal", ["", "(minimize x)", "(assert-soft (> x 100))"])
async def test_a_core_is_minimal_with_and_without_objectives(goal: str):
    text = ("(declare-const x Int)(declare-const y Int)" + "".join(f"(assert (! (> x {n}) :named above-{n}))" for n in range(8))
            + "(assert (! (< x y) :named order))(assert (! (< y 3) :named low))(assert (! (= (+ x y) (+ y x)) :named nothing))")
    found = await Check(text=text + goal).run()
    assert found.status == "unsat" and len(found.core) == 3
    assert {"order", "low"} < set(found.core) and not found.objectives


async def test_the_usual_check_is_identified_as_it_always_was():
    assert Check(text="(assert true)").digested() == {"text": "(assert true)", "seconds": 5.0, "memory_mb": 512}
    assert Check(text="(assert true)", confirm=True).digested()["confirm"] is True


@pytest.mark.parametrize(("text", "status"), [("(declare-const x Int)(assert (> x 3))(minimize x)", "sat"),
                                              ("(declare-const x Int)(assert (< 3 x 3))", "unsat")])
async def test_cvc5_confirms_what_z3_says(text: str, status: str):
    pytest.importorskip("cvc5")
    found = await Check(text=text, confirm=True).run()
    assert found.status == status and found.second is not None
    assert (found.second.solver, found.second.status) == ("cvc5", status)


async def test_solvers_that_contradict_each_other_are_told_apart(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("cvc5")

    async def wrong(text: str, **limits: float) -> second_opinion.Opinion:
        return await asked(text.replace("(> x 3)", "(> x x)"), **limits)

    asked = second_opinion.second_opinion
    monkeypatch.setattr(check, "second_opinion", wrong)
    found = await Check(text="(declare-const x Int)(assert (> x 3))", confirm=True).run()
    assert (found.status, found.message) == ("disputed", "z3 says sat, cvc5 says unsat")


async def test_a_second_opinion_has_its_limits_too():
    pytest.importorskip("cvc5")
    declared = "".join(f"(declare-const {name} Int)(assert (> {name} 1))" for name in "xyz")
    start = time.monotonic()
    found = await second_opinion.second_opinion(f"{declared}(assert (= (+ (* x x x) (* y y y)) (* z z z)))", seconds=1, memory_mb=256)
    assert found.status in ("unknown", "timeout", "memory", "crashed") and time.monotonic() - start < 8


async def test_what_cvc5_cannot_read_is_no_contradiction():
    pytest.importorskip("cvc5")
    found = await Check(text="(declare-const x Int)(assert (= (bv2int (int2bv x)) 1))(assert ((_ at-most 1) true))", confirm=True).run()
    assert found.second is None or found.second.status in ("invalid", "sat", "unknown")


def knapsack(count: int, rows: int, rng: random.Random) -> str:
    """Far too much for z3 in a second; nothing at all is a solution."""
    def weighted() -> str:
        return " ".join(f"(* {rng.randint(3, 97)} x{one})" for one in range(count))

    bounds = "".join(f"(declare-const x{one} Int)(assert (<= 0 x{one} 9))" for one in range(count))
    limits = "".join(f"(assert (<= (+ {weighted()}) {rng.randint(900, 2000)}))" for _ in range(rows))
    return f"{bounds}{limits}(maximize (+ {weighted()}))"


async def test_an_optimisation_that_is_broken_off_tells_the_best_that_was_found():
    text = knapsack(40, 6, random.Random(3))
    found = await Check(text=text, seconds=1.5).run()
    assert found.status == "unknown" and "not proved" in found.message
    assert len(found.model) == 40
    (goal,) = found.objectives
    assert goal.status == "open" and goal.value is not None and int(goal.value) > 0
    fixed = "".join(f"(assert (= {name} {value}))" for name, value in found.model.items())
    again = await Check(text=text + fixed).run()
    assert (again.status, again.objectives[0].status, again.objectives[0].value) == ("sat", "optimal", goal.value)


async def test_what_is_broken_off_before_anything_was_found_has_no_model():
    declared = "".join(f"(declare-const {v} Int)(assert (> {v} 1))" for v in "xyz")
    found = await Check(text=declared + "(assert (= (+ (* x x x) (* y y y)) (* z z z)))(minimize x)", seconds=1).run()
    assert found.status in ("unknown", "timeout") and found.model == {} and found.objectives == []
