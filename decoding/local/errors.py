"""What can go wrong with a model in this process."""

from __future__ import annotations

from eudoxus.runtime.errors import EndpointError, InvalidRequest


class ModelUnusable(EndpointError):
    """The model directory lacks a file or holds one that cannot be used, or the runtime is not installed; the message names it."""

    code = "model_unusable"


class PromptTooLong(InvalidRequest):
    """The prompt leaves no room for an answer in the model's context."""

    code = "context_length_exceeded"

    def __init__(self, tokens: int, context: int) -> None:
        self.tokens, self.context = tokens, context
        super().__init__(f"the prompt has {tokens} tokens; the model's context is {context} tokens, of which an answer needs at least one",
                         param="messages")


class Cancelled(Exception):
    """Generation was told to stop; nobody waits for the answer."""


class TooManyTrials(EndpointError):
    """Exact sampling reached its limit of trials before it had as many texts as asked."""

    code = "sampling_limit"
