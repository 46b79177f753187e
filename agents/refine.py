"""Self-Refine (Madaan et al. 2023, arXiv 2303.17651): draft an answer, then let feedback and revision take turns."""

from __future__ import annotations

import re

from pydantic import Field

from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.transcript import continued, mark, reply, transcript, with_media
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Params, Result, Task, Verdict, strategy

_VERDICT = re.compile(r"^[^\w\n]*verdict\W+(done|revise)\b", re.IGNORECASE | re.MULTILINE)


class Refine(Params):
    rounds: int = Field(2, ge=0, le=32)
    """Most rounds of feedback and revision, 0 to 32."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of draft and revisions, where the task sets none. null leaves it to the endpoint."""


@strategy("refine", takes=Task, prompts=["refine/feedback", "refine/refine"],
          calls="1 draft, then up to rounds times 1 feedback request and 1 revision (no feedback request when the task has a verifier)")
async def refine(task: Task, params: Refine, ctx: Context) -> Result:
    """Return the answer that the critic or the task's verifier is satisfied with, else the last one, or the one that verified best.

    Costs 1 + 2 * ``rounds`` completions at most. The verifier's feedback takes the place of the critic's when the task has one. Every
    revision sees all earlier answers and feedback. ``verified`` only by the task's verifier. Calls of tools are returned as they are.
    """
    request = task.request(temperature=params.temperature)
    answer = (await ctx.complete(request, stream=params.rounds == 0))[0]
    verdict = await verdict_on(answer, task, ctx.scope("verify", 0))
    best, best_verdict, conversation = answer, verdict, request
    ctx.best(best.text, best)
    for number in range(1, params.rounds + 1):
        if answer.tool_calls or (verdict is not None and verdict.ok):
            return outcome(answer, verdict, rounds=number - 1)
        here = ctx.scope("round", number)
        feedback = verdict.feedback if verdict is not None else ""
        if not feedback:
            feedback = await criticise(request, answer, here)
            if is_done(feedback):
                return outcome(best, best_verdict, judged=True, rounds=number - 1, detail="the critic has no objection")
        conversation = _continued(conversation, answer, feedback)
        revised = (await here.complete(conversation))[0]
        if reply(revised).strip() in ("", reply(answer).strip()):
            return outcome(best, best_verdict, rounds=number, detail="the last revision changed nothing")
        answer, verdict = revised, await verdict_on(revised, task, ctx.scope("verify", number))
        if _at_least(verdict, best_verdict):
            best, best_verdict = answer, verdict
            ctx.best(best.text, best)
    return outcome(best, best_verdict, rounds=params.rounds, detail="the last revision was not reviewed" if params.rounds else "")


async def criticise(request: ChatRequest, answer: Completion, ctx: Context) -> str:
    """What a reviewer who has only task and answer before him finds; see :func:`is_done`."""
    question, said = transcript(request.messages), reply(answer)
    asked = render("refine/feedback", task=question, answer=said, mark=mark(question, said))
    cool = None if request.temperature is None else 0.0
    return (await ctx.complete(with_media(asked.model_copy(update={"temperature": cool}), request.messages)))[0].text


def is_done(feedback: str) -> bool:
    """Whether the first line of the form ``VERDICT: …`` says done.

    Feedback without such a line asks for a revision; no feedback at all does not.
    """
    feedback = feedback.rpartition("</think>")[2].strip()
    said = _VERDICT.search(feedback)
    return not feedback or (said is not None and said[1].lower() == "done")


def _continued(conversation: ChatRequest, answer: Completion, feedback: str) -> ChatRequest:
    """The conversation so far, the answer, and the request for a better one."""
    told = render("refine/refine", feedback=feedback)
    return continued(conversation, answer.text, told)


def _at_least(verdict: Verdict | None, best: Verdict | None) -> bool:
    """Whether a later answer replaces the best one: it does unless the verifier scores it lower."""
    if verdict is None or best is None:
        return True
    return (verdict.ok, verdict.score) >= (best.ok, best.score)
