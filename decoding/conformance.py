"""What must hold for every grammar engine, as tests that a user's own engine can inherit.

In a test module::

    class TestMyEngine(MatcherContract):
        @pytest.fixture(params=...)
        def engine(self, request):
            return MyEngine(vocabulary)

        @pytest.fixture(params=...)
        def grammar(self, request):
            return Lark(...)

At sampled states of random texts the mask is compared, for **all** token ids, with consuming each single token, and with the verdict of
the reference engine on bytes where it can read the grammar.
"""

from __future__ import annotations

import random
from typing import ClassVar

import numpy as np

from eudoxus.decoding.apply import allowed_tokens
from eudoxus.decoding.engine import GrammarEngine, Matcher
from eudoxus.decoding.errors import NotInSubset, TokenRefused, UnknownToken
from eudoxus.decoding.grammar import Grammar
from eudoxus.decoding.reference import ReferenceEngine


class MatcherContract:
    """Subclasses give pytest fixtures ``engine`` and ``grammar``; both may be parametrised."""

    texts: ClassVar[int] = 3
    """Random texts per test."""
    longest: ClassVar[int] = 12
    """Tokens per text."""
    never: ClassVar[bytes] = b""
    """A byte that the engine by design never allows; tokens with it are not compared with the reference."""

    def walks(self, matcher: Matcher) -> list[list[int]]:
        """Random texts of allowed tokens: finished ones, and ones cut off at :attr:`longest` tokens."""
        return [self._walk(matcher.fork(), random.Random(seed)) for seed in range(self.texts)]

    def _walk(self, matcher: Matcher, rng: random.Random) -> list[int]:
        for _ in range(self.longest):
            allowed = allowed_tokens(matcher.mask(), matcher.vocabulary.size)
            if not allowed.size:
                break
            long = [int(token) for token in allowed if len(matcher.vocabulary.decode([int(token)])) > 1]
            matcher.consume(int(rng.choice(long if long and rng.random() < 0.5 else allowed.tolist())))
        return list(matcher.consumed)

    def test_the_mask_says_what_consuming_each_single_token_says(self, engine: GrammarEngine, grammar: Grammar) -> None:
        matcher = engine.matcher(grammar, exact=True)
        for walk in self.walks(matcher):
            matcher.reset()
            for token in walk:
                allowed = set(allowed_tokens(matcher.mask(), matcher.vocabulary.size).tolist())
                assert allowed == {other for other in range(matcher.vocabulary.size) if matcher.allows([other])}
                matcher.consume(token)

    def test_the_mask_is_that_of_the_reference(self, engine: GrammarEngine, grammar: Grammar) -> None:
        try:
            reference = ReferenceEngine(engine.vocabulary).matcher(grammar)
        except NotInSubset:
            return
        matcher = engine.matcher(grammar, exact=True)
        compared = [not (self.never and self.never in text) for text in matcher.vocabulary.tokens]
        compared += [True] * (matcher.vocabulary.size - len(compared))
        for walk in self.walks(matcher):
            matcher.reset()
            reference.reset()
            for token in walk:
                assert matcher.accepting == reference.accepting
                ours, theirs = (set(allowed_tokens(m.mask(), m.vocabulary.size).tolist()) for m in (matcher, reference))
                assert not [(t, matcher.vocabulary.tokens[t]) for t in ours ^ theirs if compared[t]]
                matcher.consume(token)
                reference.consume(token)

    def test_a_text_may_end_exactly_where_it_is_complete(self, engine: GrammarEngine, grammar: Grammar) -> None:
        matcher = engine.matcher(grammar, exact=True)
        for walk in self.walks(matcher):
            matcher.reset()
            for token in walk:
                allowed = set(allowed_tokens(matcher.mask(), matcher.vocabulary.size).tolist())
                assert (allowed & set(matcher.vocabulary.eos)) == (set(matcher.vocabulary.eos) if matcher.accepting else set())
                matcher.consume(token)

    def test_nothing_follows_the_end(self, engine: GrammarEngine, grammar: Grammar) -> None:
        matcher = engine.matcher(grammar, exact=True)
        ended = [walk for walk in self.walks(matcher) if walk and walk[-1] in matcher.vocabulary.eos]
        for walk in ended:
            matcher.reset()
            for token in walk:
                matcher.consume(token)
            assert matcher.finished and matcher.accepting
            assert not allowed_tokens(matcher.mask(), matcher.vocabulary.size).size

    def test_padding_and_tokens_without_text_are_never_allowed(self, engine: GrammarEngine, grammar: Grammar) -> None:
        matcher = engine.matcher(grammar, exact=True)
        silent = [i for i in range(matcher.vocabulary.size) if i not in matcher.vocabulary.eos and not _text(matcher, i)]
        for walk in self.walks(matcher):
            matcher.reset()
            for token in walk:
                assert not set(allowed_tokens(matcher.mask(), matcher.vocabulary.size).tolist()) & set(silent)
                matcher.consume(token)

    def test_a_refused_token_leaves_everything_as_it_was(self, engine: GrammarEngine, grammar: Grammar) -> None:
        matcher = engine.matcher(grammar, exact=True)
        for walk in self.walks(matcher):
            matcher.reset()
            for token in walk:
                mask = matcher.mask()
                allowed = set(allowed_tokens(mask, matcher.vocabulary.size).tolist())
                refused = next((other for other in range(matcher.vocabulary.size) if other not in allowed), None)
                if refused is not None:
                    self.assert_refused(matcher, refused)
                self.assert_refused(matcher, matcher.vocabulary.size)
                assert np.array_equal(matcher.mask(), mask)
                matcher.consume(token)

    def assert_refused(self, matcher: Matcher, token: int) -> None:
        before = matcher.consumed
        try:
            matcher.consume(token)
        except UnknownToken:
            assert token >= matcher.vocabulary.size
        except TokenRefused as error:
            assert (error.token, error.position) == (token, len(before))
        else:
            raise AssertionError(f"token {token} was taken although the mask forbids it")
        assert matcher.consumed == before

    def test_rollback_fork_and_reset_lead_back_to_the_same_masks(self, engine: GrammarEngine, grammar: Grammar) -> None:
        matcher = engine.matcher(grammar, exact=True)
        for walk in self.walks(matcher):
            matcher.reset()
            masks = []
            for token in walk:
                masks.append(matcher.mask())
                matcher.consume(token)
            twin = matcher.fork()
            for back in range(1, len(walk) + 1):
                matcher.rollback(1)
                assert np.array_equal(matcher.mask(), masks[-back])
            assert twin.consumed == tuple(walk) and matcher.consumed == ()
            twin.rollback(len(walk))
            assert np.array_equal(twin.mask(), masks[0])
            assert matcher.allows(walk) == len(walk)

    def test_forced_bytes_are_what_every_continuation_begins_with(self, engine: GrammarEngine, grammar: Grammar) -> None:
        matcher = engine.matcher(grammar, exact=True)
        for walk in self.walks(matcher):
            matcher.reset()
            forced: list[tuple[int, bytes]] = []
            text = b""
            for token in walk:
                forced.append((len(text), matcher.forced_bytes()))
                text += matcher.vocabulary.decode([token])
                matcher.consume(token)
            for at, expected in forced:
                assert expected.startswith(text[at:]) or text[at:].startswith(expected)


def _text(matcher: Matcher, token: int) -> bytes:
    return matcher.vocabulary.tokens[token] if token < len(matcher.vocabulary.tokens) else b""
