"""Reflexion for programs: what tests showed and what was learnt from it reach the next attempt."""

from __future__ import annotations

from eudoxus.agents.code import CodeTask
from eudoxus.runtime import ChatTask, Message
from tests.agents.code.running import HEADER, LARGEST, RIGHT, WRONG, Player, fenced, run

WORSE = "def largest(numbers):\n    return 99\n"
NOTE = "I began at 0, which no negative number exceeds."


async def test_a_right_first_program_is_returned_at_once():
    player = Player(code__write=fenced(RIGHT))
    result, _ = await run("reflexion_code", LARGEST, player)
    assert (result.answer, result.outcome, result.authority) == (RIGHT, "verified", "public_tests")
    assert player.prompts == ["code/write"] and result.artifacts["trials"] == 1


async def test_a_failure_is_reflected_upon_and_the_next_attempt_reads_it():
    player = Player(code__write=fenced(WRONG), reflexion_code__reflect=NOTE, reflexion_code__again=fenced(RIGHT))
    result, _ = await run("reflexion_code", LARGEST, player)
    assert result.verified and result.artifacts["reflections"] == [NOTE]
    assert player.prompts == ["code/write", "reflexion_code/reflect", "reflexion_code/again"]
    reflected, again = player.asked[1][1], player.asked[2][1]
    assert "largest([-2, -5]) returned 0" in reflected and "best = 0" in reflected
    assert NOTE in again and "best = 0" in again and "largest([-2, -5]) returned 0" in again


async def test_of_failed_programs_the_one_that_passes_most_is_returned():
    player = Player(code__write=fenced(WRONG), reflexion_code__reflect=["one", "two"], reflexion_code__again=fenced(WORSE))
    result, _ = await run("reflexion_code(trials=3)", LARGEST, player)
    assert (result.answer, result.outcome) == (WRONG, "best_effort") and "1 of 2 tests passed" in result.detail
    assert result.artifacts["reflections"] == ["one", "two"] and player.prompts[-1] == "reflexion_code/again"


async def test_only_the_last_notes_are_read():
    player = Player(code__write=fenced(WRONG), reflexion_code__reflect=["one", "two", "three"], reflexion_code__again=fenced(WRONG))
    await run("reflexion_code(trials=4,memory=1)", LARGEST, player)
    last = player.said("reflexion_code/again")[-1]
    assert "three" in last and "two" not in last.partition("<notes>")[2]


async def test_without_visible_tests_the_models_own_decide_and_verify_nothing():
    task = CodeTask(statement=HEADER, tests_from="given")
    player = Player(code__tests="assert largest([-1]) == -1", code__write=fenced(WRONG), reflexion_code__reflect=NOTE,
                    reflexion_code__again=fenced(RIGHT))
    result, _ = await run("reflexion_code", task, player)
    assert (result.answer, result.outcome, result.authority) == (RIGHT, "best_effort", "model")
    assert result.artifacts["tests"] == ["assert largest([-1]) == -1"] and player.prompts[0] == "code/tests"


async def test_where_there_are_no_tests_at_all_the_first_program_is_the_answer():
    player = Player(code__tests="none", code__tests_again="none", code__write=fenced(WRONG))
    result, _ = await run("reflexion_code", CodeTask(statement=HEADER, tests_from="given"), player)
    assert (result.answer, result.outcome, result.authority) == (WRONG, "best_effort", "none")
    assert player.prompts == ["code/tests", "code/tests_again", "code/write"]


async def test_a_reply_without_a_program_is_a_failed_attempt_with_its_reason():
    player = Player(code__write="I refuse.", reflexion_code__reflect=NOTE, reflexion_code__again=[fenced(RIGHT)])
    result, _ = await run("reflexion_code", LARGEST, player)
    assert result.verified and "The reply could not be used" in player.said("reflexion_code/reflect")[0]
    result, _ = await run("reflexion_code(trials=1)", LARGEST, Player(code__write="I refuse."))
    assert (result.answer, result.outcome) == (None, "failed")


async def test_thinking_aloud_gets_into_no_note():
    player = Player(code__write=fenced(WRONG), reflexion_code__reflect=f"<think>hm</think>{NOTE}", reflexion_code__again=fenced(RIGHT))
    await run("reflexion_code", LARGEST, player)
    assert "hm" not in player.said("reflexion_code/again")[0]


async def test_a_spent_budget_gives_the_best_program_so_far():
    result, _ = await run("reflexion_code", LARGEST, Player(code__write=fenced(WRONG), reflexion_code__reflect=NOTE), requests=2)
    assert (result.outcome, result.answer) == ("limit", WRONG.strip())


async def test_from_chat_the_task_is_read_from_the_message():
    chat = ChatTask(messages=(Message(role="user", content=f"Please complete\n```python\n{HEADER}```"),))
    result, _ = await run("reflexion_code", chat, Player(code__write=fenced(RIGHT)))
    assert result.verified and result.answer == RIGHT
