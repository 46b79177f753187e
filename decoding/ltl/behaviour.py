"""Behaviours as patterns: the operators of IBM's agent language (Crouse et al. 2023, arXiv 2310.08535, §3), by Thompson's construction.

::

    pattern = STATE                                    one segment
            | {next: [pattern, …]}                     one after the other
            | {or: [pattern, …]}                       one of several
            | {until: {loop: pattern, exit: STATE, least: 0, most: 5}}    rounds of the loop, then the exit; most may be left out
            | {always: pattern}                        one or more rounds, to the end
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import Any

from eudoxus.decoding.ltl.automaton import Automaton, Effort, Symbol
from eudoxus.decoding.ltl.errors import AgentSpecError, SpecTooLarge

MOST_NODES = 3_000
DEEPEST = 20


def automaton(pattern: Any, states: Collection[str], alphabet: Sequence[Symbol],
              effort: Effort | None = None) -> Automaton:
    """The minimal automaton of the runs that ``pattern`` describes.

    Raises :class:`AgentSpecError` naming the place of what is no pattern, and :class:`SpecTooLarge`.
    """
    net, spent = _Net(states), effort or Effort()
    start, end = net.add(pattern, "behavior.pattern", 0)

    def step(at: frozenset[int], symbol: Symbol) -> frozenset[int]:
        spent.spend(len(at))
        return net.closed(after for node in at for state, after in net.edges[node] if state == symbol.state)

    return Automaton.built(alphabet, net.closed([start]), step, lambda at: end in at, spent)


class _Net:
    """A nondeterministic automaton with silent steps, grown pattern by pattern."""

    def __init__(self, states: Collection[str]) -> None:
        self.states = states
        self.edges: list[list[tuple[str, int]]] = []
        self.silent: list[list[int]] = []

    def node(self) -> int:
        if len(self.edges) >= MOST_NODES:
            raise SpecTooLarge(f"the pattern needs more than {MOST_NODES:,} nodes; use smaller counts", param="behavior.pattern")
        self.edges.append([])
        self.silent.append([])
        return len(self.edges) - 1

    def closed(self, nodes: Any) -> frozenset[int]:
        """``nodes`` and what silent steps reach from them."""
        found, waiting = set[int](), list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += self.silent[node]
        return frozenset(found)

    def add(self, pattern: Any, where: str, depth: int) -> tuple[int, int]:
        """The first and last node of ``pattern``."""
        if depth > DEEPEST:
            raise SpecTooLarge(f"{where}: more than {DEEPEST} patterns inside each other", param=where)
        if isinstance(pattern, str):
            return self._state(pattern, where)
        if not isinstance(pattern, dict) or len(pattern) != 1:
            raise AgentSpecError(f"{where}={pattern!r}: expected a state, or a mapping with one of next, or, until, always", param=where)
        (operator, said), = pattern.items()
        where = f"{where}.{operator}"
        match operator:
            case "next":
                return self._row([self.add(one, f"{where}.{number}", depth + 1) for number, one in enumerate(_listed(said, where))])
            case "or":
                options = [self.add(one, f"{where}.{number}", depth + 1) for number, one in enumerate(_listed(said, where))]
                start, end = self.node(), self.node()
                for first, last in options:
                    self.silent[start].append(first)
                    self.silent[last].append(end)
                return start, end
            case "until":
                return self._until(said, where, depth)
            case "always":
                first, last = self.add(said, where, depth + 1)
                self.silent[last].append(first)
                return first, last
        raise AgentSpecError(f"{where}: {operator!r} is no operator; there are next, or, until, always", param=where)

    def _state(self, name: str, where: str) -> tuple[int, int]:
        if name not in self.states:
            raise AgentSpecError(f"{where}={name!r}: no such state; there are {', '.join(self.states)}", param=where)
        start, end = self.node(), self.node()
        self.edges[start].append((name, end))
        return start, end

    def _row(self, parts: Sequence[tuple[int, int]]) -> tuple[int, int]:
        for (_, last), (first, _) in itertools.pairwise(parts):
            self.silent[last].append(first)
        return parts[0][0], parts[-1][1]

    def _until(self, said: Any, where: str, depth: int) -> tuple[int, int]:
        if not isinstance(said, dict) or not {"loop", "exit"} <= said.keys() <= {"loop", "exit", "least", "most"}:
            raise AgentSpecError(f"{where}={said!r}: expected loop, exit, and perhaps least and most", param=where)
        least, most = said.get("least", 0), said.get("most")
        for name, count in (("least", least), ("most", least if most is None else most)):
            if type(count) is not int or not 0 <= count <= 1_000 or (name == "most" and count < least):
                raise AgentSpecError(f"{where}.{name}={count!r}: expected a whole number from {least if name == 'most' else 0} to 1,000",
                                     param=f"{where}.{name}")
        if not isinstance(said["exit"], str):
            raise AgentSpecError(f"{where}.exit={said['exit']!r}: expected a state", param=f"{where}.exit")
        start = here = self.node()
        leave = self._state(said["exit"], f"{where}.exit")
        rounds = least if most is None else most
        for number in range(rounds):
            if number >= least:
                self.silent[here].append(leave[0])
            first, last = self.add(said["loop"], f"{where}.loop", depth + 1)
            self.silent[here].append(first)
            here = last
        if most is None:
            first, last = self.add(said["loop"], f"{where}.loop", depth + 1)
            turn = self.node()
            self.silent[here].append(turn)
            self.silent[turn].append(first)
            self.silent[last].append(turn)
            here = turn
        self.silent[here].append(leave[0])
        return start, leave[1]


def _listed(said: Any, where: str) -> list[Any]:
    if not isinstance(said, list) or not said:
        raise AgentSpecError(f"{where}={said!r}: expected a list of patterns", param=where)
    return said
