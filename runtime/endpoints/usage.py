"""Counting tokens where an endpoint does not say them: bytes / 4, rounded up, marked as estimated."""

from __future__ import annotations

from collections.abc import Iterable

from eudoxus.runtime.chat import ChatRequest, Completion, Usage


def estimated_tokens(text: str) -> int:
    """About how many tokens ``text`` has: its UTF-8 bytes / 4, rounded up."""
    return -(-len(text.encode()) // 4)


def estimated_usage(request: ChatRequest, completions: Iterable[Completion]) -> Usage:
    """What ``completions`` cost in tokens, estimated; the prompt is counted once. The cost is left at 0."""
    answers = list(completions)
    return Usage(
        requests=len(answers),
        prompt_tokens=sum(estimated_tokens(m.text) for m in request.messages),
        completion_tokens=sum(estimated_tokens(c.text) for c in answers),
        estimated=True,
    )
