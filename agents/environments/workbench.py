"""Tools as an environment, so that strategies that act can work on any question: an action calls a tool, and ``stop`` answers."""

from __future__ import annotations

import hashlib
import re

from eudoxus.agents.environments.base import LONGEST_OBSERVATION, EffectClass, Environment, Observation, Token
from eudoxus.agents.tools.base import Tool, described
from eudoxus.runtime import Context

_ACTION = re.compile(r"\W*([A-Za-z_]\w*)\s*\[(.*)\]\W*", re.DOTALL)


class Workbench(Environment):
    """The tools remember nothing; what was asked of them so far is the state.

    Every tool counts as ``read``: none that is shipped changes anything outside.
    """

    about = ""

    def __init__(self, tools: list[Tool]) -> None:
        self._tools = {tool.name.lower(): tool for tool in tools}
        self._asked: frozenset[str] = frozenset()
        self._ended: str | None = None
        self.actions = f"{described(tools)}\nstop[the answer]  ends the work with the answer, in the form that the task asks for".lstrip()

    async def reset(self, ctx: Context) -> Observation:
        self._asked, self._ended = frozenset(), None
        return Observation(text="Nothing has been done yet.", state=self._state())

    async def step(self, ctx: Context, action: str) -> Observation:
        found = _ACTION.fullmatch(action)
        if self._ended is not None or found is None or found[1].lower() not in (*self._tools, "stop"):
            said = "the work has ended" if self._ended is not None else f"unknown action; there are {', '.join([*self._tools, 'stop'])}"
            return Observation(text=f"error: {said}", impossible=True, state=self._state())
        if found[1].lower() == "stop":
            self._ended = found[2].strip()
            return Observation(text="The work has ended.", done=True, answer=self._ended, state=self._state())
        said = await self._tools[found[1].lower()](ctx, found[2].strip())
        self._asked |= {f"{found[1].lower()}[{found[2].strip()}] = {said}"}
        return Observation(text=said[:LONGEST_OBSERVATION], state=self._state())

    def effect(self, action: str) -> EffectClass:
        return "read"

    async def snapshot(self, ctx: Context) -> Token:
        return (self._asked, self._ended)

    async def restore(self, ctx: Context, token: Token) -> None:
        self._asked, self._ended = token

    def _state(self) -> str:
        return hashlib.sha256("\0".join(sorted(self._asked)).encode()).hexdigest()[:16]
