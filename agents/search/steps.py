"""Thoughts in words: a state is the list of steps taken so far, and a step that begins with ANSWER ends it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from eudoxus.agents.search.parts import Answer, Rejected

LONGEST = 20_000
"""Characters of a step."""
_ANSWER = re.compile(r"^\W*answer\W*[:=]\s*(.+)", re.IGNORECASE | re.DOTALL)
_NUMBERED = re.compile(r"^\s*(?:\(?\d{1,3}[.):]|step\s+\d{1,3}\s*[.:)]|[-*•])\s+(?=\S)", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```\w*\s*$")


@dataclass(frozen=True, slots=True)
class State:
    """The steps so far."""

    steps: tuple[str, ...] = ()

    def told(self) -> str:
        """The steps, numbered, one a line."""
        return "\n".join(f"{number}. {step}" for number, step in enumerate(self.steps, start=1))


class Steps:
    """The problem of finding a sequence of steps in words."""

    def root(self) -> State:
        return State()

    def key(self, state: State) -> Hashable:
        return tuple(" ".join(step.lower().split()) for step in state.steps)

    def apply(self, state: State, action: str) -> State | Rejected:
        step = action.strip()
        if not step or len(step) > LONGEST:
            return Rejected("empty" if not step else f"longer than {LONGEST} characters")
        if step in state.steps:
            return Rejected("that step was taken already")
        return State((*state.steps, step))

    def goal(self, state: State) -> Answer | None:
        found = _ANSWER.match(state.steps[-1]) if state.steps else None
        return Answer(found[1].strip()) if found else None


def lines_of(reply: str) -> Sequence[str]:
    """The steps that a reply lists, one a line, without numbers and bullets; what a reasoning model thought aloud is left out."""
    lines = [line for line in reply.rpartition("</think>")[2].splitlines() if line.strip() and not _FENCE.match(line)]
    listed = [_NUMBERED.sub("", line).strip() for line in lines if _NUMBERED.match(line)]
    return listed or [line.strip() for line in lines]
