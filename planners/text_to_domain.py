"""From a world in English to its PDDL domain, action by action (Guan et al. 2023, arXiv 2305.14909, §3; NL2Plan, arXiv 2405.04215, §3).

Every action is written with the predicates so far, checked, and corrected with the first error only; a second pass lets the earlier
actions use what the later ones have brought. Then LLM+P solves the task, if there is one, in the domain that was written.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import Field

from eudoxus.planners.llm_plus_p import PROMPTS as PROBLEM_PROMPTS
from eudoxus.planners.llm_plus_p import LLMPlusP, llm_plus_p
from eudoxus.planners.modelling import World, Written, Wrong, written_action
from eudoxus.planners.pddl import Domain
from eudoxus.planners.pddl.model import ROOT
from eudoxus.planners.task import DomainTask, PlanningTask
from eudoxus.prompts import load, render
from eudoxus.runtime import ChatRequest, Completion, Context, Message, Params, Result, strategy

MOST_ACTIONS = 100
MOST_TYPES = 200
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class TextToDomain(Params):
    passes: int = Field(2, ge=1, le=3)
    """How often all actions are written; it ends earlier when a pass brings no new predicate."""
    turns: int = Field(8, ge=1, le=8)
    """Most answers for one action in one pass: each after the first is told what is wrong with the one before."""
    repairs: int = Field(3, ge=0, le=3)
    """How often the problem may be corrected, where there is a task; see ``llm_plus_p``."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature. null leaves it to the endpoint."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What there is in the world: its name, the types with those above them, and the actions in English."""

    name: str
    types: dict[str, str]
    actions: dict[str, str]


@strategy("text_to_domain", takes=DomainTask,
          calls="1 outline, passes times 1 to turns answers for each action, and where there is a task those of llm_plus_p",
          prompts=["text_to_domain/outline", "text_to_domain/action", "text_to_domain/before", "text_to_domain/again", *PROBLEM_PROMPTS])
async def text_to_domain(task: DomainTask, params: TextToDomain, ctx: Context) -> Result:
    """Write the domain; with a task, plan in it.

    ``best_effort``: the domain is well formed and its predicates are used as declared; with a task, the authority ``solver`` says that
    the plan was validated in this domain. Nothing checks that the domain says what the description says, so the outcome is never
    ``verified``. ``failed`` when no action or no plan comes about. A spent budget gives the domain so far.
    """
    outline = await outlined(task, params, ctx.scope("outline"))
    if isinstance(outline, Result):
        return outline
    world = World(Domain(outline.name, types=MappingProxyType({name: (above,) for name, above in outline.types.items()})))
    missing: dict[str, str] = {}
    for number in range(params.passes):
        before = world.domain.predicates
        for index, action in enumerate(outline.actions):
            here = ctx.scope("pass", number).scope("action", index)
            try:
                world = await constructed(action, outline, world, task, params, here)
                missing.pop(action, None)
            except Wrong as complaint:
                missing[action] = str(complaint)
            ctx.best(shown(world.pruned()))
        if number > 0 and world.domain.predicates == before:
            break
    world = world.pruned()
    ctx.emit("planning.domain", domain=world.source, missing=missing)
    if not world.domain.actions:
        return Result(answer=None, outcome="failed", detail=f"no action could be written: {told(missing)}", artifacts=made(world, missing))
    left_out = f"; left out: {told(missing)}" if missing else ""
    if task.description is None:
        return Result(answer=shown(world), authority="model", artifacts=made(world, missing),
                      detail=f"the domain is well formed; whether it says what the description says was not checked{left_out}")
    return await planned(task, task.description, world, missing, params, ctx.scope("problem"))


async def outlined(task: DomainTask, params: TextToDomain, ctx: Context) -> Outline | Result:
    """The types and actions of the world, asked for once more when they cannot be read."""
    actions = "\n".join(f"{name}: {about}" for name, about in (task.actions or {}).items()) or "(not listed: find them in the description)"
    request = render("text_to_domain/outline", world=task.world, actions=actions).model_copy(update={"temperature": params.temperature})
    answer = (await ctx.complete(request))[0]
    try:
        return read_outline(answer.text, task)
    except Wrong as complaint:
        answer = (await ctx.complete(once_more(request, answer, complaint)))[0]
    try:
        return read_outline(answer.text, task)
    except Wrong as complaint:
        return Result(answer=None, outcome="failed", detail=f"the outline of the world cannot be used: {complaint}")


async def constructed(name: str, outline: Outline, world: World, task: DomainTask, params: TextToDomain, ctx: Context) -> World:
    """The world with this action: written, checked, and corrected up to ``turns`` times, or until the same comes again.

    Raises :class:`Wrong` with what is wrong in the end.
    """
    there = world.domain.action(name)
    request = render(
        "text_to_domain/action", world=task.world, action=f"{name}: {outline.actions[name]}", predicates=world.listed_predicates,
        types="\n".join(f"{type} - {above}" for type, above in outline.types.items()) or ROOT,
        others="\n".join(f"{other}: {about}" for other, about in outline.actions.items() if other != name) or "(none)",
        before=f"\n{load('text_to_domain/before').render(written=written_action(there))}\n" if there else "",
    ).model_copy(update={"temperature": params.temperature})
    answer = (await ctx.complete(request))[0]
    for _ in range(params.turns - 1):
        try:
            return world.with_action(name, Written.read(answer.text))
        except Wrong as complaint:
            corrected = (await ctx.complete(once_more(request, answer, complaint)))[0]
            if corrected.text.strip() == answer.text.strip():
                raise
            answer = corrected
    return world.with_action(name, Written.read(answer.text))


async def planned(task: DomainTask, description: str, world: World, missing: dict[str, str], params: TextToDomain, ctx: Context) -> Result:
    """LLM+P in the domain that was written."""
    problem = PlanningTask(description=description, domain=world.source, engine=task.engine, seconds=task.seconds)
    solved = await ctx.apply(llm_plus_p, LLMPlusP(repairs=params.repairs, temperature=params.temperature), problem)
    detail = f"{solved.detail}; the domain was written by the model, too, and whether it says what the description says was not checked"
    return solved.model_copy(update={
        "outcome": "best_effort" if solved.verified else solved.outcome, "detail": detail if solved.verified else solved.detail,
        "artifacts": made(world, missing) | solved.artifacts, "answer": shown(world) if solved.outcome == "limit" else solved.answer,
    })


def read_outline(answer: str, task: DomainTask) -> Outline:
    """The JSON object of the answer. Raises :class:`Wrong` saying what is missing or cannot be used."""
    spoken = answer.rpartition("</think>")[2]
    try:
        said = json.loads(spoken[spoken.find("{"):spoken.rfind("}") + 1])
        types = {str(name).lower(): str(above).lower() for name, above in said["types"].items()}
        actions = dict(task.actions or {str(action["name"]).lower(): str(action["about"]) for action in said["actions"]})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Wrong('expected one JSON object {"name": text, "types": {type: parent}, "actions": [{"name": text, "about": text}, ...]}, '
                    f"but: {type(error).__name__}: {error}") from None
    types.pop(ROOT, None)
    for name in (*types, *actions):
        if not _NAME.fullmatch(name):
            raise Wrong(f"{name[:60]!r} is no name: expected lower-case letters, digits, - and _, beginning with a letter")
    for name, above in types.items():
        if above != ROOT and above not in types:
            raise Wrong(f"the type {name} has above it {above!r}, which is no type; there are: object, {', '.join(types)}")
        if not _leads_up(name, types):
            raise Wrong(f"the types above {name} go round in a circle")
    if not 0 < len(actions) <= MOST_ACTIONS or len(types) > MOST_TYPES:
        raise Wrong(f"expected 1 to {MOST_ACTIONS} actions and at most {MOST_TYPES} types, found {len(actions)} and {len(types)}")
    name = re.sub(r"[^a-z0-9_-]+", "-", str(said.get("name", "")).lower()).strip("-_")
    return Outline(name if _NAME.fullmatch(name) else "world", types, actions)


def _leads_up(name: str, types: dict[str, str]) -> bool:
    """Whether going up from ``name`` ends at the root."""
    for _ in range(len(types) + 1):
        if name == ROOT:
            return True
        name = types.get(name, ROOT)
    return False


def once_more(request: ChatRequest, answer: Completion, complaint: Wrong) -> ChatRequest:
    """The question with the last answer and what is wrong with it; earlier answers are left out, so that it does not grow."""
    again = render("text_to_domain/again", problem=str(complaint))
    history = (*request.messages, Message(role="assistant", content=answer.text), *again.messages)
    return request.model_copy(update={"messages": history, "prompt": again.prompt})


def shown(world: World) -> str:
    return f"```pddl\n{world.source}```"


def told(missing: dict[str, str]) -> str:
    return "; ".join(f"{name} ({complaint})" for name, complaint in missing.items())


def made(world: World, missing: dict[str, str]) -> dict[str, Any]:
    return {"domain": world.source, "left_out": missing}
