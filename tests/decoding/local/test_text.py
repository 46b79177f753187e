"""Bytes become text as they come, and nothing of a stop string or of half a character is ever shown."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eudoxus.decoding.local.text import GrowingText

SHORT = st.text(alphabet="abé🙂", max_size=12)
STOPS = st.lists(st.text(alphabet="abé🙂", min_size=1, max_size=3), max_size=3)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


@given(SHORT, STOPS, st.lists(st.integers(0, 99), max_size=9))
def test_however_it_is_cut_the_text_ends_before_the_first_stop_string(text: str, stops: list[str], cuts: list[int]):
    growing, shown = GrowingText(stops), ""
    for piece in pieces(text.encode(), cuts):
        shown += growing.add(piece)
        assert text.startswith(shown)
        assert not any(stop in shown for stop in stops)
        if growing.stopped:
            break
    shown += growing.end()
    found = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    assert growing.stopped == bool(found)
    if len(stops) <= 1:
        assert shown == (text[: min(found)] if found else text)
        assert growing.length == len(shown.encode())
    assert not any(stop in shown for stop in stops)


def test_of_two_stop_strings_the_one_that_begins_first_ends_the_text():
    growing = GrowingText(["END", "b"])
    assert growing.add(b"abEND") == "a"
    assert growing.stopped


def test_half_a_character_waits_for_the_other_half_and_is_left_out_at_the_end():
    growing, smile = GrowingText(), "🙂".encode()
    assert [growing.add(bytes([byte])) for byte in smile] == ["", "", "", "🙂"]
    assert growing.add(smile[:3]) + growing.end() == ""


def test_what_is_no_utf8_becomes_the_replacement_character():
    assert GrowingText().add(b"a\xff\xfeb") == "a\ufffd\ufffdb"


def test_the_beginning_of_a_stop_string_comes_when_it_was_none():
    growing = GrowingText(["stop"])
    assert [growing.add(b"do s"), growing.add(b"to"), growing.add(b"ne")] == ["do ", "", "stone"]
    assert growing.add(b"st") + growing.end() == "st"
