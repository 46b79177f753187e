"""LPW (Lei et al. 2025, arXiv 2411.14503): a plan is carried out by hand on the visible tests before any program is written, and a program
that fails is put beside the recorded values. With several plans it is SLPW, their sampling variant.

In place of a program with prints, whose output would be compared, the sandbox traces the program's blocks, which takes no request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from pydantic import Field

from eudoxus.agents.code.attempt import Attempt, attempt, finished
from eudoxus.agents.code.generated import PROMPTS as TEST_PROMPTS
from eudoxus.agents.code.generated import generated_tests
from eudoxus.agents.code.running import run_tests
from eudoxus.agents.code.task import CodeTask
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Params, Result, strategy

MOST_TESTS = 5
"""Tests that a plan is carried out on: the first ones."""
_PLAN = re.compile(r"^\W*PLAN\W*$\n(.*?)(?:^\W*END PLAN\b|\Z)", re.MULTILINE | re.DOTALL)
_REVISED = re.compile(r"^\W*REVISED PLAN\W*$\n(.*?)(?:^\W*END PLAN\b|\Z)", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^\W*TEST (\d{1,3})\b", re.MULTILINE)
_VERDICT = re.compile(r"^\W*VERDICT\W+(correct|wrong)\b", re.MULTILINE | re.IGNORECASE)
_CHECKED = re.compile(r"^\W*TEST (\d{1,3})\W+(right|wrong)\b", re.MULTILINE | re.IGNORECASE)


class Lpw(Params):
    plans: int = Field(1, ge=1, le=16)
    """Plans; with more than one, the program that does best is repaired first."""
    rounds: int = Field(4, ge=1, le=32)
    """Most verifications of one plan. The paper allows 12."""
    repairs: int = Field(4, ge=0, le=64)
    """Most repairs of programs in all. The paper allows 12."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature; several plans are drawn at 0.8 unless it is higher. null leaves it to the endpoint."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A plan with its verification: for each test how it was carried out. Empty when no verification was accepted."""

    plan: str
    sections: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        return "\n\n".join(self.sections) or "(it was not verified)"


@dataclass(slots=True)
class Line:
    """What became of one plan."""

    plan: Verified
    best: Attempt
    history: list[str]
    """The analyses whose correction did not help."""


@strategy("lpw", takes=CodeTask, prompts=["lpw/plan", "lpw/verify", "lpw/check", "lpw/code", "lpw/analyse", "lpw/correct", *TEST_PROMPTS],
          calls="for each plan 1, 1 or 2 for each of up to rounds verifications, and 1 program; 2 for each repair; 1 or 2 for tests "
                "where the task has none")
async def lpw(task: CodeTask, params: Lpw, ctx: Context) -> Result:
    """Return the first program that passes the visible tests, else the one that passes most.

    A plan that is never accepted is programmed all the same, where the paper gives up. ``verified`` by ``public_tests`` where the task has
    visible tests; where the model wrote them, the outcome is ``best_effort``.
    """
    if not task.tests:
        written = await generated_tests(task, ctx.scope("tests"), temperature=params.temperature)
        task = task.model_copy(update={"tests": written, "tests_from": "generated"})
    lines = await ctx.map("plan", range(params.plans), lambda child, _: begin(task, params, child))
    repairs = 0
    while True:
        line = max(lines, key=lambda one: (one.best.score, -len(one.history)))
        ctx.best(line.best.shown)
        if line.best.ok or repairs == params.repairs:
            break
        await repair(task, params, ctx.scope("repair", repairs), line)
        repairs += 1
    return finished(line.best, task, plan=line.plan.plan, verification=list(line.plan.sections), repairs=repairs, tests=list(task.tests))


async def begin(task: CodeTask, params: Lpw, ctx: Context) -> Line:
    """A plan, its verification, and the first program that follows both."""
    plan = await verified(task, params, ctx, await first_plan(task, params, ctx))
    request = render("lpw/code", statement=task.statement, wanted=task.wanted, plan=plan.plan, verification=plan.told)
    return Line(plan, await attempt(ctx, await _said(ctx, request, params.temperature), task), [])


async def first_plan(task: CodeTask, params: Lpw, ctx: Context) -> str:
    """A plan in numbered steps; the whole reply where it has no marks."""
    request = render("lpw/plan", statement=task.statement, wanted=task.wanted)
    temperature = params.temperature if params.plans == 1 or params.temperature is None else max(0.8, params.temperature)
    said = await _said(ctx, request, temperature)
    found = _PLAN.search(said)
    return (found[1] if found else said).strip()


async def verified(task: CodeTask, params: Lpw, ctx: Context, plan: str) -> Verified:
    """The plan carried out on the tests until every section is right and a second look agrees, revised on the way (§3.1)."""
    tests = task.tests[:MOST_TESTS]
    objections = ""
    for number in range(params.rounds if tests else 0):
        here = ctx.scope("verify", number)
        known = {"statement": task.statement, "plan": plan, "tests": _numbered(tests)}
        reply = await _said(here, render("lpw/verify", objections=objections, **known), params.temperature)
        revised, sections = _REVISED.search(reply), sections_of(reply, len(tests))
        if revised is not None and revised[1].strip():
            plan, objections = revised[1].strip(), ""
        elif sections is None:
            objections = f"An earlier verification did not have exactly one section for each of the {len(tests)} tests.\n\n"
        else:
            said = await _said(here, render("lpw/check", verification="\n\n".join(sections), **known), params.temperature)
            if all_right(said, len(tests)):
                return Verified(plan, sections)
            objections = f"An earlier verification was checked, with this result:\n{said}\n\n"
    return Verified(plan)


async def repair(task: CodeTask, params: Lpw, ctx: Context, line: Line) -> None:
    """Compare the first failing test's trace with its verification, and correct the program (§3.2); a better one replaces the best."""
    best = line.best
    trace, verification = "", line.plan.told
    if best.program is not None and best.tried is not None and best.tried.failing:
        test = best.tried.failing[0]
        trace = (await run_tests(ctx, best.program, task, tests=[test], trace="blocks")).trace
        at = task.tests.index(test)
        verification = line.plan.sections[at] if at < len(line.plan.sections) else verification
    request = render("lpw/analyse", statement=task.statement, plan=line.plan.plan, verification=verification, program=best.shown,
                     feedback=best.feedback, trace=trace)
    analysis = await _said(ctx, request, params.temperature)
    history = "\n".join(f"{number}. {fix}" for number, fix in enumerate(line.history, start=1)) or "(nothing)"
    request = render("lpw/correct", statement=task.statement, wanted=task.wanted, program=best.shown, feedback=best.feedback,
                     analysis=analysis, history=history)
    corrected = await attempt(ctx, await _said(ctx, request, params.temperature), task)
    if corrected.score > best.score or (corrected.score == best.score and corrected.program not in (None, best.program)):
        line.best = corrected
    line.history.append(analysis.rpartition("FIX:")[2].strip()[:500])


def sections_of(reply: str, count: int) -> tuple[str, ...] | None:
    """The sections of a verification, one for each of ``count`` tests in order, all judged correct; None for anything else."""
    text = _REVISED.sub("", reply)
    starts = [found.start() for found in _SECTION.finditer(text)]
    parts = [text[start:end].strip() for start, end in pairwise([*starts, len(text)])]
    numbers = [int(found[1]) for found in _SECTION.finditer(text)]
    verdicts = [[verdict.lower() for verdict in _VERDICT.findall(part)] for part in parts]
    return tuple(parts) if numbers == list(range(1, count + 1)) and all(found == ["correct"] for found in verdicts) else None


def all_right(reply: str, count: int) -> bool:
    """Whether a check finds each of ``count`` tests right; the last word on a test counts."""
    found = {int(number): word.lower() for number, word in _CHECKED.findall(reply)}
    return [found.get(number) for number in range(1, count + 1)] == ["right"] * count


def _numbered(tests: tuple[str, ...]) -> str:
    return "\n".join(f"TEST {number}: {test}" for number, test in enumerate(tests, start=1))


async def _said(ctx: Context, request: ChatRequest, temperature: float | None) -> str:
    reply = (await ctx.complete(request.model_copy(update={"temperature": temperature})))[0].text
    return reply.rpartition("</think>")[2].strip()
