"""Putting a mask on logits, and reading one, fast and without a compiler or torch.

A mask has one bit per token, in 32-bit words: bit ``i & 31`` of word ``i >> 5`` is token ``i``. Setting a float to minus infinity is a
choice between two bit patterns, so it is done on the integers that the floats are made of, at a cost that does not depend on how many
tokens are allowed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.int32]

MINUS_INFINITY = np.float32(-np.inf).view(np.int32)
FEW = 1 / 64
"""Up to this share of allowed tokens it is cheaper to fill and copy them back than to choose everywhere."""


def apply_mask(logits: NDArray[np.float32], mask: Mask) -> None:
    """Set the logits of tokens that ``mask`` forbids to minus infinity, in place. Allowed logits keep their bits.

    ``logits`` has the shape ``(tokens,)`` or ``(rows, tokens)``, float32 and contiguous rows; ``mask`` the same without or with rows.
    Logits beyond the mask's width (padded vocabularies) are set too. Raises :class:`ValueError` on other shapes or types.
    """
    _apply(logits, mask, logits)


def masked_copy(logits: NDArray[np.float32], mask: Mask) -> NDArray[np.float32]:
    """As :func:`apply_mask`, on a copy that is made in the same pass."""
    copy = np.empty(logits.shape, logits.dtype)
    _apply(logits, mask, copy)
    return copy


def _apply(logits: NDArray[np.float32], mask: Mask, into: NDArray[np.float32]) -> None:
    if logits.dtype != np.float32 or mask.dtype != np.int32:
        raise ValueError(f"logits are {logits.dtype} and mask is {mask.dtype}, expected float32 and int32")
    if logits.ndim != mask.ndim or logits.ndim not in (1, 2) or logits.shape[:-1] != mask.shape[:-1]:
        raise ValueError(f"logits have the shape {logits.shape} and mask {mask.shape}, expected (tokens,) and (words,), or both with rows")
    for row, bits, target in zip(np.atleast_2d(logits), np.atleast_2d(mask), np.atleast_2d(into), strict=True):
        _apply_row(row, bits, target)


def _apply_row(row: NDArray[np.float32], words: Mask, target: NDArray[np.float32]) -> None:
    width = min(row.size, words.size * 32)
    few = np.flatnonzero(words)
    if few.size * 32 <= width * FEW:
        allowed = _tokens_in(words, few, width)
        kept = row[allowed]
        target.fill(-np.inf)
        target[allowed] = kept
        return
    target[width:] = -np.inf
    flags = np.unpackbits(words.view(np.uint8), count=width, bitorder="little").view(np.int8)
    np.negative(flags, out=flags)  # 0 or all ones, while still one byte each
    keep = flags.astype(np.int32)
    bits = target[:width].view(np.int32)
    np.bitwise_xor(row[:width].view(np.int32), MINUS_INFINITY, out=bits)
    np.bitwise_and(bits, keep, out=bits)
    np.bitwise_xor(bits, MINUS_INFINITY, out=bits)


def allowed_tokens(mask: Mask, size: int) -> NDArray[np.int64]:
    """The ids that ``mask`` allows, ascending, of a vocabulary of ``size``."""
    words = np.flatnonzero(mask)
    if words.size * 8 < mask.size:
        return _tokens_in(mask, words, size)
    return np.flatnonzero(np.unpackbits(mask.view(np.uint8), count=min(size, mask.size * 32), bitorder="little"))


def mask_of(tokens: NDArray[np.int64] | list[int], size: int) -> Mask:
    """The mask that allows exactly ``tokens`` of a vocabulary of ``size``."""
    bits = np.zeros((size + 31) // 32 * 32, np.uint8)
    bits[tokens] = 1
    return np.packbits(bits, bitorder="little").view(np.int32)


def _tokens_in(mask: Mask, words: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    bits = np.unpackbits(mask[words].view(np.uint8), bitorder="little").reshape(-1, 32)
    found: NDArray[np.int64] = (words[:, None] * 32 + np.arange(32))[bits.astype(bool)]
    within: NDArray[np.int64] = found[found < size]
    return within
