"""Asking the real z3."""

from __future__ import annotations

import time

import pytest

from eudoxus.solvers import Check, z3


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


async def test_a_text_that_blows_up_ends_within_its_memory_or_time():
    lets = "".join(f"(let ((x{n + 1} (* x{n} x{n}))) " for n in range(400))
    found = await Check(text=f"(declare-const x0 Int)(assert {lets}(= x400 (+ x0 7)){')' * 400})", seconds=2, memory_mb=64).run()
    assert found.status in ("memory", "timeout", "unknown", "unsat", "crashed")


async def test_without_z3_the_outcome_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(z3, "executable", lambda: None)
    found = await Check(text="(assert true)").run()
    assert found.status == "unavailable" and "pip install z3-solver" in found.message


async def test_what_a_text_names_cannot_stand_for_a_status():
    found = await Check(text="(declare-const |sat| Bool)(assert (! (and |sat| (not |sat|)) :named |sat |))").run()
    assert found.status == "unsat"
