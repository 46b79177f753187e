"""Choosing one of several replies to a code task: run them on the visible tests, let a model write more tests, and rank."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from eudoxus import sandbox
from eudoxus.agents.code.generated import generated_tests
from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.agents.code.selection.matrix import PassMatrix, executed, matrix_run
from eudoxus.agents.code.selection.rules import ALPHA, BETA0, Ranked, Selector, ranking
from eudoxus.agents.code.task import CodeTask
from eudoxus.runtime import Context, Result
from eudoxus.runtime.errors import BudgetSpent

Row = tuple[bool, ...] | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which reply was chosen, and by what."""

    candidate: int | None
    """Its number among the replies; None when no reply holds a program."""
    program: str | None
    verified: bool
    """Whether it passes all visible tests, of which there is at least one that no model wrote."""
    programs: tuple[str | None, ...]
    """The program in each reply."""
    matrix: PassMatrix | None
    tests: tuple[str, ...]
    """The columns of the matrix: visible tests, then generated ones."""
    ranked: tuple[Ranked, ...]
    why: str
    """In words how it was chosen, or why none was."""


async def choose(
    replies: Sequence[str], task: CodeTask, ctx: Context, *, selector: Selector = "two_tier", generate: int = 8, alpha: float = ALPHA,
    beta0: float = BETA0,
) -> Chosen:
    """The best of ``replies`` by ``selector``.

    Runs all programs on the visible tests. Where the rule looks at more and several different programs are left, one request (two when
    the reply cannot be used) asks for ``generate`` tests; 0 asks for none, and where the budget has no room for it, it is left out.
    """
    programs, complaints = list[str | None](), list[str]()
    for reply in replies:
        try:
            programs.append(program_in(reply, task))
        except NoProgram as problem:
            programs.append(None)
            complaints.append(str(problem))
    if complaints and len(complaints) == len(replies):
        return Chosen(None, None, False, tuple(programs), None, (), (), complaints[0])

    visible, found = await _run(programs, task.tests, task, ctx.scope("visible"))
    contenders = _contenders(visible, selector)
    written: tuple[str, ...] = ()
    if selector not in ("first", "max_pass") and len({programs[at] for at in contenders}) > 1 and generate > 0:
        with suppress(BudgetSpent):
            written = await generated_tests(task, ctx.scope("tests"), count=generate)
    chosen_few = [program if at in contenders else None for at, program in enumerate(programs)]
    more, further = await _run(chosen_few, written, task, ctx.scope("generated")) if written else ([None] * len(programs), found)
    unseen = (False,) * len(written)
    matrix = PassMatrix(
        rows=tuple(
            None if row is None or (written and more[at] is None and at in contenders) else (*row, *(more[at] or unseen))
            for at, row in enumerate(visible)
        ),
        trusted=(*[task.tests_from != "generated"] * len(task.tests), *[False] * len(written)),
    )
    ranked = ranking(matrix, selector, alpha=alpha, beta0=beta0, lengths=[len(program or "") for program in programs])
    best = ranked[0].candidate
    passed = visible[best] or ()
    different = len({program for program in programs if program is not None})
    why = f"chosen by {selector} among {different} different programs on {len(task.tests)} visible and {len(written)} generated tests"
    if not all(passed):
        why += f"; it passes {sum(passed)} of {len(passed)} visible tests"
    if ranked[0].group is None:
        why += "; none of them can be loaded"
    if not (found.complete and further.complete):
        why += "; the time was too short to run all of them on all tests"
    return Chosen(
        candidate=best, program=programs[best], programs=tuple(programs),
        verified=bool(passed) and all(passed) and found.verdict == "final" and task.tests_from != "generated",
        matrix=matrix, tests=(*task.tests, *written), ranked=tuple(ranked), why=why,
    )


def selected(chosen: Chosen, **artifacts: object) -> Result:
    """The result with the chosen program: *verified* by ``public_tests`` when it passes all visible tests, *failed* without a program."""
    if chosen.program is None or chosen.matrix is None:
        return Result(answer=None, outcome="failed", detail=chosen.why, artifacts=dict(artifacts))
    shown = {
        "chosen": chosen.candidate, "tests": list(chosen.tests), "matrix": chosen.matrix.model_dump(mode="json"),
        "ranking": [{"candidate": one.candidate, "group": one.group, "score": list(one.score)} for one in chosen.ranked],
    }
    return Result(
        answer=chosen.program, detail=chosen.why, outcome="verified" if chosen.verified else "best_effort",
        authority="public_tests" if chosen.verified else "model", artifacts=shown | artifacts)


async def _run(
    programs: Sequence[str | None], tests: Sequence[str], task: CodeTask, ctx: Context,
) -> tuple[list[Row], sandbox.MatrixResult]:
    """A row for each program, None where there is none or it cannot be loaded; and all that was found out."""
    there = [at for at, program in enumerate(programs) if program is not None]
    found = await ctx.perform(matrix_run([programs[at] or "" for at in there], tests, task))
    rows = dict(zip(there, executed(found), strict=True))
    return [rows.get(at) for at in range(len(programs))], found


def _contenders(rows: Sequence[Row], selector: Selector) -> list[int]:
    """Those that more tests can help to choose: with two_tier the ones that pass most visible tests, else all that can be loaded."""
    loaded = [at for at, row in enumerate(rows) if row is not None]
    if selector != "two_tier":
        return loaded
    top = max((sum(rows[at] or ()) for at in loaded), default=0)
    return [at for at in loaded if sum(rows[at] or ()) == top]
