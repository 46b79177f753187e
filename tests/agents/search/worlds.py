"""A player of Blocksworld by program, from the text of the prompts alone, and an environment of numbers for the edges."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import ClassVar

from pydantic import BaseModel

from eudoxus.agents.environments import EffectClass, Environment, Observation, Setting
from eudoxus.agents.environments.blocksworld import Towers, apply
from eudoxus.runtime import ChatRequest, Context, Effect
from eudoxus.runtime.errors import EffectFailed

_TOWERS = re.compile(r"Towers, each from the table up: ([a-f ;]+|none)\. The hand (?:holds ([a-f])|is empty)")


def state_in(found: tuple[str, str]) -> Towers:
    towers = [] if found[0] == "none" else [tuple(tower.split()) for tower in found[0].split(";")]
    return Towers(frozenset(towers), found[1] or None)


def goal_in(text: str) -> Towers:
    wanted = re.search(r"Wanted are the towers \(each from the table up\): ([a-f ;]+)\.", text)
    assert wanted is not None
    return state_in((wanted[1], ""))


def after_all(state: Towers, blocks: str) -> list[tuple[str, Towers]]:
    one = [f"{verb} {block}" for verb in ("pick-up", "put-down") for block in blocks]
    one += [f"{verb} {a} {b}" for verb in ("stack", "unstack") for a in blocks for b in blocks if a != b]
    return [(action, after) for action in one if isinstance(after := apply(state, action), Towers)]


@functools.cache
def distances(goal: Towers) -> dict[Towers, int]:
    """Actions to the goal from everywhere: every action can be undone by one."""
    blocks = "".join(sorted({block for tower in goal.towers for block in tower}))
    found, level = {goal: 0}, {goal}
    while level:
        level = {after for one in level for _, after in after_all(one, blocks) if after not in found}
        found |= dict.fromkeys(level, max(found.values()) + 1)
    return found


def distance(state: Towers, goal: Towers) -> int:
    """Actions to the goal."""
    return distances(goal)[state]


def stacker(model: str, request: ChatRequest, number: int) -> str:
    """Of 20 samples draws every action twice, those first that come nearer; judges rightly."""
    text = request.messages[-1].text
    goal, states = goal_in(text), [state_in(found) for found in _TOWERS.findall(text)[1:]]
    if "scores" in request.messages[0].text:
        so_far, candidates = text.split("end of what was done")
        here = distance(state_in(_TOWERS.findall(so_far)[-1]), goal)
        after = [distance(state_in(found), goal) for found in _TOWERS.findall(candidates)]
        return f'Well.\n{{"scores": {[10 if d == 0 else 8 if d < here else 2 for d in after]}}}'
    if "You judge" in request.messages[0].text:
        before, now = distance(states[-2], goal), distance(states[-1], goal)
        return f"It is an arrangement.\nSTATUS: {'success' if now == 0 else 'on track' if now < before else 'off track'}"
    if "You failed" in request.messages[0].text:
        return "I moved blocks to and fro. Next time I free the lowest wanted block first."
    blocks = "".join(sorted({block for tower in goal.towers for block in tower}))
    ways = sorted(after_all(states[-1], blocks), key=lambda way: (distance(way[1], goal), way[0]))
    return f"Thought: so\nAction: {ways[min(len(ways) - 1, number % 20 // 2)][0]}"


class Felt(BaseModel):
    at: int


class Walked(Effect[Felt]):
    """An act outside: it names the whole way, so that its outcome needs nothing that an earlier act left behind."""

    kind: ClassVar[str] = "steps"
    result: ClassVar[type[BaseModel]] = Felt
    performed: ClassVar[list[tuple[str, ...]]] = []
    fails_at: ClassVar[int | None] = None

    way: tuple[str, ...]

    async def run(self) -> Felt:
        self.performed.append(self.way)
        at = sum(int(step) for step in self.way)
        if at == Walked.fails_at:
            raise EffectFailed("the floor gave way")
        return Felt(at=at)


class Stairs(Setting):
    """Up and down a staircase outside this process. The goal is at the top; a jump cannot be undone."""

    name: ClassVar[str] = "stairs"
    judges_plans: ClassVar[bool] = True
    top: int = 4

    def open(self) -> Environment:
        return StairsEnvironment(self)


class StairsEnvironment(Environment):
    actions = "+1  goes up\n-1  goes down\n+9  jumps\nstop[ANSWER]  ends"
    about = "Go to the top."

    def __init__(self, setting: Stairs) -> None:
        self._top, self._way = setting.top, tuple[str, ...]()

    async def reset(self, ctx: Context) -> Observation:
        self._way = ()
        return Observation(text="You are on stair 0.")

    async def step(self, ctx: Context, action: str) -> Observation:
        if action.startswith("stop["):
            return Observation(text="Over.", done=True, answer=action[5:-1])
        if action not in ("+1", "-1", "+9"):
            return Observation(text="error: unknown action", impossible=True)
        at = (await ctx.perform(Walked(way=(*self._way, action)))).at
        self._way = (*self._way, action)
        return Observation(text=f"You are on stair {at}.", done=at == self._top)

    def effect(self, action: str) -> EffectClass:
        return {"+1": "reversible", "-1": "reversible", "+9": "irreversible"}.get(action, "read")  # type: ignore[return-value]


Answering = Callable[[str, ChatRequest, int], str]


def climber(*actions: str, status: str = "on track") -> Answering:
    """Always draws these actions in turn; judges all alike."""

    def answer(model: str, request: ChatRequest, number: int) -> str:
        if "You judge" in request.messages[0].text:
            return f"STATUS: {status}"
        if "You score" in request.messages[0].text:
            return f'{{"scores": {[5] * request.messages[-1].text.count("end of candidate")}}}'
        if "You failed" in request.messages[0].text:
            return "I went wrong."
        return f"Thought: t\nAction: {actions[number % len(actions)]}"

    return answer
