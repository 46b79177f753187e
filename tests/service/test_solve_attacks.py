"""Attacks on ``POST /v1/solve``: refused or stopped with a clear error; no file is touched, and the service goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

SMALL: dict[str, Any] = {"variables": {"x": {"type": "int", "lb": 0, "ub": 5}}, "objective": {"sense": "max", "expr": "x"}}


def formulation(expr: str, **more: Any) -> dict[str, Any]:
    return {"formulation": SMALL | {"constraints": [{"name": "c", "expr": expr}]} | more}


@pytest.mark.parametrize(("text", "said"), [
    ('(include "{file}")', "the command include is not allowed"),
    ('(set-option :regular-output-channel "{file}")(echo "x")', "the command echo is not allowed"),
    ('(set-option :diagnostic-output-channel "{file}")(assert y)', "unknown constant y"),
    ('(set-option :regular-output-channel "{file}")(get-proof)', "the command get-proof is not allowed"),
    ('(assert (! true :named |a) (include "{file}"|))', None), ('(declare-const |\n(include "{file}")\n| Int)(assert true)', None),
    ('(declare-const x Int) ; \r(include "{file}")', None),
    ("(assert (forall ((x Int)) (> x 0)))", "quantifiers"), ("(assert " + "(not " * 1500 + "true" + ")" * 1501, "brackets are open"),
    ("(declare-const x Int)(assert " + "".join("(let ((x (* x x))) " for _ in range(30)) + "(= x 7)" + ")" * 31, "degree above 64"),
    ("(assert true)" * 30_000, "256000"), ("(declare-const x Int)(declare-const x Int)(assert true)", "declared"),
    ("(declare-const x Int)(declare-const |x| Bool)", "|x| is declared twice"), ("(assert 5)", "not Boolean"),
    ('(assert (+ 1 true "a"))', "Sort"), ('(declare-const x Int)(assert (= x (ite (> x 1) "a" "b")))', "Sort"),
    ("(declare-const x Int)(assert (= x (^ 9 (^ 9 (^ 9 (^ 9 9))))))", "degree above 64"), ("(push)(assert true)", "push is not allowed"),
    ('(declare-const x Int)(assert (> x 1))(check-sat)(get-model)(exit)(include "{file}")', "the command include is not allowed"),
    ("(declare-const é Int)", "cannot be read"), ("(assert (! true :named a))(assert (! true :named a))", "two assertions are named a"),
])
def test_smt_lib_reads_and_writes_no_file(http: httpx2.Client, tmp_path: Path, text: str, said: str | None):
    file = tmp_path / "attacked" / "file.smt2"
    file.parent.mkdir()
    file.write_text("(assert false)\n")
    answer = http.post("/v1/solve", json={"smtlib": text.replace("{file}", str(file)), "seconds": 2})
    if said is None:
        assert answer.status_code == 200 and answer.json()["status"] == "sat"
    else:
        assert answer.status_code in (400, 422) and said in answer.text
    assert file.read_text() == "(assert false)\n" and list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(("body", "said"), [
    (formulation("__import__('os').system('touch {file}')"), "cannot be called"), (formulation("(lambda: 1)() > x"), "cannot be called"),
    (formulation("open('{file}', 'w') > x"), "open cannot be called"), (formulation("x.__class__.__mro__[1] == x"), "no attributes"),
    (formulation("[c for c in ().__class__.__subclasses__()] == x"), "not allowed"), (formulation("x > 9 ** 9 ** 9 ** 9"), "no power"),
    (formulation("f'{x}' == x"), "f-strings"), (formulation("(y := x) > 1"), "nothing can be assigned"),
    (formulation("__name__ == x"), "name"),
    (formulation("x < 1 << 9999999999"), "not allowed"), (formulation("sum(1 for a in range(99999) for b in range(99999)) > x"), "steps"),
    (formulation("x in range(10000000000)"), "a range of"), (formulation("'a' * 999999999 == x"), "a number is needed"),
    (formulation("x / (1 - 1) > 1"), "division by zero"), (formulation("min(i for i in S) > x", sets={"S": []}), "min of nothing"),
    (formulation("x > 1", params={"x": 1}), "declared twice"), (formulation("x == 'red'"), "never equal to a text"),
    (formulation("x > 1", sets={"S": "range(0, 100000000)"}), "a range of"), (formulation("x > 1", sets={"sum": [1]}), "cannot be a name"),
])
def test_expressions_are_never_run(http: httpx2.Client, tmp_path: Path, body: dict[str, Any], said: str):
    file = tmp_path / "file"
    if "{file}" in body["formulation"]["constraints"][0]["expr"]:
        body = formulation(body["formulation"]["constraints"][0]["expr"].replace("{file}", str(file)))
    answer = http.post("/v1/solve", json=body)
    assert answer.status_code in (400, 422), answer.text
    assert said in answer.text and not file.exists()


def test_division_by_zero_and_an_empty_set_are_no_errors_where_they_mean_something(http: httpx2.Client):
    total = http.post("/v1/solve", json={"smtlib": "(declare-const x Real)(assert (= x (/ 1.0 0.0)))(assert (= x 3.0))"})
    assert (total.status_code, total.json()["status"]) == (200, "sat")
    nobody = {"sets": {"S": []}, "variables": {"x": {"type": "int", "index": ["S"], "lb": 0}},
              "constraints": [{"name": "c", "forall": ["s in S"], "expr": "x[s] >= 1 / 0"},
                              {"name": "d", "expr": "sum(x[s] for s in S) <= 3"}],
              "objective": {"sense": "max", "expr": "sum(x[s] for s in S)"}}
    answer = http.post("/v1/solve", json={"formulation": nobody})
    assert (answer.status_code, answer.json()["status"], answer.json()["objective"]) == (200, "optimal", 0)
    unmet = nobody | {"constraints": [{"name": "d", "expr": "sum(x[s] for s in S) >= 1"}]}
    assert http.post("/v1/solve", json={"formulation": unmet}).json()["status"] == "infeasible"


@pytest.mark.parametrize("text", [
    "(define-fun-rec f ((n Int)) Int (+ 1 (f (- n 1))))(declare-const x Int)(assert (> (f x) (f (f x))))",
    "".join(f"(declare-const {v} Int)(assert (> {v} 1))" for v in "xyz") + "(assert (= (+ (* x x x) (* y y y)) (* z z z)))(minimize x)",
])
def test_no_request_takes_longer_than_its_limit_and_a_grace(http: httpx2.Client, text: str):
    start = time.monotonic()
    answer = http.post("/v1/solve", json={"smtlib": text, "seconds": 1})
    assert answer.status_code == 200 and answer.json()["status"] in ("unknown", "timeout", "memory")
    assert time.monotonic() - start < 8


def test_a_model_of_five_megabytes_is_refused_and_nobody_is_lost(http: httpx2.Client):
    big = formulation("x > 1", params={"p": {f"element {n}": n for n in range(250_000)}})
    assert http.post("/v1/solve", json=big).status_code == 413
    long = formulation("x" + " + x" * 1_300_000)
    assert http.post("/v1/solve", json=long).status_code == 413
    assert http.post("/v1/solve", json={"smtlib": "(assert true)" * 400_000}).status_code == 413
    assert http.post("/v1/solve", json={"formulation": SMALL}).json()["objective"] == 5


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999", "9" * 400])
def test_numbers_that_are_none_are_refused(http: httpx2.Client, number: str):
    body = '{"formulation": {"variables": {"x": {"type": "real", "ub": NUMBER}}, "params": {"p": NUMBER}}}'.replace("NUMBER", number)
    answer = http.post("/v1/solve", content=body.encode(), headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
