"""The part of a session that all runtimes share: which tokens were read, and reading long prompts in chunks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eudoxus.decoding.local.errors import PromptTooLong
from eudoxus.decoding.local.model import Logits


class TextRead:
    """Subclasses say how to :meth:`_step` on by some tokens and how to :meth:`_crop` the cache; ``chunk`` is the most tokens per step."""

    chunk: int

    def __init__(self, context: int) -> None:
        self._context = context
        self._tokens: list[int] = []

    @property
    def tokens(self) -> tuple[int, ...]:
        return tuple(self._tokens)

    def feed(self, tokens: Sequence[int], *, last: int = 1) -> Logits:
        if not 1 <= last <= len(tokens):
            raise ValueError(f"last is {last}, expected 1 to {len(tokens)}, the number of tokens")
        if len(self._tokens) + len(tokens) > self._context:
            raise PromptTooLong(len(self._tokens) + len(tokens), self._context)
        found: list[Logits] = []
        for start in range(0, len(tokens), self.chunk):
            piece = tokens[start : start + self.chunk]
            wanted = start + len(piece) - max(start, len(tokens) - last)
            logits = self._step(piece, max(1, wanted))
            self._tokens += piece
            if wanted > 0:
                found.append(logits)
        return np.concatenate(found) if len(found) > 1 else found[0]

    def rollback(self, length: int) -> None:
        if not 0 <= length <= len(self._tokens):
            raise ValueError(f"cannot keep {length} of {len(self._tokens)} tokens")
        if length < len(self._tokens):
            self._crop(length)
            del self._tokens[length:]

    def _step(self, tokens: Sequence[int], last: int) -> Logits:
        """Read on; the logits after each of the ``last`` tokens."""
        raise NotImplementedError

    def _crop(self, length: int) -> None:
        raise NotImplementedError
