"""S*: programs are debugged on their own, and chosen by inputs on which they differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.s_star import read_calls
from tests.agents.code.running import HEADER, LARGEST, RIGHT, WRONG, Player, fenced, run

FIRST = "def largest(numbers):\n    return numbers[1] if len(numbers) > 2 else numbers[0]\n"
SORTED = "def largest(numbers):\n    return sorted(numbers)[-1]\n"
INPUTS = "```python\nlargest([5])\nlargest([9, 1, 2])\n```"


async def test_each_program_is_debugged_on_the_visible_tests():
    player = Player(code__write=[fenced(WRONG), fenced(RIGHT)], s_star__debug=fenced(RIGHT))
    result, _ = await run("s_star(n=2)", LARGEST, player)
    assert result.verified and result.answer == RIGHT and result.artifacts["scores"] == [1.0, 1.0]
    assert player.prompts == ["code/write", "code/write", "s_star/debug"]
    assert "largest([-2, -5]) returned 0" in player.said("s_star/debug")[0]


@pytest.mark.parametrize(("verdict", "winner"), [
    ('It must be 9.\n{"right": "B"}', RIGHT), ('{"right": "A"}', FIRST), ('{"right": "neither"}', FIRST), ("I cannot say.", FIRST),
    ('<think>{"right": "A"}</think>{"right":"b"}', RIGHT),
])
async def test_a_judge_decides_on_an_input_where_the_best_differ(verdict: str, winner: str):
    player = Player(code__write=[fenced(FIRST), fenced(FIRST), fenced(RIGHT)], s_star__inputs=INPUTS, s_star__judge=verdict)
    result, _ = await run("s_star(n=3)", LARGEST, player)
    assert result.answer == winner and result.verified
    judged = player.said("s_star/judge")[0]
    assert "The call: largest([9, 1, 2])" in judged and "A returned: 1" in judged and "B returned: 9" in judged
    assert result.artifacts["groups"] == [1, 1] and result.artifacts["inputs"] == ["largest([5])", "largest([9, 1, 2])"]


async def test_programs_that_give_the_same_on_all_inputs_are_not_judged():
    player = Player(code__write=[fenced(SORTED), fenced(RIGHT)], s_star__inputs=INPUTS)
    result, _ = await run("s_star(n=2)", LARGEST, player)
    assert result.answer == RIGHT and "s_star/judge" not in player.prompts


async def test_only_the_best_by_visible_tests_are_compared():
    player = Player(code__write=[fenced(WRONG), fenced(RIGHT)])
    result, _ = await run("s_star(n=2,rounds=0)", LARGEST, player)
    assert result.answer == RIGHT and player.prompts == ["code/write", "code/write"]


async def test_an_exception_is_an_output():
    failing = "def largest(numbers):\n    return numbers[-1] if numbers[0] < 0 and 1 / 0 else max(numbers)\n"
    task = CodeTask(statement=HEADER, tests=("assert largest([3]) == 3",))
    player = Player(code__write=[fenced(failing), fenced(RIGHT)], s_star__inputs="largest([-1])", s_star__judge='{"right": "A"}')
    result, _ = await run("s_star(n=2)", task, player)
    assert "B returned: (ZeroDivisionError)" in player.said("s_star/judge")[0] and result.answer == RIGHT


async def test_without_usable_inputs_the_shortest_of_the_best_is_taken():
    player = Player(code__write=[fenced(FIRST), fenced(RIGHT)], s_star__inputs="There are none.")
    result, _ = await run("s_star(n=2)", LARGEST, player)
    assert result.answer == RIGHT and result.verified


async def test_a_spent_budget_leaves_the_best_by_visible_tests():
    player = Player(code__write=[fenced(FIRST), fenced(RIGHT)])
    result, _ = await run("s_star(n=2)", LARGEST, player, requests=2)
    assert result.answer == RIGHT and result.verified
    result, _ = await run("s_star(n=2)", LARGEST, Player(code__write=["no", "never"]), requests=2)
    assert result.answer is None


@pytest.mark.parametrize("reply", [
    "```python\nf(1)\nf([2, 'a'])\n```", "f(1)\nf([2, 'a'])", "1. f(1)\n2. `f([2, 'a'])`", '["x"]\n"f(1)",\n"f([2, \'a\'])"',
    "<think>f(9)</think>f(1)\nf([2, 'a'])\nf(x)\ng(1)\nf(g(1))\nf(1) == 2\nnot python (",
])
def test_calls_are_read_from_what_models_write(reply: str):
    assert read_calls(reply, "f") == ("f(1)", "f([2, 'a'])")


@given(st.text(max_size=200))
def test_any_reply_is_read(reply: str):
    for call in read_calls(reply, "f"):
        compile(call, "call", "eval")
