"""A simulated model that solves crosswords, and a few small puzzles of our own.

Its rates are made up, not counted: it knows a word the more often the more letters stand, lists others that fit the letters, and sees most
of the places that have gone wrong. It knows the right words by their clues and reads everything else out of the prompt. Asked again, it
repeats itself with probability ``RHO``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from eudoxus.agents.search.crosswords import BLANK, CrosswordTask
from eudoxus.runtime import ChatRequest

RHO = 0.8
KNOWN = (0.35, 0.45, 0.6, 0.75, 0.9, 0.97)
"""How often the right word comes to mind, by how many letters stand."""
SEES, DOUBTS = 0.7, 0.05
"""How often a place that has gone wrong is seen, and one that has not is thought to have."""
_SLOT = re.compile(r"^([hv]\d)\. (.+): ([A-Z_]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Puzzle:
    """A task, and the rows that solve it; they are for the player and for the marks only."""

    task: CrosswordTask
    rows: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """Rows, then columns."""
        return [*self.rows, *("".join(row[place] for row in self.rows) for place in range(len(self.rows)))]


OWN = (
    Puzzle(CrosswordTask(
        across=("A small piece", "Frozen water", "One more than nine"),
        down=("What a dog did to the postman, once", "It is put into cold drinks", "Fingers of two hands")), ("BIT", "ICE", "TEN")),
    Puzzle(CrosswordTask(
        across=("It may be a queen or a birthday greeting", "Length times width", "The back part", "It flies at a board in a pub"),
        down=("Ace, for one", "A part of a town", "Bring up children", "Move suddenly")), ("CARD", "AREA", "REAR", "DART")),
    Puzzle(CrosswordTask(
        across=("It beats in the chest", "A glowing piece of coal", "Use wrongly", "Sticky stuff from a pine", "Where prices are heading"),
        down=("Centre; courage", "What is left of a camp fire", "Cruel treatment", "Amber was this once", "A line through many points")),
        ("HEART", "EMBER", "ABUSE", "RESIN", "TREND")),
)


class Solver:
    """The simulated model, one person per ``seed``. ``words``: what comes to mind besides the right word."""

    def __init__(self, puzzle: Puzzle, words: Sequence[str], seed: int) -> None:
        self._right = dict(zip((f"{place}. {clue}" for place, clue in puzzle.task.clues()), puzzle.words, strict=True))
        self._words, self._seed = [word for word in words if len(word) == len(puzzle.rows)], seed

    def __call__(self, model: str, request: ChatRequest, number: int) -> str:
        """The reply to one prompt; ``number`` counts equal prompts."""
        role, text = (request.prompt or "").partition("@")[0], request.messages[-1].text
        if role == "crosswords/steps":
            return self._listed(_SLOT.findall(text), number)
        if role in ("crosswords/judge", "search/judge_again"):
            states = re.split(r"^state \d+$", request.messages[1].text, flags=re.MULTILINE)[1:]
            labels = [self._label(_SLOT.findall(state), number) for state in states]
            return "\n".join(f"{place}. looked at all places: {label}" for place, label in enumerate(labels, start=1))
        return "I do not know."

    def _listed(self, slots: Sequence[tuple[str, str, str]], number: int) -> str:
        lines = []
        for place, clue, letters in slots:
            if BLANK not in letters:
                continue
            luck, right = self._luck(f"{place} {clue} {letters}", number), self._right[f"{place}. {clue}"]
            standing = len(letters) - letters.count(BLANK)
            knows = _fits(right, letters) and luck.random() < KNOWN[min(standing, len(KNOWN) - 1)]
            fitting = [word for word in self._words if _fits(word, letters)]
            word = right if knows else luck.choice(fitting) if fitting else None
            if word is not None:
                sure = luck.choices(("certain", "high", "medium", "low"), (4, 3, 2, 1) if knows else (1, 2, 3, 4))[0]
                lines.append((("certain", "high", "medium", "low").index(sure), f"{place}. {word.lower()} ({sure})"))
        return "\n".join(line for _, line in sorted(lines))

    def _label(self, slots: Sequence[tuple[str, str, str]], number: int) -> str:
        for place, clue, letters in slots:
            luck = self._luck(f"judge {place} {clue} {letters}", number)
            gone = not _fits(self._right[f"{place}. {clue}"], letters)
            if luck.random() < (SEES if gone else DOUBTS):
                return "impossible"
        return "sure" if slots and all(BLANK not in letters for _, _, letters in slots) else "likely"

    def _luck(self, about: str, number: int) -> Random:
        fresh = _random(self._seed, about, number)
        return _random(self._seed, about, -1) if fresh.random() < RHO else fresh


def _fits(word: str, letters: str) -> bool:
    return all(stands in (BLANK, letter) for stands, letter in zip(letters, word, strict=True))


def _random(seed: int, about: str, number: int) -> Random:
    return Random(int.from_bytes(hashlib.sha256(f"{seed} {about} {number}".encode()).digest()[:8]))
