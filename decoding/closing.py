"""Ending in time: with a budget of tokens, only such continuations are left that can still be completed within it.

The idea of TruncProof (2026, arXiv 2605.13076): the fewest remaining tokens are computed from the grammar. Here the remaining *bytes* are
exact (the fewest over all parses) and one token per byte is reckoned, so the promise holds for every vocabulary that has each byte of the
grammar as a token, and longer tokens only leave slack. The restriction cuts off texts that would have fitted with longer tokens: it is for
finishing one text, not for exact sampling, which has the budget in its law anyway.
"""

from __future__ import annotations

from collections import deque
from typing import Self

from eudoxus.decoding.apply import Mask, allowed_tokens, mask_of
from eudoxus.decoding.bnf import compile_bnf
from eudoxus.decoding.earley import Recogniser
from eudoxus.decoding.engine import Matcher, TextSoFar
from eudoxus.decoding.errors import BudgetTooSmall, InvalidVocabulary, MatcherFailed, NotInSubset, TokenRefused
from eudoxus.decoding.grammar import Grammar, text_of
from eudoxus.decoding.reference import Spelling, spelling
from eudoxus.decoding.vocabulary import Vocabulary

MOST_CHECKED, MOST_ITEMS = 4096, 100_000
"""Texts looked at per mask, and parser items for them, before no longer tokens are tried: an ambiguous grammar needs many per byte."""
LONGEST_READ = 49_152
"""Characters of a grammar up to which it is read to know beforehand whether a text fits its budget."""
ITEMS_IN_ROW = 2_000
"""As in :class:`~eudoxus.decoding.grammar.Limits`."""


def check_budget(grammar: Grammar, vocabulary: Vocabulary, max_tokens: int) -> None:
    """Raise :class:`BudgetTooSmall` where even the longest tokens cannot spell the shortest text in ``max_tokens``.

    Grammars outside the subset of Lark that is read here (and JSON schemas) are not judged, nor are large ones: reading them takes long.
    """
    if len(text_of(grammar)) > LONGEST_READ:
        return
    try:
        shortest = compile_bnf(grammar).shortest["start"]
    except NotInSubset:
        return
    needed = -(-shortest // vocabulary.longest)
    if needed > max_tokens:
        raise BudgetTooSmall(max_tokens, needed)


class ClosingMatcher(TextSoFar):
    """``inner``, made with ``exact=True`` for ``grammar``, restricted to what still ends within ``max_tokens`` (the end token not counted).

    A text drawn from its masks is always finished in time if ``guaranteed``: if the budget has a token for each byte of the shortest text.
    Otherwise the tokens that come nearest to it are left. Raises :class:`NotInSubset` for grammars that cannot be read here,
    :class:`BudgetTooSmall`, and :class:`InvalidVocabulary` where a byte of the grammar is no token by itself.
    """

    def __init__(self, inner: Matcher, grammar: Grammar, max_tokens: int) -> None:
        super().__init__(inner.vocabulary)
        check_budget(grammar, inner.vocabulary, max_tokens)
        compiled = compile_bnf(grammar)
        used = frozenset().union(*(s for ps in compiled.rules.values() for p in ps for s in p if not isinstance(s, str)))
        lacking = sorted(byte for byte in used if bytes([byte]) not in inner.vocabulary.by_text)
        if lacking:
            raise InvalidVocabulary(f"closing needs each byte of the grammar as a token; there is none for {bytes(lacking[:20])!r}")
        self.inner, self.max_tokens = inner, max_tokens
        self.recogniser = Recogniser(compiled, ITEMS_IN_ROW)
        self.guaranteed = self.recogniser.remaining() <= max_tokens
        each = sum(max(map(compiled.length, ps)) for ps in compiled.rules.values())
        self.slack = inner.vocabulary.longest * each if compiled.nests else each
        """Bytes by which one token can at most put off the end: so many with each byte, and once for all where nothing nests."""

    @property
    def left(self) -> int:
        """Tokens left before the end."""
        return self.max_tokens - len(self._consumed)

    def mask(self) -> Mask:
        mask = self.inner.mask()
        if self.finished or self.recogniser.remaining() + self.slack < self.left:
            return mask
        allowed = set(allowed_tokens(mask, self.vocabulary.size).tolist())
        after = self._remaining_after(allowed)
        ends = [token for token in self.vocabulary.eos if token in allowed]
        if self.left <= 0:
            return mask_of(ends, self.vocabulary.size)
        fitting = [token for token, remaining in after.items() if remaining <= self.left - 1]
        if not fitting and not ends and after:
            least = min(after.values())
            fitting = [token for token, remaining in after.items() if remaining == least]
        return mask_of([*fitting, *ends], self.vocabulary.size)

    def fork(self) -> Self:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, inner=self.inner.fork(), recogniser=self.recogniser.copy(), _consumed=list(self._consumed))
        return other

    def consume(self, token: int) -> None:
        self.inner.consume(token)
        text = self._text(token)
        if token not in self.vocabulary.eos:
            if not self.recogniser.read(text):
                self.inner.rollback(1)
                raise MatcherFailed(f"the engine reads {text!r} after {len(self._consumed)} tokens otherwise than the grammar's reader")
            if self.guaranteed and self.recogniser.remaining() > self.left - 1:
                self.inner.rollback(1)
                self.recogniser.pop(len(text))
                raise TokenRefused(token, text, len(self._consumed))
        self._consumed.append(token)

    def rollback(self, tokens: int) -> None:
        self.inner.rollback(tokens)
        del self._consumed[len(self._consumed) - tokens :]
        self.recogniser.pop(len(self.recogniser.columns) - 1 - len(self.vocabulary.decode(self._consumed)))

    def forced_bytes(self) -> bytes:
        return self.inner.forced_bytes()

    def _complete(self) -> bool:
        return self.inner.accepting

    def _remaining_after(self, allowed: set[int]) -> dict[int, int]:
        """Bytes that remain after each allowed token, short tokens first; single bytes are always among those looked at."""
        found: dict[int, int] = {}
        waiting: deque[tuple[Spelling, Recogniser]] = deque([(spelling(self.vocabulary), self.recogniser)])
        checked = items = 0
        while waiting:
            node, recogniser = waiting.popleft()
            for token in node.tokens:
                if token in allowed:
                    found[token] = recogniser.remaining()
            if checked > MOST_CHECKED or items > MOST_ITEMS:
                continue
            for byte in recogniser.next_bytes() & node.children.keys():
                further = recogniser.copy()
                further.push(byte)
                waiting.append((node.children[byte], further))
                checked += 1
                items += len(further.columns[-1].items)
        return found
