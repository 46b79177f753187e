"""How sure a model is that a program which passes the visible tests is right (RethinkMCTS, §3.3)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from eudoxus.agents.code.asking import Unreadable
from eudoxus.agents.scores import json_values

SCORE_FORM = 'with nothing but a JSON object like {"explanation": "Ties are broken the wrong way.", "score": -0.4}, the score from -1 to 1'
_SCORE = re.compile(r"""["'*`]*\b(?:score|evaluation)\b["'*`]*\s*(?:[:=]|is|of)\s*["'*`]*([-+]?\d*\.?\d+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judged:
    """``score`` is from -1, surely wrong, to 1, surely right."""

    score: float
    explanation: str = ""


def read_judgement(reply: str) -> Judged:
    """The score under ``score`` or ``evaluation`` of the last JSON object that has one, else after such a word in the text.

    A number that nothing names is no score. Raises :class:`Unreadable`.
    """
    for value in reversed(json_values(reply)):
        if isinstance(value, dict) and (score := _number(value.get("score", value.get("evaluation")))) is not None:
            return Judged(_within(score), str(value.get("explanation", "")).strip())
    found = _SCORE.findall(reply)
    if not found:
        raise Unreadable('there is no JSON object with a number under "score" in it')
    return Judged(_within(float(found[-1])), reply.strip())


def _number(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return float(number) if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number) else None


def _within(score: float) -> float:
    return min(1.0, max(-1.0, score))
