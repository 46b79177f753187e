"""Verifiable instructions as strategies use them: those of the task and those of the parameters, told to the model and checked."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.agents.problem import ProblemTask
from eudoxus.agents.problem.instructions import FollowsInstructions
from eudoxus.decoding.instructions import Given
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Message, Task, Verdict

PROMPTS = ["problem/instructions"]


def checks_of(task: Task, given: Sequence[Given]) -> FollowsInstructions | None:
    """The instructions of the task's verifier and those ``given`` besides, as one verifier; None when there are none."""
    own = task.verifier if isinstance(task, ProblemTask) and isinstance(task.verifier, FollowsInstructions) else None
    listed = (*(own.instructions if own else ()), *(one for one in given if own is None or one not in own.instructions))
    return FollowsInstructions(instructions=listed, loose=own is not None and own.loose) if listed else None


def told(request: ChatRequest, checks: FollowsInstructions | None) -> ChatRequest:
    """``request`` with the instructions in words behind its last message."""
    if checks is None:
        return request
    listed = "\n".join(f"- {one.instruction.describe()}" for one in checks.instructions)
    return with_text(request, render("problem/instructions", instructions=listed))


def with_text(request: ChatRequest, more: ChatRequest) -> ChatRequest:
    """``request`` with the text of ``more`` behind the text of its last message."""
    last, text = request.messages[-1], more.messages[-1].text
    content = [*last.content, {"type": "text", "text": text}] if isinstance(last.content, list) else f"{last.text}\n\n{text}".lstrip()
    said = (*request.messages[:-1], last.model_copy(update={"content": content})) if last.role == "user" else (
        *request.messages, Message(role="user", content=text))
    return request.model_copy(update={"messages": said, "prompt": more.prompt})


async def own_verdict(text: str, task: Task, ctx: Context) -> Verdict | None:
    """What the task's own verifier says, where it is another one than instructions, which :func:`checks_of` holds."""
    own = isinstance(task, ProblemTask) and isinstance(task.verifier, FollowsInstructions)
    return None if own else await task.verify(ctx, text)


def together(own: Verdict | None, checks: FollowsInstructions | None, text: str) -> Verdict | None:
    """One verdict of the task's own verifier and of ``checks``; None when there is neither. The first that refuses is heard."""
    if checks is None or (own is not None and not own.ok):
        return own
    verdict = checks.verdict(text)
    return own if own is not None and verdict.ok else verdict
