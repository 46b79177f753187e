"""Agents under temporal logic (Crouse et al. 2023, arXiv 2310.08535): the order of thoughts, actions and answers is proved, not hoped for.

Which agent it is, a specification says: shipped ones by name, any other as YAML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

from pydantic import Field, field_validator, model_validator

from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.plans import filled
from eudoxus.agents.tools.base import ERROR, described
from eudoxus.agents.tools.shipped import TOOLS, known
from eudoxus.agents.transcript import mark, transcript, with_media
from eudoxus.decoding.ltl import Agent, ConstraintViolation, Options, Segment, State, load_agent, run_agent
from eudoxus.decoding.ltl.remote import Mode
from eudoxus.decoding.ltl.transcript import END
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Params, Result, Task, strategy
from eudoxus.runtime.errors import EudoxusError

_LABEL = re.compile(r"#E(\d{1,4})")


class LtlAgent(Params):
    spec: str = Field("react", max_length=50_000)
    """A shipped agent (``react``, ``rewoo``, ``reflexion``, ``chain_of_thought``, ``plan_and_solve``), or a specification in YAML."""
    tools: list[str] = Field(["calculator"], max_length=16)
    """Tools that may be used, by name, by agents that use tools."""
    segments: int = Field(32, ge=1, le=256)
    """Most segments of a run; near the end only steps are allowed after which it can still be finished."""
    temperatures: list[float] = Field([0.2, 0.7, 1.0], min_length=1, max_length=8)
    """Sampling temperatures: of the first reply, and of those that follow replies of which nothing could be kept."""
    mode: Mode = "auto"
    """``grammar``: decode under the agent's grammar, on endpoints that take one. ``segments``: any endpoint; its replies are checked and
    cut, and the model asked again. ``auto``: under the grammar where the endpoint takes it."""
    logprobs: bool = False
    """Choose the next state by log-probabilities where several are allowed, for endpoints that give them; each costs a short request."""

    @field_validator("spec")
    @classmethod
    def _readable(cls, spec: str) -> str:
        try:
            load_agent(spec)
        except EudoxusError as error:
            raise ValueError(str(error)) from None
        return spec

    @field_validator("tools")
    @classmethod
    def _known(cls, tools: list[str]) -> list[str]:
        return known(tools)

    @field_validator("temperatures")
    @classmethod
    def _in_range(cls, temperatures: list[float]) -> list[float]:
        if not all(0 <= one <= 2 for one in temperatures):
            raise ValueError("a temperature is between 0 and 2")
        return temperatures

    @model_validator(mode="after")
    def _feasible(self) -> Self:
        agent = self.agent
        for state in agent.states:
            if state.env == "host":
                raise ValueError(f"spec: nothing here can supply the state {state.name!r}; env is task, observation, evidence or verdict")
            if state.content.kind == "tool" and not self.tools:
                raise ValueError(f"tools: the agent {agent.name!r} needs at least one")
        if self.segments < agent.distances[0]:
            raise ValueError(f"segments={self.segments}: the agent {agent.name!r} needs at least {agent.distances[0]} to end in any case")
        return self

    @property
    def agent(self) -> Agent:
        """The agent with its tools."""
        return load_agent(self.spec).with_tools(self.tools)


@strategy("ltl_agent", takes=Task, prompts=["ltl_agent/write", "ltl_agent/choose", "ltl_agent/again"],
          calls="1 completion for each stretch between supplied segments; up to 2 * len(temperatures) + 2 where the order is not kept")
async def ltl_agent(task: Task, params: LtlAgent, ctx: Context) -> Result:
    """Return the answer of an agent, every run of which obeys the specification.

    Costs a completion a stretch, more where replies break the order. ``verified`` when the task has a verifier and it accepts the answer.
    ``failed`` when the model does not write what is allowed however it is asked. Segments, and why parts of replies were not taken, are
    among the artifacts.
    """
    agent, host = params.agent, Host(task, params.agent)
    options = Options(params.segments, tuple(params.temperatures), params.mode, params.logprobs)
    try:
        run = await run_agent(agent, ctx, supply=host.supply, prompts=Asking(task, agent, params.tools), options=options)
    except ConstraintViolation as problem:
        return Result(answer=None, outcome="failed", detail=str(problem), artifacts={"trace": list(problem.trace)})
    answer = Completion(text=run.last(agent.answer) or "")
    told = [{"state": one.state, "content": one.content} for one in run.segments]
    return outcome(answer, await verdict_on(answer, task, ctx.scope("verify")), segments=told, refused=list(run.refused))


class Host:
    """What is not for the model to write."""

    def __init__(self, task: Task, agent: Agent) -> None:
        self._task, self._agent = task, agent

    async def supply(self, ctx: Context, state: State, segments: Sequence[Segment]) -> tuple[str, str]:
        """The content of a segment of ``state``, and the proposition that holds of it."""
        match state.env:
            case "task":
                return transcript(self._task.request().messages), ""
            case "observation":
                uses = self._uses(segments)
                seen = await TOOLS[uses[-1][0]](ctx, uses[-1][1]) if uses else f"{ERROR}no tool was named"
                return seen, "failed" if seen.startswith(ERROR) and "failed" in state.propositions else ""
            case "evidence":
                return await self._evidence(ctx, state, segments), ""
        return await self._verdict(ctx, state, segments[-1].content if segments else "")

    def _uses(self, segments: Sequence[Segment]) -> list[tuple[str, str, str]]:
        """The tools that are named, each with its input and the label before it; what is without an input has an empty one."""
        found = list[tuple[str, str, str]]()
        for place, segment in enumerate(segments):
            if self._agent.state(segment.state).content.kind == "tool":
                label = _LABEL.fullmatch(segments[place - 1].content) if place else None
                text = segments[place + 1].content if place + 1 < len(segments) else ""
                found.append((segment.content, text, label[0] if label else f"#E{len(found) + 1}"))
        return found

    async def _evidence(self, ctx: Context, state: State, segments: Sequence[Segment]) -> str:
        """What the tools say that were named since the last evidence, in turn; a later one can use what an earlier one gives."""
        begin = max((place + 1 for place, one in enumerate(segments) if one.state == state.name), default=0)
        values, said = dict[int, str](), list[str]()
        for number, (tool, text, label) in enumerate(self._uses(segments[begin:])):
            quoted = TOOLS[tool].quoted
            given = filled(text, lambda one, quoted=quoted: quoted(values[one]) if one in values else f"#E{one}")  # type: ignore[misc]
            seen = await TOOLS[tool](ctx.scope("step", number), given)
            said.append(f"{label} = {seen}")
            if not seen.startswith(ERROR):
                values[int(label[2:])] = TOOLS[tool].value(seen)
        return "\n".join(said) or f"{ERROR}no tool was named"

    async def _verdict(self, ctx: Context, state: State, proposal: str) -> tuple[str, str]:
        """What the task's own verifier says of a proposal."""
        ctx.best(proposal)
        verdict = await self._task.verify(ctx, proposal)
        if verdict is None:
            return "(nothing here can evaluate it: judge it yourself)", ""
        if verdict.ok:
            return "accepted", "accepted" if "accepted" in state.propositions else ""
        return f"refused: {verdict.feedback or 'it is wrong'}", "refused" if "refused" in state.propositions else ""


class Asking:
    """The prompts of one agent on one task."""

    def __init__(self, task: Task, agent: Agent, tools: Sequence[str]) -> None:
        self._messages, self._agent = task.request().messages, agent
        self._about = agent.about or f"What you do is called {agent.name}."
        uses = any(state.content.kind == "tool" for state in agent.states)
        self._tools = described(TOOLS[name] for name in tools) if uses else "(none: this agent uses no tools)"

    def write(self, text: str, allowed: Sequence[State], *, may_end: bool) -> ChatRequest:
        """The next segments."""
        markers = [f'"{state.marker}"' for state in allowed]
        if may_end:
            markers.append(f'"{END}", which ends the work')
        first = text.rpartition("\n")[2]
        if len(allowed) == 1 and not may_end and first.startswith(allowed[0].prefix):
            next = f"The marker {markers[0]} stands there already: begin with its content, then go on until something is supplied to you."
        elif len(markers) == 1:
            next = f"The next segment begins with {markers[0]}. Write it, and go on until something is supplied to you."
        else:
            next = f"The next segment may begin with {' or '.join(markers)}. Write it, and go on until something is supplied to you."
        asked = render("ltl_agent/write", about=self._about, states="\n".join(map(_described, self._agent.states)), tools=self._tools,
                       example=self._agent.example.strip() or "(none)", transcript=text or "(nothing yet)", next=next, mark=mark(text))
        return with_media(asked, self._messages)

    def choose(self, text: str, options: Sequence[tuple[str, str, str]]) -> ChatRequest:
        """The next state."""
        listed = "\n".join(f"{letter}  {marker}  {about}" for letter, marker, about in options)
        return render("ltl_agent/choose", about=self._about, transcript=text or "(nothing yet)", options=listed, mark=mark(text))

    def again(self, problem: str) -> ChatRequest:
        """The same content once more."""
        return render("ltl_agent/again", problem=problem)


def _described(state: State) -> str:
    if state.env:
        return f"{state.marker}  (supplied to you)"
    expected = "" if state.content.kind == "text" else f"; {state.content.expected()}"
    return f"{state.marker}  {state.about or state.name}{expected}"
