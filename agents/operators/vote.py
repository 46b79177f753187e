"""``vote(parsel, rethink_mcts, direct, k=2)/…``: strategies run at once, equal answers are votes."""

from __future__ import annotations

from functools import partial

from pydantic import Field

from eudoxus.agents.answers import extract, infer, same
from eudoxus.agents.choices import options_in
from eudoxus.agents.operators.choose import rank
from eudoxus.runtime import ChatTask, Context, Params, Result, StrategySpec, Task, strategy
from eudoxus.runtime.task import AnswerFormat


class Vote(Params):
    positional = "strategies"

    strategies: tuple[StrategySpec, ...] = Field(min_length=1, max_length=64)
    """The voters."""
    k: int | None = Field(None, ge=1)
    """Equal answers that decide at once, the other voters being cancelled; None is the majority of all."""


@strategy("vote", takes=Task, calls="those of all voters, until k agree")
async def vote(task: Task, params: Vote, ctx: Context) -> Result:
    """The answer that most strategies give, compared by type (number, choice, code, text); a vote of one is that one's result.

    Ties go to the group with the stronger outcome, then to the voter named first.
    """
    voters = [partial(_run, part, task) for part in params.strategies]
    if len(voters) == 1:
        return await ctx.run(params.strategies[0], task, name="voter", index=0)
    needed = params.k or len(voters) // 2 + 1
    results = await ctx.quorum("voter", voters, lambda done: any(len(g) >= needed for g in _groups(task, done)))
    groups = _groups(task, results)
    if not groups:
        return results[min(results)]
    winners = max(groups, key=lambda g: (len(g), max(rank(results[i]) for i in g), -g[0]))
    chosen = max(winners, key=lambda i: (rank(results[i]), -i))
    votes = {str(params.strategies[i]): len(group) for group in groups for i in group[:1]}
    return results[chosen].model_copy(update={"artifacts": {**results[chosen].artifacts, "votes": votes}})


async def _run(part: StrategySpec, task: Task, ctx: Context) -> Result:
    return await ctx.play(part, task)


def _groups(task: Task, results: dict[int, Result]) -> list[list[int]]:
    """The numbers of the voters, grouped by equal answers, first seen first. Who gave no answer has no vote."""
    said = {i: result.answer for i, result in sorted(results.items()) if result.answer is not None}
    asked = "\n".join(m.text for m in task.request().messages)
    given = task.answer_format if isinstance(task, ChatTask) else "text"
    format = given or infer(asked, list(said.values()))
    groups: list[tuple[str, list[int]]] = []
    for number, reply in said.items():
        answer = _final(results[number], reply, format, asked)
        for known, members in groups:
            if same(known, answer, format):
                members.append(number)
                break
        else:
            groups.append((answer, [number]))
    return [members for _, members in groups]


def _final(result: Result, reply: str, format: AnswerFormat, asked: str) -> str:
    """What a voter says in the end: the answer that its strategy extracted, or that stands in the reply, or the reply itself."""
    extracted = result.artifacts.get("answer")
    if isinstance(extracted, str):
        return extracted
    return extract(reply, format, options=options_in(asked) if format == "choice" else None) or reply.strip()
