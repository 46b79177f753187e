"""A simulated model that plays the Game of 24 about as well as GPT-4 did in 2023.

Its rates are counted from the run log that the authors of Tree of Thoughts released (calibration.json). It reads nothing but the prompt:
the role by the prompt's id, the numbers out of the text. It repeats its mistakes: asked again about the same state, it gives with
probability ``rho`` the answer that it has in mind, else a fresh one. Nothing of this is a measurement of a real model.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from random import Random
from typing import Any

from eudoxus.runtime import ChatRequest

State = tuple[Fraction, ...]
TARGET = 24
LABELS = ("sure", "likely", "impossible")


@dataclass(frozen=True, slots=True)
class Rates:
    """How the player plays; ``left`` is how many numbers are left."""

    lines: dict[int, float]
    """Steps listed, on average."""
    recall: dict[int, float]
    """How often a possible and winning step is among them, where there is one."""
    wrong: dict[int, float]
    """Share of the other lines that are no possible steps."""
    labels: dict[tuple[int, bool], tuple[float, float, float]]
    """Rates of sure, likely and impossible, by numbers left and whether the target can be reached."""
    answer: float
    """How often a whole answer written at once is right."""
    rho: float = 0.8


def rates(calibration: dict[str, Any]) -> Rates:
    """From calibration.json."""
    lines = {int(left): mean for left, mean in calibration["proposals_per_call_by_numbers_left"].items()}
    winning = calibration["parents_with_a_winning_move_and_at_least_one_proposed"]
    kinds = calibration["line_kinds_by_step"]
    labels = calibration["value_labels_sure_likely_impossible"]
    return Rates(
        lines=lines,
        recall={4 - step: winning[f"step{step}"][0] / winning[f"step{step}"][1] for step in range(3)},
        wrong={4 - step: 1 - kinds[str(step)]["ok"] / sum(kinds[str(step)].values()) for step in range(3)},
        labels={(left, can): tuple(labels[f"{left}_left_{word}"]["rates"])
                for left in (2, 3) for can, word in ((True, "reachable"), (False, "unreachable"))},
        answer=0.07,
        rho=calibration["fitted_within_state_correlation_rho"],
    )


class Player:
    """The simulated model, one person per ``seed``."""

    def __init__(self, rates: Rates, seed: int) -> None:
        self._rates, self._seed = rates, seed

    def __call__(self, model: str, request: ChatRequest, number: int) -> str:
        """The reply to one prompt; ``number`` counts equal prompts."""
        text, role = request.messages[-1].text, (request.prompt or "").partition("@")[0]
        if role == "game24/steps":
            asked = re.search(r"Numbers: (.+)", text)
            assert asked is not None
            return self._list(_read(asked[1]), number)
        if role in ("game24/judge", "search/judge_again"):
            states = [_read(found) for found in re.findall(r"^\d+\. (.+)$", request.messages[1].text, re.MULTILINE)]
            return "\n".join(f"{place}. tried a few: {self._label(state, number)}" for place, state in enumerate(states, start=1))
        asked = re.search(r"Use the numbers ([\d ]+) and", text)
        return self._answer(_read(asked[1]), number) if asked else "I do not know."

    def _luck(self, role: str, state: State, number: int) -> Random:
        """The draw for the ``number``-th question of this kind: with probability rho the one that the player has in mind."""
        fresh = _random(self._seed, role, state, number)
        return _random(self._seed, role, state, -1) if fresh.random() < self._rates.rho else fresh

    def _list(self, state: State, number: int) -> str:
        luck, left = self._luck("steps", state, number), min(4, len(state))
        if left < 2:
            return ""
        listed, rates = steps(state), self._rates
        winning = [line for line, after in listed if reachable(after)]
        others = [line for line, after in listed if not reachable(after)]
        count = max(1, round(luck.gauss(rates.lines[left], 1.5)))
        lines = luck.sample(winning, 1) if winning and luck.random() < rates.recall[left] else []
        rest = [line for line, _ in listed if line not in lines] if lines else others
        more = luck.sample(rest, min(len(rest), max(0, count - len(lines))))
        lines += [f"{TARGET} + 1000 = 1024 (left: none)" if luck.random() < rates.wrong[left] else line for line in more]
        luck.shuffle(lines)
        return "\n".join(lines)

    def _label(self, state: State, number: int) -> str:
        luck, can = self._luck("judge", state, number), reachable(state)
        if len(state) == 1:
            return "sure" if can else "impossible"
        known = self._rates.labels[(min(3, max(2, len(state))), can)]
        return luck.choices(LABELS, known)[0]

    def _answer(self, state: State, number: int) -> str:
        luck = self._luck("answer", state, number)
        right = luck.random() < self._rates.answer
        options = permutations(str(n) for n in state)
        return solution(state) if right else " + ".join(luck.choice(list(options)))


def steps(state: State) -> list[tuple[str, State]]:
    """All steps from a state, as lines of the prompt's form, with the states that they lead to; one line a state."""
    found: dict[State, str] = {}
    for i, j in permutations(range(len(state)), 2):
        for sign, made in _made(state[i], state[j]):
            rest = tuple(sorted([*(n for k, n in enumerate(state) if k not in (i, j)), made]))
            found.setdefault(rest, f"{state[i]} {sign} {state[j]} = {made} (left: {' '.join(map(str, rest))})")
    return [(line, rest) for rest, line in found.items()]


@lru_cache(maxsize=500_000)
def reachable(state: State) -> bool:
    """Whether the target can be made of a state."""
    if len(state) == 1:
        return state[0] == TARGET
    return any(reachable(after) for _, after in steps(state))


def solution(state: State) -> str:
    """An expression that makes the target of a state, which must be reachable."""
    held = [(n, str(n)) for n in state]
    while len(held) > 1:
        held = next(after for after in _combined(held) if reachable(tuple(sorted(n for n, _ in after))))
    return held[0][1]


def _combined(held: list[tuple[Fraction, str]]) -> list[list[tuple[Fraction, str]]]:
    found = []
    for i, j in permutations(range(len(held)), 2):
        rest = [one for k, one in enumerate(held) if k not in (i, j)]
        found += [[*rest, (made, f"({held[i][1]} {sign} {held[j][1]})")] for sign, made in _made(held[i][0], held[j][0])]
    return found


def _made(left: Fraction, right: Fraction) -> list[tuple[str, Fraction]]:
    return [("+", left + right), ("-", left - right), ("*", left * right), *([("/", left / right)] if right else [])]


def _read(text: str) -> State:
    return tuple(sorted(Fraction(word) for word in text.split()))


def _random(seed: int, role: str, state: State, number: int) -> Random:
    said = f"{seed} {role} {' '.join(map(str, state))} {number}"
    return Random(int.from_bytes(hashlib.sha256(said.encode()).digest()[:8]))
