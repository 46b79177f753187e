"""What can be wrong with PDDL text."""

from __future__ import annotations

from eudoxus.runtime.errors import InvalidRequest


class PddlError(InvalidRequest):
    """PDDL text cannot be understood. ``line`` and ``column`` count from 1; both are 0 where no place can be named."""

    code = "invalid_pddl"

    def __init__(self, reason: str, *, line: int = 0, column: int = 0) -> None:
        self.reason, self.line, self.column = reason, line, column
        super().__init__(f"line {line}, column {column}: {reason}" if line else reason)


class UnsupportedPddl(PddlError):
    """The text is PDDL, but uses a construct that Eudoxus does not handle."""

    code = "unsupported_pddl"

    def __init__(self, construct: str, *, line: int = 0, column: int = 0) -> None:
        self.construct = construct
        super().__init__(f"{construct} is not supported", line=line, column=column)
