"""Frames on a stream: four bytes of length and a JSON object, with a cap that is checked before reading and absolute deadlines."""

from __future__ import annotations

import gc
import os
import select
from json import JSONDecoder, JSONEncoder
from math import ceil
from time import monotonic
from typing import Any

FRAME_BYTES = 8 << 20
"""The most bytes of one frame's JSON."""
MOST_VALUES = 2_000_000
"""The most commas and brackets in a large frame: empty lists take twenty times the memory of their text."""
_HEADER = 4
_PIECE = 65536

_dumps = JSONEncoder(check_circular=False, separators=(",", ":")).encode
_loads = JSONDecoder().decode
# Bound here: a program in the same process may replace the modules' own.
_read, _write, _poll = os.read, os.write, select.poll
_collecting, _pause, _resume = gc.isenabled, gc.disable, gc.enable


class WireError(Exception):
    """The other side broke the protocol or is gone."""


class Closed(WireError):
    """The stream ended, within a frame or between two."""


class Late(WireError):
    """The deadline passed."""


class Malformed(WireError):
    """A frame that is too long, is no JSON object, or was not asked for."""


class Oversized(Malformed):
    """A frame that may not be sent: over the limit. Nothing of it was sent."""


def pack(message: dict[str, Any], limit: int = FRAME_BYTES) -> bytes:
    """The frame of ``message``. Raises ``Oversized`` over ``limit`` bytes, ValueError or TypeError where it is not JSON."""
    body = _dumps(message).encode()
    if len(body) > limit:
        raise Oversized(f"a frame of {len(body):,} bytes")
    return len(body).to_bytes(_HEADER, "big") + body


class Inbox:
    """Frames out of pieces of a stream, without any reading of its own. It holds at most one frame and the last piece."""

    def __init__(self, limit: int = FRAME_BYTES) -> None:
        self._limit = limit
        self._held = bytearray()

    def __len__(self) -> int:
        """Bytes that are held and not yet taken."""
        return len(self._held)

    def feed(self, piece: bytes) -> None:
        self._held += piece

    def take(self) -> dict[str, Any] | None:
        """The next frame, or None until more is fed. Raises ``Malformed`` as soon as the length is known to be over the limit."""
        body = self.body()
        return None if body is None else unpack(body)

    def body(self) -> bytes | None:
        """As :meth:`take`, but the frame's JSON as it came."""
        held = self._held
        if len(held) < _HEADER:
            return None
        length = int.from_bytes(held[:_HEADER], "big")
        if length > self._limit:
            raise Malformed(f"a frame of {length:,} bytes")
        end = _HEADER + length
        if len(held) < end:
            return None
        body = bytes(held[_HEADER:end])
        del held[:end]
        return body


def unpack(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``. Raises ``Malformed``."""
    large = len(body) > _PIECE
    if large and body.count(b",") + body.count(b"[") + body.count(b"{") > MOST_VALUES:
        raise Malformed("a frame of too many values")
    pausing = large and _collecting()
    if pausing:  # there are no cycles in JSON, and looking for some among many new lists takes longer than to make them
        _pause()
    try:
        message = _loads(body.decode())
    except (ValueError, RecursionError, MemoryError) as error:
        raise Malformed(f"a frame that is no JSON ({type(error).__name__})") from None
    finally:
        if pausing:
            _resume()
    if type(message) is not dict:
        raise Malformed("a frame that is no JSON object")
    return message


class Channel:
    """Frames over a socket or pipe. With deadlines the descriptor is made non-blocking, so that the other side cannot hold it up."""

    def __init__(self, descriptor: int, limit: int = FRAME_BYTES, *, most_sent: int | None = None, deadlines: bool = True) -> None:
        """``limit`` is of the frames that arrive, and of those that are sent unless ``most_sent`` is."""
        self._descriptor = descriptor
        self._limit = limit if most_sent is None else most_sent
        self._inbox = Inbox(limit)
        self._deadlines = deadlines
        os.set_blocking(descriptor, not deadlines)
        self._readable, self._writable = _poll(), _poll()
        self._readable.register(descriptor, select.POLLIN)
        self._writable.register(descriptor, select.POLLOUT)

    def read(self, deadline: float | None = None) -> dict[str, Any]:
        """The next frame. ``deadline`` is on the monotonic clock, in seconds. Raises ``Closed``, ``Late`` and ``Malformed``."""
        inbox = self._inbox
        while (message := inbox.take()) is None:
            if self._deadlines:
                self._wait(self._readable, deadline)
            try:
                piece = _read(self._descriptor, _PIECE)
            except BlockingIOError:
                self._wait(self._readable, deadline)
                continue
            except OSError as error:
                raise Closed(f"the channel broke: {error.strerror}") from None
            if not piece:
                raise Closed("the channel ended" + (" within a frame" if len(inbox) else ""))
            inbox.feed(piece)
        return message

    def write(self, message: dict[str, Any], deadline: float | None = None) -> int:
        """Send ``message`` whole; how many bytes that is. Raises ``Closed``, ``Late``, and ``Oversized``."""
        frame = pack(message, self._limit)
        rest: bytes | memoryview = frame
        while rest:
            try:
                sent = _write(self._descriptor, rest)
            except BlockingIOError:
                self._wait(self._writable, deadline)
                continue
            except OSError as error:
                raise Closed(f"the channel broke: {error.strerror}") from None
            if sent == len(rest):
                break
            rest = memoryview(rest)[sent:]
        return len(frame)

    def refuse_unasked(self) -> None:
        """Raise ``Malformed`` if more has arrived than was asked for."""
        if len(self._inbox):
            raise Malformed("data that nobody asked for")

    def _wait(self, ready: select.poll, deadline: float | None) -> None:
        left = None if deadline is None else deadline - monotonic()
        if (left is not None and left <= 0) or not ready.poll(None if left is None else ceil(left * 1000)):
            raise Late("the deadline passed")
