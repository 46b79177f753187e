"""Plan-and-Solve: the plan is made first and reaches the answering request."""

from __future__ import annotations

from tests.agents.running import JSON, chat, run


async def test_the_plan_is_carried_out() -> None:
    result, endpoint = await run("plan_and_solve", chat("2 + 2?"), ["<think>hm</think>Given: 2 and 2.\n1. Add them.", "2 + 2 = 4"])
    assert (result.answer, result.outcome) == ("2 + 2 = 4", "best_effort")
    assert result.artifacts["plan"] == "Given: 2 and 2.\n1. Add them."
    assert "1. Add them." in endpoint.requests[1][1].messages[-1].text and endpoint.requests[1][1].messages[0].text == "2 + 2?"


async def test_the_tasks_verifier_decides() -> None:
    result, _ = await run("plan_and_solve", chat("JSON", response_format=JSON), ["plan", '{"n": 1}'])
    assert (result.outcome, result.authority) == ("verified", "exact")


async def test_a_budget_of_one_call_ends_before_the_answer() -> None:
    result, _ = await run("plan_and_solve", chat("2 + 2?"), lambda *_: "plan", requests=1)
    assert (result.outcome, result.answer) == ("limit", None)
