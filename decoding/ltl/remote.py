"""Runs of an agent over any endpoint.

Where the endpoint takes grammars, each stretch of what the model writes is decoded under the agent's grammar, lifted from where the run
stands: it ends behind the prefix of a segment that the host supplies, and the next call goes on from there. Where it takes none, the
behaviour is enforced from outside, with stop strings, checks and new samples; and replies under a grammar are checked all the same.

Of each reply the longest beginning that the behaviour and the contents allow is kept, and never more; what a model writes in the place of
the host does not count. After replies of which nothing can be kept, the model chooses the next state out of those that are allowed, and
then writes its content alone (cf. the API decoder of Crouse et al. 2023, §4, which takes the first state where several are allowed).
"""

from __future__ import annotations

import re
import string
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from eudoxus.decoding.errors import ConstraintViolation, NotInSubset
from eudoxus.decoding.ltl.agent import Agent, Monitor, State
from eudoxus.decoding.ltl.lifting import lift, lift_run
from eudoxus.decoding.ltl.transcript import BLANKS, END, Segment, plain, read_content, split, supplied, written
from eudoxus.decoding.offer import offered
from eudoxus.runtime import ChatRequest, Completion, Context, Message
from eudoxus.runtime.errors import CapabilityMissing, EndpointError

MOST_STOPS = 4
"""Stop strings that every endpoint takes."""

Supply = Callable[[Context, State, Sequence[Segment]], Awaitable[tuple[str, str]]]
"""The host: text for a segment of this state after these segments, and the proposition that holds of it, or an empty text."""


Mode = Literal["auto", "grammar", "segments"]
"""*grammar*: decode under the lifted grammar. *segments*: enforce from outside. *auto*: under the grammar where the endpoint takes it."""


class Prompts(Protocol):
    """How a model is asked. What is shown to it is for the caller to say; what it may answer, for the runner."""

    def write(self, text: str, allowed: Sequence[State], *, may_end: bool) -> ChatRequest:
        """To go on after ``text``, which ends with the prefix of the next segment when but one is allowed."""
        ...

    def choose(self, text: str, options: Sequence[tuple[str, str, str]]) -> ChatRequest:
        """To choose one of ``options``: letter, what it stands for, in words."""
        ...

    def again(self, problem: str) -> ChatRequest:
        """To answer once more, since there was a problem."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """How hard to try, and how."""

    segments: int = 32
    """Most segments of a run. Near the end only states are allowed after which the run can still be finished."""
    temperatures: tuple[float | None, ...] = (0.2, 0.7, 1.0)
    """Of one reply after the other until something in one can be kept."""
    mode: Mode = "auto"
    """Whether to decode under the lifted grammar."""
    logprobs: bool = False
    """Where several states are allowed, take the one to which the model gives most, on an endpoint that declares log-probs."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that the behaviour accepts, and why parts of replies were not taken."""

    segments: tuple[Segment, ...]
    refused: tuple[str, ...] = ()

    def last(self, state: str) -> str | None:
        """The last content of ``state``."""
        return next((one.content for one in reversed(self.segments) if one.state == state), None)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What can be kept of a reply: segments, then perhaps the state whose content the host is to supply, or the end."""

    segments: list[Segment] = field(default_factory=list)
    host: State | None = None
    ends: bool = False
    problem: str = ""

    @property
    def any(self) -> bool:
        return bool(self.segments) or self.host is not None or self.ends


async def run_agent(agent: Agent, ctx: Context, *, supply: Supply, prompts: Prompts, options: Options | None = None) -> Run:
    """One complete run: what the host supplies and what the model of ``ctx`` writes, in an order that the behaviour accepts.

    Costs a request for each stretch of segments between two of the host's, and up to ``2·len(temperatures) + 2`` for a stretch where the
    model does not write what is allowed. Raises :class:`ConstraintViolation` when it never does, :class:`CapabilityMissing` for the
    mode ``grammar`` on an endpoint that takes none, and ValueError for a proposition that ``supply`` makes up.
    """
    options = options or Options()
    return await _Runner(agent, supply, prompts, options, await _notation(agent, ctx, options.mode)).run(ctx)


async def _notation(agent: Agent, ctx: Context, mode: Mode) -> str | None:
    """In which notation the endpoint is told the agent's grammar; None where it is not told. Raises :class:`CapabilityMissing`."""
    if mode == "segments":
        return None
    offer = await offered(ctx)
    for notation in offer.notations:
        if notation == "lark" or (notation == "gbnf" and _in_gbnf(agent)):
            return notation
    if mode == "grammar":
        takes = " and ".join(offer.notations) or "no grammars"
        raise CapabilityMissing(f"mode=grammar: the model's endpoint takes {takes}, and the agent {agent.name!r} needs "
                                f"{'lark or gbnf' if _in_gbnf(agent) else 'lark'}; say what it can in its configuration, as "
                                "capabilities.grammar", param="params.mode")
    return None


def _in_gbnf(agent: Agent) -> bool:
    try:
        lift_run(agent).gbnf()
    except NotInSubset:
        return False
    return True


class _Runner:
    def __init__(self, agent: Agent, supply: Supply, prompts: Prompts, options: Options, notation: str | None) -> None:
        self.agent, self.supply, self.prompts, self.options, self.notation = agent, supply, prompts, options, notation
        self.monitor, self.segments, self.refused = Monitor(agent), list[Segment](), list[str]()
        # The prefix with its blank: a marker alone, by which a model asks for what the host supplies, is not cut off.
        self.stops = tuple(f"\n{state.prefix}" for state in agent.states if state.env)[:MOST_STOPS] or None

    async def run(self, ctx: Context) -> Run:
        while allowed := self.monitor.allowed(self.remaining):
            here = ctx.scope("segment", len(self.segments))
            if len(allowed) == 1 and allowed[0].env and not self.monitor.accepting:
                taken = _Taken(host=allowed[0])
            else:
                taken = await self.written(here, allowed)
            for segment in taken.segments:
                self.keep(segment, ctx)
            if taken.host is not None:
                self.keep(await self.supplied(here, taken.host), ctx)
            if taken.ends:
                break
        if not self.monitor.accepting:
            raise self.violation(f"{self.options.segments} segments are too few to end the run")
        return Run(tuple(self.segments), tuple(self.refused))

    @property
    def remaining(self) -> int:
        return self.options.segments - len(self.segments)

    def keep(self, segment: Segment, ctx: Context) -> None:
        self.monitor = self.monitor.after(segment.state, segment.proposition)
        self.segments.append(segment)
        ctx.emit("agent.segment", state=segment.state, content=segment.content)

    async def supplied(self, ctx: Context, state: State) -> Segment:
        text, proposition = await self.supply(ctx.scope("host"), state, tuple(self.segments))
        if proposition and proposition not in state.propositions:
            raise ValueError(f"{proposition!r} is no proposition of {state.name}; there are {', '.join(state.propositions) or 'none'}")
        return Segment(state.name, supplied(self.agent, text), proposition)

    async def written(self, ctx: Context, allowed: Sequence[State]) -> _Taken:
        """What the model writes next. Raises :class:`ConstraintViolation`."""
        may_end = self.monitor.accepting
        several = len(allowed) + may_end > 1
        if several and (self.notation or not self.options.logprobs):
            taken, _ = await self.tried(ctx, allowed)
            if taken.any:
                return taken
        if several:
            chosen = await self.chosen(ctx.scope("choose"), allowed)
            if chosen is None or chosen.env:
                return _Taken(host=chosen, ends=chosen is None)
            allowed = [chosen]
        taken, history = await self.tried(ctx.scope("alone") if several else ctx, allowed, forced=True)
        if not taken.any:
            taken = await self.repaired(ctx.scope("again"), history, allowed[0], taken.problem)
        if not taken.any and may_end:
            return _Taken(ends=True)
        if not taken.any:
            raise self.violation(f"{allowed[0].name} was asked for, but {taken.problem}", allowed)
        return taken

    async def tried(self, ctx: Context, allowed: Sequence[State], *, forced: bool = False) -> tuple[_Taken, tuple[Message, ...]]:
        """The first reply of which something can be kept, at one temperature after the other; else the last, and what was said."""
        request = self.request(allowed, forced=forced)
        for temperature in self.options.temperatures:
            try:
                said = (await ctx.complete(request.model_copy(update={"temperature": temperature})))[0]
            except EndpointError as error:
                if request.grammar is None or error.status not in (400, 422):
                    raise
                self.refused.append(f"the endpoint refused the grammar: {error}")
                self.notation = None
                return await self.tried(ctx, allowed, forced=forced)
            taken = self.read(said, allowed, forced=forced)
            if taken.problem:
                self.refused.append(taken.problem)
            if taken.any:
                break
        return taken, (*request.messages, Message(role="assistant", content=said.text or "(nothing)"))

    async def repaired(self, ctx: Context, history: tuple[Message, ...], state: State, problem: str) -> _Taken:
        """What comes when the model is shown what was wrong."""
        again = self.prompts.again(f"{problem}. What is wanted after {state.marker} is {state.content.expected()}")
        request = self.request([state], forced=True).model_copy(update={"messages": (*history, *again.messages), "prompt": again.prompt})
        taken = self.read((await ctx.complete(request))[0], [state], forced=True)
        if taken.problem:
            self.refused.append(taken.problem)
        return taken

    def request(self, allowed: Sequence[State], *, forced: bool) -> ChatRequest:
        text = written(self.agent, self.segments)
        if forced:
            text += "\n" * bool(text) + allowed[0].prefix
        asked = self.prompts.write(text, allowed, may_end=self.monitor.accepting and not forced)
        most = sum(state.max_tokens for state in self.agent.states if not state.env)
        update: dict[str, Any] = {"stop": self.stops, "max_tokens": most}
        if self.notation is not None:
            # The grammar ends where the host writes; a stop string would cut off by which state it is asked.
            grammar = lift(self.agent, self.monitor, writing=allowed[0] if forced else None, remaining=self.remaining)
            update |= {"grammar": {self.notation: grammar.lark() if self.notation == "lark" else grammar.gbnf()}, "stop": None}
        return asked.model_copy(update=update)

    def read(self, completion: Completion, allowed: Sequence[State], *, forced: bool) -> _Taken:
        """The longest beginning of a reply that is allowed, and why not more."""
        text, ended = _before_end(plain(completion.text.rpartition("</think>")[2]).strip(BLANKS))
        pieces = split(self.agent, text)
        if pieces and pieces[0][0] is None:
            pieces = [(allowed[0], pieces[0][1], 1), *pieces[1:]] if forced else pieces[1:]
        monitor, found = self.monitor, list[Segment]()
        for number, (state, said, _) in enumerate(pieces):
            assert state is not None
            open_to = monitor.allowed(self.remaining - number) if number or not forced else allowed
            if state not in open_to:
                return _Taken(found, problem=f"{state.name} may not come there; expected {_or(open_to)}")
            if state.env:
                return _Taken(found, host=state)
            content, complaint = read_content(self.agent, state, said)
            cut_off = completion.finish_reason == "length" and number == len(pieces) - 1
            if complaint is None and cut_off and (number or state.content.kind != "text"):
                complaint = "it was cut off"
            if complaint is not None:
                return _Taken(found, problem=f"the content of {state.name}: {complaint}")
            found.append(Segment(state.name, content))
            monitor = monitor.after(state.name)
        ends = ended and monitor.accepting
        return _Taken(found, ends=ends, problem="" if found or ends else f"there was no line that begins with {_or(allowed, marker=True)}")

    async def chosen(self, ctx: Context, allowed: Sequence[State]) -> State | None:
        """The state that the model chooses, None for the end; what is nearest to the end when it says nothing of use."""
        options = dict(zip(string.ascii_uppercase + string.digits + string.ascii_lowercase, [*allowed, *[None] * self.monitor.accepting],
                           strict=False))
        listed = [(letter, state.marker if state else END, state.about or state.name if state else "nothing more is to be said")
                  for letter, state in options.items()]
        request = self.prompts.choose(written(self.agent, self.segments), listed)
        update: dict[str, Any] = {"temperature": 0.0, "max_tokens": 256}
        if self.options.logprobs:
            update |= {"logprobs": True, "top_logprobs": 20}
        said = (await ctx.complete(request.model_copy(update=update)))[0]
        letter = most_probable(said, list(options)) or _letter(said.text, list(options))
        if letter is None:
            return None if self.monitor.accepting else self.monitor.nearest(allowed)
        return options[letter]

    def violation(self, reason: str, allowed: Sequence[State] = ()) -> ConstraintViolation:
        return ConstraintViolation(reason, trace=[str(one) for one in self.segments], allowed=[state.name for state in allowed])


def _before_end(text: str) -> tuple[str, bool]:
    """What stands before a line that says that the run ends, and whether there is one."""
    lines = text.split("\n")
    place = next((number for number, line in enumerate(lines) if line.strip() == END), None)
    return ("\n".join(lines[:place]), place is not None)


def most_probable(completion: Completion, letters: Sequence[str]) -> str | None:
    """The letter that has the largest probability as the first token of a completion, among ``letters``; None without log-probs."""
    first = (completion.logprobs or [{}])[0]
    found: dict[str, float] = {}
    for one in [first, *(first.get("top") or [])]:
        token, value = str(one.get("token", "")).strip(), one.get("logprob")
        if token in letters and isinstance(value, (int, float)):
            found[token] = max(found.get(token, float(value)), float(value))
    return max(found, key=lambda letter: found[letter]) if found else None


def _letter(text: str, letters: Sequence[str]) -> str | None:
    """The one letter in a reply; None when there is none, or several."""
    said = set(re.findall(r"(?<![^\s(*`'\"])([A-Za-z0-9])(?![^\s).:*`'\"])", text.rpartition("</think>")[2])) & set(letters)
    return said.pop() if len(said) == 1 else None


def _or(states: Sequence[State], *, marker: bool = False) -> str:
    return " or ".join(state.marker if marker else state.name for state in states) or "the end"
