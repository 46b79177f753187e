"""The form in which values of programs are handed on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.sandbox.codec import NotPlain, TooLarge, decode, encode, equal
from eudoxus.sandbox.inside.wire import Malformed
from eudoxus.sandbox.values import Keeping
from eudoxus.sandbox.values import given as handed_on

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner) | st.frozensets(st.integers() | st.text()))


@given(PLAIN)
def test_a_value_that_is_handed_on_is_equal_to_the_one_given(value: Any):
    json_of = handed_on(encode(value))
    assert equal(decode(json_of), decode(encode(value))) and json.loads(json.dumps(json_of)) == json_of


@given(st.lists(st.text() | st.integers(), unique=True))
def test_equal_sets_have_equal_json_whatever_the_order_of_their_members(members: list[Any]):
    forward, backward = ({"$set": [encode(one) for one in order]} for order in (members, members[::-1]))
    assert handed_on(forward) == handed_on(backward)


def test_what_the_codec_cannot_have_written_is_malformed_and_the_rest_too_large_or_not_plain():
    with pytest.raises(Malformed):
        handed_on({"$nothing": 1})
    with pytest.raises(NotPlain, match="thing is not plain data"):
        handed_on([{"$opaque": "x", "type": "thing"}])
    with pytest.raises(TooLarge):
        handed_on({"$ndarray": {"dtype": "<i8", "shape": [101, 0], "data": ""}})
    assert Keeping(10, 10).kept([1, 2]).value == [1, 2]
