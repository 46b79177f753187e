"""Thoughts on how to solve a problem: alternatives for the next one, and another in place of one that failed (RethinkMCTS, §3.1-3.2)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from eudoxus.agents.code.asking import Unreadable
from eudoxus.agents.scores import json_values
from eudoxus.agents.search.parts import Proposal

LIST_FORM = (
    'with nothing but a JSON list of objects that have the keys "thought" and "reasonableness", '
    'like [{"thought": "Sort first.", "reasonableness": 0.6}]'
)
THOUGHT_FORM = "in one or two sentences without code"
MOST_CHARACTERS = 2000
"""Of one thought; the rest is cut off."""
_WORDS = ("thought", "strategy", "idea", "text")
_NUMBERS = ("reasonable", "prior", "prob", "score", "confidence")
_LABEL = re.compile(r"^\W*(?:new |improved |revised )?thought(?:[ -]*\d+)?\W*:\W*", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```.*$", re.MULTILINE)


def read_thoughts(reply: str, count: int) -> list[Proposal[str]]:
    """Up to ``count`` different thoughts with their priors, as said, from 0 to 1; where one has none, all are equally likely.

    Tolerant of prose and fences around the list, of the list inside an object, and of other keys (``Thought-1``). Raises
    :class:`Unreadable`.
    """
    values = json_values(reply)
    lists = [listed for value in values if (listed := _list_in(value))]
    entries = lists[-1] if lists else [value for value in values if isinstance(value, dict)]
    if not entries:
        raise Unreadable("there is no JSON list of thoughts in it")
    found: dict[str, float | None] = {}
    for entry in entries:
        thought, prior = _thought(entry)
        if thought and thought not in found:
            found[thought] = prior
    if not found:
        raise Unreadable('no entry of the list has text under "thought"')
    kept = list(found.items())[:count]
    if any(prior is None for _, prior in kept):
        return [Proposal(thought, 1 / len(kept)) for thought, _ in kept]
    return [Proposal(thought, prior or 0.0) for thought, prior in kept]


def normalised(proposals: Sequence[Proposal[str]]) -> list[Proposal[str]]:
    """The same with priors that add up to 1; equal ones where they are all 0."""
    total = sum(proposal.prior for proposal in proposals)
    return [Proposal(one.action, one.prior / total if total else 1 / len(proposals)) for one in proposals]


def read_thought(reply: str) -> str:
    """The one thought that a reply gives, without label, quotes and fences. Raises :class:`Unreadable` when there is none."""
    thought = _shortened(_LABEL.sub("", _FENCE.sub("", reply).strip()).strip().strip('"'))
    if not thought:
        raise Unreadable("it holds no thought")
    return thought


def told(thoughts: Sequence[str]) -> str:
    """Thoughts as lines for a prompt, numbered; blank ones are left out."""
    said = [thought for thought in thoughts if thought.strip()]
    return "\n".join(f"{number}. {thought}" for number, thought in enumerate(said, start=1)) or "(none)"


def _list_in(value: Any) -> list[Any]:
    lists = [value] if isinstance(value, list) else [inner for inner in value.values() if isinstance(inner, list)]
    return next((listed for listed in lists if any(isinstance(entry, dict) for entry in listed)), [])


def _thought(entry: Any) -> tuple[str, float | None]:
    """Text and prior of one entry of the list; no text where there is none."""
    if not isinstance(entry, dict):
        return "", None
    words = [value.strip() for key, value in entry.items() if isinstance(value, str) and key.lower().startswith(_WORDS)]
    priors = [_prior(value) for key, value in entry.items() if key.lower().startswith(_NUMBERS)]
    return _shortened(words[0]) if words else "", next((prior for prior in priors if prior is not None), None)


def _prior(value: Any) -> float | None:
    try:
        number = float(value.strip().rstrip("%")) / (100 if "%" in value else 1) if isinstance(value, str) else value
    except ValueError:
        return None
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        return None
    return min(1.0, max(0.0, float(number)))


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + " …"
