"""S-expressions."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.planners.pddl import PddlError
from eudoxus.planners.pddl.reader import DEEPEST_NESTING, LARGEST_TEXT, Group, Word, read, read_all, write

words = st.text(st.sampled_from("abcxyz019?:-_+=./"), min_size=1, max_size=8).map(Word)
groups = st.recursive(st.just(Group(())), lambda inner: st.lists(words | inner, max_size=5).map(lambda items: Group(tuple(items))),
                      max_leaves=30)


@given(groups)
def test_what_is_written_reads_as_the_same(group: Group):
    assert read(write(group)) == group


@given(st.text(st.sampled_from("()ab; \n\t?:"), max_size=60))
def test_any_text_reads_or_says_where_it_does_not(text: str):
    try:
        read_all(text)
    except PddlError as error:
        assert error.line >= 1
        assert error.column >= 1


def test_case_comments_and_layout_do_not_matter():
    assert read("(Define ; a comment with ( and )\n  (DOMAIN d))") == read("(define (domain D))")


def test_places_count_from_one():
    group = read("(a\n  (b c))")
    inner = group.items[1]
    assert isinstance(inner, Group)
    assert (inner.line, inner.column, inner.items[1].line, inner.items[1].column) == (2, 3, 2, 6)


@pytest.mark.parametrize(("text", "said"), [
    ("", "line 1, column 1: there is no expression"),
    ("; nothing\n", "there is no expression"),
    ("(a (b)", "line 1, column 1: 1 ')' is missing at the end of the text; this '(' is not closed"),
    ("(a\n  (b", "line 2, column 3: 2 ')' are missing"),
    ("(a))", "line 1, column 4: this ')' closes nothing"),
    ("hello (a)", "line 1, column 1: expected '(', found 'hello'"),
    ("(a)\n(b)", "line 2, column 1: the text goes on after the expression has ended"),
])
def test_an_error_says_where_and_what(text: str, said: str):
    with pytest.raises(PddlError) as caught:
        read(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["(" * 900_000, "(" * (DEEPEST_NESTING + 1) + ")" * (DEEPEST_NESTING + 1), "(" + "a" * LARGEST_TEXT + ")",
                                  "(é" + "é" * (LARGEST_TEXT // 2) + ")"])
def test_text_that_is_too_deep_or_too_long_is_refused_at_once(text: str):
    start = time.monotonic()
    with pytest.raises(PddlError, match=r"more than 200 parentheses|longer than 1,000,000 bytes"):
        read(text)
    assert time.monotonic() - start < 10
