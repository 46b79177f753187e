"""Induction tasks, grids in replies, and direct_grid."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eudoxus.agents.induction import InductionTask, Pair
from eudoxus.agents.induction.direct_grid import direct_grid
from eudoxus.agents.induction.grids import attempts_in, grid, grids_in, shown, written
from eudoxus.prompts import load
from eudoxus.runtime import ChatTask, MemoryJournal, Message, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import InvalidTask
from eudoxus.runtime.journal.lines import decoded, text_of

TASK = InductionTask(train=(Pair(input=((1, 0),), output=((0, 1),)),), test=(((2, 0),), ((3,),)))
RIGHT = "[[[0, 2]], [[3]]]"
GRIDS = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 9), min_size=width, max_size=width).map(tuple), min_size=1, max_size=4).map(tuple))


async def run(path: str, answers: Any) -> Result:
    """The result of ``path`` on TASK, which must replay to the same from its journal."""
    registry = Registry((direct_grid,), (InductionTask,))
    runtime = Runtime(registry, Endpoints({"sim": SimulatedEndpoint(answers, name="sim")}), prompt_hash=lambda id: load(id).hash)
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec(f"{path}/sim:m", registry), TASK), journal, run_id="run_1")
    written_down = [record for record, _, _ in decoded(text_of(await journal.records()))]
    assert (await runtime.replay(MemoryJournal(written_down))).model_dump() == result.model_dump()
    return result


@given(st.lists(GRIDS, min_size=1, max_size=3))
def test_grids_are_read_back_from_every_form_in_which_they_are_written(grids: list[Any]):
    count = len(grids)
    assert attempts_in(written([[one] for one in grids]), count) == [[one] for one in grids]
    assert grids_in(f"The rule is [a, b].\n```json\n{json.dumps(grids)}\n```\nDone.", count) == grids
    assert grids_in("\n".join(f"```\n{shown(one)}\n```" for one in grids), count) == grids
    assert grids_in(f"So it is {json.dumps(grids)}", count) == grids


@pytest.mark.parametrize("reply", [
    "", "no", "[[1, 2], [3]]", "[[10]]", "[[1.5]]", '[["1"]]', "[" * 5000, '{"attempts": 3}', "```\n1 2\n3\n```"])
def test_what_is_no_grid_is_not_taken_for_one(reply: str):
    assert grids_in(reply, 1) is None and attempts_in(reply, 1) is None


def test_the_last_grids_of_a_reply_count():
    assert grids_in("First I thought [[1]].\n```json\n[[[2]]]\n```", 1) == [((2,),)]
    assert grids_in("[[1]] and then [[2]] and [[3]]", 2) == [((2,),), ((3,),)]


def test_rows_of_different_lengths_are_no_grid():
    assert grid([[1], [1, 2]]) is None
    with pytest.raises(ValidationError, match="rows of one length"):
        InductionTask(train=TASK.train, test=(((1,), (1, 2)),))


async def test_the_most_frequent_outputs_are_the_attempts():
    result = await run("direct_grid(samples=4)", ["[[[7]], [[3]]]", RIGHT, "I give up", RIGHT])
    assert json.loads(result.answer or "") == {"attempts": [[[[0, 2]], [[7]]], [[[3]]]]}
    assert result.artifacts == {"replies": 4, "read": 3} and result.authority == "model"


async def test_replies_without_grids_fail():
    result = await run("direct_grid", ["no", "[[1]]"])
    assert (result.answer, result.outcome) == (None, "failed") and "2 grids" in result.detail


@pytest.mark.parametrize("said", [
    "hello", '{"train": [], "test": []}', '{"train": 3, "test": [[[1]]]}', "Example input:\n1 2\n", "[" * 5000])
def test_a_message_without_examples_is_answered_with_one_that_would_work(said: str):
    with pytest.raises(InvalidTask, match="training pairs") as caught:
        InductionTask.from_chat(ChatTask(messages=(Message(role="user", content=said),)))
    shown = str(caught.value).rpartition("would work:\n\n")[2]
    assert InductionTask.from_chat(ChatTask(messages=(Message(role="user", content=shown),))).test == (((3, 0),),)


def test_the_prompt_shows_every_grid():
    text = TASK.request().messages[-1].text
    assert "1 0" in text and "Test input 2:\n3" in text and "Test inputs: 2." in text
