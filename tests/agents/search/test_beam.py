"""Beam search, and searches over problems: steps as the task says, answers of several lines, an end at the first verified one."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.agents.problem import ProblemTask
from eudoxus.agents.search.steps import Steps, lines_of
from eudoxus.runtime import ChatRequest, Message, Registry
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from tests.agents.running import run

SEVEN: dict[str, Any] = {"kind": "z3", "constraints": "(assert (= (* answer answer) 49))"}


def problem(verifier: dict[str, Any] | None = SEVEN, **more: Any) -> ProblemTask:
    said = {"messages": (Message(role="user", content="Which number is its own root?"),), "verifier": verifier, **more}
    return ProblemTask.model_validate(said)


def player(steps: str = "1. try six\n2. try seven", *, answer: str = "1. ANSWER: 6\n2. ANSWER: 7",
    label: str = "likely") -> SimulatedEndpoint:
    """Proposes ``steps`` at the root and ``answer`` below it, and judges every state alike."""

    def reply(model: str, request: ChatRequest, number: int) -> str:
        if request.messages[0].text.startswith("You judge"):
            return "\n".join(f"{n}. {label}" for n in range(1, 33))
        return steps if "(none yet)" in request.messages[-1].text else answer

    return SimulatedEndpoint(reply, name="sim")


@pytest.mark.parametrize("strategy", ["beam", "best_first", "mcts", "tree_of_thoughts", "tree_of_thoughts(order=dfs)"])
async def test_a_search_over_steps_ends_with_the_first_verified_answer(strategy: str):
    result, endpoint = await run(strategy, problem(), player())
    assert (result.answer, result.outcome, result.authority) == ("7", "verified", "solver")
    assert result.artifacts["path"] in (["try six", "ANSWER: 7"], ["try seven", "ANSWER: 7"]) and len(endpoint.requests) <= 5


@pytest.mark.parametrize("strategy", ["best_of_n(n=3)", "ab_mcts", "mctsr", "refine", "reflexion", "repeat/direct",
    "fallback(direct, refine)",
                                      "self_consistency(n=3)", "vote(direct, refine, k=1)", "plan_and_solve", "limit(requests=9)/direct",
                                      "sequence(direct, direct)"])
async def test_every_other_strategy_is_verified_by_the_same_word(strategy: str):
    installed = Registry.installed()
    result, _ = await run(strategy, problem(), lambda *_: "Answer: 7", strategies=installed.strategies.values())
    assert (result.outcome, result.authority) == ("verified", "solver"), result


async def test_only_a_verified_answer_ends_it_early_when_the_task_has_a_verifier():
    result, _ = await run("beam(size=1,depth=3)", problem(), player(answer="1. ANSWER: 6\n2. on", label="sure"))
    assert result.outcome == "best_effort" and "cannot all hold" in result.detail


async def test_the_beam_keeps_so_many_states_of_each_level():
    result, endpoint = await run("beam(size=2,depth=2)", problem(None), player("1. a\n2. b\n3. c\n4. d", answer="nothing new"))
    proposals = [r for r in (asked[1] for asked in endpoint.requests) if r.messages[0].text.startswith("You solve")]
    assert len(proposals) == 3 and result.outcome == "failed"


async def test_the_steps_are_asked_for_as_the_task_says():
    _, endpoint = await run("beam", problem(step_prompt="A step names one candidate."), player())
    assert "\n\nA step names one candidate.\n\n" in endpoint.requests[0][1].messages[0].text
    _, endpoint = await run("beam", problem(), player())
    assert "A step is one short piece of work" in endpoint.requests[0][1].messages[0].text


async def test_an_answer_of_several_lines_stands_in_a_block():
    tests = {"kind": "python_tests", "tests": ["assert twice(2) == 4"]}
    answer = "1. think more\n2. ANSWER:\n   ```python\n   def twice(n):\n       return n + n\n   ```\n3. give up"
    result, _ = await run("beam", problem(tests), player(answer=answer))
    assert result.outcome == "verified" and result.artifacts["answer"] == "def twice(n):\n    return n + n"


@pytest.mark.parametrize(("reply", "steps"), [
    ("1. a\n2. b\nand more", ["a", "b"]), ("a\nb", ["a", "b"]), ("```\n1. a\n```", ["a"]),
    ("1. a\n2. ANSWER:\n```\nx\ny\n```\n3. c", ["a", "ANSWER:\n```\nx\ny\n```", "c"]),
    ("ANSWER:\n```\nx\n```", ["ANSWER:\n```\nx\n```"]), ("1. **ANSWER:**\n```\nx", ["**ANSWER:**\n```\nx\n```"]),
    ("1. ANSWER: 5\n```\nx\n```", ["ANSWER: 5"]),
])
def test_steps_are_one_line_each_but_for_answers_in_blocks(reply: str, steps: list[str]):
    assert lines_of(reply) == steps


def test_the_block_is_the_answer():
    steps = Steps()
    state = steps.apply(steps.root(), "**ANSWER:**\n```\nx\n  y\n```")
    found = steps.goal(state)  # type: ignore[arg-type]
    assert found is not None and found.text.strip("`\n* ") == "x\n  y"


async def test_votes_compare_what_the_extractor_finds():
    said = ["so x = 4.", "x = 5, no: x = 4.0", "x = 5"]
    task = problem(None, answer={"kind": "regex", "pattern": r"x = ([\d.]+)"})
    result, endpoint = await run("self_consistency(n=3)", task, said)
    assert len(endpoint.requests[0][1].messages) == 1  # nobody is told to write "Answer:"
    assert result.artifacts["format"] == "text" and result.artifacts["answer"] in ("4", "4.", "5")
    number = problem(None, answer={"kind": "number"})
    result, _ = await run("self_consistency(n=3)", number, said)
    assert result.artifacts["votes"][0] == {"answer": "4", "count": 2}
