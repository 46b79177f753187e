"""Answers as models write them, read as JSON."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from eudoxus.solvers.edits import Edit
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.replies import MOST_REPLY, Wrong, json_in, validated

TEXT = st.text(max_size=8)
LEAVES = st.none() | st.booleans() | st.integers(-2**63, 2**63) | TEXT
VALUES = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(TEXT, LEAVES, max_size=3)


@settings(max_examples=40)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_is_json_is_read_as_it_stands(value: dict[str, Any]):
    assert json_in(json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize("answer", [
    'Here it is:\n```json\n{"a": [1, 2]}\n```\nI hope it helps.',
    '{"a": [1, 2,],}',
    '{\n  "a": [1,  // the first\n  2]  # the second\n}',
    '<think>{"a": 0}? no</think>{"a": [1, 2]}',
    'First {"a": [1, 2]}',
    '```\n{"a": [1, 2]}',
])
def test_what_is_nearly_json_is_read_too(answer: str):
    assert json_in(answer) == {"a": [1, 2]}


def test_commas_and_slashes_in_texts_stay():
    assert json_in('{"a": "x // y, ] # z",}') == {"a": "x // y, ] # z"}


@pytest.mark.parametrize(("answer", "reason"), [
    ("I cannot do that.", "there is no { … } in it"), ("", "there is no"), ('{"a": }', "Expecting value"), ("[1]", "there is no"),
    ('{"a": ' * 300 + "1" + "}" * 300, "ecursion"), ('{"a": 1' + "0" * 30 + "}", "64-bit"), ('{"a": "\\ud800"}', "surrogates"),
    ('{"a": ' * 5000 + "}" * 5000, "maximum recursion|Expecting"), ("{" + " " * MOST_REPLY + "}", "at most 1,000,000"),
])
def test_what_is_no_json_is_refused_with_a_reason(answer: str, reason: str):
    with pytest.raises(Wrong, match=reason):
        json_in(answer)


@pytest.mark.parametrize("part", ['\\"', ", ", "//", '"', ",\n", '"a": '])
def test_an_answer_made_to_be_slow_is_not(part: str):
    begin = time.perf_counter()
    with pytest.raises(Wrong):
        json_in('{"' + part * 200_000 + "}")
    assert time.perf_counter() - begin < 5


def test_what_does_not_fit_is_named_by_its_place():
    with pytest.raises(Wrong, match=r"variables\.x\.type: Input should be 'bool', 'int' or 'real'"):
        validated(Formulation, {"variables": {"x": {"type": "integer"}}})
    many = {"variables": {f"x{i}": {"type": "integer"} for i in range(9)}}
    with pytest.raises(Wrong, match="and 4 more"):
        validated(Formulation, many)


def test_edits_survive_being_shown_without_their_defaults():
    edit = {"kind": "set_param", "name": "p", "key": "a", "times": 1.5}
    adapter: TypeAdapter[Any] = TypeAdapter(Edit)
    assert adapter.dump_python(adapter.validate_python(edit), exclude_defaults=True) == edit
