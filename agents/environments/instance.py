"""An environment that is brought to where it is wanted: by going back to a snapshot, or by doing the same actions again."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.agents.environments.base import LONGEST_ACTION, EffectClass, Environment, Observation, Token
from eudoxus.runtime import Context


class Instance:
    """One environment and where it is: the actions done since it began."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.path: tuple[str, ...] | None = None
        """None before the first reset, and when an act of the environment failed."""
        self.steps = 0
        """Actions done in all, those done again included."""

    async def begin(self, ctx: Context) -> Observation:
        """The first observation."""
        self.path = None
        observation = await self.environment.reset(ctx)
        self.path = ()
        return observation

    async def go(self, ctx: Context, path: Sequence[str], token: Token | None = None) -> None:
        """Be where ``path`` leads: at once when it is there, by ``token``, by the rest of the path when it is on the way, else from the
        beginning."""
        path = tuple(path)
        if self.path == path:
            return
        if token is not None:
            self.path = None
            await self.environment.restore(ctx, token)
            self.path = path
            return
        if self.path is None or path[: len(self.path)] != self.path:
            await self.begin(ctx)
        assert self.path is not None
        for action in path[len(self.path) :]:
            await self.do(ctx, action)

    async def do(self, ctx: Context, action: str) -> Observation:
        """One action from here."""
        if len(action) > LONGEST_ACTION:
            return Observation(text=f"error: the action has more than {LONGEST_ACTION:,} characters", impossible=True)
        before, self.path = self.path or (), None
        observation = await self.environment.step(ctx, action)
        self.path = (*before, action)
        self.steps += 1
        return observation

    def effect(self, action: str) -> EffectClass:
        """What ``action`` would do to the world here."""
        return "read" if len(action) > LONGEST_ACTION else self.environment.effect(action)
