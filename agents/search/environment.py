"""Environments as search problems: a state is a place in an environment, and a step is an action that is really done, in an instance of
the search's own.

The way to a place is found again by a snapshot, else by doing the rest of its path, else by beginning anew. What cannot be undone is never
done inside a search: such an action makes a place where nothing more happens, to be judged by what is known before it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eudoxus.agents.environments.base import LONGEST_ACTION, Observation, Token
from eudoxus.agents.environments.instance import Instance
from eudoxus.agents.search.parts import Answer, Rejected
from eudoxus.agents.search.tree import Node
from eudoxus.runtime import Context, Task, Verdict
from eudoxus.runtime.errors import EffectFailed

NOT_DONE = "[This action cannot be undone. It was not carried out; it will be only when it is decided on.]"


@dataclass(frozen=True, slots=True)
class Move:
    """An action and the thought behind it."""

    action: str
    thought: str = ""

    def __str__(self) -> str:
        return self.action


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path of actions leads, and what was seen there."""

    path: tuple[str, ...]
    """All actions since the environment began, those before the search too."""
    seen: Observation | None
    """None as long as nobody was there."""
    token: Token | None = None
    before: Place | None = None
    """The place before the last action; None where the episode begins."""
    move: Move | None = None
    waiting: bool = False
    """Whether the last action cannot be undone and was not carried out."""

    def line(self) -> list[Place]:
        """The places from the beginning of the episode to here."""
        here, places = self.before, [self]
        while here is not None:
            places.append(here)
            here = here.before
        return places[::-1]

    @property
    def open(self) -> bool:
        """Whether anything can be done here."""
        return self.seen is not None and not self.seen.done and not self.waiting


@dataclass(frozen=True)
class EnvironmentProblem:
    """Reach the goal of ``task`` from ``start``. The answer of a place where the episode has ended is what the agent answered, else all
    the actions that lead there, one a line."""

    start: Place
    task: Task

    def root(self) -> Place:
        return self.start

    def key(self, state: Place) -> Hashable:
        """By what was seen; unknown places by their path."""
        if state.waiting and state.before is not None:
            return (self.key(state.before), state.path[-1])
        return state.path if state.seen is None else state.seen.key

    def apply(self, state: Place, action: Move) -> Place | Rejected:
        move = replace(action, action=action.action.strip())
        if not move.action or len(move.action) > LONGEST_ACTION:
            return Rejected("no action" if not move.action else f"longer than {LONGEST_ACTION} characters")
        if not state.open:
            return Rejected("nothing can be done there any more")
        return Place((*state.path, move.action), None, before=state, move=move)

    def goal(self, state: Place) -> Answer | None:
        if state.seen is None or not state.seen.done:
            return None
        return Answer(answer_of(state.path, state.seen), verdict=state.seen.verdict)

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        """The task's own verifier, for environments without a test of the goal."""
        return await self.task.verify(ctx, answer)


def answer_of(path: Sequence[str], seen: Observation) -> str:
    """What an episode answers."""
    return seen.answer if seen.answer is not None else "\n".join(path)


class EnvironmentExplorer:
    """Does the actions that lead to new places, in instances of its own, several at a time.

    Which instance goes where is settled before any of them moves, so that a replay moves them in the same way.
    """

    def __init__(self, instances: Sequence[Instance], *, irreversible: bool = True) -> None:
        """``irreversible``: whether actions that cannot be undone make a place to be decided on; else they are impossible."""
        self._instances, self._irreversible = instances, irreversible

    @property
    def steps(self) -> int:
        """Actions done so far, those done again included."""
        return sum(instance.steps for instance in self._instances)

    async def reach(self, ctx: Context, nodes: Sequence[Node[Place, Any]]) -> Sequence[Place | Rejected]:
        """The places of ``nodes``. A failing act of an environment makes its place impossible. Raises :class:`BudgetSpent`."""
        lanes: list[list[int]] = [[] for _ in self._instances]
        for number, node in enumerate(nodes):
            lanes[self._nearest(node.state, lanes, -(-len(nodes) // len(lanes)))].append(number)
        used = [lane for lane in range(len(lanes)) if lanes[lane]]

        async def walk(child: Context, lane: int) -> list[Place | Rejected]:
            return [await self._reached(child.scope("to", number), self._instances[lane], nodes[number].state) for number in lanes[lane]]

        walked = await ctx.map("reach", used, walk)
        places = {number: place for lane, found in zip(used, walked, strict=True) for number, place in zip(lanes[lane], found, strict=True)}
        return [places[number] for number in range(len(nodes))]

    def _nearest(self, place: Place, lanes: Sequence[Sequence[int]], most: int) -> int:
        """The free lane whose instance has come the furthest on the way to ``place``, of equals the one with the least to do."""

        def merit(lane: int) -> tuple[bool, int, int, int]:
            at = self._instances[lane].path
            near = len(at) if at is not None and not lanes[lane] and place.path[: len(at)] == at and len(at) < len(place.path) else -1
            return (len(lanes[lane]) < most, near, -len(lanes[lane]), -lane)

        return max(range(len(lanes)), key=merit)

    async def _reached(self, ctx: Context, instance: Instance, place: Place) -> Place | Rejected:
        """``place`` with what is seen there."""
        before, action = place.before, place.path[-1]
        assert before is not None
        try:
            await instance.go(ctx, before.path, before.token)
            if instance.effect(action) == "irreversible":
                text = before.seen.text if before.seen is not None else ""
                waiting = replace(place, seen=Observation(text=f"{NOT_DONE}\n{text}"), waiting=True)
                return waiting if self._irreversible else Rejected("it cannot be undone")
            seen = await instance.do(ctx, action)
            if seen.impossible:
                return Rejected(seen.text)
            return replace(place, seen=seen, token=None if seen.done else await instance.environment.snapshot(ctx))
        except EffectFailed as failure:
            return Rejected(f"the environment failed: {failure}")
