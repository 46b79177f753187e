"""Agent specifications as YAML: read, checked field by field, and shipped as files.

::

    agent: react
    answer: answer                       # the state whose content is the answer
    states:
      question: {prefix: "[Question] ", env: task}
      thought:  {prefix: "[Thought] ", content: text, max_tokens: 256, about: what is known and what to do next}
      action:   {prefix: "[Action] ", content: tool}
      input:    {prefix: "[Action Input] ", content: line}
      observation: {prefix: "[Observation] ", env: observation, propositions: [failed]}
      answer:   {prefix: "[Answer] ", content: text}
    behavior: question & X thought & …   # LTLf; or {ltlf: [φ, …]}; or {pattern: {next: […]}}
    checks: ["!F(action & X F action)"]  # further formulas, all of which must hold
    example: |                           # a complete transcript; refused unless the behaviour allows it
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml

from eudoxus.decoding.ltl import behaviour, progression
from eudoxus.decoding.ltl.agent import ENV, Agent, Constraint, State
from eudoxus.decoding.ltl.automaton import Effort
from eudoxus.decoding.ltl.content import TEXT, content_of
from eudoxus.decoding.ltl.errors import AgentSpecError, FormulaError
from eudoxus.decoding.ltl.formula import atoms, conjuncts, parse
from eudoxus.decoding.ltl.transcript import END, verify

LONGEST = 50_000
"""Characters of a specification."""
DEEPEST = 50
"""Mappings and lists inside each other."""
MOST_STATES = 32
MOST_CONSTRAINTS = 64
MOST_PROPOSITIONS = 8

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FIELDS = ("agent", "about", "answer", "states", "behavior", "checks", "example")
_STATE_FIELDS = ("prefix", "env", "content", "max_tokens", "propositions", "about")


def shipped() -> list[str]:
    """The names of the specifications that come with the package."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _folder().iterdir() if entry.name.endswith(".yaml"))


def load_agent(said: str) -> Agent:
    """The shipped agent called ``said``, or the one that ``said`` specifies if it is more than a name.

    Raises :class:`AgentSpecError` and what :func:`read_agent` raises.
    """
    if not re.fullmatch(r"\s*[\w-]*\s*", said):
        return read_agent(said)
    name = said.strip()
    if name not in shipped():
        near = difflib.get_close_matches(name, shipped(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise AgentSpecError(f"no agent is called {name!r}{hint} (there are {', '.join(shipped())}; or give one in YAML)",
                             param="spec")
    return read_agent(_folder().joinpath(f"{name}.yaml").read_text("utf-8"))


@functools.lru_cache(maxsize=64)
def read_agent(text: str) -> Agent:
    """The agent that a specification describes, its automaton made and its example checked.

    Raises :class:`AgentSpecError` naming field, value and what was expected, :class:`FormulaError` with line and column inside a formula,
    :class:`SpecTooLarge`, and :class:`Unsatisfiable` with a smallest conflict when no run can satisfy it.
    """
    said = _yaml(text)
    _known_fields(said, _FIELDS, "")
    for name in ("agent", "answer", "states", "behavior"):
        if name not in said:
            raise AgentSpecError(f"{name} is missing", param=name)
    name = _text(said, "agent", "", 64)
    states = _states(said["states"])
    answer = said["answer"]
    if not any(state.name == answer and not state.env for state in states):
        raise AgentSpecError(f"answer={answer!r}: expected a state that the model writes", param="answer")
    agent = Agent(name, states, _constraints(said, states), answer, _text(said, "about", "", 500), _text(said, "example", "", 8_000))
    _check_use(agent)
    if agent.example:
        found = verify(agent, agent.example)
        if found.violation:
            raise AgentSpecError(f"example: {found.violation}", param="example")
    return agent


def _states(said: Any) -> tuple[State, ...]:
    if not isinstance(said, dict) or not 1 <= len(said) <= MOST_STATES:
        raise AgentSpecError(f"states: expected a mapping of 1 to {MOST_STATES} names to what they are", param="states")
    states = tuple(_state(name, one) for name, one in said.items())
    for number, state in enumerate(states):
        for other in states[:number]:
            if state.marker.startswith(other.marker) or other.marker.startswith(state.marker):
                raise AgentSpecError(f"states.{state.name}.prefix={state.prefix!r} and that of {other.name}, {other.prefix!r}: "
                                     "no prefix may begin another", param=f"states.{state.name}.prefix")
    names = [state.name for state in states]
    for proposition in (one for state in states for one in state.propositions):
        if proposition in names:
            raise AgentSpecError(f"{proposition!r} is both a state and a proposition", param="states")
    return states


def _state(name: Any, said: Any) -> State:
    where = f"states.{name}"
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in ("true", "false", "last"):
        raise AgentSpecError(f"{where}: a name has lower-case letters, digits and _, and is not true, false or last", param="states")
    if not isinstance(said, dict):
        raise AgentSpecError(f"{where}={said!r}: expected a mapping with a prefix", param=where)
    _known_fields(said, _STATE_FIELDS, f"{where}.")
    prefix = said.get("prefix")
    if isinstance(prefix, str) and prefix.strip() and (prefix.startswith(END) or END.startswith(prefix.strip())):
        raise AgentSpecError(f"{where}.prefix={prefix!r}: {END} ends a run and cannot be a prefix", param=f"{where}.prefix")
    if not isinstance(prefix, str) or not 1 <= len(prefix) <= 64 or not prefix.isprintable() or prefix != prefix.lstrip():
        raise AgentSpecError(f"{where}.prefix={prefix!r}: expected 1 to 64 printable characters in one line that do not begin with a blank",
                             param=f"{where}.prefix")
    env = {True: "host", False: ""}.get(said.get("env", False), said.get("env"))
    if env not in (*ENV, ""):
        raise AgentSpecError(f"{where}.env={env!r}: expected one of {', '.join(ENV)}, or true for host", param=f"{where}.env")
    most = said.get("max_tokens", 512)
    if type(most) is not int or not 1 <= most <= 32_768:
        raise AgentSpecError(f"{where}.max_tokens={most!r}: expected a whole number from 1 to 32,768", param=f"{where}.max_tokens")
    if env and ("content" in said or "max_tokens" in said):
        raise AgentSpecError(f"{where}: the host supplies it, so content and max_tokens say nothing", param=where)
    try:
        content = TEXT if env else content_of(said.get("content", "text"))
    except ValueError as error:
        raise AgentSpecError(f"{where}.content: {error}", param=f"{where}.content") from None
    return State(name, prefix, env, content, most, _propositions(said, where, env), _text(said, "about", f"{where}.", 500))


def _propositions(said: Mapping[str, Any], where: str, env: str) -> tuple[str, ...]:
    names = said.get("propositions", [])
    if not isinstance(names, list) or len(names) > MOST_PROPOSITIONS or len(set(map(str, names))) < len(names) or not all(
            isinstance(one, str) and _NAME.fullmatch(one) and one not in ("true", "false", "last") for one in names):
        raise AgentSpecError(f"{where}.propositions={names!r}: expected at most {MOST_PROPOSITIONS} different lower-case names",
                             param=f"{where}.propositions")
    if names and not env:
        raise AgentSpecError(f"{where}.propositions: only what the host supplies can have propositions", param=f"{where}.propositions")
    return tuple(names)


def _constraints(said: Mapping[str, Any], states: Sequence[State]) -> tuple[Constraint, ...]:
    alphabet = [symbol for state in states for symbol in state.symbols]
    known = {name for symbol in alphabet for name in symbol.holding}
    written = said["behavior"] if isinstance(said["behavior"], dict) else {"ltlf": said["behavior"]}
    if written.keys() not in ({"ltlf"}, {"pattern"}):
        raise AgentSpecError(f"behavior={written!r}: expected a formula, {{ltlf: …}} or {{pattern: …}}", param="behavior")
    found, effort = list[Constraint](), Effort()
    if "pattern" in written:
        names = [state.name for state in states]
        found.append(Constraint("the pattern", behaviour.automaton(written["pattern"], names, alphabet, effort)))
    formulas = [("behavior.ltlf" if isinstance(said["behavior"], dict) else "behavior", one) for one in _listed(written.get("ltlf", []))]
    formulas += [(f"checks.{number}", one) for number, one in enumerate(_listed(said.get("checks", [])))]
    for where, text in formulas:
        found += [Constraint(shown, progression.automaton(formula, alphabet, effort)) for shown, formula in _formulas(text, where, known)]
        if len(found) > MOST_CONSTRAINTS:
            raise AgentSpecError(f"more than {MOST_CONSTRAINTS} constraints", param=where)
    if not found:
        raise AgentSpecError("behavior: there is no formula", param="behavior")
    return tuple(found)


def _formulas(text: Any, where: str, known: set[str]) -> list[tuple[str, Any]]:
    if not isinstance(text, str):
        raise AgentSpecError(f"{where}={text!r}: expected a formula as text", param=where)
    try:
        formula = parse(text)
    except FormulaError as error:
        raise FormulaError(f"{where}: {error.reason}", text=error.text, at=error.at, param=where) from None
    for name in atoms(formula):
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            found = re.search(rf"(?<!\w){name}(?!\w)", text)
            raise FormulaError(f"{where}: {name!r} is neither a state nor a proposition{f'; did you mean {near[0]}?' if near else ''}",
                               text=text, at=found.start() if found else 0, param=where)
    return [(str(part), part) for part in conjuncts(formula)]


def _check_use(agent: Agent) -> None:
    """Refuse a state that no run uses: it is misspelt somewhere, or a constraint says more than was meant."""
    automaton, distances = agent.automaton, agent.distances
    used, seen, waiting = set[str](), {0}, [0]
    while waiting:
        row = automaton.rows[waiting.pop()]
        for state in agent.states:
            afters = [row[automaton.alphabet.index(symbol)] for symbol in state.symbols]
            if all(after in distances for after in afters):
                used.add(state.name)
                waiting += [after for after in afters if after not in seen]
                seen.update(afters)
    for state in agent.states:
        if state.name not in used:
            raise AgentSpecError(f"no run ever comes to the state {state.name!r}: leave it out, or let the behaviour reach it",
                                 param=f"states.{state.name}")
    if agent.answer not in used:
        raise AgentSpecError(f"no run ever comes to the state {agent.answer!r}, which holds the answer", param="answer")


def _listed(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [said]


def _text(said: Mapping[str, Any], field: str, where: str, most: int) -> str:
    text = said.get(field, "")
    if not isinstance(text, str) or len(text) > most:
        raise AgentSpecError(f"{where}{field}={text!r}: expected text of at most {most:,} characters"[:500], param=f"{where}{field}")
    return text


def _known_fields(said: Mapping[Any, Any], known: Sequence[str], where: str) -> None:
    for field in said:
        if field not in known:
            near = difflib.get_close_matches(str(field), known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
            raise AgentSpecError(f"{where}{field}: no such field{hint}", param=f"{where}{field}")


def _yaml(text: str) -> dict[str, Any]:
    """The mapping that ``text`` writes; without aliases, and without keys that are given twice."""
    if len(text) > LONGEST:
        raise AgentSpecError(f"a specification has at most {LONGEST:,} characters, this one {len(text):,}", param="spec")
    try:
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise AgentSpecError(f"a specification has at most {DEEPEST} collections inside each other", param="spec")
            if isinstance(event, yaml.AliasEvent):
                raise AgentSpecError(f"a specification has no aliases such as *{event.anchor}", param="spec")
        node = yaml.compose(text, yaml.SafeLoader)
        _check_keys(node)
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise AgentSpecError(f"the specification is not YAML: {error}", param="spec") from None
    if not isinstance(said, dict):
        raise AgentSpecError(f"a specification is a mapping with {', '.join(_FIELDS)}, not {type(said).__name__}", param="spec")
    return said


def _check_keys(node: Any) -> None:
    if isinstance(node, yaml.MappingNode):
        keys = set[str]()
        for key, value in node.value:
            if key.value in keys if isinstance(key.value, str) else True:
                raise AgentSpecError(f"line {key.start_mark.line + 1}: the key {key.value!r} is given twice or is no name", param="spec")
            keys.add(key.value)
            _check_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            _check_keys(one)


@functools.cache
def _folder() -> Any:
    return files("eudoxus.decoding.ltl").joinpath("specs")


