"""Bytes of tokens become text as they come: characters that several tokens spell, and stop strings that begin in one and end in another."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class GrowingText:
    """:meth:`add` takes the bytes of each token and returns the text that is certain by then: nothing that may belong to a stop string.

    Bytes that are no UTF-8 become the replacement character; a character that is cut off at the end is left out.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self.stopped = False
        """Whether a stop string was found. The text ends before it."""
        self._stops = [stop.encode() for stop in stops if stop]
        self._held = b""
        self._given = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def length(self) -> int:
        """Bytes that belong to the text so far, those held back included."""
        return self._given + len(self._held)

    def add(self, more: bytes) -> str:
        held = self._held + more
        found = [at for at in (held.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped, self._held = True, b""
            return self._decoded(held[: min(found)])
        keep = max((_overlap(held, stop) for stop in self._stops), default=0)
        self._held = held[len(held) - keep :]
        return self._decoded(held[: len(held) - keep])

    def end(self) -> str:
        """What was held back, as nothing more comes."""
        rest, self._held = self._held, b""
        return self._decoded(rest)

    def _decoded(self, certain: bytes) -> str:
        self._given += len(certain)
        return self._decoder.decode(certain)


def _overlap(text: bytes, stop: bytes) -> int:
    """How many bytes at the end of ``text`` are the beginning of ``stop``."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if stop.startswith(text[-n:])), 0)
