"""Thoughts in words: a state is the list of steps taken so far, and a step that begins with ANSWER ends it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from eudoxus.agents.search.parts import Answer, Rejected

LONGEST = 20_000
"""Characters of a step."""
_ANSWER = re.compile(r"^\W*answer\W*[:=]\s*(.+)", re.IGNORECASE | re.DOTALL)
_NUMBERED = re.compile(r"^\s*(?:\(?\d{1,3}[.):]|step\s+\d{1,3}\s*[.:)]|[-*•])\s+(?=\S)", re.IGNORECASE)
_BEGINS_ANSWER = re.compile(r"\W*answer\W*$", re.IGNORECASE)
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
    """The steps that a reply lists, one a line, without numbers and bullets; what a reasoning model thought aloud is left out.

    A fenced block right below an answer belongs to it: answers may have several lines.
    """
    plain, listed, lines = list[str](), list[str](), reply.rpartition("</think>")[2].splitlines()
    place = 0
    while place < len(lines):
        line, place = lines[place], place + 1
        if not line.strip() or _FENCE.match(line):
            continue
        step = _NUMBERED.sub("", line).strip()
        if _BEGINS_ANSWER.match(step) and place < len(lines) and _FENCE.match(lines[place]):
            end = next((n for n in range(place + 1, len(lines)) if _FENCE.match(lines[n])), len(lines))
            step = f"{step}\n```\n{textwrap.dedent(chr(10).join(lines[place + 1 : end]))}\n```"
            place = end + 1
        plain.append(step if "\n" in step else line.strip())
        if _NUMBERED.match(line):
            listed.append(step)
    return listed or plain
