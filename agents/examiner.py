"""A judge that sees all candidates at once and scores each."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.agents.scores import UnreadableScores, read_scores
from eudoxus.agents.transcript import mark, transcript, with_media
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Message, Task

PROMPTS = ["best_of_n/judge", "best_of_n/judge_again"]


async def examine(task: Task, answers: Sequence[str], ctx: Context, *, temperature: float | None = 0.0) -> list[float]:
    """One score from 0 to 10 for each of ``answers``, from one request; asked once more when the first reply cannot be read.

    Raises :class:`UnreadableScores`.
    """
    request, count = _request(task, answers, temperature), len(answers)
    said = (await ctx.complete(request))[0].text
    try:
        return read_scores(said, count)
    except UnreadableScores as problem:
        again = render("best_of_n/judge_again", problem=str(problem), count=str(count))
        history = (*request.messages, Message(role="assistant", content=said), *again.messages)
        said = (await ctx.complete(again.model_copy(update={"messages": history, "temperature": temperature})))[0].text
        return read_scores(said, count)


def _request(task: Task, answers: Sequence[str], temperature: float | None) -> ChatRequest:
    asked = task.request().messages
    question = transcript(asked)
    fence = mark(question, *answers)
    candidates = "\n\n".join(
        f"[{fence}] candidate {number}\n{text}\n[{fence}] end of candidate {number}" for number, text in enumerate(answers, start=1)
    )
    request = render("best_of_n/judge", task=question, candidates=candidates, mark=fence, count=str(len(answers)))
    return with_media(request.model_copy(update={"temperature": temperature}), asked)
