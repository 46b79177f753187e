"""Reflexion (Shinn et al. 2023, arXiv 2303.11366): try, and after a failure write down a lesson that the next attempt reads.

The original decides by tests or by the gold answer whether an attempt failed; this asks the task's own verifier, else a critic.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.refine import criticise, is_done
from eudoxus.agents.transcript import mark, reply, transcript, with_media
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Params, Result, Task, strategy


class Reflexion(Params):
    trials: int = Field(3, ge=1, le=16)
    """Most attempts."""
    memory: int = Field(3, ge=1, le=16)
    """Notes that an attempt reads, the last ones."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of the attempts, where the task sets none. null leaves it to the endpoint."""


@strategy("reflexion", takes=Task, prompts=["reflexion/reflect", "reflexion/again", "refine/feedback"],
          calls="trials attempts, a note after each failed one, and a request to a critic for each where the task has no verifier")
async def reflexion(task: Task, params: Reflexion, ctx: Context) -> Result:
    """Return the first attempt that the task's verifier, or else a critic, accepts; otherwise the one that verified best, or the last.

    Costs one completion an attempt, one a note, and one a critique where the task has no verifier. ``verified`` only by the task's
    verifier. Calls of tools are returned as they are.
    """
    request, notes = task.request(temperature=params.temperature), list[str]()
    best: Completion | None = None
    best_verdict = None
    for trial in range(params.trials):
        here = ctx.scope("trial", trial)
        answer = (await here.complete(_attempt(request, notes[-params.memory :])))[0]
        verdict = await verdict_on(answer, task, here.scope("verify"))
        if answer.tool_calls or (verdict is not None and verdict.ok):
            return outcome(answer, verdict, trials=trial + 1, notes=notes)
        if best is None or verdict is None or best_verdict is None or verdict.score >= best_verdict.score:
            best, best_verdict = answer, verdict
            ctx.best(answer.text, answer)
        feedback = verdict.feedback if verdict is not None else await criticise(request, answer, here)
        if verdict is None and is_done(feedback):
            return outcome(answer, None, judged=True, trials=trial + 1, notes=notes, detail="the critic has no objection")
        if trial + 1 < params.trials:
            notes.append(await _lesson(request, answer, feedback, here.scope("reflect")))
    assert best is not None
    return outcome(best, best_verdict, trials=params.trials, notes=notes, detail="no attempt was accepted")


def _attempt(request: ChatRequest, notes: Sequence[str]) -> ChatRequest:
    """The task, and after it the notes."""
    if not notes:
        return request
    again = render("reflexion/again", notes="\n\n".join(f"{number}. {note}" for number, note in enumerate(notes, start=1)))
    return request.model_copy(update={"messages": (*request.messages, *again.messages), "prompt": again.prompt})


async def _lesson(request: ChatRequest, answer: Completion, feedback: str, ctx: Context) -> str:
    question, said = transcript(request.messages), reply(answer)
    known = feedback or "the answer was not accepted"
    asked = render("reflexion/reflect", task=question, answer=said, feedback=known, mark=mark(question, said))
    cool = None if request.temperature is None else 0.0
    note = (await ctx.complete(with_media(asked.model_copy(update={"temperature": cool}), request.messages)))[0].text
    return note.rpartition("</think>")[2].strip()
