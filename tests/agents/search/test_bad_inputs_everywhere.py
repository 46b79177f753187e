"""What a broken or hostile model does to every strategy that searches or acts: a typed outcome within its limits, and the same replay."""

from __future__ import annotations

import pytest

from eudoxus.agents.problem import ProblemTask
from eudoxus.runtime import ChatRequest, Task
from eudoxus.runtime.errors import EndpointError
from tests.agents.running import chat, run

EVERY = ["tree_of_thoughts", "tree_of_thoughts(order=dfs)", "tree_of_thoughts(evaluate=value)",
         "tree_of_thoughts(generate=sample,evaluate=vote)", "beam", "best_first", "mcts", "mcts(selection=uct)", "lats", "ab_mcts", "mctsr",
         "rstar", "reflexion", "react", "rewoo", "plan_and_solve", "agent_tree_search"]
TASKS: dict[str, Task] = {
    "question": chat("How many eggs are whole?"),
    "problem": ProblemTask.model_validate({"messages": [{"role": "user", "content": "A number?"}],
                                           "verifier": {"kind": "number", "value": 7}}),
}
REPLIES = {
    "nothing": "", "blank": " \n\n ", "one step": "1. think", "the same answer": "1. ANSWER: 5",
    "malformed": "\x00\ufffd}{][ ((( <think> #E1 = [",
    "too long": "x" * 50_000, "ten thousand steps": "\n".join(f"{number}. step {number}" for number in range(10_000)),
    "an action for ever": "Thought: on\nAction: calculator[1+1]",
    "a cycle": "Plan: a\n#E1 = calculator[#E2]\nPlan: b\n#E2 = calculator[#E1]",
}


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("path", EVERY)
async def test_whatever_the_model_says_a_run_ends_with_a_typed_outcome_within_its_budget(path: str, reply: str) -> None:
    for task in TASKS.values():
        result, _ = await run(path, task, lambda *_: REPLIES[reply], requests=12)
        assert result.outcome in ("best_effort", "limit", "failed") and result.usage.requests <= 12
        assert result.answer is not None or result.detail


@pytest.mark.parametrize("requests", [0, 1])
@pytest.mark.parametrize("path", EVERY)
async def test_a_budget_of_nothing_or_of_one_request_is_kept(path: str, requests: int) -> None:
    result, endpoint = await run(path, TASKS["question"], lambda *_: "1. ANSWER: 5", requests=requests)
    assert result.outcome in ("limit", "failed") or requests == 1
    assert result.usage.requests <= requests and len(endpoint.requests) <= requests


@pytest.mark.parametrize("path", EVERY)
async def test_a_deeper_and_deeper_tree_ends(path: str) -> None:
    def deeper(model: str, request: ChatRequest, number: int) -> str:
        return f"1. step of length {len(request.messages[-1].text)}\n2. sure"

    result, _ = await run(path, TASKS["question"], deeper, requests=40)
    assert result.outcome in ("best_effort", "limit", "failed") and result.usage.requests <= 40


@pytest.mark.parametrize("path", EVERY)
async def test_an_endpoint_that_always_fails_is_no_endless_loop(path: str) -> None:
    asked = []

    def failing(model: str, request: ChatRequest, number: int) -> str:
        asked.append(request)
        raise EndpointError("it is broken", endpoint="sim")

    with pytest.raises(EndpointError):
        await run(path, TASKS["question"], failing)
    assert len(asked) <= 20


@pytest.mark.parametrize("path", ["tree_of_thoughts", "tree_of_thoughts(order=dfs)", "tree_of_thoughts(evaluate=value)",
                                  "tree_of_thoughts(evaluate=vote)", "beam", "best_first", "mcts", "lats", "ab_mcts", "agent_tree_search"])
async def test_a_judge_that_always_fails_leaves_the_answer_found_without_it(path: str) -> None:
    def player(model: str, request: ChatRequest, number: int) -> str:
        if "judge" in (request.prompt or "") or "vote" in (request.prompt or ""):
            raise EndpointError("the judge is broken", endpoint="sim")
        if "environments" in (request.prompt or ""):
            return "Thought: I know\nAction: stop[29]"
        return "VERDICT: revise\n1. no" if "feedback" in (request.prompt or "") else "1. ANSWER: 29\n2. count the boxes"

    result, _ = await run(path, TASKS["question"], player, requests=60)
    assert result.answer is not None and "29" in result.answer and result.outcome in ("best_effort", "limit")
