"""S* (Li et al. 2025, arXiv 2502.14382): several programs, each debugged on its own, then chosen by inputs on which they differ."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence

from pydantic import Field

from eudoxus.agents.code.attempt import Attempt, attempt, finished
from eudoxus.agents.code.feedback import cut
from eudoxus.agents.code.running import run_tests
from eudoxus.agents.code.syntax import called, fenced
from eudoxus.agents.code.task import CodeTask
from eudoxus.agents.programs import parsed
from eudoxus.prompts import render
from eudoxus.runtime import Context, Params, Result, strategy
from eudoxus.runtime.errors import BudgetSpent

_RIGHT = re.compile(r'"right"\s*:\s*"?\s*(A|B|both|neither)\b', re.IGNORECASE)
_MOST_OUTPUT = 1000
Outputs = tuple[str, ...]


class SStar(Params):
    n: int = Field(4, ge=2, le=32)
    """Programs drawn."""
    rounds: int = Field(2, ge=0, le=8)
    """Most repairs of each on the visible tests."""
    inputs: int = Field(8, ge=1, le=32)
    """Inputs that the model is asked for, to tell apart the programs that pass most visible tests."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of programs and repairs. null leaves it to the endpoint."""


@strategy("s_star", takes=CodeTask, prompts=["code/write", "s_star/debug", "s_star/inputs", "s_star/judge"],
          calls="n programs, up to rounds repairs of each, and where the best differ 1 for inputs and 1 for each group but one")
async def s_star(task: CodeTask, params: SStar, ctx: Context) -> Result:
    """Return the program that wins the comparisons among those that pass most visible tests.

    ``verified`` by ``public_tests`` when it passes all of them. Programs that give the same on all inputs are one group; the largest is
    challenged by the others in turn, and a judge sees an input on which the two differ with both outputs.
    """
    drawn = await ctx.complete(task.request(temperature=params.temperature), n=params.n)
    debugged = await ctx.map("sample", drawn, lambda child, reply: debug(task, params, child, reply.text))
    top = max(one.score for one in debugged)
    best = {one.program: one for one in debugged if one.score == top}
    contenders = sorted(best.values(), key=lambda one: len(one.program or ""))
    if contenders[0].program is not None:
        ctx.best(contenders[0].shown)
    groups = [[contenders[0]]]
    calls: tuple[str, ...] = ()
    decisions = list[str]()
    if len(contenders) > 1 and contenders[0].program is not None:
        try:
            calls = await inputs(task, params, ctx.scope("inputs"))
            outputs = await ctx.map("run", contenders, lambda child, one: outputs_of(one, calls, task, child))
            groups = grouped(contenders, outputs, [one.program for one in debugged])
            ctx.best(groups[0][0].shown)
            by_program = {one.program: given for one, given in zip(contenders, outputs, strict=True)}
            decisions = await tournament(groups, by_program, calls, task, ctx.scope("judge"))
        except BudgetSpent:
            """The first of the largest group, or the shortest."""
    return finished(groups[0][0], task, candidates=len(drawn), scores=[one.score for one in debugged], groups=[len(g) for g in groups],
                    inputs=list(calls), decisions=decisions)


async def debug(task: CodeTask, params: SStar, ctx: Context, reply: str) -> Attempt:
    """The program in ``reply``, repaired on the visible tests; the best of what was tried."""
    best = await attempt(ctx, reply, task)
    for number in range(params.rounds):
        if best.ok:
            break
        request = render("s_star/debug", statement=task.statement, wanted=task.wanted, program=best.shown, feedback=best.feedback)
        here = ctx.scope("debug", number)
        try:
            said = await here.complete(request.model_copy(update={"temperature": params.temperature}))
        except BudgetSpent:
            break
        repaired = await attempt(here, said[0].text, task)
        if repaired.score >= best.score:
            best = repaired
    return best


async def inputs(task: CodeTask, params: SStar, ctx: Context) -> tuple[str, ...]:
    """Calls of the entry point that the model thinks will tell right programs from wrong ones; perhaps none."""
    if task.entry_point is None:
        return ()
    request = render("s_star/inputs", statement=task.statement, entry=task.entry_point, count=str(params.inputs))
    said = await ctx.complete(request.model_copy(update={"temperature": 0.0 if params.temperature is not None else None}))
    return read_calls(said[0].text, task.entry_point)[: params.inputs]


async def outputs_of(one: Attempt, calls: Sequence[str], task: CodeTask, ctx: Context) -> Outputs:
    """What the program gives for each call, as text."""
    if not calls:
        return ()
    tried = await run_tests(ctx, one.program or "", task, tests=calls)
    given = list[str]()
    for test in tried.found.tests:
        last = test.calls[-1] if test.calls else None
        value = last.value if last is not None and test.outcome == "passed" else None
        given.append(value if value is not None else f"({test.exc.type if test.exc else test.outcome})")
    return tuple(given)


def grouped(contenders: Sequence[Attempt], outputs: Sequence[Outputs], drawn: Sequence[str | None]) -> list[list[Attempt]]:
    """The programs that give the same on all inputs together, those drawn more often first."""
    groups: dict[Outputs, list[Attempt]] = {}
    for one, given in zip(contenders, outputs, strict=True):
        groups.setdefault(given, []).append(one)
    return sorted(groups.values(), key=lambda group: -sum(drawn.count(one.program) for one in group))


async def tournament(
    groups: list[list[Attempt]], outputs: dict[str | None, Outputs], calls: Sequence[str], task: CodeTask, ctx: Context,
) -> list[str]:
    """Put the winner to the front of ``groups``: the champion, at first the largest group, meets the others in turn."""
    decisions = list[str]()
    for number in range(1, len(groups)):
        champion, challenger = groups[0][0], groups[number][0]
        ours, theirs = outputs[champion.program], outputs[challenger.program]
        differ = next(at for at in range(len(calls)) if ours[at] != theirs[at])
        request = render(
            "s_star/judge", statement=task.statement, call=calls[differ], a=cut(ours[differ], _MOST_OUTPUT),
            b=cut(theirs[differ], _MOST_OUTPUT), program_a=champion.shown, program_b=challenger.shown)
        said = await ctx.scope("round", number).complete(request.model_copy(update={"temperature": 0.0}))
        verdicts = _RIGHT.findall(said[0].text.rpartition("</think>")[2])
        right = verdicts[-1] if verdicts else "unreadable"
        decisions.append(f"{calls[differ]}: {right}")
        if right.upper() == "B":
            groups[0], groups[number] = groups[number], groups[0]
    return decisions


def read_calls(reply: str, entry: str) -> tuple[str, ...]:
    """The calls of ``entry`` with literal arguments in ``reply``, from blocks, lines or a JSON list."""
    text = reply.rpartition("</think>")[2]
    lines = [line.strip().rstrip(",;") for block in (fenced(text) or [text]) for line in block.splitlines()]
    found: dict[str, None] = {}
    for line in lines:
        line = re.sub(r"^(?:\d+[.)]|[-*])[ \t]+", "", line).strip("`")
        try:
            line = str(json.loads(line)) if line.startswith('"') else line
        except json.JSONDecodeError:
            continue
        tree = parsed(line)
        if tree and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr) and isinstance(call := tree.body[0].value, ast.Call):
            literal = not any(isinstance(inner, ast.Name) and inner.id != entry for inner in ast.walk(call))
            if isinstance(call.func, ast.Name) and called(call) == [entry] and literal:
                found[ast.unparse(call)] = None
    return tuple(found)
