"""What generation needs of a model in this process, whatever runtime computes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from eudoxus.decoding.local.directory import ModelDirectory
from eudoxus.decoding.vocabulary import Vocabulary

Logits = NDArray[np.float32]


class Session(Protocol):
    """One text that a model is reading, with its cache of keys and values. Not for use by several threads at once."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """What was fed and not rolled back."""

    def feed(self, tokens: Sequence[int], *, last: int = 1) -> Logits:
        """Read on by ``tokens`` (at least one); the logits after each of the ``last`` of them, of the shape ``(last, vocabulary.size)``.

        Raises :class:`PromptTooLong` beyond the model's context; nothing is fed then.
        """

    def rollback(self, length: int) -> None:
        """Keep the first ``length`` tokens. Raises :class:`ValueError` if there are fewer."""

    def fork(self) -> Self:
        """An independent copy; the cache is shared where the runtime permits."""


class LocalModel(Protocol):
    """A loaded model. Sessions of several threads may run at once."""

    name: str
    runtime: str
    """``onnx`` or ``transformers``."""
    directory: ModelDirectory
    """Tokenizer, chat template and configuration."""
    vocabulary: Vocabulary
    """The tokens as bytes; ``eos`` are the ids that end a turn, ``size`` is the width of the logits."""
    context: int
    """Most tokens of prompt and answer together."""

    def session(self) -> Session:
        """A session at the empty text."""


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Log-probabilities along the last axis, in double precision."""
    shifted = np.asarray(logits, np.float64) - np.max(logits, axis=-1, keepdims=True)
    total: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return total


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two texts begin with in common."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count
