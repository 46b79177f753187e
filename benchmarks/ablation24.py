"""Best-first search on the Game of 24 with its advantages taken away one by one, to see what each is worth."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from benchmarks.puzzle24 import TARGET, State, after, assembled, read, shown
from eudoxus.agents.search import Answer, Node, Policy, Rejected, search
from eudoxus.agents.search.game24 import Game24Task
from eudoxus.agents.search.judging import Alone, Listwise
from eudoxus.agents.search.listing import Propose
from eudoxus.agents.search.outcome import result_of
from eudoxus.agents.search.policies import Queue
from eudoxus.agents.search.space import Space
from eudoxus.agents.search.steps import lines_of
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Message, Params, Result, strategy

_LEFT = re.compile(r"\(left: ([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Taken:
    """The numbers left, the steps taken as they were written, and the answer once there is one."""

    numbers: State
    lines: tuple[str, ...] = ()
    answer: str | None = None


@dataclass(frozen=True)
class Written:
    """The puzzle with steps as the model wrote them. ``checked``: worked out anew by program. ``assembled``: so is the expression."""

    numbers: State
    checked: bool
    assembled: bool

    def root(self) -> Taken:
        return Taken(self.numbers)

    def key(self, state: Taken) -> Hashable:
        return state.numbers if state.answer is None else state.answer

    def apply(self, state: Taken, action: str) -> Taken | Rejected:
        if len(state.numbers) == 1:
            return Taken(state.numbers, state.lines, action)
        numbers = after(state.numbers, action) if self.checked else _claimed(action)
        if numbers is None or (self.checked and len(numbers) == 1 and numbers[0] != TARGET):
            return Rejected("no step")
        return Taken(numbers, (*state.lines, action))

    def goal(self, state: Taken) -> Answer | None:
        if self.assembled and len(state.numbers) == 1:
            return Answer(assembled(self.numbers, list(state.lines)) or "none")
        return Answer(state.answer) if state.answer is not None else None


class Without(Params):
    """Each switch takes an advantage away when it is off."""

    listwise: bool = True
    """Siblings judged in one request."""
    assembled: bool = True
    """The final expression put together by program; else the model writes it."""
    checked: bool = True
    """Steps worked out by program; else what the model says is left is left."""
    early: bool = True
    """Stop at the first answer that is verified; else the best judged of ``nodes`` expansions."""
    reasks: int = 2
    nodes: int = Field(60, ge=1)


@strategy("without", takes=Game24Task, calls="as best_first")
async def without(task: Game24Task, params: Without, ctx: Context) -> Result:
    """Best-first search of width 1 as configured."""
    written = Written(tuple(sorted(map(read_one, task.numbers))), params.checked, params.assembled)
    space: Space[Any, Any] = Space(written, _question, lines_of, _judgement, task)
    policy: Policy[Any, Any] = Queue(reasks=params.reasks)
    judge = Listwise(space) if params.listwise else Alone(space)
    found = await search(ctx, written, Propose(space, 16), judge, policy, space if params.early else None, width=1,
                         nodes=params.nodes, depth=4)
    return result_of(found, judged=True)


def read_one(number: int) -> Any:
    """A number as a fraction."""
    return read(str(number))[0]


def _question(node: Node[Taken, str], most: int) -> ChatRequest:
    state = node.state
    if len(state.numbers) > 1:
        return render("game24/steps", numbers=shown(state.numbers), target="24", count=str(most))
    root = next(one for one in node.ancestors() if one.parent is None)
    steps = "\n".join(state.lines)
    asked = f"Write the steps as one expression.\nInput: {shown(root.state.numbers)}\nSteps:\n{steps}\nAnswer:"
    return ChatRequest(messages=(Message(role="user", content=asked),))


def _judgement(siblings: Sequence[Node[Taken, str]]) -> ChatRequest:
    if siblings[0].state.answer is None:
        states = "\n".join(f"{place}. {shown(node.state.numbers)}" for place, node in enumerate(siblings, start=1))
        return render("game24/judge", states=states, target="24", count=str(len(siblings)))
    root = next(one for one in siblings[0].ancestors() if one.parent is None)
    asked = f"Is the answer right, sure or impossible?\nInput: {shown(root.state.numbers)}\nAnswer: {siblings[0].state.answer}\nJudge:"
    return ChatRequest(messages=(Message(role="user", content=asked),))


def _claimed(line: str) -> State | None:
    """What a line says is left."""
    found = _LEFT.search(line)
    try:
        return read(found[1]) or None if found else None
    except (ValueError, ZeroDivisionError):
        return None
