"""The tokens of a model as bytes: what a grammar is matched against, whatever tokenizer library the model came with."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eudoxus.decoding.errors import InvalidVocabulary

COMMON_EOS = (
    "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "</s>", "<eos>", "<end_of_turn>", "<｜end▁of▁sentence｜>", "<EOT>",
)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """``tokens[i]`` are the bytes that token ``i`` stands for; empty for tokens that stand for no text (special tokens, padding).

    ``eos`` are the ids that end a text. ``size`` is the width of the model's logits, which some models pad beyond the tokenizer;
    padded ids and tokens without bytes are never allowed by any mask. Equal only to itself: comparing 200 000 tokens is not for look-ups.
    Raises :class:`InvalidVocabulary`.
    """

    tokens: tuple[bytes, ...]
    eos: tuple[int, ...]
    size: int

    def __post_init__(self) -> None:
        if not self.tokens:
            raise InvalidVocabulary("the vocabulary has no tokens", param="tokens")
        if self.size < len(self.tokens):
            raise InvalidVocabulary(f"size is {self.size}, expected at least the number of tokens, {len(self.tokens)}", param="size")
        if not self.eos or not all(0 <= token < len(self.tokens) for token in self.eos):
            raise InvalidVocabulary(f"eos is {self.eos}, expected at least one id from 0 to {len(self.tokens) - 1}", param="eos")
        if len(set(self.eos)) < len(self.eos):
            raise InvalidVocabulary(f"eos names a token twice: {self.eos}", param="eos")

    @classmethod
    def from_list(cls, tokens: Iterable[bytes | str], *, eos: int | Sequence[int], size: int | None = None) -> Vocabulary:
        """A vocabulary from its tokens in the order of their ids. The bytes of ``eos`` tokens are dropped: they are no text."""
        ends = (eos,) if isinstance(eos, int) else tuple(eos)
        texts = [token.encode() if isinstance(token, str) else token for token in tokens]
        texts = [b"" if i in ends else text for i, text in enumerate(texts)]
        return cls(tuple(texts), ends, len(texts) if size is None else size)

    @classmethod
    def from_tokenizer_json(cls, path: str | Path, *, eos: int | Sequence[int] | None = None, size: int | None = None) -> Vocabulary:
        """A vocabulary from a Hugging Face ``tokenizer.json``, byte-level (GPT-2 style) or SentencePiece-like with byte fallback.

        ``eos`` defaults to every special token with a usual name of an end. No tokenizer library is needed.
        """
        try:
            return cls._from_json(Path(path).read_text(encoding="utf-8"), eos, size)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidVocabulary(f"{path} is no tokenizer.json: {error!r}", param="path") from None

    @classmethod
    def from_transformers(cls, tokenizer: Any, *, eos: int | Sequence[int] | None = None, size: int | None = None) -> Vocabulary:
        """A vocabulary from a fast tokenizer of transformers. ``eos`` defaults to the tokenizer's own end token; ``size`` is the model's
        ``config.vocab_size``. Raises :class:`InvalidVocabulary` for slow tokenizers, which do not tell their tokens' bytes."""
        try:
            ends = tokenizer.eos_token_id if eos is None else eos
            return cls._from_json(tokenizer.backend_tokenizer.to_str(), ends, size)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidVocabulary(f"{type(tokenizer).__name__} is no fast tokenizer: {error!r}", param="tokenizer") from None

    @classmethod
    def _from_json(cls, text: str, eos: int | Sequence[int] | None, size: int | None) -> Vocabulary:
        file = json.loads(text)
        model, added = file["model"], file.get("added_tokens") or []
        ids = _ids(model["vocab"])
        texts = dict.fromkeys(range(max([*ids.values(), *(token["id"] for token in added)]) + 1), b"")
        decode = _byte_level if "ByteLevel" in json.dumps([file.get("pre_tokenizer"), file.get("decoder")]) else _sentence_piece
        for text, token in ids.items():
            texts[token] = decode(text)
        for token in added:
            texts[token["id"]] = b"" if token.get("special") else token["content"].encode()
        if eos is None:
            eos = [token["id"] for token in added if token["content"] in COMMON_EOS] or [ids[s] for s in COMMON_EOS if s in ids]
        return cls.from_list([texts[i] for i in range(len(texts))], eos=eos, size=size)

    @classmethod
    def from_tiktoken_file(cls, path: str | Path, *, special: Mapping[str, int], size: int | None = None) -> Vocabulary:
        """A vocabulary from a file of base64 tokens and ranks, with the ids of its special tokens; all of ``special`` end a text."""
        try:
            rows = [line.split() for line in Path(path).read_bytes().splitlines() if line]
            texts = {int(rank): base64.b64decode(token, validate=True) for token, rank in rows}
        except (OSError, ValueError) as error:
            raise InvalidVocabulary(f"{path} is no file of base64 tokens and ranks: {error}", param="path") from None
        last = max([*texts, *special.values()], default=-1)
        return cls.from_list([texts.get(i, b"") for i in range(last + 1)], eos=list(special.values()), size=size)

    @functools.cached_property
    def by_text(self) -> Mapping[bytes, tuple[int, ...]]:
        """The ids of each text; several where a vocabulary spells one text twice."""
        found: dict[bytes, tuple[int, ...]] = {}
        for i, text in enumerate(self.tokens):
            if text:
                found[text] = (*found.get(text, ()), i)
        return found

    @functools.cached_property
    def longest(self) -> int:
        """Bytes of the longest token."""
        return max(map(len, self.tokens))

    @functools.cached_property
    def words(self) -> int:
        """32-bit words of a mask: bit ``i & 31`` of word ``i >> 5`` is token ``i``."""
        return (self.size + 31) // 32

    def encode(self, text: bytes | str) -> list[int]:
        """Tokens that spell ``text``, the longest first. Not the tokenizer's own merges: for tests, examples and forced text.

        Raises :class:`InvalidVocabulary` where no token fits.
        """
        rest = text.encode() if isinstance(text, str) else text
        found: list[int] = []
        while rest:
            length = next((n for n in range(min(self.longest, len(rest)), 0, -1) if rest[:n] in self.by_text), 0)
            if not length:
                raise InvalidVocabulary(f"no token spells the beginning of {rest[:20]!r}", param="text")
            found.append(self.by_text[rest[:length]][0])
            rest = rest[length:]
        return found

    def decode(self, tokens: Iterable[int]) -> bytes:
        """The bytes of a text; ids that end it stand for nothing."""
        return b"".join(self.tokens[token] for token in tokens)


def _ids(vocab: Any) -> dict[str, int]:
    """The vocabulary of a BPE model (text to id) or of a Unigram model (pairs of text and score in the order of ids)."""
    return dict(vocab) if isinstance(vocab, dict) else {text: i for i, (text, _) in enumerate(vocab)}


@functools.cache
def _byte_of() -> dict[str, int]:
    """GPT-2's map of printable characters to bytes: bytes that are no printable Latin-1 character are written from U+0100 on."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(others)}


def _byte_level(text: str) -> bytes:
    table = _byte_of()
    return bytes(table[c] for c in text) if all(c in table for c in text) else text.encode()


def _sentence_piece(text: str) -> bytes:
    if len(text) == 6 and text.startswith("<0x") and text.endswith(">"):
        return bytes([int(text[3:5], 16)])
    return text.replace("▁", " ").encode()
