"""What an environment is: it begins anew, takes actions as text, and tells what came of each.

A step is either a pure function of the instance's own state, or it goes through ``ctx.perform`` as an effect. Replay is exact in both
cases, on one condition: such an effect names everything that decides its outcome, the actions before it too, and never relies on what an
earlier effect left behind in the process. A resumed run takes the earlier effects from its journal, so their traces outside may be gone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from eudoxus.runtime import Context, Verdict

EffectClass = Literal["read", "reversible", "irreversible"]
"""*read* leaves the world as it is, whatever the agent sees next; *reversible* can be undone by other actions; *irreversible* cannot."""
Token = Any
"""A state to come back to, as the environment keeps it."""

LONGEST_OBSERVATION = 4_000
"""Characters of an observation."""
LONGEST_ACTION = 1_000
"""Characters of an action."""


class Observation(BaseModel):
    """What an agent sees after an action. Everything in it is public to the agent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    done: bool = False
    """Whether the episode has ended: nothing can be done after this."""
    answer: str | None = None
    """What the agent answered, when it ended the episode by an answer."""
    verdict: Verdict | None = None
    """What the environment's own public test of the goal says, where it has one and it applies."""
    impossible: bool = False
    """Whether the action was unknown or impossible, and changed nothing."""
    state: str | None = None
    """A digest of the whole state, where the environment can tell: equal ones are the same situation, whatever the text says."""

    @property
    def key(self) -> Hashable:
        """Situations with equal keys are taken for the same."""
        return (self.state if self.state is not None else self.text, self.done, self.answer)


class Environment(Protocol):
    """One world with one agent in it. Instances share nothing."""

    actions: str
    """The actions, one a line with what each does, for prompts."""
    about: str
    """What there is to know before the first action, the goal included where the environment sets one."""

    async def reset(self, ctx: Context) -> Observation:
        """Begin anew. Equal settings begin equally."""
        ...

    async def step(self, ctx: Context, action: str) -> Observation:
        """Do ``action``. An action that is unknown or impossible changes nothing, and the observation says so (``impossible``)."""
        ...

    def effect(self, action: str) -> EffectClass:
        """What ``action`` would do to the world in the present state; ``read`` for one that is unknown or impossible."""
        ...

    async def snapshot(self, ctx: Context) -> Token | None:
        """The present state, to be restored in this or another instance of the same setting; None where that is impossible."""
        return None

    async def restore(self, ctx: Context, token: Token) -> None:
        """Go back to a state. Only called with what :meth:`snapshot` gave."""
        raise NotImplementedError("this environment has no snapshots")


class Setting(BaseModel, ABC):
    """An environment's name and parameters, which make up all that differs between its worlds.

    Publish a subclass by an entry point of the group ``eudoxus.environments``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: ClassVar[str]
    judges_plans: ClassVar[bool] = False
    """Whether a list of actions, one a line, is an answer that the environment's public test of the goal can judge."""

    @abstractmethod
    def open(self) -> Environment:
        """A new instance, to be reset before its first step."""
