"""Frames: caps before reading, absolute deadlines whatever the other side does, and nothing but JSON objects."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.sandbox.inside.wire import FRAME_BYTES, Channel, Closed, Inbox, Late, Malformed, Oversized, pack


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield Channel(ours.fileno()), theirs
    ours.close()
    theirs.close()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.integers()), max_size=5), st.integers(1, 20))
def test_frames_come_out_whole_however_the_stream_is_cut(messages, size):
    stream = b"".join(map(pack, messages))
    inbox, found = Inbox(), []
    for start in range(0, len(stream), size):
        inbox.feed(stream[start : start + size])
        while (message := inbox.take()) is not None:
            found.append(message)
    assert found == messages
    assert not len(inbox)


def test_a_length_over_the_cap_is_refused_before_anything_is_read(ends):
    channel, other = ends
    other.send((FRAME_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(Malformed):
        channel.read(time.monotonic() + 5)


@pytest.mark.parametrize("body", [
    b"", b"x", b"[]", b"5", b"\xff", b'{"a": ', b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 10_000 + b"}",
    b'{"a":[' + b"[]," * 2_100_000 + b"0]}",
], ids=lambda body: repr(body[:12]))
def test_what_is_no_json_object_is_refused(body):
    inbox = Inbox()
    inbox.feed(len(body).to_bytes(4, "big") + body)
    with pytest.raises(Malformed):
        inbox.take()


def test_a_drip_feed_does_not_move_the_deadline(ends):
    channel, other = ends

    enough = threading.Event()

    def drip():
        other.send(b"\0\0\1\0")
        while not enough.wait(0.02):
            other.send(b" ")

    thread = threading.Thread(target=drip)
    thread.start()
    start = time.monotonic()
    with pytest.raises(Late):
        channel.read(start + 0.2)
    assert 0.15 < time.monotonic() - start < 4, "a frame of 256 bytes at this rate would have taken five seconds"
    enough.set()
    thread.join()


def test_a_flood_without_frames_does_not_move_the_deadline(ends):
    channel, other = ends
    frames = pack({}) * 10_000
    thread = threading.Thread(target=lambda: [other.send(frames) for _ in range(3)], daemon=True)
    thread.start()
    with pytest.raises(Late):
        while True:
            channel.read(time.monotonic() + 0.1)


def test_writing_to_one_who_does_not_read_ends_at_the_deadline(ends):
    channel, _ = ends
    start = time.monotonic()
    with pytest.raises(Late):
        channel.write({"a": "x" * 4_000_000}, start + 0.2)
    assert time.monotonic() - start < 10


def test_a_frame_larger_than_the_socket_takes_at_once_arrives(ends):
    channel, other = ends
    reader, found = Channel(other.fileno()), []
    thread = threading.Thread(target=lambda: found.append(reader.read(time.monotonic() + 5)))
    thread.start()
    channel.write({"a": "x" * 4_000_000}, time.monotonic() + 5)
    thread.join()
    assert len(found[0]["a"]) == 4_000_000


def test_an_oversized_message_is_not_sent_at_all(ends):
    channel, other = ends
    with pytest.raises(Oversized):
        channel.write({"a": "x" * FRAME_BYTES})
    channel.write({"a": 1})
    assert other.recv(100) == pack({"a": 1})


def test_an_end_is_told_from_a_late_answer(ends):
    channel, other = ends
    with pytest.raises(Late):
        channel.read(time.monotonic() - 1)
    other.send(b"\0\0")
    other.close()
    with pytest.raises(Closed, match="within a frame"):
        channel.read(time.monotonic() + 5)
    with pytest.raises(Closed):
        channel.write({"a": 1}, time.monotonic() + 1)


def test_what_comes_with_an_answer_is_not_taken_for_the_next(ends):
    channel, other = ends
    other.send(pack({"a": 1}) + pack({"a": 2}))
    assert channel.read(time.monotonic() + 1) == {"a": 1}
    with pytest.raises(Malformed):
        channel.refuse_unasked()


def test_a_descriptor_made_non_blocking_by_the_program_still_works():
    ours, theirs = socket.socketpair()
    channel = Channel(ours.fileno(), deadlines=False)
    os.set_blocking(ours.fileno(), False)
    threading.Timer(0.1, lambda: theirs.send(pack({"a": 1}))).start()
    assert channel.read() == {"a": 1}
    ours.close()
    theirs.close()
