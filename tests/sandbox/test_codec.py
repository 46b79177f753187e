"""Plain data survives the wire exactly; everything else is flattened, opaque or refused, and none of its code decides."""

from __future__ import annotations

import contextlib
import enum
import json
import math
import time
from collections import Counter, OrderedDict, defaultdict, namedtuple
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.sandbox.codec import NotPlain, Opaque, TooLarge, decode, encode, equal, short

PLAIN = (list, tuple, dict, set, frozenset, str, int, float, bool, type(None), bytes, bytearray, complex, range, Decimal, Fraction)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=())), st.binary(),
    st.complex_numbers(),
    st.decimals(allow_nan=False), st.fractions(), st.binary().map(bytearray),
    st.builds(range, st.integers(), st.integers(), st.integers(1)),
)
HASHABLE = st.recursive(
    SCALARS.filter(lambda v: type(v) is not bytearray),
    lambda inner: st.one_of(st.lists(inner).map(tuple), st.frozensets(inner)), max_leaves=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(HASHABLE, inner), st.sets(HASHABLE)),
    max_leaves=25)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.one_of(st.text(), st.sampled_from(["$set", "$dict", "$int", "$float"])), inner)),
    max_leaves=25)


def through(value: object) -> object:
    return decode(json.loads(json.dumps(encode(value))))


def same(a: object, b: object) -> bool:
    """Equal, of the same exact types all the way down, with -0.0 and NaN told apart; the order of sets does not matter."""
    return shape(a) == shape(b)


def shape(value: object) -> str:
    if isinstance(value, list | tuple):
        inside = [shape(item) for item in value]
    elif isinstance(value, dict):
        inside = [f"{shape(key)}: {shape(item)}" for key, item in value.items()]
    elif isinstance(value, set | frozenset):
        inside = sorted(map(shape, value))
    else:
        inside = [repr(value)]
    return f"{type(value).__name__}({', '.join(inside)})"


def exact(value: object) -> bool:
    if type(value) is dict:
        return all(map(exact, value)) and all(map(exact, value.values()))
    if type(value) in (list, tuple, set, frozenset):
        return all(map(exact, value))
    return type(value) in PLAIN


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_every_plain_value_survives(value):
    assert same(through(value), value)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_a_value_equals_its_copy_unless_there_is_a_nan_in_it(value):
    assert equal(value, through(value)) == ("nan" not in repr(encode(value)))


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_decoding_any_json_gives_plain_data_or_one_of_two_errors(found):
    with contextlib.suppress(NotPlain, TooLarge):
        assert exact(decode(found))


@settings(max_examples=100, deadline=None)
@given(VALUES, st.integers(0, 100))
def test_a_short_text_is_short(value, limit):
    assert len(short(value, limit + 1)) <= limit + 1


class Lying(type):
    def __eq__(cls, other): return True
    def __hash__(cls): return hash(int)
    def __instancecheck__(cls, other): return True
    __mro__ = property(lambda cls: (int, object))
    __name__ = property(lambda cls: 1 / 0)


class Hostile(metaclass=Lying):
    __class__ = property(lambda self: int)

    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __len__(self): return 5
    def __iter__(self): return iter([1])
    def __int__(self): return 5
    def __index__(self): return 5
    def __bool__(self): raise SystemExit
    def __repr__(self): raise SystemExit
    def __getattribute__(self, name): raise SystemExit(name)


def lying(base: type) -> type:
    def bad(self, *_): raise SystemExit
    names = ("__eq__", "__iter__", "__len__", "__repr__", "__str__", "__int__", "__float__", "__index__", "__getitem__", "__bool__",
             "__add__", "items", "keys", "values", "copy", "__contains__", "__reduce__", "__getattribute__", "__format__", "__abs__")
    return type("Liar", (base,), dict.fromkeys(names, bad) | {"__hash__": base.__hash__})


@pytest.mark.parametrize("value", [
    7, -0.5, "text", b"bytes", bytearray(b"x"), 1 + 2j, [1, "a"], (1, 2), {"a": 1}, {3, 4}, frozenset({5})], ids=repr)
def test_a_subclass_is_flattened_without_asking_it(value):
    liar = lying(type(value))(value)
    assert same(through([liar]), [value])
    assert same(through({"key": liar}), {"key": value})
    short(liar)


def test_a_hostile_object_is_opaque_and_equals_nothing():
    found = through([Hostile(), (Hostile(),)])
    assert type(found[0]) is Opaque
    assert found[0] != found[0]
    assert found[0] != 1
    assert found != [1, (1,)]
    assert not equal(found[0], found[0])
    assert not equal(found, found)
    assert short(Hostile()) == "<Hostile>"


def test_keys_that_equal_every_key_are_flattened():
    class Key(str):
        __slots__ = ()
        def __eq__(self, other): return True
        def __hash__(self): return hash("a")

    assert through({Key("zzz"): 1}) == {"zzz": 1}
    assert through({Key("zzz")}) == {"zzz"}


def test_usual_relatives_of_plain_types_are_flattened():
    point = namedtuple("point", "x y")
    colour = enum.IntEnum("colour", "RED BLUE")
    moved = OrderedDict(a=1, b=2)
    moved.move_to_end("a")
    assert through([Counter("aab"), defaultdict(list, a=[1]), point(1, 2), colour.BLUE, {1: 2}.keys()]) == [
        {"a": 2, "b": 1}, {"a": [1]}, (1, 2), 2, [1]]
    assert list(through(moved)) == ["b", "a"]


def test_an_iterator_travels_by_its_items():
    encoded = encode(i * i for i in range(3))
    assert decode(encoded) == [0, 1, 4]
    assert next(decode(encoded, iterators=True)) == 0
    with pytest.raises(TooLarge):
        encode(iter(range(100_001)))
    with pytest.raises(ZeroDivisionError):
        encode(1 // n for n in (1, 0))


@pytest.mark.parametrize("value", [
    [[1] * 1000] * 1001, 1 << 40_000, "a" * (9 << 20), b"a" * (9 << 20), ["a" * (1 << 20)] * 70, Decimal("1" * 20_000),
], ids=lambda value: type(value).__name__)
def test_too_much_is_refused(value):
    with pytest.raises(TooLarge):
        encode(value)


def test_depth_is_capped_on_both_sides_and_cycles_end():
    def nested(levels: int) -> list:
        found: list = []
        for _ in range(levels - 1):
            found = [found]
        return found

    cycle: list = []
    cycle.append([cycle, cycle])
    assert through(nested(60)) == nested(60)
    for value in (nested(61), nested(100_000), cycle):
        with pytest.raises(TooLarge):
            encode(value)
        with pytest.raises(TooLarge):
            decode(value)


def test_an_error_says_where():
    with pytest.raises(NotPlain, match=r"object is not plain data at \[1\]\[2\]"):
        encode([0, [1, 2, object()]], opaque=False)


def test_keys_of_one_hash_are_refused_before_they_take_quadratic_time():
    modulus = (1 << 61) - 1
    start = time.monotonic()
    for tag, items in (("$set", [{"$int": format(i * modulus, "x")} for i in range(1, 100_000)]),
                       ("$dict", [[{"$int": format(i * modulus, "x")}, 1] for i in range(1, 100_000)])):
        with pytest.raises(TooLarge):
            decode({tag: items})
    assert time.monotonic() - start < 5
    corners = {(a, b, c, d) for a in (-1, -2) for b in (-1, -2) for c in (-1, -2) for d in range(20)}
    assert through(corners) == corners


@pytest.mark.parametrize("found", [
    {"$unknown": 1}, {"$int": 5}, {"$int": "zz"}, {"$float": "1"}, {"$dict": [[1]]}, {"$dict": [1]}, {"$set": [[]]}, {"$set": 5},
    {"$tuple": {}}, {"$bytes": "!"}, {"$bytes": 5}, {"$range": [1, 2, 0]}, {"$decimal": "sNaN"}, {"$decimal": "1e99999999"},
    {"$fraction": ["1", "0"]}, {"$opaque": 5}, {"$str": "gA=="}, {"$ndarray": {"dtype": "|O8", "shape": [1], "data": ""}}, {"$ndarray": {}},
    {"$ndarray": {"dtype": "<i8", "shape": [-1], "data": ""}}, {"$int": "1", "a": 2}, {"a": 1, "$b": 2}, object(), {1: 2}, (1,),
], ids=lambda form: "object" if type(form) is object else repr(form))
def test_another_form_is_refused(found):
    with pytest.raises(NotPlain):
        decode(found)


def test_plain_json_objects_are_dicts():
    assert decode({"a": [1, {"b": None}]}) == {"a": [1, {"b": None}]}


@pytest.mark.parametrize(("a", "b", "alike"), [
    (1, 1.0, True), (1, True, True), ([1], [1.0], True), ((1,), [1], False), ("1", 1, False), ({1}, frozenset({1}), True),
    (math.nan, math.nan, False),
    ([math.nan], [math.nan], False), ({"a": math.nan}, {"a": math.nan}, False), (Decimal(1), 1, True), (Fraction(1, 2), 0.5, True),
    (0.1 + 0.2, 0.3, False),
    ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True), ([1], [1, 2], False), (None, None, True), (None, False, False),
    (range(0), range(5, 5), True), (b"a", bytearray(b"a"), True), (0.0, -0.0, True), (Opaque("5"), Opaque("5"), False),
])
def test_equality_is_pythons_on_plain_data_but_never_for_nan_and_opaque(a, b, alike):
    assert equal(a, b) is alike
    assert equal(b, a) is alike


@pytest.mark.parametrize(("value", "text"), [
    ("a" * 100, "'" + "a" * 78 + "…"), (list(range(1000)), "[0, 1, 2,"), ({"a": [1, (2,)]}, "{'a': [1, (2,)]}"), (object(), "<object>"),
    (1 << 100_000, "<int of 100,001 bits>"), ([[[[[1]]]]], "[[[[…]]]]"), (Exception("x"), "<Exception>"), (int, "<type>"), (1.5, "1.5"),
], ids=lambda value: type(value).__name__)
def test_short_texts(value, text):
    assert short(value).startswith(text)


def test_arrays_travel_where_numpy_is_installed():
    numpy = pytest.importorskip("numpy")
    arrays = (numpy.arange(6).reshape(2, 3), numpy.array([True, False]), numpy.array(["aé", "b"]), numpy.array(1.5), numpy.zeros((0, 2)))
    for array in arrays:
        found = through(array)
        assert found.dtype == array.dtype
        assert equal(found, array)
    assert through([numpy.int64(5), numpy.float32(0.5), numpy.bool_(True)]) == [5, 0.5, True]
    assert not equal(through(numpy.array([math.nan])), numpy.array([math.nan]))
