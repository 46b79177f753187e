"""Acting on what a search in an environment found, and asking a model what to do next in one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eudoxus.agents.environments import AgentTask, Environment, Instance
from eudoxus.agents.environments.task import fields_in
from eudoxus.agents.environments.workbench import Workbench
from eudoxus.agents.search.environment import Move, Place, answer_of
from eudoxus.agents.search.parts import Proposal
from eudoxus.agents.search.tree import Node
from eudoxus.agents.tools.shipped import TOOLS
from eudoxus.agents.transcript import continued, mark, transcript
from eudoxus.prompts import render
from eudoxus.runtime import ChatTask, Context, Result, Task

OBSERVATIONS = 4
"""So many of the last observations are shown; of what was before, the actions only."""
MOST_EQUAL_ACTIONS = 5
"""The same action so many times in a row ends the work."""
_ACTION = re.compile(r"^[ \t*_#>-]*action\W*?\d*\s*:[\s*_]*", re.IGNORECASE | re.MULTILINE)
_NEXT = re.compile(r"^[ \t*_#>-]*(?:observation|thought|action)\W*?\d*\s*:", re.IGNORECASE | re.MULTILINE)
_THOUGHT = re.compile(r"^[\s*_#>-]*thought\W*?\d*\s*:[\s*_]*", re.IGNORECASE)


@dataclass(frozen=True)
class Work:
    """A task as something to do in an environment."""

    task: Task
    question: str
    open: Callable[[], Environment]


def work_of(task: Task, tools: Sequence[str]) -> Work:
    """A task of kind ``agent``, or a message whose first line names an environment, is worked on there; any other with ``tools``.

    Raises :class:`InvalidTask` for a message that names an environment and cannot be read.
    """
    if isinstance(task, ChatTask) and task.messages[-1].role == "user":
        said = task.messages[-1].text.lstrip()
        if "environment" in fields_in(said.partition("\n")[0]):
            task = AgentTask.from_chat(task)
    if isinstance(task, AgentTask):
        return Work(task, task.question, task.setting.open)
    known = [TOOLS[name] for name in dict.fromkeys(tools)]
    return Work(task, transcript(task.request().messages), lambda: Workbench(known))


class Actor:
    """The one instance in which what was decided is really done."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.instance = Instance(work.open())
        self.place = Place((), None)
        self.repeatable = True
        """Whether other instances may do the same: nothing was done that cannot be undone."""
        self.detail = ""

    async def begin(self, ctx: Context) -> None:
        """The first observation. Raises :class:`EffectFailed`."""
        seen = await self.instance.begin(ctx)
        self.place = Place((), seen, await self.instance.environment.snapshot(ctx))

    @property
    def searchable(self) -> bool:
        """Whether other instances can come to where this one is: by a snapshot, or since everything may be done again."""
        return self.place.token is not None or self.repeatable

    async def carry_out(self, ctx: Context, line: Sequence[Place]) -> None:
        """Do the actions that lead along ``line``, up to the first after which something else is seen than was expected."""
        for number, expected in enumerate(line):
            here, move = ctx.scope("act", number), expected.move
            assert move is not None
            self.repeatable = self.repeatable and self.instance.effect(move.action) != "irreversible"
            seen = await self.instance.do(here, move.action)
            token = None if seen.done else await self.instance.environment.snapshot(here)
            self.place = Place((*self.place.path, move.action), seen, token, self.place, move)
            ctx.emit("agent.step", thought=move.thought, action=move.action, observation=seen.text)
            if expected.seen is None or seen.key != expected.seen.key:
                break

    @property
    def stuck(self) -> bool:
        """Whether the last actions were all the same."""
        last = self.place.path[-MOST_EQUAL_ACTIONS:]
        return len(last) == MOST_EQUAL_ACTIONS and len(set(last)) == 1

    def turns(self) -> list[dict[str, str]]:
        """What was thought, done, and seen."""
        return [
            {"thought": place.move.thought, "action": place.move.action, "observation": place.seen.text if place.seen else ""}
            for place in self.place.line() if place.move is not None
        ]

    async def result(self, ctx: Context, detail: str, *, limit: bool, **artifacts: object) -> Result:
        """What came of it: the answer, verified where the environment or the task can tell; without one *limit* or *failed*."""
        seen, said = self.place.seen, {"turns": self.turns(), **artifacts}
        if seen is None or not seen.done:
            return Result(answer=None, outcome="limit" if limit else "failed", detail=detail or "the work was not ended", artifacts=said)
        done = [turn.path[-1] for turn in self.place.line() if turn.move is not None and turn.seen is not None and not turn.seen.impossible]
        answer = answer_of(done, seen)
        verdict = seen.verdict or await self._work.task.verify(ctx.scope("verify"), answer)
        if verdict is not None and verdict.ok:
            return Result(answer=answer, outcome="verified", authority=verdict.authority, artifacts=said)
        detail = f"not verified: {verdict.feedback}" if verdict is not None and verdict.feedback else detail
        return Result(answer=answer, authority="model", detail=detail, artifacts=said)


@dataclass(frozen=True)
class Frequent:
    """Draws ``samples`` next actions and gives the ``most`` frequent; a prior is the share of the samples (Koh et al. 2024, §3.2)."""

    work: Work
    actions: str
    samples: int
    most: int
    temperature: float | None = 1.0
    top_p: float | None = 0.95

    async def propose(self, ctx: Context, node: Node[Place, Move]) -> Sequence[Proposal[Move]]:
        return await self.after(ctx, node.state, ())

    async def after(self, ctx: Context, place: Place, notes: Sequence[str]) -> Sequence[Proposal[Move]]:
        """Actions at ``place``, for a model that is shown ``notes`` of earlier attempts. Asked once more when none can be read."""
        if not place.open:
            return []
        question, so_far, known = self.work.question, told(place), "\n".join(f"- {note}" for note in notes) or "(none)"
        request = render("environments/act", actions=self.actions, task=question, steps=so_far, notes=known,
                         mark=mark(question, so_far, known))
        request = request.model_copy(update={"temperature": self.temperature, "top_p": self.top_p, "stop": ("\nObservation",)})
        replies = [answer.text for answer in await ctx.complete(request, n=self.samples)]
        moves = [move for reply in replies if (move := read_move(reply)) is not None]
        if not moves:
            again = render("environments/act_again")
            said = (await ctx.complete(continued(request, replies[0], again)))[0].text
            moves = [move for move in [read_move(said)] if move is not None]
        return _grouped(moves)[: self.most]


def _grouped(moves: Sequence[Move]) -> list[Proposal[Move]]:
    """Equal actions are one, with the thought that came first; the most frequent first."""
    counted = Counter(" ".join(move.action.split()) for move in moves)
    first = {key: next(move for move in moves if " ".join(move.action.split()) == key) for key in counted}
    return [Proposal(first[key], times / len(moves)) for key, times in counted.most_common()]


def read_move(reply: str) -> Move | None:
    """The first action in a reply and the thought before it; None when there is no line ``Action:``."""
    text = reply.rpartition("</think>")[2].strip()
    begins = _ACTION.search(text)
    if begins is None:
        return None
    rest = text[begins.end() :]
    ends = _NEXT.search(rest)
    action = (rest[: ends.start()] if ends else rest).strip()
    if not action.rstrip("`*").endswith("]"):
        action = action.partition("\n")[0]
    action = action.strip().strip("`*").strip()
    return Move(action, _THOUGHT.sub("", text[: begins.start()].strip()).strip()) if action else None


def told(place: Place) -> str:
    """What was done and seen from the beginning to ``place``."""
    places = place.line()
    said = []
    for number, one in enumerate(places):
        if one.move is not None:
            said += [f"Thought {number}: {one.move.thought}"] if one.move.thought else []
            said.append(f"Action {number}: {one.move.action}")
        seen = one.seen.text if one.seen is not None else ""
        said.append(f"Observation {number}: {seen if len(places) - number <= OBSERVATIONS else '(left out)'}")
    return "\n".join(said)
