"""Tests that a model writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.code import CodeTask, generated_tests
from eudoxus.agents.code.generated import PROMPTS, read_tests
from eudoxus.runtime import Context, NoParams, Result, strategy
from tests.agents.code.recorded import humaneval, needs_data, rows
from tests.agents.code.running import HEADER, LARGEST, run


async def written(answers: Any, task: CodeTask = LARGEST, count: int = 4) -> tuple[tuple[str, ...], int]:
    """The tests, and how often the model was asked."""
    found: list[tuple[str, ...]] = []

    @strategy("write_tests", takes=CodeTask, prompts=PROMPTS)
    async def write_tests(task: CodeTask, params: NoParams, ctx: Context) -> Result:
        found.append(await generated_tests(task, ctx, count=count))
        return Result(answer="")

    _, endpoint = await run("write_tests", task, answers, write_tests)
    return found[0], len(endpoint.requests)


async def test_the_asserts_of_a_block_are_tests():
    reply = "```python\nassert largest([5]) == 5\n# ties\nassert largest([2, 2]) == 2\n```"
    assert await written([reply]) == (("assert largest([5]) == 5", "assert largest([2, 2]) == 2"), 1)


async def test_it_is_asked_once_more_with_what_is_wrong():
    assert await written(["I have none.", "assert largest([5]) == 5"]) == (("assert largest([5]) == 5",), 2)
    assert await written(["assert biggest([5]) == 5", "no", "assert largest([5]) == 5"]) == ((), 2)


async def test_examples_of_the_statement_and_more_than_asked_for_are_left_out():
    reply = "\n".join(["assert largest([1, 3, 2]) == 3", *(f"assert largest([{i}]) == {i}" for i in range(9))])
    found, _ = await written([reply])
    assert len(found) == 4 and "assert largest([1, 3, 2]) == 3" not in found


async def test_without_a_function_nothing_is_asked():
    assert await written(["unused"], CodeTask(statement="Write something.")) == ((), 0)


async def test_the_prompt_shows_the_statement_and_no_program():
    found: list[Any] = []

    def answering(model: str, request: Any, number: int) -> str:
        found.append(request)
        return "assert largest([5]) == 5"

    await written(answering)
    assert HEADER.strip() in found[0].messages[-1].text and "Write 4 tests" in found[0].messages[-1].text


@pytest.mark.parametrize("reply", [
    "1. assert f(1) == 2\n2. `assert f(2) == 3`",
    "- assert f(1) == 2\n- assert f(2) == 3",
    "def test_f():\n    assert f(1) == 2\n    assert f(2) == 3\n",
    "<think>assert f(9) == 9</think>\nassert f(1) == 2\nassert f(2) == 3",
    "assert f(1) == 2\nassert f(2) == 3\nassert f(4) ==",
    "assert f(1) == 2  # one\nassert f(2) == 3\nassert g(3) == 4\nassert f(1) == 2",
])
def test_tests_are_read_from_what_models_write(reply: str):
    assert read_tests(reply, "f") == ("assert f(1) == 2", "assert f(2) == 3")


@given(st.text(max_size=200))
def test_any_reply_can_be_read(reply: str):
    for test in read_tests(reply, "f"):
        compile(test, "test", "exec")


@needs_data
def test_of_814_recorded_tests_by_gpt_4_all_are_read_but_seven_of_other_functions():
    problems, read, others = humaneval(), 0, 0
    for row in rows("reflexion/testgen_humaneval_gpt4.jsonl.gz"):
        entry = problems[row["task_id"]]["entry_point"]
        read += len(read_tests("\n".join(row["solution"]), entry))
        others += sum(f"{entry}(" not in test for test in row["solution"])
    assert (read, others) == (807, 7)
