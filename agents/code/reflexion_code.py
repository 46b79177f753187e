"""Reflexion for programs (Shinn et al. 2023, arXiv 2303.11366, §4.3): write, test, say what went wrong, write again.

The original always tests with asserts that the model wrote; here the visible tests decide where the task has some.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from eudoxus.agents.code.attempt import Attempt, attempt, finished
from eudoxus.agents.code.generated import PROMPTS as TEST_PROMPTS
from eudoxus.agents.code.generated import generated_tests
from eudoxus.agents.code.task import CodeTask
from eudoxus.prompts import render
from eudoxus.runtime import Context, Params, Result, strategy


class ReflexionCode(Params):
    trials: int = Field(4, ge=1, le=16)
    """Most programs written."""
    tests: int = Field(5, ge=1, le=32)
    """Tests that the model writes where the task has none."""
    memory: int = Field(3, ge=1, le=16)
    """Reflections that a new attempt reads, the last ones."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature of the programs. null leaves it to the endpoint."""
    reflection_temperature: float | None = Field(0.2, ge=0, le=2)
    """That of tests and reflections."""


@strategy("reflexion_code", takes=CodeTask, prompts=["code/write", *TEST_PROMPTS, "reflexion_code/reflect", "reflexion_code/again"],
          calls="up to trials programs, a reflection between two, and 1 or 2 for tests where the task has none")
async def reflexion_code(task: CodeTask, params: ReflexionCode, ctx: Context) -> Result:
    """Return the first program that passes the tests, else the one that passes most.

    ``verified`` by ``public_tests`` where the task has visible tests; where the model wrote them, the outcome is ``best_effort``.
    """
    if not task.tests:
        written = await generated_tests(task, ctx.scope("tests"), count=params.tests, temperature=params.reflection_temperature)
        task = task.model_copy(update={"tests": written, "tests_from": "generated"})
    best: Attempt | None = None
    last: Attempt | None = None
    reflections = list[str]()
    for trial in range(params.trials):
        here = ctx.scope("trial", trial)
        last = await write(task, params, here, last, reflections[-params.memory :])
        if best is None or last.score > best.score:
            best = last
            ctx.best(last.shown)
        if last.ok or trial + 1 == params.trials:
            break
        reflections.append(await reflect(task, params, here.scope("reflect"), last))
    assert best is not None
    return finished(best, task, trials=trial + 1, reflections=reflections, tests=list(task.tests))


async def write(task: CodeTask, params: ReflexionCode, ctx: Context, last: Attempt | None, reflections: Sequence[str]) -> Attempt:
    """A program, and after the first one knowing the last and what was learnt from all."""
    request = task.request() if last is None else render(
        "reflexion_code/again", statement=task.statement, wanted=task.wanted, program=last.shown, feedback=last.feedback,
        reflections="\n\n".join(f"{number}. {said}" for number, said in enumerate(reflections, start=1)))
    said = await ctx.complete(request.model_copy(update={"temperature": params.temperature}))
    return await attempt(ctx, said[0].text, task)


async def reflect(task: CodeTask, params: ReflexionCode, ctx: Context, last: Attempt) -> str:
    """In a few sentences why the last program fails."""
    request = render("reflexion_code/reflect", statement=task.statement, program=last.shown, feedback=last.feedback)
    said = await ctx.complete(request.model_copy(update={"temperature": params.reflection_temperature}))
    return said[0].text.rpartition("</think>")[2].strip()
