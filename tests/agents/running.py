"""Running one strategy on one task over a simulated model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import BaseModel

from eudoxus.agents.ab_mcts import ab_mcts
from eudoxus.agents.agent_tree_search import agent_tree_search
from eudoxus.agents.beam import beam
from eudoxus.agents.best_first import best_first
from eudoxus.agents.best_of_n import best_of_n
from eudoxus.agents.deal import deal
from eudoxus.agents.decrim import decrim
from eudoxus.agents.direct import direct
from eudoxus.agents.lats import lats
from eudoxus.agents.mcts import mcts
from eudoxus.agents.mctsr import mctsr
from eudoxus.agents.plan_and_solve import plan_and_solve
from eudoxus.agents.problem import ProblemTask
from eudoxus.agents.react import react
from eudoxus.agents.refine import refine
from eudoxus.agents.reflexion import reflexion
from eudoxus.agents.rewoo import rewoo
from eudoxus.agents.rstar import rstar
from eudoxus.agents.self_consistency import self_consistency
from eudoxus.agents.tree_of_thoughts import tree_of_thoughts
from eudoxus.prompts import load
from eudoxus.runtime import (
    ChatRequest,
    ChatTask,
    Context,
    Effect,
    Limits,
    MemoryJournal,
    Message,
    Order,
    Registry,
    Result,
    Runtime,
    Strategy,
    Task,
    Verdict,
    parse_spec,
)
from eudoxus.runtime.endpoints import Endpoint, Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.journal import Journal

STRATEGIES = (direct, best_of_n, self_consistency, refine, reflexion, ab_mcts,
              tree_of_thoughts, beam, best_first, mcts, mctsr, plan_and_solve, react, rewoo, rstar, agent_tree_search, lats, deal, decrim)
JSON = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"n": {"type": "integer"}},
                                                                      "required": ["n"], "additionalProperties": False}}}


def chat(text: str, **more: Any) -> ChatTask:
    return ChatTask(messages=(Message(role="user", content=text),), **more)


async def run(path: str, task: Task, answers: Any, *, journal: Journal | None = None, watcher: Any = None,
              strategies: Iterable[Strategy] = STRATEGIES, **limits: Any) -> tuple[Result, Any]:
    """The result of ``path/sim:m`` on ``task``, and the endpoint that was asked."""
    endpoint = answers if isinstance(answers, Endpoint) else SimulatedEndpoint(answers, name="sim")
    registry = Registry(strategies, (ChatTask, ProblemTask, Guess))
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
    order = Order(parse_spec(f"{path}/sim:m", registry), task, limits=Limits(**limits))
    journal = journal or MemoryJournal()
    result = await runtime.execute(order, journal, run_id="run_1", watcher=watcher)
    assert (await runtime.replay(journal)).model_dump() == result.model_dump()
    return result, endpoint


class Compared(BaseModel):
    off_by: int


class Compare(Effect[Compared]):
    kind: ClassVar[str] = "tool"
    result: ClassVar[type[BaseModel]] = Compared
    guess: int
    number: int

    async def run(self) -> Compared:
        return Compared(off_by=self.guess - self.number)


class Guess(Task):
    """A task with a verifier that scores: guess ``number``."""

    kind: ClassVar[str] = "guess"
    number: int

    def request(self, **defaults: Any) -> ChatRequest:
        return ChatRequest(messages=(Message(role="user", content="Guess my number."),), **defaults)

    async def verify(self, ctx: Context, answer: str) -> Verdict:
        off = (await ctx.perform(Compare(guess=int(answer), number=self.number))).off_by
        return Verdict(ok=off == 0, score=1 / (1 + abs(off)), feedback="" if off == 0 else "too high" if off > 0 else "too low")
