"""A grammar engine in plain Python: slow, small and exact. Tests hold the fast engines to it; small vocabularies can use it as it is."""

from __future__ import annotations

import functools
from typing import Self

from eudoxus.decoding.apply import Mask, mask_of
from eudoxus.decoding.bnf import Bnf, compile_bnf
from eudoxus.decoding.earley import Recogniser
from eudoxus.decoding.engine import TextSoFar
from eudoxus.decoding.grammar import Grammar, Limits
from eudoxus.decoding.vocabulary import Vocabulary


class ReferenceEngine:
    """Regular expressions and small context-free grammars, every tokenisation allowed. Safe for threads."""

    name = "reference"

    def __init__(self, vocabulary: Vocabulary, limits: Limits | None = None) -> None:
        self.vocabulary = vocabulary
        self.limits = limits or Limits()
        self._bnf = functools.lru_cache(maxsize=self.limits.kept_grammars)(self._compile)

    def matcher(self, grammar: Grammar, *, exact: bool = False) -> ReferenceMatcher:
        """See :meth:`eudoxus.decoding.engine.GrammarEngine.matcher`. Also raises :class:`NotInSubset`."""
        return ReferenceMatcher(self.vocabulary, Recogniser(self._bnf(grammar), self.limits.items_in_row))

    def _compile(self, grammar: Grammar) -> Bnf:
        return compile_bnf(grammar, self.limits)


class ReferenceMatcher(TextSoFar):
    """A :class:`~eudoxus.decoding.engine.Matcher` over an Earley recogniser. ``remaining()`` is its own."""

    def __init__(self, vocabulary: Vocabulary, recogniser: Recogniser, consumed: tuple[int, ...] = ()) -> None:
        super().__init__(vocabulary, consumed)
        self._recogniser = recogniser

    def mask(self) -> Mask:
        if self.finished:
            return self._nothing()
        found = list(self.vocabulary.eos) if self._complete() else []
        self._visit(spelling(self.vocabulary), found)
        return mask_of(found, self.vocabulary.size)

    def fork(self) -> Self:
        return type(self)(self.vocabulary, self._recogniser.copy(), self.consumed)

    def forced_bytes(self) -> bytes:
        forced = b""
        while not self.finished and not self._complete() and len(following := self._recogniser.next_bytes()) == 1 and len(forced) < 4096:
            forced += bytes(following)
            self._recogniser.push(forced[-1])
        self._recogniser.pop(len(forced))
        return forced

    def remaining(self) -> int:
        """Bytes of the shortest way to complete the text."""
        return self._recogniser.remaining()

    def _visit(self, node: Spelling, found: list[int]) -> None:
        found.extend(node.tokens)
        for byte in self._recogniser.next_bytes() & node.children.keys():
            self._recogniser.push(byte)
            self._visit(node.children[byte], found)
            self._recogniser.pop(1)

    def _advance(self, token: int) -> bool:
        return self._recogniser.read(self.vocabulary.tokens[token])

    def _retreat(self, tokens: int) -> None:
        self._recogniser.pop(len(self._recogniser.columns) - 1 - len(self.vocabulary.decode(self._consumed)))

    def _complete(self) -> bool:
        return self._recogniser.accepting


class Spelling:
    """A node of the trie of all tokens by their bytes."""

    __slots__ = ("children", "tokens")

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.children: dict[int, Spelling] = {}


@functools.lru_cache(maxsize=16)
def spelling(vocabulary: Vocabulary) -> Spelling:
    """All tokens of a vocabulary that stand for text, by their bytes."""
    root = Spelling()
    for text, tokens in vocabulary.by_text.items():
        node = root
        for byte in text:
            node = node.children.setdefault(byte, Spelling())
        node.tokens.extend(tokens)
    return root
