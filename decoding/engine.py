"""The protocol that every grammar engine is wrapped in: what a decoder needs of a grammar, and nothing of an engine's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, Self, runtime_checkable

from eudoxus.decoding.apply import Mask, mask_of
from eudoxus.decoding.errors import TokenRefused, UnknownToken
from eudoxus.decoding.grammar import Grammar
from eudoxus.decoding.vocabulary import Vocabulary


@runtime_checkable
class Matcher(Protocol):
    """Where a text stands in a grammar. Not for use by several threads at once; :meth:`fork` gives each its own."""

    vocabulary: Vocabulary

    @property
    def consumed(self) -> tuple[int, ...]:
        """The tokens so far, with the end token if the text is ended."""

    @property
    def accepting(self) -> bool:
        """Whether the text so far is complete: exactly then the end tokens are allowed, and after one of them it stays so."""

    @property
    def finished(self) -> bool:
        """Whether an end token was consumed. Then nothing more is allowed."""

    def mask(self) -> Mask:
        """The tokens allowed next, as a fresh array. Raises :class:`MatcherFailed` when a limit is reached."""

    def allows(self, tokens: Sequence[int]) -> int:
        """How many of ``tokens`` could be consumed one after the other; nothing is consumed."""

    def consume(self, token: int) -> None:
        """Go on by one token. Raises :class:`TokenRefused` (the matcher is unchanged) or :class:`MatcherFailed`."""

    def rollback(self, tokens: int) -> None:
        """Take back the last ``tokens``. Raises :class:`ValueError` if there are not so many."""

    def fork(self) -> Self:
        """An independent copy."""

    def reset(self) -> None:
        """Back to the empty text."""

    def forced_bytes(self) -> bytes:
        """Bytes with which every continuation begins; may be shorter than what is known to be forced."""


class GrammarEngine(Protocol):
    """Makes matchers for one vocabulary. Compiling is cached; matchers are independent."""

    name: str
    vocabulary: Vocabulary

    def matcher(self, grammar: Grammar, *, exact: bool = False) -> Matcher:
        """A matcher at the empty text.

        ``exact``: allow every tokenisation of every text. Otherwise an engine may allow only the canonical tokens where the grammar
        forces the text, which suits greedy decoding and distorts exact sampling. Raises :class:`InvalidGrammar`,
        :class:`GrammarTooLarge`, :class:`Unsatisfiable`, or :class:`CapabilityMissing` for a kind of grammar that the engine lacks.
        """


class TextSoFar:
    """The part of a matcher that all engines share: which tokens were consumed and whether the text is ended.

    Subclasses say how to :meth:`_advance` and :meth:`_retreat` by tokens with bytes, and whether the text :meth:`_complete`.
    """

    def __init__(self, vocabulary: Vocabulary, consumed: Iterable[int] = ()) -> None:
        self.vocabulary = vocabulary
        self._consumed = list(consumed)

    @property
    def consumed(self) -> tuple[int, ...]:
        return tuple(self._consumed)

    @property
    def finished(self) -> bool:
        return bool(self._consumed) and self._consumed[-1] in self.vocabulary.eos

    @property
    def accepting(self) -> bool:
        return self.finished or self._complete()

    def consume(self, token: int) -> None:
        if not 0 <= token < self.vocabulary.size:
            raise UnknownToken(token, self.vocabulary.size, len(self._consumed))
        if token in self.vocabulary.eos:
            allowed = not self.finished and self._complete()
        else:
            allowed = not self.finished and bool(self._text(token)) and self._advance(token)
        if not allowed:
            raise TokenRefused(token, self._text(token), len(self._consumed))
        self._consumed.append(token)

    def allows(self, tokens: Sequence[int]) -> int:
        count = 0
        try:
            for token in tokens:
                self.consume(token)
                count += 1
        except TokenRefused:
            pass
        self.rollback(count)
        return count

    def rollback(self, tokens: int) -> None:
        if not 0 <= tokens <= len(self._consumed):
            raise ValueError(f"cannot take back {tokens} of {len(self._consumed)} tokens")
        if tokens:
            with_bytes = tokens - self.finished
            del self._consumed[-tokens:]
            if with_bytes:
                self._retreat(with_bytes)

    def reset(self) -> None:
        self.rollback(len(self._consumed))

    def forced_bytes(self) -> bytes:
        return b""

    def _text(self, token: int) -> bytes:
        return self.vocabulary.tokens[token] if token < len(self.vocabulary.tokens) else b""

    def _nothing(self) -> Mask:
        return mask_of([], self.vocabulary.size)

    def _advance(self, token: int) -> bool:
        raise NotImplementedError

    def _retreat(self, tokens: int) -> None:
        raise NotImplementedError

    def _complete(self) -> bool:
        raise NotImplementedError
