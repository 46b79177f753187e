"""Parsel programs (Zelikman et al. 2022, arXiv 2212.10561, §2): functions described in words, one below the other, with constraints.

A program is a tree of definitions by indentation. A line is one of three:

    name(argument: type = default, …) -> result, …: description      a definition; deeper ones below it are its helpers
    arguments -> value                                               a constraint, at the indentation of its definition
    name                                                             a reference to a function in scope: recursion, sharing
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from eudoxus.runtime.errors import InvalidRequest

SEPARATOR = "#*#*#"
"""The line between an optional header of free text and the program."""
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
INDENT = "  "


class ParselError(InvalidRequest):
    """The text is no Parsel program. ``line`` and ``column`` count from 1; both are 0 where the program as a whole is at fault."""

    code = "invalid_parsel"

    def __init__(self, reason: str, *, line: int = 0, column: int = 0, param: str | None = "program") -> None:
        self.reason, self.line, self.column = reason, line, column
        super().__init__(f"line {line}, column {column}: {reason}" if line else reason, param=param)


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of a function. Type and default are text in the target's language."""

    name: str
    type: str = ""
    default: str = ""

    def __str__(self) -> str:
        return self.name + (f": {self.type}" if self.type else "") + (f" = {self.default}" if self.default else "")


@dataclass(frozen=True, slots=True)
class Constraint:
    """What the function gives for some arguments. Both sides are text in the target's language."""

    arguments: str
    expected: str
    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Function:
    """One definition. ``children`` are the functions defined below it, ``references`` those it names besides."""

    name: str
    description: str
    arguments: tuple[Argument, ...] = ()
    returns: tuple[str, ...] = ()
    """Names or types of what it returns."""
    constraints: tuple[Constraint, ...] = ()
    references: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def signature(self) -> str:
        """``name(arguments) -> returns``."""
        returns = f" -> {', '.join(self.returns)}" if self.returns else ""
        return f"{self.name}({', '.join(map(str, self.arguments))}){returns}"

    @property
    def uses(self) -> tuple[str, ...]:
        """The functions that it may call."""
        return (*self.children, *self.references)


@dataclass(frozen=True, slots=True)
class Program:
    """A header and functions by name: the root first, each one before those below it."""

    functions: dict[str, Function]
    header: str = ""

    @property
    def root(self) -> Function:
        return next(iter(self.functions.values()))

    def __str__(self) -> str:
        """The program in its one canonical form, which reads as an equal program."""
        lines = [self.header, SEPARATOR] if self.header else []
        stack = [(self.root.name, 0)]
        while stack:
            name, depth = stack.pop()
            function, indent = self.functions[name], INDENT * depth
            lines.append(f"{indent}{function.signature}: {function.description}")
            lines += [f"{indent}{name}({c.arguments}) -> {c.expected}" for c in function.constraints]
            lines += [f"{indent}{INDENT}{reference}" for reference in function.references]
            stack += [(child, depth + 1) for child in reversed(function.children)]
        return "\n".join(lines) + "\n"

    def constrained(self, name: str, constraints: Iterable[Constraint]) -> Program:
        """With other constraints on the function ``name``."""
        return self._with(replace(self.functions[name], constraints=tuple(constraints)))

    def extended(self, name: str, helpers: Sequence[Function]) -> Program:
        """With ``helpers`` as further children of the function ``name``. Raises :class:`ParselError` for names that are taken."""
        taken = next((helper.name for helper in helpers if helper.name in self.functions), None)
        if taken is not None:
            raise ParselError(f"{taken} is defined already")
        parent = self.functions[name]
        grown = self._with(replace(parent, children=(*parent.children, *(helper.name for helper in helpers))))
        return replace(grown, functions={**grown.functions, **{helper.name: helper for helper in helpers}})

    def _with(self, function: Function) -> Program:
        return replace(self, functions={**self.functions, function.name: function})
