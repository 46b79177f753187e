"""Parsel (Zelikman et al. 2022, arXiv 2212.10561): decompose a task into functions described in words, implement them, and combine."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from eudoxus.agents.code.generated import PROMPTS as TESTS
from eudoxus.agents.code.parsel.asking import PROMPTS
from eudoxus.agents.code.parsel.decompose import sketch, surroundings, translated
from eudoxus.agents.code.parsel.language import ParselError
from eudoxus.agents.code.parsel.synthesis import Built, Effort, implement
from eudoxus.agents.code.parsel.targets import Target
from eudoxus.agents.code.parsel.task import ParselTask
from eudoxus.agents.code.task import CodeTask
from eudoxus.runtime import Context, Result, Verdict, strategy


class Parsel(Effort):
    programs: int = Field(2, ge=1, le=64)
    """Parsel programs that the model writes for a task in English, until the code of one passes the visible tests."""
    functions: int = Field(7, ge=1, le=50)
    """Most functions of a program that the model writes."""
    sketch: bool = True
    """Whether the model first explains an algorithm in words, which it then translates."""


@strategy("parsel", takes=(ParselTask, CodeTask), prompts=[*PROMPTS, *TESTS],
          calls="for a task in English programs times (1 sketch + 1 or 2 translations), until one passes; for each program k completions a "
                "function, doubled up to most where bodies do not fit together")
async def parsel(task: ParselTask | CodeTask, params: Parsel, ctx: Context) -> Result:
    """Return the code of the first Parsel program that passes the visible tests, else of the one that passes most.

    A Parsel program that is given is implemented as it is, in its target; it is ``verified`` when all its constraints hold, by
    ``public_tests``, ``exact`` (plans) or ``solver`` (SMT). A task in English is ``verified`` by its visible tests; without any, tests
    that the model writes choose, and the result is ``best_effort``.
    """
    if isinstance(task, ParselTask):
        target = task.made_target()
        return given(await implement(task.parsed, target, params, ctx), target)
    best: tuple[float, Built, Verdict | None] | None = None
    complaints = list[str]()
    for number in range(params.programs):
        here = ctx.scope("program", number)
        said = await sketch(task, here.scope("sketch")) if params.sketch else ""
        try:
            program = await translated(said, task, params.functions, here.scope("translate"))
        except ParselError as error:
            complaints.append(f"program {number + 1}: {error}")
            continue
        built = await implement(
            program, surroundings(task), params, here, given={program.root.name: task.tests}, trusted=False)
        verdict = await task.verify(here.scope("verify"), built.code) if built.code else Verdict(ok=False, feedback=built.detail)
        score = verdict.score + verdict.ok if verdict else float(built.complete)
        if best is None or score > best[0]:
            best = score, built, verdict
            if built.code:
                ctx.best(built.code)
        if verdict.ok if verdict else built.complete:
            break
    if best is None:
        return Result(answer=None, outcome="failed", detail="; ".join(complaints) or "no program was written", artifacts={})
    return written(best[1], best[2])


def given(built: Built, target: Target) -> Result:
    """The result for a program that the task gave."""
    told = _artifacts(built) | {"target": target.name}
    if not built.code:
        return Result(answer=None, outcome="failed", detail=built.detail, artifacts=told)
    if built.complete and built.tested and built.final:
        return Result(answer=built.code, outcome="verified", authority=target.authority, artifacts=told,
                      detail="all constraints of the program hold")
    unforged = "the sandbox here gives provisional verdicts only" if built.complete and built.tested else ""
    detail = built.detail or unforged or "the program has no constraints; nothing was verified"
    return Result(answer=built.code, authority="none" if built.tested else "model", detail=detail, artifacts=told)


def written(built: Built, verdict: Verdict | None) -> Result:
    """The result for a program that the model wrote."""
    told = _artifacts(built)
    if not built.code:
        return Result(answer=None, outcome="failed", detail=built.detail, artifacts=told)
    if verdict is not None and verdict.ok and verdict.authority != "model":
        return Result(answer=built.code, outcome="verified", authority=verdict.authority, artifacts=told)
    detail = verdict.feedback if verdict else built.detail or "the task has no visible tests"
    return Result(answer=built.code, authority="model", detail=detail, artifacts=told)


def _artifacts(built: Built) -> dict[str, Any]:
    partial = {"partial": built.partial} if built.partial else {}
    return {"parsel": str(built.program), "trials": built.trials, "notes": list(built.notes), **partial}
