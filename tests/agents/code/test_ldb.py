"""LDB: the values of executed blocks reach the model that judges and repairs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.ldb import Judged, read_judgements
from eudoxus.runtime.errors import InvalidTask
from tests.agents.code.running import HEADER, LARGEST, RIGHT, WRONG, Player, fenced, run

JUDGED = """{"block": "BLOCK-0", "correct": false, "explanation": "best starts at 0"}
{"block": "BLOCK-1", "correct": true, "explanation": ""}"""


async def test_a_right_program_is_not_debugged():
    player = Player(code__write=fenced(RIGHT))
    result, _ = await run("ldb", LARGEST, player)
    assert result.verified and player.prompts == ["code/write"] and result.artifacts["rounds"] == []


async def test_the_first_failing_test_is_traced_judged_and_repaired():
    player = Player(code__write=fenced(WRONG), ldb__debug=JUDGED, ldb__repair=fenced(RIGHT))
    result, _ = await run("ldb", LARGEST, player)
    assert result.verified and result.answer == RIGHT
    debugged, repaired = player.said("ldb/debug")[0], player.said("ldb/repair")[0]
    assert "Trace of: assert largest([-2, -5]) == -2" in debugged and "before: numbers=[-2, -5] best=0 n=-2" in debugged
    assert "BLOCK-0: WRONG. best starts at 0" in repaired and "BLOCK-1: correct" in repaired
    assert result.artifacts["rounds"] == [{"score": 0.5, "traced": True, "faulty": ["BLOCK-0"]}]


async def test_judgements_that_cannot_be_read_are_left_out():
    player = Player(code__write=fenced(WRONG), ldb__debug="All is lost.", ldb__repair_untraced=fenced(RIGHT))
    result, _ = await run("ldb", LARGEST, player)
    assert result.verified and "before: numbers=[-2, -5]" in player.said("ldb/repair_untraced")[0]


@pytest.mark.parametrize("broken", ["I refuse.", fenced("import nothing_such\ndef largest(numbers):\n    return 1\n")])
async def test_without_a_trace_nobody_judges_blocks(broken: str):
    player = Player(code__write=broken, ldb__repair_untraced=fenced(RIGHT))
    result, _ = await run("ldb", LARGEST, player)
    assert result.verified and player.prompts == ["code/write", "ldb/repair_untraced"]


async def test_a_repair_that_breaks_more_is_not_built_upon():
    worse = "def largest(numbers):\n    return None\n"
    player = Player(code__write=fenced(WRONG), ldb__debug=JUDGED, ldb__repair=[fenced(worse), fenced(worse)])
    result, _ = await run("ldb(rounds=2)", LARGEST, player)
    assert result.answer == WRONG and result.outcome == "best_effort"
    assert all("best = 0" in text for text in player.said("ldb/repair"))


async def test_without_visible_tests_there_is_nothing_to_debug_with():
    with pytest.raises(InvalidTask, match="debugs on visible tests"):
        await run("ldb", CodeTask(statement=HEADER, tests_from="given"), Player(code__write=fenced(RIGHT)))


async def test_a_spent_budget_gives_the_best_program_so_far():
    result, _ = await run("ldb", LARGEST, Player(code__write=fenced(WRONG), ldb__debug=JUDGED), requests=2)
    assert (result.outcome, result.answer) == ("limit", WRONG.strip())


ONE, OTHER = '{"block": "BLOCK-0", "correct": false, "explanation": "a"}', '{"block": "BLOCK-1", "correct": "True", "explanation": "b"}'


@pytest.mark.parametrize("reply", [
    f"{ONE}\nand\n{OTHER}",
    f"```json\n[{ONE},\n {OTHER}]\n```",
    f'<think>{{"block": "x", "correct": true}}</think>{ONE} {{"nothing": 1}} {{bad}}\n{OTHER}',
])
def test_judgements_are_read_from_what_models_write(reply: str):
    assert read_judgements(reply) == [Judged("BLOCK-0", False, "a"), Judged("BLOCK-1", True, "b")]


@given(st.text(max_size=99) | st.lists(st.sampled_from([ONE, "{", "}", '"block"', ":", '"correct"', "true", ","]), max_size=9).map("".join))
def test_any_reply_can_be_read(reply: str):
    assert all(isinstance(one.correct, bool) for one in read_judgements(reply))
