"""Runs as text: segments written one below the other, read back, and checked against an agent's behaviour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eudoxus.decoding.ltl.agent import Agent, State
from eudoxus.decoding.ltl.automaton import Symbol

BLANKS = " \t\n"
END = "[End]"
"""The line with which a model ends a run that may end and could also go on; no prefix of an agent can be taken for it."""
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a run: its state, what it says, and what the host says of it."""

    state: str
    content: str
    proposition: str = ""

    def __str__(self) -> str:
        return str(Symbol(self.state, self.proposition))


@dataclass(frozen=True, slots=True)
class Violation:
    """Where a run leaves the behaviour, and why."""

    position: int
    """The number of the segment at fault, from 0; the number of segments when it is the end."""
    line: int
    """The line of the text, from 1; 0 where there is no text."""
    state: str
    """The state of that segment; empty for the end and for text under no marker."""
    allowed: tuple[str, ...]
    """The states that could have come."""
    reason: str

    def __str__(self) -> str:
        return f"{f'line {self.line}: ' if self.line else ''}segment {self.position + 1}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of a check: the segments up to the first violation."""

    segments: tuple[Segment, ...]
    violation: Violation | None = None

    @property
    def ok(self) -> bool:
        return self.violation is None


def plain(text: str) -> str:
    """``text`` with line feeds between its lines and without control characters."""
    return _NO_TEXT.sub("", text.replace("\r\n", "\n").replace("\x85", "\n"))


def supplied(agent: Agent, text: str) -> str:
    """What the host supplies, such that no line of it can be taken for a marker: one that would is moved by a blank."""
    first, *rest = plain(text).strip(BLANKS).split("\n")
    return "\n".join([first or "(nothing)", *(f" {line}" if _marker_at(agent, line) else line for line in rest)])


def written(agent: Agent, segments: Iterable[Segment]) -> str:
    """The segments as text."""
    return "\n".join(agent.state(one.state).prefix + one.content for one in segments)


def split(agent: Agent, text: str) -> list[tuple[State | None, str, int]]:
    """``text`` cut at the lines that begin with a marker: state, content and line of each piece; None for what stands before them."""
    pieces: list[tuple[State | None, list[str], int]] = []
    for number, line in enumerate(plain(text).split("\n"), 1):
        state = _marker_at(agent, line)
        if state is not None:
            pieces.append((state, [line[len(state.prefix) :] if line.startswith(state.prefix) else line[len(state.marker) :]], number))
        elif pieces:
            pieces[-1][1].append(line)
        else:
            pieces.append((None, [line], number))
    found = [(state, "\n".join(lines), line) for state, lines, line in pieces]
    return found[1:] if found and found[0][0] is None and not found[0][1].strip(BLANKS) else found


def read_content(agent: Agent, state: State, said: str) -> tuple[str, str | None]:
    """The content in ``said``, and why it is not allowed, if it is not. Blanks around it do not count, unless they are meant."""
    bare = said.strip(BLANKS)
    complaint = None if state.env else state.content.complaint(bare, agent.markers)
    if complaint is not None and said != bare and state.content.complaint(said.rstrip("\n"), agent.markers) is None:
        return said.rstrip("\n"), None
    return bare, complaint


def verify(agent: Agent, run: str | Sequence[Segment], *, complete: bool = True) -> Verification:
    """Whether a run, as text or as segments, is one that the behaviour and the contents allow; if ``complete``, up to its end.

    In text nothing says which proposition of a supplied segment holds, so any may. In segments those that are given hold.
    """
    if isinstance(run, str):
        pieces = split(agent, run)
        propositions: list[str | None] = [None] * len(pieces)
    else:
        known = {state.name: state for state in agent.states}
        pieces = [(known.get(one.state), one.content, 0) for one in run]
        propositions = [one.proposition for one in run]
    at, segments = frozenset([0]), list[Segment]()
    for (state, said, line), proposition in zip(pieces, propositions, strict=True):
        allowed = _allowed(agent, at)
        if state is None:
            shown = said.strip(BLANKS)[:60]
            return Verification(tuple(segments), Violation(
                len(segments), line, "", allowed, f"{shown!r} stands under no marker; expected {_or(allowed)}"))
        content, complaint = read_content(agent, state, said)
        symbols = state.symbols if proposition is None else (Symbol(state.name, proposition),)
        after = frozenset(agent.automaton.step(one, symbol) for one in at for symbol in symbols if symbol in state.symbols)
        at = after & agent.live
        if not at:
            complaint = f"{state.name} may not come here; expected {_or(allowed)}"
        elif complaint is not None:
            complaint = f"the content of {state.name}: {complaint}"
        if complaint is not None:
            return Verification(tuple(segments), Violation(len(segments), line, state.name, allowed, complaint))
        segments.append(Segment(state.name, content, proposition or ""))
    if complete and not at & agent.automaton.accepting:
        allowed = _allowed(agent, at)
        return Verification(tuple(segments), Violation(len(segments), 0, "", allowed, f"the run ends too soon; expected {_or(allowed)}"))
    return Verification(tuple(segments))


def _allowed(agent: Agent, at: Iterable[int]) -> tuple[str, ...]:
    automaton, live = agent.automaton, agent.live
    return tuple(state.name for state in agent.states
                 if any(automaton.step(one, symbol) in live for one in at for symbol in state.symbols))


def _marker_at(agent: Agent, line: str) -> State | None:
    return next((state for state in agent.states if line.startswith(state.marker)), None)


def _or(names: Sequence[str]) -> str:
    return " or ".join(names) or "the end"
