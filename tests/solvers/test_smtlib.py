"""The gate before z3: what is read is what was written, and nothing but declarations, definitions and assertions passes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.solvers.smtlib import MOST_DEPTH, Refused, gate, literal, read, write

ATOMS = st.sampled_from(["x", "+", "12", "-3", "1.5", "#xff", "<=", "|a b|", '"a""b"', '";("', ":named", "is-a?"])
EXPRESSIONS: st.SearchStrategy[Any] = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=4), max_leaves=20)


@given(st.lists(EXPRESSIONS, max_size=5))
def test_what_is_written_is_read_again(expressions: list[Any]):
    assert [one for one, _ in read("\n; and (\n".join(map(write, expressions)))] == expressions


@pytest.mark.parametrize("command", [
    '(include "/etc/passwd")', '(set-option :diagnostic-output-channel "/tmp/x") (include "x")', "(push 1)", "(pop 1)", "(reset)",
    '(echo "sat")', "(eval 1)", "(check-sat-using smt)", "(apply simplify)", "(get-proof)", "(minimize x)", "(assert-soft x)", "()", "sat",
    "((assert) true)", "(simplify x)", "(dbg-params)", "(|include| x)",
])
def test_every_other_command_is_refused(command: str):
    with pytest.raises(Refused, match="not allowed"):
        gate(f"(declare-const x Bool)\n{command}")


def test_questions_and_options_are_left_out():
    text = '(set-logic QF_LIA)(set-option :regular-output-channel "/tmp/x")(declare-const x Int)(assert (> x 1))(check-sat)(exit)'
    script = gate(text)
    assert script.commands == ("(declare-const x Int)", "(assert (! (> x 1) :named assertion-1))")
    assert script.assertions == {"assertion-1": "(> x 1)"} and script.declared == ("x",)


def test_a_name_that_an_assertion_has_is_kept():
    assert gate("(assert (! (> 2 1) :named order))").assertions == {"order": "(> 2 1)"}
    with pytest.raises(Refused, match="two assertions are named order"):
        gate("(assert (! true :named order))" * 2)


@pytest.mark.parametrize(("text", "said"), [
    ("(assert (> x 1)", "1 brackets are not closed"), ("(assert true))", "closed that was not opened"), ('(assert "a)', "cannot be read"),
    ("(assert |a\\|b|)", "cannot be read"), ("(assert 'x)", "cannot be read"), ("(assert x\0)", "cannot be read"),
    ("(" * (MOST_DEPTH + 1), "brackets are open"),
    ("(assert " + "x" * 300_000 + ")", "at most 256,000"), ("(assert)", "takes one term"), ("(assert (! x :foo y))", "attribute :foo"),
    ('(assert (! x :named y :smt-lib-version "a"))', "attribute :smt"),
])
def test_what_is_no_smt_lib_is_refused_with_its_line(text: str, said: str):
    with pytest.raises(Refused, match=said):
        gate(text)


@pytest.mark.parametrize(("sort", "said", "written"), [
    ("Int", "42", "42"), ("Int", "-5", "(- 5)"), ("Int", " +7 ", "7"), ("Int", "1.5", None), ("Int", "7) (assert true", None), ("Int",
     "x", None),
    ("Int", "", None), ("Int", "٣", None),
    ("Real", "-1/3", "(- (/ 1.0 3.0))"), ("Real", "0.25", "(/ 1.0 4.0)"), ("Real", "1.5/3", "(/ 1.0 2.0)"), ("Real", "1/0", None),
    ("Real", "1e9", None), ("Real", "9" * 2000, None),
    ("Bool", "Yes", "true"), ("Bool", "false", "false"), ("Bool", "maybe", None),
    ("String", 'a"b\\u{22}', r'"a\u{22}b\u{5c}u{22}"'), ("String", "é\n", r'"\u{e9}"'),
])
def test_an_answer_becomes_a_literal_or_nothing(sort: Any, said: str, written: str | None):
    assert literal(sort, said) == written


@given(st.text(max_size=60))
def test_whatever_text_an_answer_is_it_stays_one_string(said: str):
    assert [one for one, _ in read(literal("String", said) or "")] == [literal("String", said)]
