"""Running strategies on code tasks over a simulated model, with programs in the real sandbox."""

from __future__ import annotations

from typing import Any

from eudoxus.agents.best_of_n import best_of_n
from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.ldb import ldb
from eudoxus.agents.code.plan_search import plan_search
from eudoxus.agents.code.reflexion_code import reflexion_code
from eudoxus.agents.code.s_star import s_star
from eudoxus.agents.direct import direct
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, Limits, MemoryJournal, Order, Registry, Result, Runtime, Task, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.journal.lines import decoded, text_of

STRATEGIES = (best_of_n, direct, ldb, plan_search, reflexion_code, s_star)
HEADER = '''from typing import List


def largest(numbers: List[int]) -> int:
    """The largest of the numbers.

    >>> largest([1, 3, 2])
    3
    >>> largest([-2, -5])
    -2
    """
'''
LARGEST = CodeTask(statement=HEADER)
RIGHT = "def largest(numbers):\n    return max(numbers)\n"
WRONG = "def largest(numbers):\n    best = 0\n    for n in numbers:\n        if n > best:\n            best = n\n    return best\n"


async def run(path: str, task: Task, answers: Any, *strategies: Any, **limits: Any) -> tuple[Result, SimulatedEndpoint]:
    """The result of ``path/sim:m`` on ``task``, which must replay to the same from its journal as it is written down, and the endpoint
    that was asked."""
    endpoint = SimulatedEndpoint(answers, name="sim")
    registry = Registry((*STRATEGIES, *strategies), (ChatTask, CodeTask))
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec(f"{path}/sim:m", registry), task, limits=Limits(**limits)), journal, run_id="run_1")
    written = [record for record, _, _ in decoded(text_of(await journal.records()))]
    assert (await runtime.replay(MemoryJournal(written))).model_dump() == result.model_dump()
    return result, endpoint


def fenced(code: str) -> str:
    return f"Here it is:\n\n```python\n{code}```\n\nI hope that helps."


class Player:
    """A model that answers each prompt with the next of the answers for it; the prompts it was asked are kept."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {name.replace("__", "/"): list(said) if isinstance(said, list) else [said] for name, said in answers.items()}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, model: str, request: ChatRequest, number: int) -> str:
        prompt = (request.prompt or "").partition("@")[0]
        self.asked.append((prompt, request.messages[-1].text))
        left = self._answers[prompt]
        return str(left.pop(0) if len(left) > 1 else left[0])

    @property
    def prompts(self) -> list[str]:
        """The prompts in the order in which they were asked."""
        return [prompt for prompt, _ in self.asked]

    def said(self, prompt: str) -> list[str]:
        """What was asked by this prompt."""
        return [text for name, text in self.asked if name == prompt]
