"""What a target language must be able to do: read and write bodies, and try them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from eudoxus.agents.code.parsel.combinations import Body
from eudoxus.agents.code.parsel.language import Function, ParselError, Program
from eudoxus.runtime import Context
from eudoxus.runtime.result import Authority


class NoBody(ValueError):
    """The reply holds no usable definition of the function; the message says why."""


@dataclass(frozen=True, slots=True)
class Job:
    """The checks of one function on a program that defines it and everything it calls."""

    function: str
    code: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tries:
    """Which checks passed."""

    passed: tuple[bool, ...]
    final: bool = True
    """Whether the program could not have forged that."""

    @property
    def fraction(self) -> float:
        return sum(self.passed) / len(self.passed) if self.passed else 1.0


class Target(ABC):
    """A language that functions are implemented in. A further one is a subclass with a prompt of its own."""

    name: ClassVar[str]
    prompt: ClassVar[str]
    """Id of the prompt that asks for a body."""
    authority: Authority
    """By whom constraints of the user are decided."""

    @abstractmethod
    def faults(self, program: Program) -> list[ParselError]:
        """What is wrong with types, defaults and constraints as text in this language."""

    @abstractmethod
    def checks(self, function: Function) -> tuple[str, ...]:
        """The function's constraints in the form in which they are tried."""

    @abstractmethod
    def opening(self, function: Function) -> str:
        """How a definition of the function begins, for the prompt."""

    @abstractmethod
    def body(self, reply: str, function: Function, program: Program) -> Body:
        """The definition in a reply. Raises :class:`NoBody`."""

    @abstractmethod
    def uses(self, code: str, name: str, program: Program) -> frozenset[str]:
        """Other functions of the program that a body of ``name`` may call."""

    @abstractmethod
    def compose(self, program: Program, bodies: Iterable[Body], *, told: bool = False) -> str:
        """One program of ``bodies``, helpers first; ``told`` puts each description above its function."""

    @abstractmethod
    async def tried(self, ctx: Context, jobs: Sequence[Job]) -> list[Tries]:
        """Try all jobs, within limits. Whatever a program does is a result."""

    def context(self) -> str:
        """What else a prompt must tell of the surroundings."""
        return ""

    def missing(self, program: Program, bodies: Iterable[Body]) -> dict[str, list[str]]:
        """Functions that are called but not there, each with the lines that call it (for autofill)."""
        return {}
