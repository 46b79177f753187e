"""Hypothesis Search (Wang et al. 2024, arXiv 2309.05660): rules in words first, then programs for the best of them.

Hypotheses are drawn, summarised by a model or chosen by a person, and turned into programs; those are run on the train pairs, and repaired
where they fail. Only train pairs decide: what is right on the test inputs nobody here knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from pydantic import Field, model_validator

from eudoxus.agents.code.asking import Unreadable
from eudoxus.agents.induction.attempts import result
from eudoxus.agents.induction.execution import Tried
from eudoxus.agents.induction.programs import PROMPTS, Programming, note, repaired, write
from eudoxus.agents.induction.task import InductionTask
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Context, Message, Result, StrategySpec, strategy
from eudoxus.runtime.errors import BudgetSpent

PRESETS: dict[str, dict[str, Any]] = {
    "ours": {},
    "paper": {"hypotheses": 64, "hypothesis_tokens": 300, "keep": 8, "reduce_tokens": 1000, "programs": 8, "max_tokens": 1000, "rounds": 3,
              "repairs": 64, "width": 1, "seconds": 1.0, "attempts": 1},
    "paper_1d": {"hypotheses": 16, "hypothesis_tokens": 300, "reduce": "none", "keep": 16, "programs": 4, "max_tokens": 1000, "rounds": 3,
                 "repairs": 64, "width": 1, "seconds": 1.0, "attempts": 1},
}
"""What ``preset`` changes: for ``paper`` the published choices for ARC, for ``paper_1d`` those for 1D-ARC."""
_FENCED = re.compile(r"```[\w-]*[ \t]*\n(.*?)```", re.DOTALL)
_ITEM = re.compile(r"^[ \t]*\d+[.):][ \t]+(.+?)(?=^[ \t]*\d+[.):][ \t]|\Z)", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"\d{1,3}")
_MOST_HYPOTHESIS = 4000
T = TypeVar("T")


class HypothesisSearch(Programming):
    preset: Literal["ours", "paper", "paper_1d"] = "ours"
    """``paper`` and ``paper_1d`` set what is not given to the published choices for ARC and for 1D-ARC."""
    hypotheses: int = Field(8, ge=1, le=256)
    """Rules in words that are drawn."""
    hypothesis_temperature: float | None = Field(1.0, ge=0, le=2)
    """Sampling temperature of the rules; null leaves it to the endpoint."""
    hypothesis_tokens: int | None = Field(None, ge=1)
    """Tokens of a rule at most."""
    reduce: Literal["summarise", "select", "none"] = "summarise"
    """``summarise``: similar rules are put into ``keep`` groups and each group into one rule; ``select``: the most likely rules are chosen;
    ``none``: the first ones are taken."""
    reducer: StrategySpec | None = None
    """Who summarises or selects: ``direct/manual:person`` asks a person; null asks the model itself."""
    reduce_tokens: int | None = Field(None, ge=1)
    """Tokens of a summary at most."""
    keep: int = Field(4, ge=1, le=64)
    """Rules for which programs are written, at most."""
    programs: int = Field(2, ge=1, le=64)
    """Programs drawn for each rule."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, said: Any) -> Any:
        preset = said.get("preset") if isinstance(said, dict) else None
        return {**PRESETS[preset], **said} if isinstance(preset, str) and preset in PRESETS else said


@strategy(
    "hypothesis_search", takes=InductionTask, prompts=["hypothesis_search/hypothesis", "hypothesis_search/summarise",
                                                       "hypothesis_search/select", "hypothesis_search/again", *PROMPTS],
    calls="hypotheses, 1 to reduce them, keep times programs, and up to rounds times repairs while none is right on all train pairs")
async def hypothesis_search(task: InductionTask, params: HypothesisSearch, ctx: Context) -> Result:
    """Let the outputs of programs that are right on most train pairs be the attempts, those of most programs first.

    ``verified`` by ``public_tests`` when the program of the first attempts is right on all train pairs. ``failed`` when none gives a grid.
    Where the budget ends, what was tried by then is chosen from.
    """
    drawn = await hypotheses(task, params, ctx.scope("propose"))
    rules = await reduced(drawn, task, params, ctx.scope("reduce"))
    branches = await ctx.map("rule", rules, lambda child, rule: programs_for(rule, task, params, child))
    written = [one for branch in branches for one in branch]
    note(ctx, written, task, params)
    found = await repaired(task, params, ctx, written)
    return result(found, task, params.attempts, ctx.refusal(), hypotheses=drawn, rules=rules)


async def hypotheses(task: InductionTask, params: HypothesisSearch, ctx: Context) -> list[str]:
    """Different rules in words that may explain the train pairs."""
    request = render("hypothesis_search/hypothesis", examples=task.examples)
    sampled = request.model_copy(update={"temperature": params.hypothesis_temperature, "max_tokens": params.hypothesis_tokens})
    said = [one.text.rpartition("</think>")[2].strip()[:_MOST_HYPOTHESIS] for one in await ctx.complete(sampled, n=params.hypotheses)]
    return list(dict.fromkeys(filter(None, said)))


async def reduced(drawn: Sequence[str], task: InductionTask, params: HypothesisSearch, ctx: Context) -> list[str]:
    """At most ``keep`` of the rules, or rules that sum them up. Without any, or where none is thought right, one that is empty.

    Where the reply cannot be read even the second time, or the budget ends, they are the first ones.
    """
    first = list(drawn[: params.keep]) or [""]
    if params.reduce == "none" or len(drawn) <= (params.keep if params.reduce == "summarise" else 1):
        return first
    listed = "\n\n".join(f"{number}. {rule}" for number, rule in enumerate(drawn, start=1))
    try:
        if params.reduce == "summarise":
            request = render("hypothesis_search/summarise", rules=listed, count=str(params.keep))
            form = "with one block that begins with ```json and ends with ``` and holds the list of rules as strings"
            return (await _asked(request, params, ctx, read_rules, form))[: params.keep]
        request = render("hypothesis_search/select", examples=task.examples, rules=listed, count=str(params.keep))
        form = "with a last line such as CHOICE: 2, 5 or CHOICE: none"
        chosen = await _asked(request, params, ctx, lambda reply: read_choice(reply, len(drawn)), form)
        return [drawn[number - 1] for number in chosen[: params.keep]] or [""]
    except (Unreadable, BudgetSpent):
        return first


async def _asked(request: ChatRequest, params: HypothesisSearch, ctx: Context, read: Callable[[str], T], form: str) -> T:
    """What ``read`` makes of the reducer's reply, the second one where the first cannot be read. Raises :class:`Unreadable`."""
    request = request.model_copy(update={"temperature": 0.0, "max_tokens": params.reduce_tokens})
    said = await _said(request, params, ctx)
    try:
        return read(said)
    except Unreadable as problem:
        again = render("hypothesis_search/again", problem=str(problem), form=form)
    history = (*request.messages, Message(role="assistant", content=said), *again.messages)
    return read(await _said(request.model_copy(update={"messages": history, "prompt": again.prompt}), params, ctx))


async def _said(request: ChatRequest, params: HypothesisSearch, ctx: Context) -> str:
    if params.reducer is None:
        reply = (await ctx.complete(request))[0].text
    else:
        reply = (await ctx.scope("reducer").play(params.reducer, ChatTask(**request.__dict__))).answer or ""
    return reply.rpartition("</think>")[2].strip()


async def programs_for(rule: str, task: InductionTask, params: HypothesisSearch, ctx: Context) -> list[Tried]:
    """Programs that follow the rule, run; none where the budget ends before."""
    try:
        return await write(task, params, ctx, rule, params.programs)
    except BudgetSpent:
        return []


def read_rules(reply: str) -> list[str]:
    """The rules in a reply: a JSON list of strings, or numbered items. Raises :class:`Unreadable`."""
    for block in [*reversed(_FENCED.findall(reply)), reply]:
        try:
            said = json.loads(block)
        except (ValueError, RecursionError):
            said = [item.strip() for item in _ITEM.findall(block)]
        rules = [rule.strip()[:_MOST_HYPOTHESIS] for rule in said if isinstance(rule, str)] if isinstance(said, list) else []
        if found := list(dict.fromkeys(filter(None, rules))):
            return found
    raise Unreadable("it holds no list of rules")


def read_choice(reply: str, count: int) -> list[int]:
    """The numbers from 1 to ``count`` that a reply chooses on its last line with ``CHOICE:``, or all that a short reply names.

    Empty for ``none``. Raises :class:`Unreadable`.
    """
    said = reply.rpartition("CHOICE:")[2] if "CHOICE:" in reply else reply
    line = said.strip().partition("\n")[0]
    chosen = [int(found) for found in _NUMBER.findall(line)]
    if chosen and all(1 <= number <= count for number in chosen):
        return list(dict.fromkeys(chosen))
    if not chosen and re.search(r"\bnone\b", line, re.IGNORECASE):
        return []
    raise Unreadable(f"it chooses no numbers from 1 to {count}")
