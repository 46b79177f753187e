"""Mini crosswords (Yao et al. 2023, arXiv 2305.10601, §4.3): squares of letters whose rows and columns all are words with clues.

What a step may do is checked by program: a word must have the right length and keep every letter that stands. Whether a word fits its clue
nobody here knows, so a full square is judged by a model and never verified.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from eudoxus.agents.search.parts import Answer, Rejected
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Context, Task, Verdict
from eudoxus.runtime.errors import InvalidTask

BLANK = "_"
WEIGHTS = {"certain": 1.0, "high": 0.5, "medium": 0.2, "low": 0.1}
"""What a proposal counts by the confidence it is made with (the authors' program); one without any counts as low."""
EXAMPLE = "h1. Frozen water\nh2. An animal that purrs\nh3. To consume food\nv1. A cube in a drink\nv2. A pet\nv3. What one does at dinner"
_STEP = re.compile(r"^\W*([hv])\s*(\d)\s*[.:)]\W*([A-Za-z]+)[^\w(]*(?:\(\s*(\w+)\s*\))?", re.IGNORECASE)
_CLUE = re.compile(r"^\W*([hv])\s*(\d)\s*[.:)]\s*(\S.*)$", re.IGNORECASE)
_SECTION = re.compile(r"^\W*(across|down)\b\W*$", re.IGNORECASE)
_NUMBERED = re.compile(r"^\W*(\d)\s*[.:)]\s*(\S.*)$")
Letters = str
"""The square row by row, :data:`BLANK` where nothing stands."""


class CrosswordTask(Task):
    """Fill a square; ``across`` are the clues of the rows from above, ``down`` those of the columns from the left."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "crossword"

    across: tuple[str, ...] = Field(min_length=3, max_length=7)
    """Three to seven clues."""
    down: tuple[str, ...] = Field(min_length=3, max_length=7)
    """As many."""

    @model_validator(mode="after")
    def _square(self) -> Self:
        if len(self.across) != len(self.down):
            raise ValueError(f"a square has as many clues across as down, not {len(self.across)} and {len(self.down)}")
        return self

    @property
    def size(self) -> int:
        return len(self.across)

    def clues(self) -> Iterator[tuple[str, str]]:
        """Each place with its clue, rows first."""
        yield from ((f"h{number}", clue) for number, clue in enumerate(self.across, start=1))
        yield from ((f"v{number}", clue) for number, clue in enumerate(self.down, start=1))

    def request(self, **defaults: Any) -> ChatRequest:
        clues = "\n".join(f"{place}. {clue}" for place, clue in self.clues())
        return render("crosswords/question", clues=clues, size=str(self.size)).model_copy(update=defaults)

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        """What is no full square is refused; nobody can verify one that is."""
        if rows_of(answer, self.size) is not None:
            return None
        return Verdict(ok=False, feedback=f"the last {self.size} lines must be the rows, {self.size} letters each")

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        said = next((m.text for m in reversed(task.messages) if m.role == "user"), "")
        found, section = {"h": dict[int, str](), "v": dict[int, str]()}, ""
        for line in said.splitlines():
            if heading := _SECTION.match(line):
                section = "h" if heading[1].lower() == "across" else "v"
            elif clue := _CLUE.match(line):
                found[clue[1].lower()][int(clue[2])] = clue[3].strip()
            elif section and (clue := _NUMBERED.match(line)):
                found[section][int(clue[1])] = clue[2].strip()
        size = len(found["h"])
        if not (3 <= size <= 7 and all(sorted(clues) == list(range(1, size + 1)) for clues in found.values())):
            raise InvalidTask("a crossword needs as many clues h1., h2., ... for the rows as v1., v2., ... for the columns, three to "
                              f"seven; this message would work:\n{EXAMPLE}", param="messages")
        return cls(across=tuple(found["h"][n] for n in range(1, size + 1)), down=tuple(found["v"][n] for n in range(1, size + 1)))


class Crossword:
    """The problem as states and steps; a step is ``h1. word``, perhaps with how sure its proposer is."""

    def __init__(self, task: CrosswordTask) -> None:
        self._size = task.size

    def root(self) -> Letters:
        return BLANK * self._size**2

    def key(self, state: Letters) -> Hashable:
        return state

    def apply(self, state: Letters, action: str) -> Letters | Rejected:
        read = _STEP.match(action)
        if read is None:
            return Rejected(f"not a step: {action[:60]!r}")
        place, word = f"{read[1].lower()}{read[2]}", read[3].upper()
        if not 1 <= int(read[2]) <= self._size:
            return Rejected(f"there is no {place}")
        if len(word) != self._size:
            return Rejected(f"{word} has not {self._size} letters")
        fields = fields_of(place, self._size)
        if any(state[field] not in (BLANK, letter) for field, letter in zip(fields, word, strict=True)):
            return Rejected(f"{word} would change a letter of {place}, {written(state, place)}")
        letters = list(state)
        for field, letter in zip(fields, word, strict=True):
            letters[field] = letter
        return "".join(letters)

    def goal(self, state: Letters) -> Answer | None:
        size = self._size
        return Answer("\n".join(state[row * size : (row + 1) * size] for row in range(size))) if BLANK not in state else None


def fields_of(place: str, size: int) -> range:
    """Where the letters of a place stand in the square."""
    number = int(place[1:]) - 1
    return range(number * size, (number + 1) * size) if place[0] == "h" else range(number, size * size, size)


def written(state: Letters, place: str) -> str:
    """What stands at a place."""
    return "".join(state[field] for field in fields_of(place, round(len(state) ** 0.5)))


def told(task: CrosswordTask, state: Letters, *, known: int = 0) -> str:
    """Each place that has at least ``known`` letters, with its clue and its letters."""
    places = [(place, clue, written(state, place)) for place, clue in task.clues()]
    return "\n".join(f"{place}. {clue}: {letters}" for place, clue, letters in places if task.size - letters.count(BLANK) >= known)


def read_words(reply: str) -> Sequence[tuple[str, float]]:
    """The steps in a reply, each with the weight of its confidence."""
    found = [read for line in reply.rpartition("</think>")[2].splitlines() if (read := _STEP.match(line))]
    sure = [WEIGHTS.get((read[4] or "").lower(), WEIGHTS["low"]) for read in found]
    return [(f"{read[1].lower()}{read[2]}. {read[3].lower()}", weight) for read, weight in zip(found, sure, strict=True)]


def rows_of(answer: str, size: int) -> list[str] | None:
    """The rows that the last lines of an answer are, in capitals; None when they are no square."""
    lines = ["".join(re.findall(r"[A-Za-z]", line)).upper() for line in answer.strip().strip("`").strip().splitlines()]
    rows = lines[-size:]
    return rows if len(rows) == size and all(len(row) == size for row in rows) else None
