r"""Lifting: one right-linear grammar over characters of all texts that an agent may write, for any engine that decodes under a grammar.

Each production is one terminal and at most one nonterminal. A nonterminal stands for *where the automaton is* and *which segment is being
written*; its terminals are a content together with the marker that follows it. So a terminal ends where no longer text can match it, which
engines need whose lexers take the longest match and never step back; and right recursion costs them nothing.

In :func:`lift` the text ends behind the prefix of a segment that the host supplies: it writes the content, and decoding goes on under the
grammar lifted anew from where the run then stands. :func:`lift_run` describes whole runs, with free text where the host would write.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eudoxus.decoding.errors import NotInSubset
from eudoxus.decoding.gbnf import as_part
from eudoxus.decoding.lark import renamed
from eudoxus.decoding.ltl.agent import Agent, Monitor, State
from eudoxus.decoding.ltl.pattern import EMPTY, Pattern, Seq, as_gbnf, as_regex, literal
from eudoxus.decoding.ltl.transcript import END

Env = Literal["stop", "text"]


@dataclass(frozen=True, slots=True)
class Production:
    """``content`` (or a JSON value of ``schema``, or a line of ``lark``), then ``then``, then the nonterminal ``to`` unless it is empty."""

    content: Pattern
    then: Pattern
    to: str = ""
    schema: str = ""
    lark: str = ""


@dataclass(frozen=True)
class Grammar:
    """Right-linear rules by nonterminal; the first is the start."""

    rules: dict[str, tuple[Production, ...]]

    def lark(self) -> str:
        """As Lark in the dialect of llguidance. Terminals are regular expressions; JSON values are ``%json``."""
        terminals: dict[str, str] = {}
        parts = self._parts()
        rules = {name: " | ".join(_in_lark(one, terminals, parts) for one in productions) for name, productions in self.rules.items()}
        lines = [f"{name}: {right}" for name, right in rules.items()]
        lines += [f"{name}: {body}" for body, name in terminals.items()]
        return "\n".join([*lines, *(renamed(text, f"{part}_") for text, part in parts.items())]).strip("\n") + "\n"

    def gbnf(self) -> str:
        """As GBNF. Raises :class:`NotInSubset` when a content is JSON under a schema, which that notation does not know."""
        if any(one.schema for productions in self.rules.values() for one in productions):
            raise NotInSubset("a content under a JSON schema cannot be written in GBNF", param="grammar")
        parts = self._parts()
        rules = {name: [_in_gbnf(one, parts) for one in productions] for name, productions in self.rules.items()}
        first = next(iter(rules))
        lines = [f"{'root' if name == first else name.replace('_', '-')} ::= {' | '.join(right)}\n" for name, right in rules.items()]
        return "".join([*lines, *(as_part(text, f"{part}-") for text, part in parts.items())])

    def _parts(self) -> dict[str, str]:
        """A name for each grammar that is a content; no state's, since those end with a number behind a line."""
        texts = dict.fromkeys(one.lark for productions in self.rules.values() for one in productions if one.lark)
        return {text: f"part{number}" for number, text in enumerate(texts)}


def lift(agent: Agent, at: Monitor | None = None, *, writing: State | None = None, remaining: int | None = None) -> Grammar:
    """The grammar of what a model may write from ``at`` on (default: from the beginning), up to its end or to where the host writes.

    ``writing`` is a state that the model writes and whose prefix stands there already, so that the text goes on with its content.
    ``remaining`` bounds the segments of the run from here on, that one included. Raises KeyError when ``writing`` may not come next.
    """
    start = at or Monitor(agent)
    if writing is not None:
        start, remaining = start.after(writing.name), None if remaining is None else remaining - 1
    return _Lifting(agent, "stop").lifted((frozenset([start.at]), writing.name if writing else "", remaining))


def lift_run(agent: Agent) -> Grammar:
    """The grammar of all complete transcripts of ``agent``."""
    return _Lifting(agent, "text").lifted((frozenset([0]), "", None))


_Place = tuple[frozenset[int], str, int | None]
"""Where the automaton may be, the segment being written (or none), and how many more may follow."""


class _Lifting:
    """Rules made as they are needed. Propositions of supplied text are unknown, so the automaton is in one of several states there."""

    def __init__(self, agent: Agent, env: Env) -> None:
        self.agent, self.env = agent, env
        self.names: dict[_Place, str] = {}
        self.waiting: list[_Place] = []

    def lifted(self, start: _Place) -> Grammar:
        self.names[start] = "start"
        rules: dict[str, tuple[Production, ...]] = {}
        self.waiting.append(start)
        while self.waiting:
            here = self.waiting.pop()
            rules[self.names[here]] = self.productions(here)
        return Grammar(rules)

    def productions(self, place: _Place) -> tuple[Production, ...]:
        at, name, remaining = place
        state = self.agent.state(name) if name else None
        pattern = state.content.pattern(self.agent.markers) if state else EMPTY
        content, schema, lark = pattern or EMPTY, state.content.schema if state else "", state.content.lark if state else ""
        break_ = "\n" if state else ""
        found = [Production(content, literal(break_ + following.prefix), self.goes_on(at, following, remaining), schema, lark)
                 for following in self.following(at, remaining)]
        if at & self.agent.automaton.accepting:
            # Where nothing is being written, an empty text would say nothing, and some servers refuse it.
            found.append(Production(content, EMPTY if state else literal(END), "", schema, lark))
        return tuple(found)

    def following(self, at: frozenset[int], remaining: int | None) -> Sequence[State]:
        if self.env == "stop":
            (only,) = at
            return Monitor(self.agent, only).allowed(remaining)
        return [state for state in self.agent.states if self.after(at, state)]

    def after(self, at: frozenset[int], state: State) -> frozenset[int]:
        steps = frozenset(self.agent.automaton.step(one, symbol) for one in at for symbol in state.symbols)
        return steps & self.agent.live if self.env == "text" else frozenset(self.agent.automaton.step(one, state.symbols[0]) for one in at)

    def goes_on(self, at: frozenset[int], state: State, remaining: int | None) -> str:
        if state.env and self.env == "stop":
            return ""
        place = self.after(at, state), state.name, None if remaining is None else remaining - 1
        if place not in self.names:
            self.names[place] = f"{state.name}_{len(self.names)}"
            self.waiting.append(place)
        return self.names[place]


def _in_lark(one: Production, terminals: dict[str, str], parts: dict[str, str]) -> str:
    def terminal(pattern: Pattern) -> str:
        body = f"/{as_regex(pattern)}/"
        return terminals.setdefault(body, f"T{len(terminals)}")

    if not one.schema and not one.lark:
        return _joined([terminal(Seq((one.content, one.then))), one.to])
    content = f"%json {_compact(one.schema)}" if one.schema else f"{parts[one.lark]}_start"
    return _joined([content, terminal(one.then) if one.then != EMPTY else "", one.to])


def _in_gbnf(one: Production, parts: dict[str, str]) -> str:
    to = one.to.replace("_", "-")
    if one.lark:
        return _joined([f"{parts[one.lark]}-start", as_gbnf(one.then) if one.then != EMPTY else "", to])
    return _joined([as_gbnf(Seq((one.content, one.then))), to])


def _compact(schema: str) -> str:
    """The schema, of values without white space between their tokens: where it is free, a model may never end."""
    said = json.loads(schema)
    compact = {"x-guidance": {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}}
    return json.dumps(compact | said if isinstance(said, dict) else said)


def _joined(parts: Sequence[str]) -> str:
    return " ".join(part for part in parts if part)
