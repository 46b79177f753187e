"""Selection outside a run: candidates and tests in, a ranking out. Nothing is journaled."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from eudoxus import sandbox
from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.agents.code.selection.matrix import PassMatrix, executed, matrix_run
from eudoxus.agents.code.selection.rules import ALPHA, BETA0, Selector, ranking
from eudoxus.agents.code.task import CodeTask


class Place(BaseModel):
    """Where a candidate stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    candidate: int
    group: int | None
    """Candidates of one group pass the same tests; 0 is the best group, null for what holds no program that can be loaded."""
    score: list[float]
    """Of its group, to be compared from left to right. `two_tier`: trusted tests passed, then B4's log posterior."""
    trusted_passed: int
    """Trusted tests that it passes, each as often as it counts."""
    passed: int
    """All tests that it passes."""
    problem: str = ""
    """Why a reply holds no program."""


class Selected(BaseModel):
    """The candidates, best first, and what tells them apart."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    best: int | None
    """The number of the best candidate, from 0; null when none can be loaded."""
    selector: Selector
    ranking: list[Place]
    matrix: PassMatrix
    complete: bool = True
    """Whether all was executed; what the time was too short for counts as not passed."""
    verdict: str = "given"
    """`given` with the matrix, `final`, or `provisional` where a program could have forged its row."""


def select(
    matrix: PassMatrix, selector: Selector, *, alpha: float = ALPHA, beta0: float = BETA0, programs: Sequence[str] = (),
    problems: Sequence[str] = (),
) -> Selected:
    """Rank the candidates of ``matrix``. Of equal candidates the one with the shorter program comes first."""
    lengths = [len(program) for program in programs] or None
    trusted, everything = matrix.columns(trusted=True), range(matrix.width)
    places = [
        Place(
            candidate=one.candidate, group=one.group, score=list(one.score), trusted_passed=matrix.passes(one.candidate, trusted),
            passed=matrix.passes(one.candidate, everything), problem=problems[one.candidate] if problems else "",
        )
        for one in ranking(matrix, selector, alpha=alpha, beta0=beta0, lengths=lengths)
    ]
    best = places[0].candidate if places[0].group is not None else None
    return Selected(best=best, selector=selector, ranking=places, matrix=matrix)


class Prepared:
    """Candidates as programs: those that are one, and why the others are not."""

    def __init__(self, candidates: Sequence[str], task: CodeTask, generated: Sequence[str]) -> None:
        self.task, self.tests, self.generated = task, (*task.tests, *generated), len(generated)
        self.programs: list[str] = []
        self.problems: list[str] = []
        for candidate in candidates:
            program, problem = "", ""
            try:
                program = program_in(candidate, task)
            except NoProgram as found:
                problem = str(found)
            self.programs.append(program)
            self.problems.append(problem)

    def run(self, budget_s: float) -> sandbox.Matrix:
        """What the sandbox is to run: the programs that there are on all tests."""
        return matrix_run([program for program in self.programs if program], self.tests, self.task, budget_s=budget_s)

    def selected(self, found: sandbox.MatrixResult, selector: Selector, *, alpha: float = ALPHA, beta0: float = BETA0) -> Selected:
        """The ranking from the outcomes of :meth:`run`."""
        rows = iter(executed(found))
        matrix = PassMatrix(
            rows=tuple(next(rows) if program else None for program in self.programs),
            trusted=(*[True] * len(self.task.tests), *[False] * self.generated),
        )
        said = select(matrix, selector, alpha=alpha, beta0=beta0, programs=self.programs, problems=self.problems)
        return said.model_copy(update={"complete": found.complete, "verdict": found.verdict})
