"""The pass matrix: which candidate passes which test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from eudoxus import sandbox
from eudoxus.agents.code.running import as_program, as_tests
from eudoxus.runtime.errors import EffectFailed

if TYPE_CHECKING:
    from eudoxus.agents.code.task import CodeTask


class PassMatrix(BaseModel):
    """A row per candidate and a column per test."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rows: tuple[tuple[bool, ...] | None, ...] = Field(min_length=1)
    """Whether the candidate passes each test; null for a candidate that cannot be loaded."""
    trusted: tuple[bool, ...] | None = None
    """For each test whether it is known to be right: a visible test. null: all are."""
    counts: tuple[int, ...] | None = None
    """How often each candidate was drawn. null: once."""
    test_counts: tuple[int, ...] | None = None
    """How often each test was drawn. null: once."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        widths = {len(row) for row in self.rows if row is not None}
        if len(widths) > 1:
            raise ValueError(f"rows: all must have as many tests; they have {', '.join(map(str, sorted(widths)))}")
        width = next(iter(widths), None)
        for name, given, expected in (
            ("trusted", self.trusted, width), ("test_counts", self.test_counts, width), ("counts", self.counts, len(self.rows)),
        ):
            if given is not None and expected is not None and len(given) != expected:
                raise ValueError(f"{name}: {len(given)} entries; expected {expected}")
        if any(count < 1 for count in (*(self.counts or ()), *(self.test_counts or ()))):
            raise ValueError("counts and test_counts: each must be 1 or more")
        return self

    @property
    def width(self) -> int:
        """The number of tests."""
        return next((len(row) for row in self.rows if row is not None), len(self.trusted or ()))

    def weight(self, candidate: int) -> int:
        """How often the candidate was drawn."""
        return self.counts[candidate] if self.counts else 1

    def columns(self, *, trusted: bool) -> list[int]:
        """The tests that are trusted, or those that are not."""
        return [test for test in range(self.width) if (self.trusted[test] if self.trusted else True) is trusted]

    def passes(self, candidate: int, tests: Sequence[int]) -> int:
        """How many of ``tests`` the candidate passes, each as often as it was drawn."""
        row = self.rows[candidate]
        counts = self.test_counts
        return sum(counts[test] if counts else 1 for test in tests if row[test]) if row else 0


def matrix_run(programs: Sequence[str], tests: Sequence[str], task: CodeTask, *, budget_s: float = 60.0) -> sandbox.Matrix:
    """The effect that runs all ``programs`` on all ``tests``, in final verdicts. ``budget_s`` is for all of them."""
    return sandbox.Matrix(
        programs=tuple(as_program(program, task) for program in programs), tests=as_tests(tests, task.entry_point), mode="split",
        limits=task.limits, budget_s=budget_s,
    )


def executed(found: sandbox.MatrixResult) -> tuple[tuple[bool, ...] | None, ...]:
    """The rows of a pass matrix from a run; what the budget did not reach counts as not passed.

    Raises :class:`EffectFailed` when the sandbox itself failed, which says nothing about a program.
    """
    if any("infra_error" in row for row in found.outcomes):
        raise EffectFailed("the sandbox could not run all programs; see its log")
    return tuple(
        None if row and all(outcome == "load_error" for outcome in row) else tuple(outcome == "passed" for outcome in row)
        for row in found.outcomes
    )
