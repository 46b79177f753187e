"""AB-MCTS (Inoue et al. 2025, arXiv 2503.04412): draw a new answer or improve one, whichever has paid so far.

A tree of whole answers: its root has fresh answers as children, every other node improved versions of its own. Thompson sampling decides
at each node between wider and deeper (the paper's variant A).
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from eudoxus.agents.examiner import PROMPTS
from eudoxus.agents.search import Policy, search
from eudoxus.agents.search.outcome import result_of
from eudoxus.agents.search.policies import Thompson
from eudoxus.agents.search.whole import AnswerOrImprove, Examiner, Whole
from eudoxus.runtime import Context, Params, Result, Task, strategy


class AbMcts(Params):
    answers: int = Field(12, ge=1, le=1000)
    """Answers made in all, fresh and improved ones."""
    width: int = Field(2, ge=1, le=32)
    """Answers made at the same time; with more of them less is known when the next are chosen, and trees get wider."""
    enough: float = Field(0.95, ge=0, le=1)
    """Score of the examiner at which an answer that nothing can verify ends the search."""
    temperature: float | None = Field(0.8, ge=0, le=2)
    """Sampling temperature of the answers, where the task sets none. null leaves it to the endpoint."""


@strategy("ab_mcts", takes=Task, prompts=["refine/feedback", "refine/refine", *PROMPTS],
          calls="answers completions; for each improvement 1 request for feedback, and 1 for a score where the task has no verifier")
async def ab_mcts(task: Task, params: AbMcts, ctx: Context) -> Result:
    """Return the first answer that the task's verifier accepts, else the one with the best score.

    Costs a completion for each answer, one more for feedback on the answer improved, and one for scores where there is no verifier.
    Scores are the verifier's where the task has one, else an examiner's from 0 to 10. ``verified`` only by the task's verifier, ``limit``
    when a budget ended the search, else ``best_effort``.
    """
    whole = Whole(task, params.temperature)
    policy: Policy[Any, Any] = Thompson(ctx.random(), most=params.answers)
    found = await search(
        ctx, whole, AnswerOrImprove(whole), Examiner(whole), policy, whole,
        width=params.width, nodes=params.answers + 1, enough=params.enough)
    return result_of(found, judged=True)
