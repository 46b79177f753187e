"""Which of two results is better, as far as can be told without comparing the answers themselves."""

from __future__ import annotations

from eudoxus.runtime import Result

_RANK = {"failed": 0, "limit": 1, "best_effort": 2, "verified": 3}


def better(one: Result | None, other: Result) -> Result:
    """The result with the stronger outcome; an answer beats none; the first of equals."""
    if one is None or rank(other) > rank(one):
        return other
    return one


def rank(result: Result) -> tuple[bool, int]:
    return result.answer is not None, _RANK[result.outcome]
