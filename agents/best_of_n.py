"""Best-of-N sampling (Cobbe et al. 2021, arXiv 2110.14168, §4): draw N answers, keep the best one.

Where the paper trains a verifier, this asks the task's own verifier, and where there is none, a judge that sees all candidates at once.
Programs can be chosen by a selector instead, by which tests they pass.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.generated import PROMPTS as TEST_PROMPTS
from eudoxus.agents.code.selection import Selector, choose, selected
from eudoxus.agents.code.selection.rules import ALPHA, BETA0
from eudoxus.agents.examiner import PROMPTS, examine
from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.scores import UnreadableScores
from eudoxus.agents.transcript import reply
from eudoxus.runtime import ChatTask, Completion, Context, Params, Result, Task, Verdict, strategy
from eudoxus.runtime.errors import InvalidTask


class BestOfN(Params):
    n: int = Field(4, ge=1, le=256)
    """Answers drawn, 1 to 256."""
    temperature: float | None = Field(0.8, ge=0, le=2)
    """Sampling temperature, where the task sets none; at 0 the draws are equal on most endpoints. null leaves it to the endpoint."""
    selector: Selector | None = None
    """For code tasks: the rule by which one of the programs is chosen, instead of verifier and judge."""
    tests: int = Field(8, ge=0, le=64)
    """With a selector: tests that the model is asked for when the visible ones leave several programs; 0 asks for none."""
    alpha: float = Field(ALPHA, gt=0, le=1e9)
    """B4's prior of programs and tests to be right, Beta(alpha, 1)."""
    beta0: float = Field(BETA0, gt=0, le=1e12)
    """B4's prior of wrong programs to pass wrong tests, Beta(1, beta0)."""


@strategy("best_of_n", takes=Task, prompts=[*PROMPTS, *TEST_PROMPTS],
          calls="n completions, and 1 judge request (2 when its scores cannot be read) unless a verifier accepts an answer; "
                "with a selector n, and 1 or 2 for tests")
async def best_of_n(task: Task, params: BestOfN, ctx: Context) -> Result:
    """Return the first answer that the task's verifier accepts, else the one that a judge scores highest.

    Costs ``n`` completions, and one judge request when no answer is verified and two or more different ones are left. ``verified`` with
    the verifier's authority, else ``best_effort`` with the authority of a model. A spent budget gives the best answer so far.

    With a ``selector``, for code tasks, the answer is a program: chosen by the tests that it passes, visible ones and such as the model
    writes; ``verified`` by ``public_tests`` when it passes all visible ones.
    """
    if params.selector is not None:
        return await _by_tests(_code_task(task), params, params.selector, ctx)
    drawn = await ctx.complete(task.request(temperature=params.temperature), n=params.n)
    ctx.best(drawn[0].text, drawn[0])
    verdicts = await ctx.map("verify", drawn, lambda child, answer: verdict_on(answer, task, child))
    for answer, verdict in zip(drawn, verdicts, strict=True):
        if verdict is not None and verdict.ok:
            return outcome(answer, verdict, candidates=len(drawn))

    contenders = _contenders(drawn, verdicts)
    first, verdict = contenders[0]
    if len(contenders) == 1:
        return outcome(first, verdict, candidates=len(drawn), detail="only one candidate was left to choose from" if len(drawn) > 1 else "")
    ctx.best(first.text, first)
    try:
        cool = 0.0 if params.temperature is not None else None
        scores = await examine(task, [reply(answer) for answer, _ in contenders], ctx.scope("judge"), temperature=cool)
    except UnreadableScores as problem:
        detail = f"the first candidate, since the judge's scores were unreadable: {problem}"
        return outcome(first, verdict, candidates=len(drawn), detail=detail)
    winner, verdict = contenders[scores.index(max(scores))]
    return outcome(winner, verdict, judged=True, candidates=len(drawn), scores=_by_candidate(drawn, contenders, scores))


async def _by_tests(task: CodeTask, params: BestOfN, selector: Selector, ctx: Context) -> Result:
    """The program that the selector ranks first."""
    drawn = await ctx.complete(task.request(temperature=params.temperature), n=params.n)
    chosen = await choose(
        [answer.text for answer in drawn], task, ctx.scope("select"), selector=selector, generate=params.tests, alpha=params.alpha,
        beta0=params.beta0)
    return selected(chosen, candidates=len(drawn))


def _code_task(task: Task) -> CodeTask:
    if isinstance(task, CodeTask):
        return task
    if isinstance(task, ChatTask):
        return CodeTask.from_chat(task)
    raise InvalidTask(f"selector chooses among programs; a task of kind {task.kind!r} asks for none", param="params.selector")


def _contenders(drawn: Sequence[Completion], verdicts: Sequence[Verdict | None]) -> list[tuple[Completion, Verdict | None]]:
    """Those that the verifier scores highest (all, without one), each different reply once, in the order drawn.

    Empty replies are left out while there is another.
    """
    top = max((verdict.score for verdict in verdicts if verdict is not None), default=0.0)
    different: dict[str, tuple[Completion, Verdict | None]] = {}
    for answer, verdict in zip(drawn, verdicts, strict=True):
        if verdict is None or verdict.score == top:
            different.setdefault(reply(answer).strip(), (answer, verdict))
    if len(different) > 1:
        different.pop("", None)
    return list(different.values())


def _by_candidate(drawn: Sequence[Completion], contenders: Sequence[tuple[Completion, Verdict | None]], scores: Sequence[float],
                  ) -> list[float | None]:
    """The scores in the order drawn; None for candidates that the judge did not see."""
    known = {reply(answer).strip(): score for (answer, _), score in zip(contenders, scores, strict=True)}
    return [known.get(reply(answer).strip()) for answer in drawn]
