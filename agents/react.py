"""ReAct (Yao et al. 2022, arXiv 2210.03629): thoughts and actions take turns until the model finishes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import Field, field_validator

from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.tools.base import Tool, described
from eudoxus.agents.tools.shipped import TOOLS, known
from eudoxus.agents.transcript import continued, mark, transcript
from eudoxus.prompts import render
from eudoxus.runtime import Completion, Context, Params, Result, Task, strategy

FINISH = "Finish"
MOST_EQUAL_ACTIONS = 3
"""An action with the same input, again and again, leads nowhere."""
_ACTION = re.compile(r"^\W*(?:action\W*?\d*\s*:)?[\s*]*`?([A-Za-z_]\w*)\s*\[(.*)\]`?\s*$", re.IGNORECASE | re.DOTALL)
_THOUGHT = re.compile(r"^\W*thought\W*?\d*\s*:[\s*]*", re.IGNORECASE)


class React(Params):
    tools: list[str] = Field(["calculator"], max_length=16)
    """Tools that may be used, by name."""
    steps: int = Field(8, ge=1, le=64)
    """Most turns."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature; the paper uses 0. null leaves it to the endpoint."""

    _known_tools = field_validator("tools")(known)


@dataclass(frozen=True, slots=True)
class Turn:
    """One thought and one action, read from a reply."""

    thought: str
    action: str
    text: str


class Unreadable(ValueError):
    """The reply holds no action; the message says why, for the model."""


@strategy("react", takes=Task, prompts=["react/agent", "react/again"], calls="1 completion a turn (2 when an action cannot be read)")
async def react(task: Task, params: React, ctx: Context) -> Result:
    """Return what the model finishes with.

    Costs a completion a turn. ``verified`` when the task has a verifier and it accepts the answer. ``failed`` when there is no answer after
    ``steps`` turns, when a turn stays unreadable, or when the same action is repeated; the turns are among the artifacts.
    """
    tools, taken = [TOOLS[name] for name in params.tools], list[dict[str, str]]()
    for number in range(params.steps):
        here = ctx.scope("turn", number)
        try:
            turn = await _turn(task, params, tools, taken, here)
        except Unreadable as problem:
            return _failed(f"turn {number + 1} could not be read: {problem}", taken)
        if turn.action == FINISH:
            answer = Completion(text=turn.text)
            return outcome(answer, await verdict_on(answer, task, here.scope("verify")), turns=taken)
        observation = await TOOLS[turn.action](here.scope("act"), turn.text)
        taken.append({"thought": turn.thought, "action": f"{turn.action}[{turn.text}]", "observation": observation})
        ctx.emit("agent.step", **taken[-1])
        if [step["action"] for step in taken].count(taken[-1]["action"]) >= MOST_EQUAL_ACTIONS:
            return _failed(f"{taken[-1]['action'][:200]} was repeated", taken)
    return _failed(f"no answer after {params.steps} turns", taken)


def _failed(detail: str, taken: list[dict[str, str]]) -> Result:
    return Result(answer=None, outcome="failed", detail=detail, artifacts={"turns": taken})


async def _turn(task: Task, params: React, tools: list[Tool], taken: list[dict[str, str]], ctx: Context) -> Turn:
    """The next turn; asked once more when it cannot be read. Raises :class:`Unreadable`."""
    question, steps = transcript(task.request().messages), told(taken)
    request = render("react/agent", tools=described(tools), task=question, steps=steps, mark=mark(question, steps))
    request = request.model_copy(update={"temperature": params.temperature, "stop": ("\nObservation",)})
    said = (await ctx.complete(request))[0].text
    try:
        return read_turn(said, params.tools)
    except Unreadable as problem:
        again = render("react/again", problem=str(problem))
        said = (await ctx.complete(continued(request, said, again)))[0].text
        return read_turn(said, params.tools)


def read_turn(reply: str, tools: list[str]) -> Turn:
    """The first action in a reply and the thought before it; what a model makes up after it does not count. Raises :class:`Unreadable`."""
    lines = reply.rpartition("</think>")[2].strip().splitlines()
    for place, line in enumerate(lines):
        if not re.match(r"\W*(action\b|[A-Za-z_]\w*\s*\[)", line, re.IGNORECASE):
            continue
        if (found := _action(lines[place:], tools)) is not None:
            return Turn(_THOUGHT.sub("", "\n".join(lines[:place])).strip(), *found)
    raise Unreadable(f"no line 'Action: name[input]' with one of {', '.join([*tools, FINISH])}")


def _action(lines: list[str], tools: list[str]) -> tuple[str, str] | None:
    """The action at the beginning of ``lines``, which may go on over several; that whose brackets balance before one that ends sooner."""
    first: tuple[str, str] | None = None
    for end in range(1, len(lines) + 1):
        found = _ACTION.match("\n".join(lines[:end]))
        if found and (name := _named(found[1], tools)):
            if found[2].count("[") == found[2].count("]"):
                return name, found[2].strip()
            first = first or (name, found[2].strip())
        if end < len(lines) and re.match(r"\W*(observation|thought|action)\W*?\d*\s*:", lines[end], re.IGNORECASE):
            break
    return first


def told(taken: list[dict[str, str]]) -> str:
    """The turns so far, for the prompt."""
    return "\n".join(
        f"Thought: {step['thought']}\nAction: {step['action']}\nObservation: {step['observation']}" for step in taken
    ) or "(none yet)"


def _named(name: str, tools: list[str]) -> str | None:
    return next((known for known in (*tools, FINISH) if known.lower() == name.lower()), None)
