"""best_of_n on code tasks with a selector."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.agents.code import CodeTask
from eudoxus.runtime import ChatRequest, ChatTask, Message
from eudoxus.runtime.errors import EffectFailed, InvalidTask
from eudoxus.sandbox import Isolation, Matrix, MatrixResult
from tests.agents.code.running import HEADER, LARGEST, RIGHT, WRONG, fenced, run
from tests.agents.running import Guess

FIRST = "def largest(numbers):\n    return numbers[1] if len(numbers) > 2 else numbers[0]\n"
"""Passes the visible tests, and is wrong."""
GENERATED = "```python\nassert largest([4, 1, 2]) == 4\nassert largest([1, 2]) == 2\nassert largest([7]) == 8\n```"


def answering(*programs: str, tests: str = GENERATED) -> Any:
    """A model that writes the programs in turn, and the tests when asked for them."""
    queue = list(programs)

    def answer(model: str, request: ChatRequest, number: int) -> str:
        return tests if "You write tests" in request.messages[0].text else fenced(queue.pop(0))

    return answer


async def test_generated_tests_choose_among_those_that_pass_the_visible_ones():
    result, _ = await run("best_of_n(n=4,selector=two_tier)", LARGEST, answering(FIRST, WRONG, RIGHT, RIGHT))
    assert result.answer == RIGHT and (result.outcome, result.authority) == ("verified", "public_tests")
    assert result.artifacts["chosen"] == 2 and len(result.artifacts["tests"]) == 5
    assert result.artifacts["matrix"]["rows"] == [
        [True, True, False, False, False], [True, False, False, False, False], *[[True, True, True, True, False]] * 2]
    assert "chosen by two_tier among 3 different programs on 2 visible and 3 generated tests" in result.detail


async def test_where_one_program_is_left_no_tests_are_asked_for():
    for selector, programs in (("two_tier", (WRONG, RIGHT)), ("max_pass", (FIRST, RIGHT)), ("two_tier,tests=0", (FIRST, RIGHT))):
        _, endpoint = await run(f"best_of_n(n=2,selector={selector})", LARGEST, answering(*programs))
        assert [request.prompt.partition("@")[0] for _, request, _ in endpoint.requests] == ["code/write"]


@pytest.mark.parametrize(("selector", "expected"), [
    ("first", FIRST), ("max_pass", RIGHT), ("mbr_exec", WRONG), ("codet", WRONG), ("two_tier", RIGHT),
])
async def test_each_selector_chooses_by_its_rule(selector: str, expected: str):
    # Of the visible test and three generated ones FIRST passes 2, WRONG, drawn three times, 3, and RIGHT all 4. By the visible one alone,
    # which all pass, RIGHT is the shortest.
    task = CodeTask(statement=HEADER, tests=("assert largest([1, 3, 2]) == 3",))
    drawn = (FIRST, WRONG, WRONG, WRONG, RIGHT)
    result, _ = await run(f"best_of_n(n=5,selector={selector})", task, answering(
        *drawn, tests="assert largest([4, 1, 2]) == 4\nassert largest([1, 2]) == 2\nassert largest([-1]) == -1"))
    assert result.answer == expected


async def test_a_program_that_fails_a_visible_test_is_no_more_than_an_effort():
    result, _ = await run("best_of_n(n=2,selector=two_tier)", LARGEST, answering(WRONG, "def largest(numbers):\n    return None\n"))
    assert result.answer == WRONG and result.outcome == "best_effort" and "it passes 1 of 2 visible tests" in result.detail


async def test_generated_tests_alone_verify_nothing():
    task = CodeTask(statement=HEADER, tests_from="given")
    result, _ = await run("best_of_n(n=3,selector=two_tier)", task, answering(FIRST, RIGHT, RIGHT))
    assert (result.answer, result.outcome, result.authority) == (RIGHT, "best_effort", "model")


async def test_replies_without_programs_fail_with_the_reason():
    result, _ = await run("best_of_n(n=2,selector=two_tier)", LARGEST, ["no", "never"])
    assert (result.answer, result.outcome) == (None, "failed") and "program" in result.detail


async def test_a_program_that_cannot_be_loaded_is_never_chosen():
    broken = "import nothing_such\ndef largest(numbers):\n    return max(numbers)\n"
    task = CodeTask(statement=HEADER, tests_from="given")
    result, _ = await run("best_of_n(n=2,selector=two_tier)", task, answering(broken, WRONG))
    assert result.answer == WRONG and result.artifacts["matrix"]["rows"][0] is None


async def test_where_none_can_be_loaded_the_detail_says_so():
    broken = "import nothing_such\ndef largest(numbers):\n    return max(numbers)\n"
    result, _ = await run("best_of_n(n=2,selector=two_tier)", LARGEST, answering(broken, broken))
    assert result.outcome == "best_effort" and "none of them can be loaded" in result.detail


async def test_a_fault_of_the_sandbox_is_no_verdict_on_a_program(monkeypatch: pytest.MonkeyPatch):
    async def broken(self: Matrix) -> MatrixResult:
        isolation = Isolation(backend="lockdown", level="lockdown")
        return MatrixResult(outcomes=[["infra_error"] * 2, ["passed"] * 2], complete=True, isolation=isolation)

    monkeypatch.setattr(Matrix, "run", broken)
    with pytest.raises(EffectFailed):
        await run("best_of_n(n=2,selector=two_tier)", LARGEST, answering(RIGHT, WRONG))


async def test_where_the_budget_has_no_room_for_tests_the_visible_ones_decide():
    result, _ = await run("best_of_n(n=2,selector=two_tier)", LARGEST, answering(WRONG, RIGHT), requests=2)
    assert result.verified and result.answer == RIGHT
    result, _ = await run("best_of_n(n=2,selector=two_tier)", LARGEST, answering(FIRST, RIGHT), requests=2)
    assert result.answer == RIGHT


async def test_from_chat_the_task_is_read_from_the_message():
    task = ChatTask(messages=(Message(role="user", content=f"Complete this:\n```python\n{HEADER}```"),))
    result, _ = await run("best_of_n(n=2,selector=max_pass)", task, answering(WRONG, RIGHT))
    assert result.answer == RIGHT and result.verified


async def test_a_task_that_asks_for_no_program_is_refused():
    with pytest.raises(InvalidTask, match="asks for none"):
        await run("best_of_n(n=2,selector=max_pass)", Guess(number=3), ["3"])
