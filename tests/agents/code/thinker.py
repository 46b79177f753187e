"""A scripted model for RethinkMCTS: thoughts have names, and a table says what the program that follows each of them is worth."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eudoxus.agents.code.rethink_mcts import rethink_mcts
from eudoxus.agents.code.task import CodeTask
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, Limits, MemoryJournal, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.journal.lines import decoded, text_of

TESTS = tuple(f"assert level({n}) == {n}" for n in (1, 2, 3, 4))
TASK = CodeTask(statement='def level(n: int) -> int:\n    """The level n."""\n', entry_point="level", tests=TESTS)
PRIORS = (0.5, 0.3, 0.2)
_THOUGHT = re.compile(r"^\d+\. (\S+)$", re.MULTILINE)


@dataclass
class Thinker:
    """The children of the thought ``a`` are ``a1``, ``a2``, ``a3``; what takes its place when it is thought again is ``a'``."""

    passes: Mapping[str, int] = field(default_factory=dict)
    """How many of the four tests the program of a thought passes. ``""`` is the program without a thought."""
    otherwise: int = 0
    """How many where ``passes`` says nothing."""
    judged: Mapping[str, float] = field(default_factory=dict)
    """The judge's score; 1 where nothing is said."""
    priors: Sequence[float] = PRIORS
    asked: Counter[str] = field(default_factory=Counter)
    """How often each prompt was asked."""
    log: list[tuple[str, str]] = field(default_factory=list)
    """Prompt and last thought of each request."""

    def __call__(self, model: str, request: ChatRequest, number: int) -> str:
        role = (request.prompt or "").partition("@")[0].removeprefix("rethink_mcts/")
        question = next(message.text for message in request.messages if message.role == "user")
        thoughts = _THOUGHT.findall(question.partition("houghts")[2])
        last = thoughts[-1] if thoughts else ""
        self.asked[role] += 1
        self.log.append((role, last))
        return self.reply(role, last, question)

    def reply(self, role: str, last: str, question: str) -> str:
        if role in ("thoughts", "thoughts_after"):
            listed = [{"thought": f"{last}{n}", "reasonableness": prior} for n, prior in enumerate(self.priors, start=1)]
            return f"Let me see.\n```json\n{json.dumps(listed)}\n```"
        if role == "program":
            return program(self.passes.get(last, self.otherwise), last)
        if role == "judge":
            return json.dumps({"explanation": f"1. {last} forgets 0.", "score": self.judged.get(last, 1.0)})
        if role == "rethink":
            return f"{last}'"
        if role == "code/tests":
            return "\n".join(TESTS)
        assert role == "blocks", role
        return '{"block": 0, "correct": false, "explanation": "wrong level"}'


def program(passes: int, name: str) -> str:
    return f"```python\ndef level(n):\n    name = {name!r}\n    return n if n <= {passes} else 0\n```"


async def searched(params: str, answers: Any, task: CodeTask | ChatTask = TASK, *, latency: Any = 0.0, seed: int = 0,
                   journal: MemoryJournal | None = None, **limits: Any) -> tuple[Result, SimulatedEndpoint]:
    """What ``rethink_mcts(params)`` gives, after a strict replay gave the same."""
    endpoint = SimulatedEndpoint(answers, name="sim", latency=latency, seed=seed)
    registry = Registry((rethink_mcts,), (ChatTask, CodeTask))
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
    order = Order(parse_spec(f"rethink_mcts({params})/sim:m", registry), task, limits=Limits(**limits))
    journal = journal or MemoryJournal()
    result = await runtime.execute(order, journal, run_id="run_1")
    written = [record for record, _, _ in decoded(text_of(await journal.records()))]
    assert (await runtime.replay(MemoryJournal(written))).model_dump() == result.model_dump()
    return result, endpoint
