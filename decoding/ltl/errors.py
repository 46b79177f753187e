"""What can be wrong with a formula, an agent specification, or what a model made of it."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.decoding.errors import ConstraintViolation
from eudoxus.runtime.errors import InvalidRequest

__all__ = ["AgentSpecError", "ConstraintViolation", "FormulaError", "SpecTooLarge", "Unsatisfiable"]


class FormulaError(InvalidRequest):
    """A formula cannot be read. ``line`` and ``column`` count from 1; the message shows the line with a caret under the column."""

    code = "invalid_formula"

    def __init__(self, reason: str, *, text: str, at: int, param: str | None = None) -> None:
        self.reason, self.text, self.at = reason, text, at
        self.line, self.column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        line = text.split("\n")[self.line - 1]
        begin = max(0, self.column - 61)
        shown = line[begin : begin + 120]
        super().__init__(f"line {self.line}, column {self.column}: {reason}\n{shown}\n{' ' * (self.column - 1 - begin)}^", param=param)


class AgentSpecError(InvalidRequest):
    """An agent specification is malformed; ``param`` names the field, and the message its value and what was expected."""

    code = "invalid_agent_spec"


class SpecTooLarge(AgentSpecError):
    """A formula, pattern or specification needs more states than the limits allow."""

    code = "agent_spec_too_large"


class Unsatisfiable(AgentSpecError):
    """No run can satisfy the specification.

    ``core`` holds constraints that conflict, none of which could be left out. ``witness`` is a shortest run that satisfies all of them but
    the last, and ``breaks`` is that last one; both are empty when a single constraint conflicts with itself.
    """

    code = "unsatisfiable_agent_spec"

    def __init__(self, core: Sequence[str], witness: Sequence[str], *, why: str = "no run satisfies") -> None:
        self.core, self.witness = tuple(core), tuple(witness)
        self.breaks = self.core[-1] if len(self.core) > 1 else ""
        listed = "\n".join(f"  {constraint}" for constraint in self.core)
        shown = f"\nfor example, {' '.join(self.witness)} satisfies all of them but {self.breaks}" if self.witness else ""
        super().__init__(f"{why} {'these constraints together' if len(self.core) > 1 else 'this constraint'}:\n{listed}{shown}",
                         param="behavior")
