"""A simulated programmer with known rates of success, for comparing searches over thoughts with each other.

It reads nothing but the prompts: the role by the prompt's id, the thoughts and the program out of the text. Thoughts are names and programs
toys; only how often they are right matters. The rates are assumptions and say nothing about a real model.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from random import Random

from eudoxus.agents.code.task import CodeTask
from eudoxus.runtime import ChatRequest

TESTS = tuple(f"assert level({n}) == {n}" for n in (1, 2, 3, 4))
_THOUGHT = re.compile(r"^\d+\. (t[0-9.r]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rates:
    """How the programmer does on one problem."""

    right: float
    """How often the program of a thought is right."""
    seeming: float = 0.08
    """How often one that is wrong passes the visible tests all the same."""
    learnt: float = 1.5
    """By how much feedback improves the odds of the next thought."""
    doubt: float = 0.15
    """How often the judge scores a right program low."""
    fooled: float = 0.4
    """How often the judge scores a seeming one high."""


MIX = ((0.55, Rates(0.9)), (0.25, Rates(0.45)), (0.12, Rates(0.12)), (0.08, Rates(0.0)))
"""Shares of problems by how hard they are: six in ten are solved by one program, one in twelve by luck only."""


def task(problem: int) -> CodeTask:
    """The toy problem of this number."""
    return CodeTask(statement=f'def level(n: int) -> int:\n    """Problem {problem}."""\n', entry_point="level", tests=TESTS)


def rates_of(problem: int, count: int) -> Rates:
    """How hard problem ``problem`` of ``count`` is."""
    place, bound = (problem + 0.5) / count, 0.0
    for share, rates in MIX:
        bound += share
        if place < bound:
            return rates
    return MIX[-1][1]


def is_right(program: str) -> bool:
    """Whether a program of this programmer is right beyond the visible tests."""
    return "kind = 'right'" in program


@dataclass(frozen=True)
class Coder:
    """The simulated model on one problem. Equal thoughts give equal programs, whoever asks and when."""

    rates: Rates
    seed: int

    def __call__(self, model: str, request: ChatRequest, number: int) -> str:
        """The reply to one prompt."""
        role = (request.prompt or "").partition("@")[0].removeprefix("rethink_mcts/")
        question = next(message.text for message in request.messages if message.role == "user")
        thoughts = _THOUGHT.findall(question.partition("houghts")[2])
        last = thoughts[-1] if thoughts else "t"
        if role in ("thoughts", "thoughts_after"):
            return self._thoughts(last)
        if role == "program":
            return self._program(last)
        if role == "judge":
            return self._opinion(question)
        return f"{last}r" if role == "rethink" else '{"block": 0, "correct": false, "explanation": "off by one"}'

    def _luck(self, role: str, name: str) -> Random:
        digest = hashlib.sha256(f"{self.seed} {role} {name}".encode()).digest()
        return Random(int.from_bytes(digest[:8]))

    def _thoughts(self, last: str) -> str:
        luck = self._luck("thoughts", last)
        priors = sorted((luck.uniform(0.1, 1) for _ in range(3)), reverse=True)
        listed = [{"thought": f"{last}.{n}", "reasonableness": round(p / sum(priors), 2)} for n, p in enumerate(priors, start=1)]
        return json.dumps(listed)

    def _program(self, name: str) -> str:
        """Right with the odds of the problem, better by ``learnt`` for each time that feedback was given on the way."""
        luck = self._luck("program", name)
        odds = self.rates.right / (1 - self.rates.right) if self.rates.right < 1 else 1e9
        odds *= self.rates.learnt ** (name.count("r") + name.count("."))
        kind = "right" if luck.random() < odds / (1 + odds) else "seeming" if luck.random() < self.rates.seeming else "wrong"
        passes = {"right": 10**9, "seeming": 4, "wrong": luck.randrange(4)}[kind]
        return f"```python\ndef level(n):\n    name = {name!r}\n    kind = {kind!r}\n    return n if n <= {passes} else 0\n```"

    def _opinion(self, question: str) -> str:
        right = is_right(question)
        luck = self._luck("judge", question)
        high = luck.random() >= self.rates.doubt if right else luck.random() < self.rates.fooled
        return json.dumps({"explanation": "a close look", "score": 0.9 if high else 0.3})
