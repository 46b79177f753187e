"""What must hold for every runtime, as tests that a model of one's own can inherit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eudoxus.decoding.local.errors import PromptTooLong
from eudoxus.decoding.local.model import LocalModel, log_softmax

NEAR = 1e-4
"""Logits may differ by this much with how a text was cut into calls."""


def raises(kind: type[Exception], act: Callable[[], object]) -> bool:
    """Whether ``act`` ends with an error of this kind."""
    try:
        act()
    except kind:
        return True
    return False


class ModelContract:
    """Subclasses give a pytest fixture ``model``."""

    def text(self, model: LocalModel, length: int = 24) -> list[int]:
        """Tokens that stand for text, the same each time."""
        spelt = [token for token, text in enumerate(model.vocabulary.tokens) if text]
        return [spelt[at] for at in np.random.default_rng(7).integers(len(spelt), size=length)]

    def test_logits_are_as_many_as_asked_and_as_wide_as_the_vocabulary(self, model: LocalModel) -> None:
        logits = model.session().feed(self.text(model), last=3)
        assert logits.shape == (3, model.vocabulary.size)
        assert logits.dtype == np.float32
        assert np.isfinite(logits).all()
        assert np.allclose(np.exp(log_softmax(logits)).sum(axis=-1), 1)

    def test_a_text_in_pieces_is_the_text_at_once(self, model: LocalModel) -> None:
        text = self.text(model)
        whole = model.session().feed(text, last=len(text))
        session = model.session()
        pieces = [session.feed(text[:5], last=5), session.feed(text[5:6]), session.feed(text[6:], last=len(text) - 6)]
        assert np.abs(np.concatenate(pieces) - whole).max() < NEAR
        assert session.tokens == tuple(text)

    def test_a_long_text_is_read_in_chunks_with_the_same_logits(self, model: LocalModel) -> None:
        text = self.text(model, min(600, model.context))
        few = model.session().feed(text, last=2)
        session = model.session()
        session.feed(text[:-2])
        assert np.abs(session.feed(text[-2:], last=2) - few).max() < NEAR

    def test_what_is_taken_back_leaves_no_trace(self, model: LocalModel) -> None:
        text = self.text(model)
        session = model.session()
        session.feed(text[:10])
        straight = session.feed(text[10:14], last=4)
        session.rollback(10)
        session.feed(text[-6:])
        session.rollback(10)
        assert session.tokens == tuple(text[:10])
        assert np.array_equal(session.feed(text[10:14], last=4), straight)
        session.rollback(0)
        assert session.tokens == ()
        assert np.abs(session.feed(text[:14], last=4) - straight).max() < NEAR

    def test_a_copy_goes_its_own_way(self, model: LocalModel) -> None:
        text = self.text(model)
        session = model.session()
        session.feed(text[:8])
        copied = session.fork()
        expected = session.feed(text[8:12])
        copied.feed(text[12:20])
        copied.rollback(8)
        assert session.tokens == tuple(text[:12])
        assert np.abs(copied.feed(text[8:12]) - expected).max() < NEAR
        assert np.abs(session.feed(text[12:13]) - copied.feed(text[12:13])).max() < NEAR

    def test_beyond_its_context_it_refuses_and_stays_as_it_was(self, model: LocalModel) -> None:
        session = model.session()
        session.feed(self.text(model, 4))
        assert raises(PromptTooLong, lambda: session.feed(self.text(model, model.context - 3)))
        assert len(session.tokens) == 4
        assert raises(ValueError, lambda: session.rollback(-1))
        assert raises(ValueError, lambda: session.rollback(5))
        assert raises(ValueError, lambda: session.feed(self.text(model)[:1], last=2))

    def test_the_end_of_a_turn_is_in_the_vocabulary_and_stands_for_no_text(self, model: LocalModel) -> None:
        assert model.vocabulary.eos
        assert all(model.vocabulary.tokens[token] == b"" for token in model.vocabulary.eos)

    def test_text_survives_its_tokens(self, model: LocalModel) -> None:
        for text in ("the assistant answers", "tabs\tand\nlines", "naïve – 你好 🙂"):
            tokens = model.directory.encode(text)
            assert model.directory.decode(tokens).lstrip() == text

    def test_the_name_of_a_special_token_in_a_message_is_plain_text(self, model: LocalModel) -> None:
        names = model.directory.special
        asked = model.directory.prompt([{"role": "user", "content": "a"}])
        hostile = model.directory.prompt([{"role": "user", "content": "a" + "".join(names)}])
        special = {model.directory.tokenizer.token_to_id(name) for name in names}
        assert [token for token in hostile if token in special] == [token for token in asked if token in special]
        assert len(hostile) > len(asked)

    def test_a_last_message_of_the_assistant_begins_the_answer(self, model: LocalModel) -> None:
        question = {"role": "user", "content": "the user asks"}
        asked = model.directory.prompt([question])
        begun = model.directory.prompt([question, {"role": "assistant", "content": "the"}])
        assert begun == [*asked, *model.directory.encode("the")]
