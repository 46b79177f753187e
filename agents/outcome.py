"""From completions to results: what a verifier says of one, and what that makes of it."""

from __future__ import annotations

from typing import Any

from eudoxus.runtime import Completion, Context, Result, Task, Verdict
from eudoxus.runtime.result import Authority


async def verdict_on(completion: Completion, task: Task, ctx: Context) -> Verdict | None:
    """What the task's verifier says of a completion; None when it has none, and for calls of tools, which are no answer yet."""
    return None if completion.tool_calls else await task.verify(ctx, completion.text)


def outcome(completion: Completion, verdict: Verdict | None, *, detail: str = "", judged: bool = False, **artifacts: Any) -> Result:
    """*verified* with the verifier's authority when ``verdict`` says ok, else *best_effort*; so also where the authority is but a model's.

    ``judged`` says that a model vouches for the answer. ``detail`` gives way to the verifier's feedback; an empty answer says why it is.
    """
    if verdict is not None and verdict.ok:
        return Result(
            answer=completion.text, outcome="verified" if verdict.authority != "model" else "best_effort", authority=verdict.authority,
            completion=completion, artifacts=artifacts)
    if not completion.text and not completion.tool_calls:
        detail = detail or f"the model gave no text (finish reason: {completion.finish_reason})"
    if verdict is not None and verdict.feedback:
        detail = f"not verified: {verdict.feedback}"
    authority: Authority = "model" if judged else "none"
    return Result(answer=completion.text, authority=authority, detail=detail, completion=completion, artifacts=artifacts)
