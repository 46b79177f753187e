"""Programs for an induction task: written, run, and repaired on the train pairs (Wang et al. 2024, arXiv 2309.05660, §2.2-§2.3)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from eudoxus.agents.code.reply import NoProgram
from eudoxus.agents.induction.attempts import answer, clusters
from eudoxus.agents.induction.execution import Tried, program_of, tried
from eudoxus.agents.induction.task import InductionTask
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Message, Params
from eudoxus.runtime.errors import BudgetSpent

PROMPTS = [f"hypothesis_search/{name}" for name in ("program", "program_only", "program_again", "repair")]


class Programming(Params):
    """The knobs of writing and repairing programs."""

    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of programs and repairs; null leaves it to the endpoint."""
    max_tokens: int | None = Field(None, ge=1)
    """Tokens of a program's reply at most."""
    rounds: int = Field(2, ge=0, le=8)
    """Rounds of repairs on the train pairs, while no program is right on all of them."""
    repairs: int = Field(4, ge=1, le=64)
    """Programs repaired in a round, one for each group of equal outputs, the best first."""
    width: int = Field(4, ge=1, le=64)
    """Repairs asked for at the same time; no more are asked for once a program is right on all train pairs."""
    seconds: float = Field(2.0, gt=0, le=60)
    """Seconds that a program has for an input."""
    attempts: int = Field(2, ge=1, le=3)
    """Different outputs kept for each test input. ARC counts two."""

    def sampled(self, request: ChatRequest) -> ChatRequest:
        """``request`` with the sampling of programs."""
        return request.model_copy(update={"temperature": self.temperature, "max_tokens": self.max_tokens})


async def write(task: InductionTask, params: Programming, ctx: Context, hypothesis: str, count: int) -> list[Tried]:
    """``count`` programs for the rule ``hypothesis``, or without one where it is empty, each run; fewer where replies hold none.

    Where none of the replies holds one, the model is told so and asked once more.
    """
    if hypothesis:
        request = render("hypothesis_search/program", examples=arrays(task), hypothesis=hypothesis)
    else:
        request = render("hypothesis_search/program_only", examples=arrays(task))
    replies = [one.text for one in await ctx.complete(params.sampled(request), n=count)]
    found, problem = _read(replies)
    if problem:
        again = render("hypothesis_search/program_again", problem=problem)
        history = (*request.messages, Message(role="assistant", content=replies[-1]), *again.messages)
        said = await ctx.complete(params.sampled(request.model_copy(update={"messages": history, "prompt": again.prompt})))
        found, _ = _read([said[0].text])
    return await run(found, task, params, ctx, hypothesis)


def _read(replies: Sequence[str]) -> tuple[list[str], str]:
    """The programs in the replies; where there is none, why."""
    found, problem = list[str](), ""
    for reply in replies:
        try:
            found.append(program_of(reply))
        except NoProgram as error:
            problem = str(error)
    return found, "" if found else problem


async def run(programs: Sequence[str], task: InductionTask, params: Programming, ctx: Context, hypothesis: str) -> list[Tried]:
    """What each program does; of equal ones the first is run."""
    distinct = list(dict.fromkeys(programs))
    done = await ctx.map(
        "run", distinct, lambda child, program: tried(child, program, task, hypothesis=hypothesis, seconds=params.seconds))
    by_program = dict(zip(distinct, done, strict=True))
    return [by_program[program] for program in programs]


async def repaired(task: InductionTask, params: Programming, ctx: Context, programs: Sequence[Tried]) -> list[Tried]:
    """``programs``, and what became of them in rounds of repairs; ends where one is right on all train pairs, or the budget does.

    One program of each group of equal outputs takes part, and from round to round the better one of it and its repair.
    """
    found = list(programs)
    best = [group[0] for group in clusters(programs)]
    for number in range(params.rounds):
        best = sorted(best, key=lambda one: one.rank, reverse=True)[: params.repairs]
        for at in range(0, len(best), params.width):
            if any(one.passed for one in found) or ctx.refusal():
                return found
            batch = best[at : at + params.width]
            here = ctx.scope("round", number, "batch", at // params.width)
            mended = await here.map("repair", batch, lambda child, one: repair(task, params, child, one))
            best[at : at + params.width] = [
                max([*later, one], key=lambda each: each.rank) for one, later in zip(batch, mended, strict=True)]
            found += [one for later in mended for one in later]
            note(ctx, found, task, params)
    return found


async def repair(task: InductionTask, params: Programming, ctx: Context, one: Tried) -> list[Tried]:
    """The program after another look at what is wrong with it; nothing where the reply holds none, or the budget ends."""
    asked = render("hypothesis_search/repair", examples=arrays(task), program=one.program, feedback=feedback(task, one))
    try:
        reply = (await ctx.complete(params.sampled(asked)))[0].text
        return await run([program_of(reply)], task, params, ctx, one.hypothesis)
    except (NoProgram, BudgetSpent):
        return []


def feedback(task: InductionTask, one: Tried) -> str:
    """The first train pair on which the program is wrong, with what came out, for a prompt."""
    at = one.right.index(False)
    pair, output = task.train[at], one.train[at]
    told = f"On example {at + 1} the program is wrong ({sum(one.right)} of {len(one.right)} examples are right).\n\n"
    told += f"Input:\n{array_text(pair.input)}\n\nExpected output:\n{array_text(pair.output)}\n\n"
    return told + (f"What happened instead: {output}" if isinstance(output, str) else f"The program's output:\n{array_text(output)}")


def note(ctx: Context, programs: Sequence[Tried], task: InductionTask, params: Programming) -> None:
    """Keep the attempts so far, in case a limit ends the work."""
    if (said := answer(programs, task, params.attempts)) is not None:
        ctx.best(said)


def arrays(task: InductionTask) -> str:
    """The train pairs as numpy prints them."""
    return "\n\n".join(
        f"Example {number}, input:\n{array_text(pair.input)}\nExample {number}, output:\n{array_text(pair.output)}"
        for number, pair in enumerate(task.train, start=1))


def array_text(one: Sequence[Sequence[int]]) -> str:
    """A grid as numpy prints it: ``[[0 3]``, `` [3 0]]``."""
    return "[" + "\n ".join(f"[{' '.join(map(str, row))}]" for row in one) + "]"
