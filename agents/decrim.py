"""DeCRIM (Ferraz et al. 2024, arXiv 2410.06458): decompose a request into constraints, critique the answer by each, refine it.

Constraints that a program can decide are decided by it; a model judges only the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field

from eudoxus.agents.code.asking import Unreadable, ask
from eudoxus.agents.instructions import PROMPTS, checks_of, own_verdict, together, told
from eudoxus.agents.outcome import outcome
from eudoxus.agents.problem.instructions import FollowsInstructions, GivenInstructions
from eudoxus.agents.scores import json_values
from eudoxus.agents.transcript import continued, mark, reply, transcript, with_media
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Params, Result, Task, Verdict, strategy

MOST_CONSTRAINTS = 16
_LONGEST_CONSTRAINT = 500


class Decrim(Params):
    rounds: int = Field(3, ge=0, le=16)
    """Most revisions."""
    instructions: GivenInstructions = ()
    """Instructions that a program checks, besides those of the task: ``[{"id": "punctuation:no_comma"}]``."""
    critic: bool = True
    """Whether a model looks for further constraints in the request and judges them; else only programs judge."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature of draft and revisions, where the task sets none. null leaves it to the endpoint."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One constraint, and whether an answer meets it."""

    constraint: str
    met: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An answer, and what programs and the critic say of it."""

    answer: Completion
    judged: tuple[Judged, ...]
    verdict: Verdict | None
    complete: bool
    """Whether the critic's judgements could be read."""

    @property
    def met(self) -> int:
        return sum(one.met for one in self.judged)

    @property
    def failed(self) -> list[Judged]:
        return [one for one in self.judged if not one.met]


@strategy("decrim", takes=Task,
          prompts=["decrim/decompose", "decrim/critique", "decrim/refine", "rethink_mcts/again", *PROMPTS],
          calls="1 request for the constraints, 1 draft, then for each answer 1 critique and up to rounds times 1 revision; requests for "
                "constraints and critiques count double when their replies cannot be read, and are left out where only programs judge")
async def decrim(task: Task, params: Decrim, ctx: Context) -> Result:
    """Return the answer that meets the most constraints, the earliest of those that meet equally many: never one that meets fewer than the
    draft.

    Costs 3 + 2 * ``rounds`` completions at most, when all can be read. ``verified`` when the task's verifier and all ``instructions``
    accept the answer, whatever the critic says; without either, ``best_effort`` with the authority of a model. Calls of tools come back
    unchanged.
    """
    checks = checks_of(task, params.instructions)
    request = told(task.request(temperature=params.temperature), checks)
    cool = None if params.temperature is None else 0.0
    answer = (await ctx.complete(request))[0]
    if answer.tool_calls:
        return outcome(answer, None)
    ctx.best(answer.text, answer)
    constraints = await decompose(task, checks, cool, ctx.scope("decompose")) if params.critic else ()

    async def judged(answer: Completion, number: int) -> Attempt:
        return await critique(answer, task, checks, constraints, cool, ctx.scope("critique", number))

    best = last = await judged(answer, 0)
    rounds = 0
    for number in range(1, params.rounds + 1):
        if not last.failed:
            break
        rounds = number
        revised = (await ctx.scope("refine", number).complete(revision(request, last)))[0]
        if reply(revised).strip() in ("", last.answer.text.strip()) or revised.tool_calls:
            break
        last = await judged(revised, number)
        if last.met > best.met:
            best = last
            ctx.best(best.answer.text, best.answer)
    left = "; ".join(one.constraint for one in best.failed)
    return outcome(
        best.answer, best.verdict, judged=bool(constraints) and best.complete and not best.failed,
        detail=f"not met: {left}" if left else "", rounds=rounds, constraints=[asdict(one) for one in best.judged])


async def decompose(task: Task, checks: FollowsInstructions | None, cool: float | None, ctx: Context) -> tuple[str, ...]:
    """The constraints that only a model can judge, at most 16; none when its replies cannot be read."""
    question = transcript(task.request().messages)
    listed = _listed(one.instruction.describe() for one in checks.instructions) if checks else "(nothing)"
    asked = render("decrim/decompose", task=question, checked=listed, mark=mark(question, listed), most=str(MOST_CONSTRAINTS))
    try:
        return await ask(ctx, _examining(asked, task, cool), read_constraints, 'as one JSON object {"constraints": ["…"]} and nothing else')
    except Unreadable:
        return ()


async def critique(answer: Completion, task: Task, checks: FollowsInstructions | None, constraints: Sequence[str], cool: float | None,
                   ctx: Context) -> Attempt:
    """Programs first; the critic judges the rest, in one request. Where its replies cannot be read, the rest stays unjudged."""
    judged = list[Judged]()
    if checks is not None:
        judged += [Judged(one.describe(), found.ok, found.reason) for one, found in checks.findings(answer.text)]
    own = await own_verdict(answer.text, task, ctx)
    if own is not None:
        judged.append(Judged("The answer passes the verifier of the task.", own.ok, own.feedback))
    said = await _by_critic(answer, task, constraints, cool, ctx) if constraints else []
    return Attempt(answer, (*judged, *said), together(own, checks, answer.text), len(said) == len(constraints))


async def _by_critic(answer: Completion, task: Task, constraints: Sequence[str], cool: float | None, ctx: Context) -> list[Judged]:
    question, listed = transcript(task.request().messages), _listed(constraints)
    asked = render("decrim/critique", task=question, answer=answer.text, constraints=listed, mark=mark(question, answer.text),
                   count=str(len(constraints)))
    form = 'as one JSON object {"judgements": [{"constraint": 1, "reason": "…", "met": true}, …]} with one entry for each constraint'
    try:
        found = await ask(ctx, _examining(asked, task, cool), lambda said: read_judgements(said, len(constraints)), form)
    except Unreadable:
        return []
    return [Judged(constraint, met, reason) for constraint, (met, reason) in zip(constraints, found, strict=True)]


def revision(request: ChatRequest, last: Attempt) -> ChatRequest:
    """The request, the last answer, and what to change in it."""
    failed = _listed(f"{one.constraint} ({one.reason})" if one.reason else one.constraint for one in last.failed)
    met = _listed(one.constraint for one in last.judged if one.met) or "(none)"
    return continued(request, last.answer.text, render("decrim/refine", failed=failed, met=met))


def read_constraints(text: str) -> tuple[str, ...]:
    """The constraints in a reply. Raises :class:`Unreadable`."""
    for value in json_values(text):
        listed = value.get("constraints") if isinstance(value, dict) else value
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            stripped = (" ".join(one.split())[:_LONGEST_CONSTRAINT] for one in listed)
            return tuple(dict.fromkeys(one for one in stripped if one))[:MOST_CONSTRAINTS]
    raise Unreadable("there is no JSON object with a list of texts under \"constraints\" in it")


def read_judgements(text: str, count: int) -> list[tuple[bool, str]]:
    """Whether each of ``count`` constraints is met, and why. Raises :class:`Unreadable`."""
    problem = 'there is no JSON object with a list under "judgements" in it'
    for value in json_values(text):
        listed = value.get("judgements") if isinstance(value, dict) else value
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            continue
        found = {number: (met, str(one.get("reason", ""))[:_LONGEST_CONSTRAINT]) for place, one in enumerate(listed, start=1)
                 if (met := _yes(one.get("met"))) is not None and (number := _number(one.get("constraint", place))) is not None}
        missing = [str(number) for number in range(1, count + 1) if number not in found]
        if not missing:
            return [found[number] for number in range(1, count + 1)]
        problem = f'there is no "met", true or false, for constraint {", ".join(missing[:8])}'
    raise Unreadable(problem)


def _yes(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower()) if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.strip(" .#").isdecimal() and len(value) < 10:
        return int(value.strip(" .#"))
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _listed(texts: Any) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(texts, start=1))


def _examining(asked: ChatRequest, task: Task, temperature: float | None) -> ChatRequest:
    """``asked`` with the images of the task."""
    return with_media(asked.model_copy(update={"temperature": temperature}), task.request().messages)
