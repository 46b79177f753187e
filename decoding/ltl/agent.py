"""An agent: the states its segments can have, and in which order they may follow each other (Crouse et al. 2023, arXiv 2310.08535)."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from eudoxus.decoding.ltl.automaton import Automaton, Effort, Symbol
from eudoxus.decoding.ltl.content import TEXT, Content
from eudoxus.decoding.ltl.errors import Unsatisfiable

ENV = ("task", "observation", "evidence", "verdict", "host")
"""What the host can supply: the task, what a tool said, what all tools of a plan said, what a verifier said, anything else."""


@dataclass(frozen=True, slots=True)
class State:
    """A kind of segment: ``prefix``, then a content."""

    name: str
    prefix: str
    env: str = ""
    """One of ``ENV`` when the host supplies the content; empty when the model writes it."""
    content: Content = TEXT
    max_tokens: int = 512
    propositions: tuple[str, ...] = ()
    """What the host may say of a segment that it supplied; at most one of them holds."""
    about: str = ""
    """What belongs into such a segment, in words."""

    @property
    def marker(self) -> str:
        """What no line of free text begins with."""
        return self.prefix.rstrip()

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        return (Symbol(self.name), *(Symbol(self.name, proposition) for proposition in self.propositions))


@dataclass(frozen=True, slots=True)
class Constraint:
    """One formula or pattern that every run satisfies."""

    text: str
    automaton: Automaton


@dataclass(frozen=True)
class Agent:
    """States and behaviour. Made by :func:`eudoxus.decoding.ltl.spec.read_agent`."""

    name: str
    states: tuple[State, ...]
    constraints: tuple[Constraint, ...]
    answer: str
    """The state whose last content is the agent's answer."""
    about: str = ""
    example: str = ""
    """A complete transcript that shows the form; one that the behaviour allows."""

    @functools.cached_property
    def automaton(self) -> Automaton:
        """The minimal automaton of all constraints together. Raises :class:`Unsatisfiable` with a conflict."""
        return _satisfiable(self.constraints)

    @functools.cached_property
    def distances(self) -> dict[int, int]:
        """Segments that lead to acceptance from each state that is no trap; see :meth:`Automaton.distances`."""
        return self.automaton.distances()

    @functools.cached_property
    def live(self) -> frozenset[int]:
        """The states of the automaton from which some run is accepted."""
        return self.automaton.live()

    @functools.cached_property
    def markers(self) -> tuple[str, ...]:
        return tuple(state.marker for state in self.states)

    def state(self, name: str) -> State:
        """Raises KeyError."""
        for state in self.states:
            if state.name == name:
                return state
        raise KeyError(name)

    def with_tools(self, names: Sequence[str]) -> Agent:
        """The same agent where segments of content *tool* are one of ``names``."""
        content = Content("tool", values=tuple(names))
        states = tuple(dataclasses.replace(one, content=content) if one.content.kind == "tool" else one for one in self.states)
        other = dataclasses.replace(self, states=states)
        other.__dict__.update(automaton=self.automaton, distances=self.distances, live=self.live)
        return other


@dataclass(frozen=True, slots=True)
class Monitor:
    """Where a run stands: what may follow. Immutable, so that a runner can go back to where it was.

    Runners that see log-probs ask it for :meth:`prefixes` and mask everything else; those that do not, check what comes.
    """

    agent: Agent
    at: int = 0
    """The state of the automaton."""

    @property
    def accepting(self) -> bool:
        """Whether the run may end here."""
        return self.at in self.agent.automaton.accepting

    @property
    def distance(self) -> int:
        """The most segments until the run may end, on the best way and with the host at its worst."""
        return self.agent.distances[self.at]

    def allowed(self, remaining: int | None = None) -> tuple[State, ...]:
        """The states that may come next without leading into a trap, in the order of the specification.

        With ``remaining``, only those after which the run can still be brought to its end within so many segments, this one included.
        """
        return tuple(state for state in self.agent.states if self._cost(state) < (math.inf if remaining is None else remaining))

    def prefixes(self, remaining: int | None = None) -> dict[str, str]:
        """The prefix of each state that may come next."""
        return {state.name: state.prefix for state in self.allowed(remaining)}

    def after(self, state: str, proposition: str = "") -> Monitor:
        """Where the run stands after such a segment. Raises KeyError when it may not come next."""
        if self._cost(self.agent.state(state)) == math.inf:
            raise KeyError(state)
        return Monitor(self.agent, self.agent.automaton.step(self.at, Symbol(state, proposition)))

    def nearest(self, states: Sequence[State]) -> State:
        """The one of ``states`` after which the end is nearest; of equals the first."""
        return min(states, key=self._cost)

    def _cost(self, state: State) -> float:
        """The distance after ``state``, whatever holds of it; infinite for a trap."""
        automaton, distances = self.agent.automaton, self.agent.distances
        return max(distances.get(automaton.step(self.at, symbol), math.inf) for symbol in state.symbols)


def _satisfiable(constraints: Sequence[Constraint]) -> Automaton:
    """The product of all. Raises :class:`Unsatisfiable` with a smallest set of constraints that conflict."""
    effort = Effort()
    whole, conflict = _product(constraints, effort)
    if conflict is None:
        return whole
    core: list[Constraint] = []
    rest = list(constraints[: conflict + 1])
    while True:  # the constraint that tips the scale belongs to the core; what came before it is looked at again
        _, tipping = _product([*core, *rest], effort)
        assert tipping is not None
        if tipping < len(core):
            break
        place = tipping - len(core)
        core.append(rest[place])
        rest = rest[:place]
    others = core[1:]
    witness = _product(others, effort)[0].shortest() if others else None
    never = whole.shortest() is None
    why = "no run satisfies" if never else "whatever is written, what the host supplies can make it impossible to satisfy"
    raise Unsatisfiable([one.text for one in (*others, core[0])], [str(symbol) for symbol in witness or []], why=why)


def _product(constraints: Sequence[Constraint], effort: Effort) -> tuple[Automaton, int | None]:
    """The product up to the first constraint with which the end can no longer be forced, and its number."""
    product: Automaton | None = None
    for number, constraint in enumerate(constraints):
        product = constraint.automaton if product is None else product.both(constraint.automaton, effort)
        if 0 not in product.distances():
            return product, number
    assert product is not None
    return product, None
