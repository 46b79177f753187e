"""Grammars written in GBNF, and texts judged by a grammar."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.decoding import Choice, Lark, Regex
from eudoxus.decoding.checking import checker
from eudoxus.decoding.constrained import texts_in
from eudoxus.decoding.errors import InvalidGrammar, NotInSubset
from eudoxus.decoding.gbnf import as_gbnf
from tests.decoding.servers import from_gbnf

WORDS = st.lists(st.text("ab(|)\"\\/é\n.-]^", min_size=1, max_size=4), min_size=1, max_size=4, unique=True)


@settings(max_examples=40, deadline=None)
@given(WORDS, WORDS)
def test_what_is_written_in_gbnf_is_read_as_the_same_choice(values: list[str], others: list[str]) -> None:
    choice = Choice.of(values)
    read = checker(from_gbnf(as_gbnf(choice)))
    for text in [*values, *others]:
        assert (read.verdict(text).complaint is None) == (text in values), as_gbnf(choice)
        assert (checker(choice).verdict(text).complaint is None) == (text in values)


@pytest.mark.parametrize(("grammar", "yes", "no"), [
    (Regex(r'"[^"\\]*"'), ['""', '"aé😀\n"'], ['"', '"""', '"\\"']), (Regex(r"(ab?){2,3}"), ["aba", "aaab"], ["a", "aaaa"]),
    (Regex(r"\d+(,\d{3})*"), ["1", "12,345"], [",", "1,23"]), (Regex(r"[A-Z]\w*|é+"), ["Q_1", "éé"], ["q", "éQ"]),
    (Regex(r"[^\x00-\x7F]|(?s:.)x"), ["ü", "😀", "\nx", "ax"], ["u", "üü"]),
    (Lark('start: "(" start ")" | x_y? "z"\nx_y: ("x" | "y"){2}\n'), ["z", "((xyz))"], ["(z", "xz", "xyzz"]),
    (Lark('start: root root_\nroot: "a"\nroot_: "b"\n'), ["ab"], ["aa", "bb"]),
    (Lark('start: root\nroot: A+ ["!"]\nA: /[a-c]/ | "\\n"\n'), ["abc!", "a\nb"], ["!", "d"]),
])
def test_gbnf_says_what_the_grammar_says(grammar: Lark | Regex, yes: list[str], no: list[str]) -> None:
    read = checker(from_gbnf(as_gbnf(grammar)))
    assert [read.verdict(text).complaint for text in yes] == [None] * len(yes)
    assert all(read.verdict(text).complaint and checker(grammar).verdict(text).complaint for text in no)
    assert [checker(grammar).verdict(text).complaint for text in yes] == [None] * len(yes)


@pytest.mark.parametrize("grammar", [Lark('start: %json {"type": "integer"}'), Regex(r"\x80"), Regex("a(?=b)")])
def test_what_gbnf_cannot_say_is_refused(grammar: Lark | Regex) -> None:
    with pytest.raises((NotInSubset, InvalidGrammar)):
        as_gbnf(grammar)


def test_a_text_that_only_the_longest_lexeme_forbids_is_of_the_grammar() -> None:
    """llguidance's lexer does not come back from "(on", but the grammar derives both."""
    grammar = Lark('start: "(" ("clear" | "on-table") " " NAME ")" | "(on " NAME " " NAME ")"\nNAME: /[a-z]+/\n')
    for text in ("(on-table b)", "(on a b)", "(clear c)"):
        assert checker(grammar).verdict(text).complaint is None
    said = checker(grammar).verdict("(on-tabel b)")
    assert (said.kept, said.forced) == ("(on-tab", "le ") and said.complaint == "'el b)' may not come after '(on-tab'; expected 'le '"


@pytest.mark.parametrize(("said", "inside"), [
    ("Here:\n```json\n{}\n```\nDone.", "{}"), ("  ```\na\n\nb\n\t``` \n", "a\n\nb"), ("```\n```x\n```", "```x"),
    ("```\na", None), ("```a```", None),
])
def test_what_stands_in_a_fence_may_be_the_text(said: str, inside: str | None) -> None:
    found = list(texts_in(said))
    assert inside in found if inside is not None else found == [said]


def test_fences_that_never_close_take_no_longer_than_others() -> None:
    started = time.process_time()
    assert list(texts_in("```x\n" * 40_000))
    assert time.process_time() - started < 2
