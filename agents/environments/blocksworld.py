"""Blocksworld: towers of blocks, one hand, and towers that are wanted. Exact, with a public test of the goal.

The four actions are those of the PDDL domain ``blocksworld`` (Gupta and Nau 1992); worlds are made here from a seed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import ClassVar

from pydantic import Field

from eudoxus.agents.environments.base import EffectClass, Environment, Observation, Setting, Token
from eudoxus.runtime import Context, Verdict

Tower = tuple[str, ...]
"""Blocks from the table up."""

ACTIONS = """pick-up X      takes block X from the table into the empty hand; nothing may be on X
put-down X     puts the held block X on the table
stack X Y      puts the held block X on block Y; nothing may be on Y
unstack X Y    takes block X off block Y into the empty hand; nothing may be on X"""

_ACTION = re.compile(
    r"\W*(pick[-_ ]?up|put[-_ ]?down|stack|unstack)\W+(?:block\s+)?([a-z])\b(?:\W+(?:(?:on(?:to)?|from|off|of|block)\s+)*([a-z])\b)?\W*",
    re.IGNORECASE,
)


class Blocksworld(Setting):
    """Blocks a, b, c, … that are to be stacked in other towers."""

    name: ClassVar[str] = "blocksworld"
    judges_plans: ClassVar[bool] = True

    blocks: int = Field(4, ge=3, le=6)
    """Number of blocks."""
    seed: int = Field(0, ge=0)
    """Which world: the towers there are and those that are wanted."""

    def open(self) -> Environment:
        return BlocksworldEnvironment(self)


@dataclass(frozen=True, slots=True)
class Towers:
    """Where every block is."""

    towers: frozenset[Tower]
    held: str | None = None

    def told(self) -> str:
        """In words, the same for equal states."""
        standing = "; ".join(" ".join(tower) for tower in sorted(self.towers)) or "none"
        return f"Towers, each from the table up: {standing}. The hand {f'holds {self.held}' if self.held else 'is empty'}."

    def on(self) -> frozenset[tuple[str, str]]:
        """The pairs (above, below)."""
        return frozenset((above, below) for tower in self.towers for below, above in pairwise(tower))


def worlds(setting: Blocksworld) -> tuple[Towers, Towers]:
    """The towers there are, and those that are wanted; they differ."""
    random, blocks = Random(setting.seed), [chr(ord("a") + number) for number in range(setting.blocks)]
    start = goal = _arranged(random, blocks)
    while goal == start or not goal.on():
        goal = _arranged(random, blocks)
    return start, goal


def _arranged(random: Random, blocks: list[str]) -> Towers:
    """Each block on one of the towers there are, or on the table, with equal chance."""
    towers: list[Tower] = []
    for block in random.sample(blocks, len(blocks)):
        place = random.randrange(len(towers) + 1)
        if place == len(towers):
            towers.append((block,))
        else:
            towers[place] = (*towers[place], block)
    return Towers(frozenset(towers))


def apply(state: Towers, action: str) -> Towers | str:
    """The state after ``action``, or why it is impossible."""
    found = _ACTION.fullmatch(action)
    if found is None:
        return "unknown action; the actions are pick-up X, put-down X, stack X Y, unstack X Y"
    verb, block, below = re.sub(r"[-_ ]", "", found[1].lower()), found[2].lower(), (found[3] or "").lower()
    known = {one for tower in state.towers for one in tower} | {state.held}
    if block not in known or (below and below not in known):
        return f"there is no block {below if block in known else block}"
    if verb in ("stack", "unstack") and not below:
        return f"{verb} needs two blocks"
    if verb in ("pickup", "unstack"):
        return _taken(state, block, below if verb == "unstack" else "")
    if state.held != block:
        return f"the hand does not hold {block}"
    if verb == "putdown":
        return Towers(state.towers | {(block,)})
    under = next((tower for tower in state.towers if tower[-1] == below), None)
    return f"{below} is not clear" if under is None else Towers(state.towers - {under} | {(*under, block)})


def _taken(state: Towers, block: str, below: str) -> Towers | str:
    """The block in the hand; ``below`` is what it stands on, empty for the table."""
    if state.held:
        return f"the hand holds {state.held}"
    tower = next(tower for tower in state.towers if block in tower)
    if tower[-1] != block:
        return f"{tower[tower.index(block) + 1]} is on {block}"
    if (tower[-2] if len(tower) > 1 else "") != below:
        return f"{block} is not on {below or 'the table, but on ' + tower[-2]}"
    rest = state.towers - {tower}
    return Towers(rest | {tower[:-1]} if len(tower) > 1 else rest, held=block)


class BlocksworldEnvironment(Environment):
    """The episode ends when the wanted towers stand."""

    actions = ACTIONS

    def __init__(self, setting: Blocksworld) -> None:
        self._start, self._goal = worlds(setting)
        self._state = self._start
        wanted = "; ".join(" ".join(tower) for tower in sorted(self._goal.towers))
        self.about = (
            f"Blocks stand in towers on a table, and one hand moves them, one at a time. At the beginning: {self._start.told()} "
            f"Wanted are the towers (each from the table up): {wanted}."
        )

    async def reset(self, ctx: Context) -> Observation:
        self._state = self._start
        return self._seen("")

    async def step(self, ctx: Context, action: str) -> Observation:
        after = apply(self._state, action) if self._state != self._goal else "the wanted towers stand already"
        if isinstance(after, str):
            return self._seen(f"error: {after}. ")
        self._state = after
        return self._seen("")

    def effect(self, action: str) -> EffectClass:
        return "read" if isinstance(apply(self._state, action), str) else "reversible"

    async def snapshot(self, ctx: Context) -> Token:
        return self._state

    async def restore(self, ctx: Context, token: Token) -> None:
        self._state = token

    def _seen(self, note: str) -> Observation:
        told, done = self._state.told(), self._state == self._goal
        text = f"{note}{told}{' These are the wanted towers.' if done else ''}"
        return Observation(text=text, done=done, verdict=self._verdict(), impossible=bool(note), state=told)

    def _verdict(self) -> Verdict:
        """Exact: the share of the wanted relations, 1 only for the wanted towers themselves."""
        if self._state == self._goal:
            return Verdict(ok=True, score=1.0)
        missing = sorted(self._goal.on() - self._state.on())
        said = ", ".join(f"{above} is not on {below}" for above, below in missing) or "blocks are where they should not be"
        share = 1 - len(missing) / len(self._goal.on())
        return Verdict(ok=False, score=min(0.9, share), feedback=f"the wanted towers do not stand: {said}")
