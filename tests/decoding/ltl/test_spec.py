"""Agent specifications: the shipped ones hold, and what is wrong with others is said."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
import yaml

from eudoxus.decoding.ltl import AgentSpecError, FormulaError, Monitor, SpecTooLarge, Unsatisfiable, load_agent, read_agent, shipped, verify

SMALL: dict[str, Any] = {
    "agent": "small", "answer": "answer",
    "states": {"question": {"prefix": "[Q] ", "env": "task"}, "thought": {"prefix": "[T] "},
               "answer": {"prefix": "[A] ", "content": "line"}},
    "behavior": "question & G(question -> X thought) & G(thought -> X(thought | answer)) & G(answer -> last) & F answer",
}


def spec(**changes: Any) -> str:
    return yaml.safe_dump(SMALL | changes, sort_keys=False)


def states(**changes: Any) -> dict[str, Any]:
    return {name: {**one, **changes.get(name, {})} for name, one in SMALL["states"].items()}


def test_all_shipped_agents_can_be_loaded() -> None:
    assert shipped() == ["chain_of_thought", "plan_and_solve", "react", "reflexion", "rewoo"]
    sizes = {name: len(load_agent(name).automaton.rows) for name in shipped()}
    assert sizes == {"chain_of_thought": 5, "plan_and_solve": 21, "react": 7, "reflexion": 21, "rewoo": 37}


@pytest.mark.parametrize("name", ["chain_of_thought", "plan_and_solve", "react", "reflexion", "rewoo"])
def test_the_examples_of_shipped_agents_are_complete_runs(name: str) -> None:
    agent = load_agent(name)
    found = verify(agent, agent.example)
    assert found.ok and found.segments[-1].state == agent.answer
    cut = "\n".join(agent.example.strip().split("\n")[:-1])
    assert "ends too soon" in str(verify(agent, cut).violation)


def test_a_refused_proposal_of_reflexion_is_the_answer_only_after_two_reflections() -> None:
    agent = load_agent("reflexion")
    attempt = "[Thought] t\n[Proposed Answer] p\n[Evaluation] no\n"
    once, again = "[Question] q\n" + attempt, "[Reflection] r\n" + attempt
    assert verify(agent, once + again + again + "[Answer] p").ok
    for run in (once + again + again + "[Reflection] r", once + again * 3):
        assert "may not come here" in str(verify(agent, run, complete=False).violation)


def test_an_agent_can_be_given_inline() -> None:
    agent = load_agent(spec(checks=["!F(thought & X thought)"]))
    assert verify(agent, "[Q] q\n[T] t\n[A] a").ok
    assert verify(agent, "[Q] q\n[T] t\n[T] t\n[A] a").violation is not None


@pytest.mark.parametrize(("text", "param", "said"), [
    ("reactt", "spec", "did you mean react"), ("- a\n- b", "spec", "a specification is a mapping"), ("a: [", "spec", "not YAML"),
    ("agent: a\nagent: b", "spec", "line 2: the key 'agent' is given twice"), ("a: &x [1]\nb: *x", "spec", "no aliases"),
    ("x: " + "[" * 5000, "spec", "at most 50 collections"), ("x: " + "y" * 60_000, "spec", "at most 50,000"),
    (spec(answers="answer"), "answers", "did you mean answer"), (spec(states={}), "states", "1 to 32 names"),
    (spec(answer="question"), "answer", "a state that the model writes"), (spec(behavior=5), "behavior", "expected a formula as text"),
    (spec(behavior={"ctl": "a"}), "behavior", "expected a formula"), (spec(checks=["question & "]), "checks.0", "line 1, column 12"),
    (spec(behavior="question & X tought"), "behavior", "line 1, column 14.*'tought'.*did you mean thought"),
    (spec(states=states(thought={"prefix": "[Q"})), "states.thought.prefix", "no prefix may begin another"),
    (spec(states=states(thought={"prefix": " T"})), "states.thought.prefix", "do not begin with a blank"),
    (spec(states=states(thought={"prefix": "[End] "})), "states.thought.prefix", "ends a run"),
    (spec(states=states(thought={"prefix": "a\nb"})), "states.thought.prefix", "printable"),
    (spec(states=states(thought={"max_tokens": 0})), "states.thought.max_tokens", "from 1 to 32,768"),
    (spec(states=states(thought={"max_token": 5})), "states.thought.max_token", "did you mean max_tokens"),
    (spec(states=states(thought={"content": {"regex": "(a"}})), "states.thought.content", "a '\\)' is missing"),
    (spec(states=states(thought={"content": {"lark": "start: WORD"}})), "states.thought.content", "uses WORD, which is not defined"),
    (spec(states=states(thought={"content": {"lark": "start: /a*/"}})), "states.thought.content", "derives the empty text"),
    ("agent: !!python/object/apply:os.getcwd []", "spec", "not YAML.*python/object"), ("? [a]\n: b", "spec", "is no name"),
    (spec(states=states(thought={"propositions": ["x"]})), "states.thought.propositions", "only what the host supplies"),
    (spec(states=states(question={"env": "moon"})), "states.question.env", "expected one of task"),
    (spec(states=states(question={"content": "line"})), "states.question", "the host supplies it"),
    (spec(states=states() | {"Big": {"prefix": "[B]"}}), "states", "lower-case"),
    (spec(states=states() | {"spare": {"prefix": "[S]"}}, checks=["G !spare"]), "states.spare", "no run ever comes to the state 'spare'"),
    (spec(example="[Q] q\n[A] a"), "example", "line 2: segment 2: answer may not come here; expected thought"),
    (spec(example="[Q] q\n[T] t\n[A] a\nb"), "example", "the content of answer: .* is not one line"),
])
def test_what_is_wrong_with_a_specification_is_said(text: str, param: str, said: str) -> None:
    with pytest.raises((AgentSpecError, FormulaError), match=f"(?s){said}") as error:
        load_agent(text)
    assert error.value.param == param


def test_a_conflict_is_shown_by_its_smallest_core_and_a_witness() -> None:
    with pytest.raises(Unsatisfiable) as error:
        read_agent(spec(checks=["G(answer -> F answer)", "!F thought", "F answer"]))
    conflict = error.value
    assert set(conflict.core) == {"question", "G(question -> X thought)", "!F thought"}
    assert conflict.breaks == "!F thought" and conflict.witness == ("question", "thought")
    assert "question thought satisfies all of them but !F thought" in str(conflict)


def test_a_constraint_that_conflicts_with_itself_is_a_core_alone() -> None:
    with pytest.raises(Unsatisfiable) as error:
        read_agent(spec(behavior="F answer & question & G(thought & answer)"))
    assert error.value.core == ("G(thought & answer)",) and error.value.witness == ()


def test_what_the_host_may_say_can_make_a_specification_unsatisfiable() -> None:
    said = states(question={"propositions": ["hard"]})
    with pytest.raises(Unsatisfiable, match="what the host supplies can make it impossible"):
        read_agent(spec(states=said, checks=["G !hard"]))
    assert read_agent(spec(states=said, checks=["G(hard -> X thought)"]))


def test_what_the_host_might_say_closes_a_way_before_it_is_too_late() -> None:
    text = files("eudoxus.decoding.ltl").joinpath("specs/react.yaml").read_text("utf-8")
    agent = read_agent(text + 'checks: ["!F(failed & X F(failed & X F failed))"]\n').with_tools(["calculator"])
    at, open_to = Monitor(agent).after("question").after("thought"), list[list[str]]()
    for _ in range(2):
        open_to.append([state.name for state in at.allowed()])
        at = at.after("action").after("input").after("observation", "failed").after("thought")
    assert open_to == [["action", "answer"]] * 2 and list(at.prefixes()) == ["answer"]
    with pytest.raises(KeyError):
        at.after("action")


def test_a_specification_that_would_take_too_much_work_is_refused() -> None:
    far = ["F(thought & " + "X(" * n + "answer" + ")" * n + ")" for n in range(20, 60)]
    with pytest.raises(SpecTooLarge):
        read_agent(spec(checks=far))
