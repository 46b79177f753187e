"""A simulated model that plays the Game of 24 about as well as GPT-4 did in 2023.

Its rates are counted from the run log that the authors of Tree of Thoughts released (calibration.json). It reads nothing but the prompt:
the role by the prompt's id, or for the prompts of other libraries by their wording, the numbers out of the text. It repeats its mistakes:
asked again about the same state, it gives with probability ``rho`` the answer that it has in mind, else a fresh one. Nothing of this is a
measurement of a real model.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from itertools import permutations
from random import Random
from typing import Any

from benchmarks.puzzle24 import TARGET, State, assembled, reachable, read, right, shown, solution, steps
from eudoxus.runtime import ChatRequest

LABELS = ("sure", "likely", "impossible")
_STATE = re.compile(r"^\d+\. (.+)$", re.MULTILINE)
_INPUT = re.compile(r"^Input: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rates:
    """How the player plays; ``left`` is how many numbers are left."""

    lines: dict[int, float]
    """Steps listed, on average."""
    recall: dict[int, float]
    """How often a possible and winning step is among them, where there is one."""
    wrong: dict[int, float]
    """Share of the other lines that are no right steps."""
    labels: dict[tuple[int, bool], tuple[float, float, float]]
    """Rates of sure, likely and impossible, by numbers left and whether the target can be reached."""
    answer: float
    """How often a whole answer written at once is right."""
    rho: float = 0.8
    closing: float = 0.8
    """How often the expression for a right list of steps is right. Of the lines that the log has after a 24, 0.75 are; some of those
    follow wrong steps."""
    checking: float = 0.95
    """How often a finished expression is judged rightly. Assumed; the log does not say."""
    kinds: dict[str, float] = field(default_factory=lambda: {"wrong_left": 1.0})
    """What the lines are that are no right steps, by weight."""
    unparsable: float = 0.0
    """Share of replies that are no answer to what was asked."""
    slow: float = 0.0
    """Share of replies that take ten times as long."""


def rates(calibration: dict[str, Any]) -> Rates:
    """From calibration.json."""
    lines = {int(left): mean for left, mean in calibration["proposals_per_call_by_numbers_left"].items()}
    winning = calibration["parents_with_a_winning_move_and_at_least_one_proposed"]
    by_step = calibration["line_kinds_by_step"]
    labels = calibration["value_labels_sure_likely_impossible"]
    names = sorted({name for kinds in by_step.values() for name in kinds if name != "ok"})
    return Rates(
        lines=lines,
        recall={4 - step: winning[f"step{step}"][0] / winning[f"step{step}"][1] for step in range(3)},
        wrong={4 - step: 1 - by_step[str(step)]["ok"] / sum(by_step[str(step)].values()) for step in range(3)},
        labels={(left, can): tuple(labels[f"{left}_left_{word}"]["rates"])
                for left in (2, 3) for can, word in ((True, "reachable"), (False, "unreachable"))},
        answer=0.07,
        rho=calibration["fitted_within_state_correlation_rho"],
        kinds={name: sum(kinds.get(name, 0) for kinds in by_step.values()) for name in names},
    )


class Player:
    """The simulated model, one person per ``seed``."""

    def __init__(self, rates: Rates, seed: int) -> None:
        self._rates, self._seed = rates, seed
        self._seconds: list[float] = []

    def __call__(self, model: str, request: ChatRequest, number: int) -> str:
        """The reply to one prompt; ``number`` counts equal prompts."""
        told = "\n".join(message.text for message in request.messages)
        luck = _random(self._seed, "form", told, number)
        said = self._said(request, number) if luck.random() >= self._rates.unparsable else "I am sorry, I lost the thread there."
        self._seconds.append((0.5 + 0.02 * len(said) / 4) * (10 if luck.random() < self._rates.slow else 1))
        return said

    def seconds(self) -> float:
        """How long the replies since the last asking took, made side by side: half a second and 0.02 s a token. Assumed rates."""
        taken, self._seconds = max(self._seconds, default=0.0), []
        return taken

    def _said(self, request: ChatRequest, number: int) -> str:
        text, role = request.messages[-1].text, (request.prompt or "").partition("@")[0]
        if role == "game24/steps":
            return self._list(_numbers(text, r"Numbers: (.+)"), number)
        if role == "search/steps_again":
            return self._list(_numbers(request.messages[1].text, r"Numbers: (.+)"), number)
        if role in ("game24/judge", "search/judge_again"):
            states = [read(found) for found in _STATE.findall(request.messages[1].text)]
            return "\n".join(f"{place}. tried a few: {self._label(state, number)}" for place, state in enumerate(states, start=1))
        if role == "game24/question":
            return self._answer(_numbers(text, r"Use the numbers ([\d ]+) and"), number)
        return self._in_the_papers_words(text, number)

    def _in_the_papers_words(self, text: str, number: int) -> str:
        """What Tree of Thoughts' own prompts ask for; other libraries have them too. The last example in them is the question."""
        if text.rstrip().endswith("Possible next steps:"):
            return self._list(_last(text), number)
        if text.startswith("Evaluate if given numbers"):
            state = _or_nothing(text.strip().rpartition("\n")[2])
            return f"{shown(state)}: added, multiplied\nturned around\n{self._label(state, number)}"
        if text.rstrip().endswith("Judge:"):
            return self._checked(_last(text), text.rpartition("Answer: ")[2].rpartition("Judge:")[0], number)
        if "Steps:" in text:
            asked, _, listed = text.rpartition("Steps:")
            taken = [line.strip() for line in listed.splitlines() if "left:" in line]
            said = self._closed(_last(asked), taken, number)
            return said if text.rstrip().endswith("Answer:") else f"Answer: {said}"
        return "I do not know."

    def _luck(self, role: str, about: str, number: int) -> Random:
        """The draw for the ``number``-th question of this kind: with probability rho the one that the player has in mind."""
        fresh = _random(self._seed, role, about, number)
        return _random(self._seed, role, about, -1) if fresh.random() < self._rates.rho else fresh

    def _list(self, state: State, number: int) -> str:
        luck, left = self._luck("steps", shown(state), number), min(4, len(state))
        if left < 2:
            return ""
        listed, rates = steps(state), self._rates
        winning = [line for line, after in listed if reachable(after)]
        others = [line for line, after in listed if not reachable(after)]
        count = max(1, round(luck.gauss(rates.lines[left], 1.5)))
        lines = luck.sample(winning, 1) if winning and luck.random() < rates.recall[left] else []
        rest = [line for line, _ in listed if line not in lines] if lines else others
        more = luck.sample(rest, min(len(rest), max(0, count - len(lines))))
        lines += [self._spoilt(line, luck) if luck.random() < rates.wrong[left] else line for line in more]
        luck.shuffle(lines)
        return "\n".join(lines)

    def _spoilt(self, line: str, luck: Random) -> str:
        """A line with a mistake of one of the kinds that were counted."""
        step, _, left = line.partition(" (left: ")
        kind = luck.choices(list(self._rates.kinds), list(self._rates.kinds.values()))[0]
        numbers = left.rstrip(")").split()
        if kind == "unparsable":
            return "and so on"
        if kind == "illegal_number":
            return f"{TARGET} + 1000 = 1024 (left: {' '.join([*numbers[1:], '1024'])})"
        if kind == "wrong_arithmetic":
            said, _, made = step.rpartition(" = ")
            numbers[numbers.index(made)] = f"{made}1"
            return f"{said} = {made}1 (left: {' '.join(numbers)})"
        numbers[luck.randrange(len(numbers))] = str(luck.randint(1, 13))
        return f"{step} (left: {' '.join(numbers)})"

    def _label(self, state: State, number: int) -> str:
        luck, can = self._luck("judge", shown(state), number), bool(state) and reachable(state)
        if len(state) < 2:
            return "sure" if can else "impossible"
        return luck.choices(LABELS, self._rates.labels[(min(3, len(state)), can)])[0]

    def _checked(self, numbers: State, answer: str, number: int) -> str:
        """The judgement of a finished answer."""
        luck = self._luck("check", f"{shown(numbers)} {answer.strip()}", number)
        return "sure" if right(numbers, answer) == (luck.random() < self._rates.checking) else "impossible"

    def _closed(self, numbers: State, taken: list[str], number: int) -> str:
        """The expression for steps that were taken."""
        luck, expression = self._luck("close", f"{shown(numbers)} {taken}", number), assembled(numbers, taken)
        if expression is None or luck.random() >= self._rates.closing:
            return f"{self._guess(numbers, luck)} = {TARGET}"
        return f"{expression.removeprefix('(').removesuffix(')')} = {TARGET}"

    def _answer(self, state: State, number: int) -> str:
        luck = self._luck("answer", shown(state), number)
        return solution(state) if luck.random() < self._rates.answer else self._guess(state, luck)

    def _guess(self, state: State, luck: Random) -> str:
        return " + ".join(luck.choice(list(permutations(str(n) for n in state))))


def _numbers(text: str, pattern: str) -> State:
    asked = re.search(pattern, text)
    return read(asked[1]) if asked else ()


def _last(text: str) -> State:
    return _or_nothing(_INPUT.findall(text)[-1])


def _or_nothing(text: str) -> State:
    """The numbers in a text; none when something else stands there, as after a step that was misread."""
    try:
        return read(text)
    except (ValueError, ZeroDivisionError):
        return ()


def _random(seed: int, role: str, about: str, number: int) -> Random:
    return Random(int.from_bytes(hashlib.sha256(f"{seed} {role} {about} {number}".encode()).digest()[:8]))
