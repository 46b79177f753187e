"""Token by token: what the model says, within what the grammar allows, until it ends.

With a grammar, ``finish_reason`` is ``stop`` only for texts that the grammar accepts as complete, or that a stop string cut (then
``complete`` tells); ``length`` says that the budget of tokens ended the text first.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eudoxus.decoding.apply import Mask, allowed_tokens
from eudoxus.decoding.closing import LONGEST_READ, ClosingMatcher
from eudoxus.decoding.engine import GrammarEngine, Matcher
from eudoxus.decoding.errors import DeadEnd, GrammarTooLarge, InvalidVocabulary, MatcherFailed, NotInSubset, TokenRefused
from eudoxus.decoding.grammar import Grammar, text_of
from eudoxus.decoding.local.errors import Cancelled
from eudoxus.decoding.local.law import PLAIN, Sampling
from eudoxus.decoding.local.measure import TokenTelemetry, logprob_entry, model_log_probs, telemetry_of
from eudoxus.decoding.local.model import Logits
from eudoxus.decoding.local.reading import Prompt
from eudoxus.decoding.local.text import GrowingText
from eudoxus.runtime.chat import Json


@dataclass(frozen=True)
class Watch:
    """What is reported of a generation while and after it goes on; nothing here changes the text."""

    on_text: Callable[[str], None] | None = None
    """Called with each piece of text that is certain."""
    cancelled: Callable[[], bool] = lambda: False
    """Asked before each token; True ends with :class:`Cancelled`."""
    top_logprobs: int | None = None
    """Keep each token's log-probability and those of so many likeliest ones."""
    telemetry: bool = False
    """Keep :class:`TokenTelemetry` of each token."""


UNWATCHED = Watch()
Ids = NDArray[np.int64]


@dataclass
class Generation:
    """One answer."""

    text: str = ""
    tokens: list[int] = field(default_factory=list)
    """Without the end token."""
    finish_reason: Literal["stop", "length"] = "stop"
    complete: bool | None = None
    """Whether the grammar accepts the text; None without a grammar."""
    logprobs: list[Json] | None = None
    telemetry: list[TokenTelemetry] = field(default_factory=list)
    log_weight: float | None = None
    """Of importance sampling."""


def constrained(engine: GrammarEngine, grammar: Grammar, max_tokens: int) -> Matcher:
    """A matcher that ends the text within ``max_tokens`` wherever the grammar can be read for that; else the engine's own.

    Raises what the engine raises on load, and :class:`BudgetTooSmall`.
    """
    inner = engine.matcher(grammar)
    if len(text_of(grammar)) > LONGEST_READ:
        return inner
    try:
        return ClosingMatcher(inner, grammar, max_tokens)
    except (NotInSubset, InvalidVocabulary, GrammarTooLarge, MatcherFailed):
        return inner


def generate(
    prompt: Prompt,
    rng: random.Random,
    *,
    max_tokens: int,
    sampling: Sampling = PLAIN,
    matcher: Matcher | None = None,
    stops: tuple[str, ...] = (),
    watch: Watch = UNWATCHED,
    ahead: bool = False,
) -> Generation:
    """One answer of at most ``max_tokens`` tokens (the end token not counted), and no more than the context has room for.

    ``matcher`` at the empty text is used up. ``ahead``: the next mask is computed in a thread of its own while the model runs, which pays
    where a mask takes longer than handing it over, some 20 µs: for large vocabularies. The prompt's session is left at the end of the
    answer. Raises :class:`DeadEnd` where no token can go on, :class:`MatcherFailed`, :class:`Cancelled`.
    """
    with ThreadPoolExecutor(1) if ahead and matcher is not None else nullcontext() as pool:
        return _Loop(prompt, rng, sampling, _Masks(matcher, prompt, pool), stops, watch).run(max_tokens)


class _Loop:
    """One answer in the making."""

    def __init__(self, prompt: Prompt, rng: random.Random, sampling: Sampling, masks: _Masks, stops: tuple[str, ...], watch: Watch) -> None:
        self.prompt, self.rng, self.sampling, self.masks, self.watch = prompt, rng, sampling, masks, watch
        self.vocabulary = prompt.model.vocabulary
        self.growing = GrowingText(stops)
        self.mask_us = 0.0
        self.made = Generation(logprobs=None if watch.top_logprobs is None else [])

    def run(self, max_tokens: int) -> Generation:
        logits, forward_us = self.prompt.logits, 0.0
        room = min(max_tokens, self.prompt.model.context - len(self.prompt.tokens))
        while len(self.made.tokens) < room and not self.growing.stopped and not self.masks.only_end:
            if self.watch.cancelled():
                raise Cancelled
            token = self._drawn(logits)
            if token in self.vocabulary.eos:
                return self._ended("stop")
            self._note(logits, token, forward_us)
            self.made.tokens.append(token)
            self._say(self.growing.add(self.vocabulary.tokens[token]))
            if len(self.made.tokens) < room and not self.growing.stopped and not self.masks.known_to_end:
                started = time.perf_counter()
                logits = self.prompt.session.feed([token])[-1]
                forward_us = (time.perf_counter() - started) * 1e6
        return self._ended("stop" if self.growing.stopped or self.masks.complete else "length")

    def _drawn(self, logits: Logits) -> int:
        """A token that the grammar has taken. One after which the text could not end in time is drawn again among those that fit: without
        cut-offs that is the law of drawing among these at once, and it spares finding them at every step."""
        try:
            token = self._one_of(self.masks.allowed(), logits)
            self.mask_us = self.masks.spent_us
            self.masks.advance(token)
        except TokenRefused:
            token = self._one_of(self.masks.fitting(), logits)
            self.masks.advance(token)
        return token

    def _one_of(self, allowed: Ids, logits: Logits) -> int:
        if not allowed.size:
            raise DeadEnd(f"no token of the model goes on after {self.vocabulary.decode(self.made.tokens)[-40:]!r} in this grammar")
        return int(allowed[self.sampling.draw(logits[allowed], self.rng.random())])

    def _say(self, text: str) -> None:
        self.made.text += text
        if text and self.watch.on_text:
            self.watch.on_text(text)

    def _note(self, logits: Logits, token: int, forward_us: float) -> None:
        if self.made.logprobs is None and not self.watch.telemetry:
            return
        log_probs = model_log_probs(self.vocabulary, logits)
        if self.made.logprobs is not None:
            self.made.logprobs.append(logprob_entry(self.vocabulary, log_probs, token, self.watch.top_logprobs or 0))
        if self.watch.telemetry:
            self.made.telemetry.append(telemetry_of(log_probs, self.mask_us, forward_us))

    def _ended(self, reason: Literal["stop", "length"]) -> Generation:
        self._say(self.growing.end())
        self.made.finish_reason = reason
        self.made.complete = None if self.masks.matcher is None else self.masks.complete and not self.growing.stopped
        if self.made.logprobs is not None and self.growing.stopped:
            self.made.logprobs = _within(self.made.logprobs, self.growing.length)
        return self.made


def _within(entries: list[Json], length: int) -> list[Json]:
    """The entries of tokens that begin within the first ``length`` bytes."""
    kept, at = [], 0
    for entry in entries:
        if at >= length:
            break
        kept.append(entry)
        at += len(entry["bytes"])
    return kept


class _Masks:
    """What may come next. Without a matcher: every token that exists."""

    def __init__(self, matcher: Matcher | None, prompt: Prompt, pool: Executor | None) -> None:
        self.matcher, self.pool, self.vocabulary = matcher, pool, prompt.model.vocabulary
        # A matcher that refuses what does not fit the budget need not mask it beforehand.
        self.masking = matcher.inner if isinstance(matcher, ClosingMatcher) and matcher.guaranteed else matcher
        self.spent_us = 0.0
        """Microseconds for the present mask and the token before it."""
        self._everything = np.arange(len(self.vocabulary.tokens))
        self._mask: Mask | None = None
        self._coming: Future[Mask] | None = None
        if self.masking is not None:
            self._mask = self._computed(self.masking, 0.0)

    def advance(self, token: int) -> None:
        """Take ``token``. Raises :class:`TokenRefused` if the text could not end in time then."""
        if self.matcher is None or self.masking is None:
            return
        started = time.perf_counter()
        self._consume(self.matcher, token)
        consumed_us = (time.perf_counter() - started) * 1e6
        if token in self.vocabulary.eos:
            return
        if self.pool is None:
            self._mask = self._computed(self.masking, consumed_us)
        else:
            self._coming = self.pool.submit(self._computed, self.masking, consumed_us)

    def _consume(self, matcher: Matcher, token: int) -> None:
        before = len(matcher.consumed)
        try:
            matcher.consume(token)
        except MatcherFailed:
            inner = self._without_closing()
            if len(inner.consumed) == before:
                inner.consume(token)

    def _without_closing(self) -> Matcher:
        """Go on by the engine alone: the reader of grammars that is used for ending in time gave up, or reads this grammar otherwise than
        the engine does. Raises the error being handled if it was the engine's."""
        if not isinstance(self.matcher, ClosingMatcher):
            raise  # noqa: PLE0704 - called while handling it
        self.matcher = self.masking = self.matcher.inner
        return self.masking

    def _computed(self, masking: Matcher, consumed_us: float) -> Mask:
        started = time.perf_counter()
        mask = masking.mask()
        self.spent_us = consumed_us + (time.perf_counter() - started) * 1e6
        return mask

    def _arrived(self) -> Mask | None:
        if self._coming is not None:
            self._mask, self._coming = self._coming.result(), None
        return self._mask

    def allowed(self) -> Ids:
        """What the grammar allows, whether or not the text can still end in time."""
        mask = self._arrived()
        return self._everything if mask is None else allowed_tokens(mask, self.vocabulary.size)

    def fitting(self) -> Ids:
        """Those after which the text can still end in time."""
        assert self.matcher is not None
        try:
            mask = self.matcher.mask()
        except MatcherFailed:
            mask = self._without_closing().mask()
        return allowed_tokens(mask, self.vocabulary.size)

    @property
    def complete(self) -> bool:
        """Whether the text so far is complete in the grammar."""
        self._arrived()
        return self.matcher is not None and self.matcher.accepting

    @property
    def only_end(self) -> bool:
        """Whether the grammar allows nothing but the end: there is nothing to ask the model then."""
        mask = self._arrived()
        if mask is None or self.matcher is None or not self.matcher.accepting:
            return False
        return bool(np.isin(allowed_tokens(mask, self.vocabulary.size), self.vocabulary.eos).all())

    @property
    def known_to_end(self) -> bool:
        """As :attr:`only_end`, without waiting for a mask that is being computed."""
        return self._coming is None and self.only_end
