"""What can go wrong in constrained decoding, each with the stable code that HTTP, command line and Python share."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.runtime.chat import Completion
from eudoxus.runtime.errors import CapabilityMissing, EudoxusError, InvalidRequest


class InvalidVocabulary(InvalidRequest):
    """A tokenizer file or token list cannot be used; the message names the field at fault."""

    code = "invalid_vocabulary"


class InvalidGrammar(InvalidRequest):
    """The grammar cannot be read, or names a rule or token that does not exist."""

    code = "invalid_grammar"


class GrammarTooLarge(InvalidGrammar):
    """The grammar exceeds a limit on its size, nesting or expansion, and is refused before any engine reads it."""

    code = "grammar_too_large"


class Unsatisfiable(InvalidGrammar):
    """No text fits: the grammar is empty, or the model gives every text in it the probability 0."""

    code = "unsatisfiable"


class BudgetTooSmall(InvalidRequest):
    """Even the shortest accepted text needs more tokens than allowed."""

    code = "token_budget_too_small"

    def __init__(self, allowed: int, needed: int) -> None:
        self.allowed, self.needed = allowed, needed
        super().__init__(f"max_tokens is {allowed}; the shortest text that the grammar accepts needs at least {needed}", param="max_tokens")


class EngineMissing(CapabilityMissing):
    """The library behind a grammar engine is not installed."""

    code = "grammar_engine_missing"


class NotInSubset(InvalidGrammar):
    """Valid Lark perhaps, but outside the subset that lint, closing and the reference engine read."""

    code = "grammar_not_in_subset"


class TokenRefused(EudoxusError):
    """A token was consumed that the grammar does not allow here. The matcher is as it was before."""

    code = "token_refused"

    def __init__(self, token: int, text: bytes, position: int) -> None:
        self.token, self.text, self.position = token, text, position
        super().__init__(f"token {token} ({text!r}) at position {position} is not allowed by the grammar; mask() tells which are")


class UnknownToken(TokenRefused):
    """A token id that the vocabulary does not have."""

    code = "unknown_token"

    def __init__(self, token: int, size: int, position: int) -> None:
        self.token, self.text, self.position = token, b"", position
        EudoxusError.__init__(self, f"token {token} at position {position} is outside the vocabulary: expected 0 to {size - 1}")


class MatcherFailed(EudoxusError):
    """The engine gave up on this text: a limit per step was reached (ambiguous grammar, too many lexer states)."""

    code = "grammar_matcher_failed"


class DeadEnd(EudoxusError):
    """A text is not complete, and no token of the vocabulary goes on with it: the vocabulary lacks a piece of the grammar."""

    code = "grammar_dead_end"


class ModelChanged(EudoxusError):
    """The model gave another law for a prefix than before, so that exact sampling is impossible; or a saved trie is of another model."""

    code = "model_changed"


class ConstraintViolation(EudoxusError):
    """A model did not write what is allowed, however it was asked.

    ``trace`` is what was kept of a run, ``allowed`` what could have come then, ``reason`` why what came instead could not be taken.
    ``replies`` are the last answers, for strategies that can use what is wrong.
    """

    code = "constraint_violation"

    def __init__(self, reason: str, *, trace: Sequence[str] | None = None, allowed: Sequence[str] = (),
                 replies: Sequence[Completion] = ()) -> None:
        self.reason, self.trace, self.allowed, self.replies = reason, tuple(trace or ()), tuple(allowed), tuple(replies)
        told = " ".join(self.trace) or "(nothing)"
        place = "" if trace is None else f"after {told}, where {' or '.join(self.allowed) or 'the end'} may follow: "
        super().__init__(f"{place}{reason}")
