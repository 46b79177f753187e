"""Formulas: what is written is read again, and what cannot be read is pointed at."""

from __future__ import annotations

import pytest
from hypothesis import given

from eudoxus.decoding.ltl import FormulaError, holds, parse
from eudoxus.decoding.ltl.formula import Atom, Binary, Formula, Unary
from tests.decoding.ltl.formulas import formulas

A, B, C = Atom("a"), Atom("b"), Atom("c")


@given(formulas)
def test_a_formula_that_is_printed_is_read_as_the_same(formula: Formula) -> None:
    assert parse(str(formula)) == formula


@pytest.mark.parametrize(("text", "formula"), [
    ("a | b & c", Binary("|", A, Binary("&", B, C))),
    ("a & b U c", Binary("&", A, Binary("U", B, C))),
    ("X a U b", Binary("U", Unary("X", A), B)),
    ("a U b R c", Binary("U", A, Binary("R", B, C))),
    ("a -> b -> c", Binary("->", A, Binary("->", B, C))),
    ("a <-> b <-> c", Binary("<->", Binary("<->", A, B), C)),
    ("!X F a", Unary("!", Unary("X", Unary("F", A)))),
    ("G(a\n  -> X b)", Unary("G", Binary("->", A, Unary("X", B)))),
])
def test_operators_bind_as_documented(text: str, formula: Formula) -> None:
    assert parse(text) == formula


@pytest.mark.parametrize(("text", "line", "column", "said"), [
    ("", 1, 1, "an empty formula"), ("a &", 1, 4, "a formula is missing"), ("a &\n  & b", 2, 3, "unexpected '&'"),
    ("a b", 1, 3, "expected an operator"), ("(a", 1, 3, "a '\\)' is missing"), ("a)", 1, 2, "unexpected '\\)'"),
    ("Foo", 1, 1, "neither an operator nor a name"), ("a & 1", 1, 5, "unexpected '1'"), ("a -> -> b", 1, 6, "unexpected '->'"),
    ("(a b)", 1, 4, "expected an operator or '\\)'"), ("(" * 300 + "a" + ")" * 300, 1, 101, "inside each other"),
    ("a & " * 200 + "a", 1, 399, "inside each other"), ("a" * 20_001, 1, 20_001, "at most 20,000 characters"),
])
def test_what_cannot_be_read_is_pointed_at(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(FormulaError, match=said) as error:
        parse(text)
    assert (error.value.line, error.value.column) == (line, column)
    *_, shown, caret = str(error.value).split("\n")
    assert len(caret) <= len(shown) + 1 and caret.strip() == "^"


@pytest.mark.parametrize(("text", "yes", "no"), [
    ("X a", "ba", "b"), ("N a", "b", "bb"), ("last", "a", "ab"), ("F b", "ab", "aa"), ("G a", "aa", "ab"), ("a U b", "aab", "aaa"),
    ("b R a", "aaa", "aca"), ("a W b", "aaa", "aca"), ("a <-> X a", "bb", "ab"), ("G(a -> X b)", "ab", "a"),
])
def test_operators_mean_what_the_textbook_says(text: str, yes: str, no: str) -> None:
    assert holds(parse(text), yes) and not holds(parse(text), no)


def test_a_trace_has_at_least_one_position() -> None:
    with pytest.raises(ValueError, match="0 positions"):
        holds(A, [])
