"""Automata accept exactly the runs that satisfy their formula, and never offer a step into a trap."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given

from eudoxus.decoding.ltl import AgentSpecError, Automaton, SpecTooLarge, Symbol, holds, parse
from eudoxus.decoding.ltl.behaviour import automaton as of_pattern
from eudoxus.decoding.ltl.formula import Formula
from eudoxus.decoding.ltl.progression import automaton
from tests.decoding.ltl.formulas import ALPHABET, NAMES, formulas, random_formula

REACT = ("question & X thought & G(question -> !X F question) & G(thought -> X(action | answer)) & G(action -> X input)"
         " & G(input -> X observation) & G(observation -> X thought) & G(answer -> last) & F answer")
STATES = tuple(Symbol(name) for name in ("question", "thought", "action", "input", "observation", "answer"))


def runs(text: str) -> list[Symbol]:
    return [Symbol(name) for name in text.split()]


def test_automata_agree_with_the_semantics_on_more_than_100000_traces() -> None:
    random, checked = Random(20231012), 0
    traces = [trace for length in range(1, 6) for trace in itertools.product(ALPHABET, repeat=length)]
    held = [[symbol.holding for symbol in trace] for trace in traces]
    for _ in range(300):
        formula = random_formula(random, 4)
        accepts = automaton(formula, ALPHABET).accepts
        for trace, positions in zip(traces, held, strict=True):
            assert accepts(trace) == holds(formula, positions), (str(formula), trace)
        checked += len(traces)
    assert checked == 108_900


@given(formulas)
def test_an_automaton_is_minimal_and_its_shortest_run_is_shortest(formula: Formula) -> None:
    made = automaton(formula, ALPHABET)
    for one, other in itertools.combinations(range(1, len(made.rows)), 2):
        assert _told_apart(made, one, other), (str(formula), one, other)
    run = made.shortest()
    short = [trace for length in range(1, 4) for trace in itertools.product(ALPHABET, repeat=length) if made.accepts(trace)]
    if run is None:
        assert not made.live() and short == []
    else:
        assert made.accepts(run) and (not short or len(run) == len(short[0]))
    assert not made.accepts([])


def _told_apart(made: Automaton, one: int, other: int) -> bool:
    seen, waiting = set[tuple[int, int]](), [(one, other)]
    while waiting:
        a, b = waiting.pop()
        if (a in made.accepting) != (b in made.accepting):
            return True
        if (a, b) not in seen:
            seen.add((a, b))
            waiting += zip(made.rows[a], made.rows[b], strict=True)
    return False


@given(formulas, formulas)
def test_a_product_is_the_automaton_of_the_conjunction(left: Formula, right: Formula) -> None:
    both = automaton(left, ALPHABET).both(automaton(right, ALPHABET))
    for length in range(1, 5):
        for trace in itertools.product(ALPHABET, repeat=length):
            positions = [symbol.holding for symbol in trace]
            assert both.accepts(trace) == (holds(left, positions) and holds(right, positions))


@given(formulas)
def test_without_propositions_acceptance_can_be_forced_where_it_can_be_reached(formula: Formula) -> None:
    made = automaton(formula, ALPHABET)
    distances = made.distances()
    assert distances.keys() == made.live()
    run = made.shortest()
    assert distances.get(0) == (None if run is None else len(run))


def test_the_automaton_of_react_is_small() -> None:
    made = automaton(parse(REACT), STATES)
    assert len(made.rows) == 7 and len(made.live()) == 6
    assert made.shortest() == runs("question thought answer")
    assert made.accepts(runs("question thought action input observation thought answer"))
    assert not made.accepts(runs("question thought answer answer")) and not made.accepts(runs("question thought action observation"))
    most = "action"
    for _ in range(20):
        most = f"action & X F({most})"
    assert len(made.both(automaton(parse(f"!F({most})"), STATES)).rows) == 85


def test_what_the_host_says_must_not_be_able_to_lead_into_a_trap() -> None:
    alphabet = (Symbol("ask"), Symbol("seen"), Symbol("seen", "failed"), Symbol("answer"))
    made = automaton(parse("ask & F answer & G(seen -> !failed)"), alphabet)
    after_ask = made.step(0, Symbol("ask"))
    assert made.step(after_ask, Symbol("seen")) in made.distances()
    assert made.step(after_ask, Symbol("seen", "failed")) not in made.live()
    forced = automaton(parse("ask & X seen & F answer & G(seen -> !failed)"), alphabet)
    assert 0 in forced.live() and 0 not in forced.distances()


@pytest.mark.parametrize(("pattern", "text"), [
    ({"next": ["a", "b"]}, "a & X(b & last)"),
    ({"or": ["a", {"next": ["b", "c"]}]}, "(a & last) | (b & X(c & last))"),
    ({"until": {"loop": "a", "exit": "b"}}, "a U (b & last)"),
    ({"until": {"loop": "a", "exit": "b", "least": 1}}, "a & X(a U (b & last))"),
    ({"until": {"loop": "a", "exit": "b", "most": 2}}, "(b & last) | (a & X((b & last) | (a & X(b & last))))"),
    ({"until": {"loop": {"next": ["a", "c"]}, "exit": "b", "least": 1, "most": 1}}, "a & X(c & X(b & last))"),
    ({"always": "a"}, "G a"),
    ({"until": {"loop": {"until": {"loop": "a", "exit": "c"}}, "exit": "b"}}, "(a | c) U (b & last) & G(a -> X(a | c))"),
])
def test_patterns_are_the_automata_of_formulas(pattern: object, text: str) -> None:
    assert of_pattern(pattern, NAMES, ALPHABET) == automaton(parse(text), ALPHABET)


@pytest.mark.parametrize(("pattern", "said"), [
    ("d", "'d': no such state; there are a, b, c"), ({"next": []}, "expected a list"), ({"then": ["a"]}, "no operator"),
    ({"until": {"loop": "a"}}, "expected loop, exit"), ({"until": {"loop": "a", "exit": {"next": ["b"]}}}, "expected a state"),
    ({"until": {"loop": "a", "exit": "b", "most": 1.5}}, "most=1.5: expected a whole number"),
    ({"until": {"loop": "a", "exit": "b", "least": 3, "most": 2}}, "from 3"), (["a"], "expected a state"),
    ({"next": ["a", {"or": ["b", "e"]}]}, "behavior.pattern.next.1.or.1='e'"),
])
def test_what_is_no_pattern_is_refused_by_its_place(pattern: object, said: str) -> None:
    with pytest.raises(AgentSpecError, match=said):
        of_pattern(pattern, NAMES, ALPHABET)


def test_what_would_take_too_much_is_refused_at_once() -> None:
    loop: object = "a"
    for _ in range(4):
        loop = {"until": {"loop": loop, "exit": "b", "most": 100}}
    with pytest.raises(SpecTooLarge, match="nodes"):
        of_pattern(loop, NAMES, ALPHABET)
    nested = "a"
    for _ in range(30):
        nested = f"({nested} <-> X b)"
    with pytest.raises(SpecTooLarge, match="<-> inside <->"):
        automaton(parse(nested), ALPHABET)
    far = "F(a & " + "X(" * 40 + "b" + ")" * 40 + ")"
    with pytest.raises(SpecTooLarge, match="alternatives|states"):
        automaton(parse(far), ALPHABET)
