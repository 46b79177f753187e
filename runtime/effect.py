"""An effect: an outside act other than a model call, defined by the package that can do it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T", bound=BaseModel)


class Effect(BaseModel, ABC, Generic[T]):
    """A planner run, a sandboxed program, a solver call, a tool: asked of the context, performed once, journaled.

    Subclasses are small frozen models. All fields make up the digest, so everything that can change the outcome must be a field.
    ``result`` names the model of the outcome, which must round-trip through JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    """``planner``, ``sandbox``, ``solver``, ``tool``, …: shown in traces, part of the digest."""
    result: ClassVar[type[BaseModel]]

    @abstractmethod
    async def run(self) -> T:
        """Do it, within its own limits of time and memory. Expected failures are outcomes; raise ``EffectFailed`` for the rest."""

    def digested(self) -> dict[str, Any]:
        """What identifies this act, as JSON."""
        return self.model_dump(mode="json")
