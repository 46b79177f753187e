"""One constrained text of a host that draws the tokens itself: a framework hands over what was drawn and gets what may come next.

Thin adapters put this into a host: :mod:`eudoxus.decoding.processor` for transformers, :mod:`eudoxus.decoding.vllm_plugin` for vLLM. A host
serves many texts at once and must not fall over one of them, so nothing here raises while a text grows: what went wrong is its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from eudoxus.decoding.apply import Mask, mask_of
from eudoxus.decoding.closing import ClosingMatcher
from eudoxus.decoding.engine import GrammarEngine, Matcher
from eudoxus.decoding.errors import DeadEnd, MatcherFailed, TokenRefused
from eudoxus.decoding.grammar import as_grammar
from eudoxus.decoding.vocabulary import Vocabulary
from eudoxus.runtime.errors import EudoxusError

TextOutcome = Literal["open", "complete", "ended", "dead_end", "refused", "failed"]


class Constraint:
    """Where one text stands. ``matcher`` at the empty text is only forked.

    Where the text is ended, or no way on is left, only end tokens are allowed: a host that must draw something finds something, and its
    usual rule stops the text. ``outcome`` tells the cases apart.
    """

    def __init__(self, matcher: Matcher) -> None:
        self._start = matcher
        self._matcher = matcher.fork()
        self._beyond: list[int] = []
        """Tokens that the host drew after the end or after the error: padding, or what it should not have drawn."""
        self._broken = 0
        """Length of the shortest text that has the error."""
        self.error: EudoxusError | None = None
        """Why the text cannot go on: :class:`TokenRefused`, :class:`DeadEnd` or :class:`MatcherFailed`."""

    @classmethod
    def of(cls, engine: GrammarEngine, grammar: object, *, max_tokens: int | None = None, exact: bool = False) -> Self:
        """The empty text under a grammar of ours or of outlines.

        ``max_tokens``: leave only what still ends within so many tokens (:class:`ClosingMatcher`; the end token is not counted).
        ``exact``: see :meth:`GrammarEngine.matcher`. Raises what the engine raises on load, and with ``max_tokens`` also
        :class:`BudgetTooSmall`, :class:`InvalidVocabulary`, and :class:`NotInSubset` for grammars that cannot be read for closing.
        """
        read = as_grammar(grammar)
        if max_tokens is None:
            return cls(engine.matcher(read, exact=exact))
        return cls(ClosingMatcher(engine.matcher(read, exact=True), read, max_tokens))

    @property
    def vocabulary(self) -> Vocabulary:
        return self._matcher.vocabulary

    @property
    def tokens(self) -> tuple[int, ...]:
        """Everything the host drew."""
        return (*self._matcher.consumed, *self._beyond)

    @property
    def outcome(self) -> TextOutcome:
        """``open``: not complete; a text that a host leaves so was cut off. ``complete``: it may end here. ``ended``: it did.

        ``dead_end``: no token of the vocabulary goes on. ``refused``: the host drew a token that the mask forbade. ``failed``: the engine
        gave up, as on ambiguous grammars. :attr:`error` has the details of the last three.
        """
        if self.error is not None:
            return "refused" if isinstance(self.error, TokenRefused) else "dead_end" if isinstance(self.error, DeadEnd) else "failed"
        return "ended" if self._matcher.finished else "complete" if self._matcher.accepting else "open"

    def step(self, new_tokens: Sequence[int] = ()) -> Mask:
        """Take the tokens drawn since the last step, and return the mask of those allowed next. At least one token is always allowed."""
        for token in new_tokens:
            self._take(token)
        if self.error is None and not self._matcher.finished:
            try:
                mask = self._matcher.mask()
                if mask.any():
                    return mask
                text = self.vocabulary.decode(self._matcher.consumed)
                self._fail(DeadEnd(f"no token of the vocabulary goes on after {text[-40:]!r}, and the text is not complete"), 0)
            except MatcherFailed as error:
                self._fail(error, 0)
        return mask_of(list(self.vocabulary.eos), self.vocabulary.size)

    def rollback(self, tokens: int) -> None:
        """Take back the last ``tokens`` with what they led to. Raises :class:`ValueError` if there are not so many."""
        text, consumed = self.tokens, len(self._matcher.consumed)
        kept = len(text) - tokens
        if tokens < 0 or kept < 0:
            raise ValueError(f"cannot take back {tokens} of {len(text)} tokens")
        if kept >= (consumed if self.error is None else self._broken):
            del self._beyond[kept - consumed :]
            return
        lost, self.error, self._beyond = isinstance(self.error, MatcherFailed), None, []
        if lost:
            self._matcher = self._start.fork()
            for token in text[:kept]:
                self._take(token)
        else:
            self._matcher.rollback(consumed - kept)

    def seek(self, tokens: Sequence[int]) -> None:
        """Make ``tokens`` the text so far: take back what differs, read the rest."""
        known, wanted = self.tokens, tuple(tokens)
        common = len(known)
        if wanted[:common] != known:
            common = next((i for i, (one, other) in enumerate(zip(known, wanted, strict=False)) if one != other), len(wanted))
            self.rollback(len(known) - common)
        for token in wanted[common:]:
            self._take(token)

    def fork(self) -> Self:
        """An independent copy."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _matcher=self._matcher.fork(), _beyond=list(self._beyond))
        return other

    def _take(self, token: int) -> None:
        if self.error is not None or self._matcher.finished:
            self._beyond.append(token)
            return
        try:
            self._matcher.consume(token)
        except (TokenRefused, MatcherFailed) as error:
            self._fail(error, 1)
            self._beyond.append(token)

    def _fail(self, error: EudoxusError, beyond: int) -> None:
        self.error, self._broken = error, len(self._matcher.consumed) + beyond
