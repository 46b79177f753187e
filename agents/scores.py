"""Reading a judge's scores from its reply."""

from __future__ import annotations

import json
import math
import re
from typing import Any

HIGHEST = 10.0

_MOST_BRACKETS = 1000
"""So many brackets are tried as the beginning of the scores."""
_OPENING = re.compile(r"[\[{]")
_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:/\s*10)?\s*")


class UnreadableScores(ValueError):
    """The reply holds no score for each candidate; the message says what is wrong, for the judge itself."""


def read_scores(text: str, count: int) -> list[float]:
    """The scores of candidates 1 to ``count``, each from 0 to 10.

    Tolerant of what models add: fences and prose around the JSON, a bare list, a mapping from candidate to score, numbers as text.
    Raises :class:`UnreadableScores` when a score is missing, given twice, out of range, or no number.
    """
    problem: UnreadableScores | None = None
    for value in json_values(text.rpartition("</think>")[2]):
        try:
            return _scores(value, count)
        except UnreadableScores as found:
            problem = problem or found
    raise problem or UnreadableScores("there is no JSON object in it")


def json_values(text: str) -> list[Any]:
    """All JSON objects and lists in ``text`` that are not inside another."""
    decoder, values, at = json.JSONDecoder(strict=False), [], 0
    for _ in range(_MOST_BRACKETS):
        opening = _OPENING.search(text, at)
        if opening is None:
            break
        try:
            value, at = decoder.raw_decode(text, opening.start())
            values.append(value)
        except json.JSONDecodeError:
            at = opening.end()
        except RecursionError:
            break
    return values


def _scores(value: Any, count: int) -> list[float]:
    listed = value.get("scores", value) if isinstance(value, dict) else value
    if isinstance(listed, dict):
        pairs = [(key, score) for key, score in listed.items()]
    elif isinstance(listed, list) and listed and all(isinstance(item, dict) for item in listed):
        pairs = [(item.get("candidate", place), item.get("score")) for place, item in enumerate(listed, start=1)]
    elif isinstance(listed, list):
        pairs = list(enumerate(listed, start=1))
    else:
        raise UnreadableScores('"scores" must be a list')
    found: dict[int, float] = {}
    for name, score in pairs:
        candidate = _candidate(name, count)
        if candidate in found:
            raise UnreadableScores(f"candidate {candidate} is scored twice")
        found[candidate] = _score(score, candidate)
    missing = [str(number) for number in range(1, count + 1) if number not in found]
    if missing:
        raise UnreadableScores(f"there is no score for candidate {', '.join(missing[:8])}")
    return [found[number] for number in range(1, count + 1)]


def _candidate(name: Any, count: int) -> int:
    digits = re.search(r"\d{1,4}", str(name))
    number = int(digits[0]) if digits else 0
    if not 1 <= number <= count:
        raise UnreadableScores(f"there is no candidate {str(name)[:40]!r}; they are numbered 1 to {count}")
    return number


def _score(value: Any, candidate: int) -> float:
    if isinstance(value, dict):
        value = value.get("score")
    text = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if text:
        value = float(text[1])
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UnreadableScores(f"the score of candidate {candidate} is no number: {str(value)[:40]!r}")
    if not 0 <= value <= HIGHEST:
        raise UnreadableScores(f"the score of candidate {candidate} is {value:g}, not between 0 and 10")
    return float(value)
