"""Shared names and definitions must not make products grow without end."""

from __future__ import annotations

import pytest

from eudoxus.solvers import gate
from eudoxus.solvers.smtlib import Refused


def squared(times: int, first: str) -> str:
    lets = "".join(f"(let ((x{n + 1} (* x{n} x{n}))) " for n in range(times))
    return f"(declare-const a Int)(assert (let ((x0 {first})) {lets}(= x{times} 7){')' * times}))"


@pytest.mark.parametrize("text", [
    squared(7, "a"), squared(30, "2"), squared(900, "a"),
    "(define-fun f ((x Int)) Int (* x x x x x))(declare-const a Int)(assert (= (f (f (f a))) 7))",
    "(define-const big Int 2)" + "".join(f"(define-const b{n} Int (* {f'b{n - 1} b{n - 1}' if n else 'big big'}))" for n in range(20)),
    "(declare-const a Int)(assert (= (^ a 1000) 7))", "(assert (= (^ 2 (^ 2 (^ 2 100))) 7))",
    '(assert (let ((a (str.++ "aa" "aa"))) (let ((b (str.++ a a a a a a a a))) (let ((c (str.++ b b b b b b b b))) (= c "")))))',
    "(declare-const v (_ BitVec 8))(assert (let ((a (concat v v v v v v v v v))) (let ((b (concat a a a a a a a a))) (= b b))))",
])
def test_products_that_sharing_makes_huge_are_refused(text: str):
    with pytest.raises(Refused, match=r"line 1: .* degree above 64"):
        gate(text)


@pytest.mark.parametrize("text", [
    squared(6, "a"), squared(4, "2"),
    f"(declare-const a Int)(assert (= (* {'a ' * 100}) 7))",
    "(assert " + "".join(f"(let ((h{n + 1} (+ (* 10 {f'h{n}' if n else '1'}) 3))) " for n in range(300)) + "(> h300 0)" + ")" * 301,
    "(assert (let ((x 1) (x 2)) (let ((y x)) (= y y))))", "(assert (let ((x 1)) (and (let ((x 2)) (= x x)) (= x x))))",
    "(define-fun-rec f ((n Int)) Int (ite (<= n 1) 1 (* n (f (- n 1)))))(assert (= (f 5) 120))",
    "(assert (let))", "(assert (let x y))", "(assert (^ ))", "(assert ())", "(assert (()))",
])
def test_what_stays_small_or_is_not_shared_passes(text: str):
    gate(text)


def test_a_long_text_is_measured_fast():
    gate("(declare-const a Int)" + "(assert (let ((b a)) (and " + "(= b (* b b)) " * 15_000 + ")))")
