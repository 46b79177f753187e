"""Patterns mean the same in every notation."""

from __future__ import annotations

import re

import pytest
import re2  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.decoding.ltl.content import Content, content_of
from eudoxus.decoding.ltl.pattern import PatternError, as_gbnf, as_regex, read, text_without

PARTS = ["[", "]", "Thought", "[Thought]", "[Action", "[Action]", " Input]", "Final", ":", "\n", " ", "x", "ü"]
MARKERS = ("[Thought]", "[Action]", "[Action Input]", "Final:")
TEXT = re.compile(r"[^\s][^\n]*(?:\n(?!\[Thought\]|\[Action\]|\[Action Input\]|Final:)[^\n]*)*")

pieces = st.sampled_from([
    "a", "b", "-", ".", r"\d", r"\w", r"[^a]", "[a-c]", r"\.", "(a|b)", "(?:ab|c)", "a{2,3}", "(ab)+", "b?", "[-b]", "c*"])
texts = st.text(st.sampled_from("ab-.c1 \té€"), max_size=6)


@given(st.lists(pieces, min_size=1, max_size=4), texts)
def test_a_pattern_is_read_as_a_regular_expression(parts: list[str], text: str) -> None:
    written = "".join(parts)
    mine = re2.fullmatch(as_regex(read(written)), text) is not None
    assert mine == (re.fullmatch(written, text, re.ASCII) is not None)


@given(st.lists(st.sampled_from(PARTS), max_size=9))
def test_free_text_is_what_has_no_marker_at_the_beginning_of_a_line(parts: list[str]) -> None:
    text = "".join(parts)
    mine = re2.fullmatch(as_regex(text_without(MARKERS)), text) is not None
    assert mine == (TEXT.fullmatch(text) is not None)


@pytest.mark.parametrize(("pattern", "gbnf"), [
    ("#E[1-9]", '"#E" [1-9]'), ("ab|cd", '("ab" | "cd")'), (r"(a\"b)+", r'("a\x22b")+'), ("é{2,}", "[é]{2,}"),
])
def test_gbnf_writes_characters_in_a_row_as_text(pattern: str, gbnf: str) -> None:
    assert as_gbnf(read(pattern)) == gbnf


@pytest.mark.parametrize(("pattern", "said"), [
    ("a**", "column 3.*one repetition after another"), ("a+?", "lazy"), ("(", "a '\\)' is missing"), ("[a", "a '\\]' is missing"),
    ("^a", "always matches the whole content"), ("(?=x)", "no look-around"), (r"\1", r"\\1 is not known"), (r"a\n", r"\\n is not known"),
    ("a\n", "U\\+000A cannot stand within a line"), ("*", "nothing before it"), ("a{3,2}", "smaller to a larger"),
    ("a{9999}", "at most 256"),
    ("[b-a]", "a later one"), ("(" * 60 + "a" + ")" * 60, "inside each other"), ("a" * 2_001, "at most 2,000"),
])
def test_what_is_not_common_to_all_engines_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(PatternError, match=said):
        read(pattern)


@pytest.mark.parametrize(("said", "yes", "no"), [
    ("text", ["a", "a\n\nb"], ["", "  ", "a\n[Action] b"]), ("line", ["a b"], ["a\nb", ""]),
    ({"enum": ["search", "look up"]}, ["search", "look up"], ["Search", "search it", ""]),
    ({"regex": r"#E\d+"}, ["#E1"], ["E1", "#E1 "]),
    ({"lark": 'start: NAME ("," NAME)*\nNAME: /[a-z]+/'}, ["a", "ab,c"], ["a,", "A", "a\n", ""]),
    ({"json_schema": {"type": "object", "required": ["n"]}}, ['{"n": 1}', '{\n"n": 1}'], ["{}", "{", "[1]", '{"n": NaN}', ""]),
])
def test_contents_are_checked(said: object, yes: list[str], no: list[str]) -> None:
    content = content_of(said)
    assert [content.complaint(text, MARKERS) for text in yes] == [None] * len(yes)
    assert all(content.complaint(text, MARKERS) for text in no)


@pytest.mark.parametrize(("said", "complaint"), [
    ("words", "is no content"), ({"enum": []}, "1 to 256 texts"), ({"enum": ["a", "a"]}, "given twice"), ({"enum": ["a\nb"]}, "cannot be"),
    ({"regex": "x*"}, "matches the empty text"), ({"regex": 5}, "expected text"), ({"json_schema": {"type": "thing"}}, "not a JSON schema"),
    ({"json_schema": {"$ref": "http://example.org/s"}}, "not a JSON schema"), ({"peg": "a"}, "no kind of content"),
    ({"lark": "start: missing"}, "uses missing, which is not defined"), ({"lark": "begin: /a/"}, "no rule start"),
    ({"lark": "start: A*\nA: /a/"}, "derives the empty text"), ({"lark": 5}, "expected text"),
    ({"lark": 'start: "a" tail\ntail: "\\n" | "b"'}, "the rule tail can write a line break"),
    ({"lark": "start: /[^a]+/"}, "can write a line break"), ({"lark": 'start: %json {"type": "integer"}'}, "not in the subset"),
    ({"lark": "start: start"}, "derives no text"),
])
def test_what_is_no_content_is_refused(said: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        content_of(said)


def test_a_huge_content_is_not_looked_at() -> None:
    assert "at most 50,000" in (Content("text").complaint("x" * 60_000, MARKERS) or "")
