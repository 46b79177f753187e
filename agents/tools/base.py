"""What a tool is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from eudoxus.runtime import Context

LONGEST_INPUT = 10_000
"""Characters that a tool takes."""
LONGEST_OUTPUT = 4_000
"""Characters of what a tool says; more is cut, and says so."""
ERROR = "error: "
"""What an observation begins with when the tool could not do what it was asked."""

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
    value: Callable[[str], str] = str
    """Of an observation, what goes into the input of a later step of a plan."""
    quoted: Callable[[str], str] = str
    """How the value of an earlier step is written in this tool's input."""

    async def __call__(self, ctx: Context, text: str) -> str:
        """The observation for ``text``, cut to a length that fits a prompt."""
        if len(text) > LONGEST_INPUT:
            return f"{ERROR}the input has {len(text):,} characters; {self.name} takes at most {LONGEST_INPUT:,}"
        said = await self.act(ctx, text)
        return said if len(said) <= LONGEST_OUTPUT else f"{said[:LONGEST_OUTPUT]}\n[cut: {len(said):,} characters in all]"


def tool(name: str, *, takes: str, does: str, value: Callable[[str], str] = str,
         quoted: Callable[[str], str] = str) -> Callable[[Act], Tool]:
    """Make ``async def act(ctx, text) -> str`` a tool."""
    return lambda act: Tool(name, takes, does, act, value, quoted)


def described(tools: Iterable[Tool]) -> str:
    """The tools as a list for a prompt."""
    return "\n".join(f"{one.name}[{one.takes}]  {one.does}" for one in tools)
