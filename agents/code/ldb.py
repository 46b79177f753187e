"""LDB (Zhong et al. 2024, arXiv 2402.16906): debug a program by the values that its basic blocks had in a failing test."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from eudoxus.agents.code.attempt import Attempt, attempt, finished
from eudoxus.agents.code.feedback import cut
from eudoxus.agents.code.running import run_tests
from eudoxus.agents.code.task import CodeTask
from eudoxus.prompts import render
from eudoxus.runtime import Context, Params, Result, strategy
from eudoxus.runtime.errors import InvalidTask

MOST_TRACED = 3
"""Failing tests that are traced until one gives a trace."""
_OBJECT = re.compile(r"\{[^{}]*\}")
_MOST_EXPLANATION = 600


class LDB(Params):
    rounds: int = Field(5, ge=0, le=16)
    """Most repairs after the first program."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature. null leaves it to the endpoint."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the model says of one block."""

    block: str
    correct: bool
    explanation: str


@strategy("ldb", takes=CodeTask, prompts=["code/write", "ldb/debug", "ldb/repair", "ldb/repair_untraced"],
          calls="1 program, and up to rounds times 2 requests: one judges the blocks, one repairs")
async def ldb(task: CodeTask, params: LDB, ctx: Context) -> Result:
    """Return the first program that passes the visible tests, else the one that passes most.

    A program is repaired from the best so far, so a repair that breaks more than it mends is not built upon. Raises
    :class:`InvalidTask` when the task has no visible tests to debug with.
    """
    if not task.tests:
        raise InvalidTask("ldb debugs on visible tests and the task has none: give tests, or examples in the statement", param="task.tests")
    said = await ctx.complete(task.request(temperature=params.temperature))
    best = await attempt(ctx, said[0].text, task)
    rounds = list[dict[str, object]]()
    for number in range(params.rounds):
        ctx.best(best.shown)
        if best.ok:
            break
        here = ctx.scope("round", number)
        trace = await traced(best, task, here)
        judged = await debug(task, params, here.scope("debug"), best, trace) if trace else []
        repaired = await repair(task, params, here.scope("repair"), best, trace, judged)
        rounds.append({"score": best.score, "traced": bool(trace), "faulty": [one.block for one in judged if not one.correct]})
        if repaired.score > best.score or (repaired.score == best.score and repaired.program != best.program):
            best = repaired
    return finished(best, task, rounds=rounds)


async def traced(last: Attempt, task: CodeTask, ctx: Context) -> str:
    """The block trace of the first failing test that gives one; empty for programs that cannot be loaded."""
    if last.program is None or last.tried is None or last.tried.outcome == "load_error":
        return ""
    for number, test in enumerate(last.tried.failing[:MOST_TRACED]):
        again = await run_tests(ctx.scope("trace", number), last.program, task, tests=[test], trace="blocks")
        if again.trace:
            return again.trace
    return ""


async def debug(task: CodeTask, params: LDB, ctx: Context, last: Attempt, trace: str) -> list[Judged]:
    """The model's judgement on each block of the trace; nothing when it cannot be read."""
    request = render("ldb/debug", statement=task.statement, program=last.shown, feedback=last.feedback, trace=trace)
    said = await ctx.complete(request.model_copy(update={"temperature": params.temperature}))
    return read_judgements(said[0].text)


async def repair(task: CodeTask, params: LDB, ctx: Context, last: Attempt, trace: str, judged: Sequence[Judged]) -> Attempt:
    """The program corrected by what is known of its failure."""
    values = {"statement": task.statement, "wanted": task.wanted, "program": last.shown, "feedback": last.feedback}
    if judged:
        told = "\n".join(f"{one.block}: {'correct' if one.correct else 'WRONG'}. {one.explanation}" for one in judged)
        request = render("ldb/repair", **values, trace=trace, judgements=told)
    else:
        request = render("ldb/repair_untraced", **values, trace=trace or "(nothing could be traced)")
    said = await ctx.complete(request.model_copy(update={"temperature": params.temperature}))
    return await attempt(ctx, said[0].text, task)


def read_judgements(reply: str) -> list[Judged]:
    """One judgement per JSON object in ``reply`` that has the fields ``block`` and ``correct``, fences and prose around them left out."""
    found = list[Judged]()
    for text in _OBJECT.findall(reply.rpartition("</think>")[2]):
        try:
            value = json.loads(text, strict=False)
        except (json.JSONDecodeError, RecursionError):
            continue
        block, correct = value.get("block"), value.get("correct")
        if isinstance(correct, str):
            correct = {"true": True, "false": False, "yes": True, "no": False}.get(correct.strip().lower())
        if block is not None and isinstance(correct, bool):
            found.append(Judged(str(block)[:40], correct, cut(str(value.get("explanation", "")), _MOST_EXPLANATION)))
    return found
