"""What a tool is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from eudoxus.runtime import Context

LONGEST_INPUT = 10_000
"""Characters that a tool takes."""
LONGEST_OUTPUT = 4_000
"""Characters of what a tool says; more is cut, and says so."""

Act = Callable[[Context, str], Awaitable[str]]
"""Takes the input as the model wrote it and gives an observation. What goes wrong is an observation too."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something an agent can do besides thinking."""

    name: str
    takes: str
    """What stands between the brackets."""
    does: str
    """In a sentence, for the model."""
    act: Act

    async def __call__(self, ctx: Context, text: str) -> str:
        """The observation for ``text``, cut to a length that fits a prompt."""
        if len(text) > LONGEST_INPUT:
            return f"error: the input has {len(text):,} characters; {self.name} takes at most {LONGEST_INPUT:,}"
        said = await self.act(ctx, text)
        return said if len(said) <= LONGEST_OUTPUT else f"{said[:LONGEST_OUTPUT]}\n[cut: {len(said):,} characters in all]"


def tool(name: str, *, takes: str, does: str) -> Callable[[Act], Tool]:
    """Make ``async def act(ctx, text) -> str`` a tool."""
    return lambda act: Tool(name, takes, does, act)


def described(tools: Iterable[Tool]) -> str:
    """The tools as a list for a prompt."""
    return "\n".join(f"{one.name}[{one.takes}]  {one.does}" for one in tools)
