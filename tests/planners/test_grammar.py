"""The grammar of a domain's problems, checked by a small recogniser of GBNF."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from hypothesis import given, settings

from eudoxus.decoding import Lark
from eudoxus.decoding.checking import checker
from eudoxus.decoding.gbnf import as_gbnf
from eudoxus.decoding.notation import in_notation
from eudoxus.planners.domains import shipped
from eudoxus.planners.grammar import problem_grammar
from eudoxus.planners.pddl import parse_domain, write_problem
from eudoxus.planners.pddl.model import Problem
from eudoxus.planners.task import PlanningTask
from eudoxus.runtime.endpoints.base import Capabilities
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from tests.planners.worlds import blocks_problems, plan

BLOCKS = shipped()["blocksworld"]
TASK = PlanningTask(description=BLOCKS.example_description, domain="blocksworld")
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[A-Za-z]+|[()|*+?]|::=')
Ends = Callable[[int], frozenset[int]]


def accepts(grammar: str, text: str) -> bool:
    """Whether ``root`` of the grammar derives ``text``."""
    lines = [line for line in grammar.splitlines() if line and not line.startswith("#")]
    rules = {name.strip(): TOKEN.findall(body) for name, _, body in (line.partition("::=") for line in lines)}

    @cache
    def ends(name: str, at: int) -> frozenset[int]:
        return choice(tuple(rules[name]), at)

    def choice(tokens: tuple[str, ...], at: int) -> frozenset[int]:
        return frozenset(end for branch in split(tokens) for end in sequence(branch, frozenset({at})))

    def sequence(tokens: tuple[str, ...], here: frozenset[int]) -> frozenset[int]:
        while tokens and here:
            size = group(tokens)
            part, tokens = tokens[:size], tokens[size:]
            sign, tokens = (tokens[0], tokens[1:]) if tokens and tokens[0] in "*+?" else ("", tokens)
            once = frozenset(end for at in here for end in single(part, at))
            reached = once if sign in ("", "+") else here | once
            while sign in ("*", "+") and once:
                once = frozenset(end for at in once for end in single(part, at)) - reached
                reached |= once
            here = reached
        return here

    def single(part: tuple[str, ...], at: int) -> frozenset[int]:
        word = part[0]
        if word == "(":
            return choice(part[1:-1], at)
        if word[0] == '"':
            said = word[1:-1].replace("\\n", "\n")
            return frozenset({at + len(said)}) if text.startswith(said, at) else frozenset()
        if word[0] == "[":
            return frozenset({at + 1}) if at < len(text) and re.match(word, text[at]) else frozenset()
        return ends(word, at)

    return len(text) in ends("root", 0)


def accepted(grammar: Lark, text: str) -> bool:
    """Whether the grammar derives ``text``, by its GBNF and by what checks answers, which must agree."""
    found = accepts(as_gbnf(grammar), text)
    assert (checker(grammar).verdict(text).complaint is None) == found
    return found


def group(tokens: tuple[str, ...]) -> int:
    """How many tokens the first item takes."""
    depth = 0
    for number, token in enumerate(tokens, start=1):
        depth += (token == "(") - (token == ")")
        if depth == 0:
            return number
    raise AssertionError(tokens)


def split(tokens: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The alternatives at the top level."""
    depth, start = 0, 0
    for number, token in enumerate(tokens):
        depth += (token == "(") - (token == ")")
        if token == "|" and depth == 0:
            yield tokens[start:number]
            start = number + 1
    yield tokens[start:]


def fenced(problem: str) -> str:
    return f"```pddl\n{problem}\n```"


@pytest.mark.parametrize("domain", shipped().values(), ids=lambda domain: domain.name)
def test_the_worked_examples_have_the_form(domain):
    assert accepted(problem_grammar(parse_domain(domain.pddl)), fenced(domain.example_problem))


@settings(max_examples=20, deadline=None)
@given(problem=blocks_problems(most=4))
def test_whatever_we_write_has_the_form(problem: Problem):
    assert accepted(problem_grammar(parse_domain(BLOCKS.pddl)), fenced(write_problem(problem).strip()))


@pytest.mark.parametrize(("right", "wrong"), [
    ("(:domain blocksworld)", "(:domain blocks)"), ("(clear green)", "(bare green)"), ("(on green red)", "(on green)"),
    ("(on green red)", "..."), ("- block", "- brick"), ("(arm-empty))", "(arm-empty)"), ("(:init", "; the start\n(:init"),
])
def test_what_the_domain_does_not_know_cannot_be_written(right: str, wrong: str):
    assert right in BLOCKS.example_problem
    assert not accepted(problem_grammar(parse_domain(BLOCKS.pddl)), fenced(BLOCKS.example_problem.replace(right, wrong, 1)))


def test_goals_may_be_quantified_and_costs_named():
    domain = parse_domain("(define (domain d) (:requirements :action-costs) (:predicates (p ?x)) (:functions (total-cost)))")
    problem = ("(define (problem q) (:domain d) (:objects a b) (:init (p a) (= (total-cost) 0))"
               " (:goal (and (forall (?x) (p ?x)) (not (p b)) (= a b))) (:metric minimize (total-cost)))")
    assert accepted(problem_grammar(domain), fenced(problem))


@pytest.mark.parametrize(("dialect", "notation"), [("llama.cpp", "gbnf"), ("vllm", "gbnf"), ("openai", "lark"), ("local", "lark")])
async def test_the_answer_is_bound_by_the_grammar_in_the_dialect_of_the_endpoint(dialect: str, notation: str):
    endpoint = SimulatedEndpoint([fenced(BLOCKS.example_problem)], name="sim", capabilities=Capabilities(grammar=dialect))
    result, _ = await plan(TASK, endpoint, "llm_plus_p(grammar=true)")
    assert result.verified
    assert endpoint.requests[0][1].grammar == {notation: in_notation(problem_grammar(parse_domain(BLOCKS.pddl)), notation)}


@pytest.mark.parametrize("offered", [None, "ollama"])
async def test_an_endpoint_that_takes_no_grammar_is_asked_again_until_an_answer_has_the_form(offered: str | None):
    answers = ["Here it is:\n(define (problem", fenced(BLOCKS.example_problem)]
    endpoint = SimulatedEndpoint(answers, name="sim", capabilities=Capabilities(grammar=offered))
    result, _ = await plan(TASK, endpoint, "llm_plus_p(grammar=true)")
    assert result.verified
    assert [request.grammar for _, request, _ in endpoint.requests] == [None, None]
    assert "a grammar in the notation of Lark" in endpoint.requests[0][1].messages[-1].text


async def test_an_answer_that_never_has_the_form_is_checked_as_any_other():
    endpoint = SimulatedEndpoint(lambda *_: f"As asked:\n{BLOCKS.example_problem}\nDone.", name="sim")
    result, _ = await plan(TASK, endpoint, "llm_plus_p(grammar=true)")
    assert result.verified, "what is around it does not matter to the planner"
    assert endpoint.calls == 5, "four samples, and one that went on from nothing"
