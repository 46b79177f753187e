"""Tree of Thoughts, best-first search and MCTS as a user calls them."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from eudoxus.agents.beam import beam
from eudoxus.agents.best_first import best_first
from eudoxus.agents.mcts import mcts
from eudoxus.agents.search.game24 import Game24Task
from eudoxus.agents.search.judging import read_labels, read_vote
from eudoxus.agents.search.steps import lines_of
from eudoxus.agents.tree_of_thoughts import tree_of_thoughts
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, Limits, MemoryJournal, Message, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from tests.agents.search.models import player

REGISTRY = Registry([tree_of_thoughts, beam, best_first, mcts], (ChatTask, Game24Task))
PUZZLE = Game24Task(numbers=(4, 9, 10, 13))
EVERY = ["tree_of_thoughts", "tree_of_thoughts(order=dfs,beam=3)", "tree_of_thoughts(evaluate=value,judges=2)",
         "tree_of_thoughts(evaluate=vote)",
         "tree_of_thoughts(generate=sample,count=6)", "best_first", "best_first(width=1)", "mcts", "mcts(selection=uct,width=2)"]


async def solved(path: str, task: Any, answers: Any = player, **limits: Any) -> tuple[Result, SimulatedEndpoint]:
    endpoint = SimulatedEndpoint(answers, name="sim")
    runtime = Runtime(REGISTRY, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
    journal = MemoryJournal()
    order = Order(parse_spec(f"{path}/sim:m", REGISTRY), task, limits=Limits(**limits))
    result = await runtime.execute(order, journal, run_id="run_1")
    assert await runtime.replay(journal) == result
    return result, endpoint


@pytest.mark.parametrize("path", EVERY)
async def test_a_puzzle_is_solved_and_verified(path: str) -> None:
    result, _ = await solved(path, PUZZLE)
    assert (result.outcome, result.authority) == ("verified", "exact"), result.detail
    assert result.answer is not None and PUZZLE.complaint(result.answer) == ""
    assert len(result.artifacts["path"]) == 3 and result.artifacts["rejected"] > 0


@pytest.mark.parametrize("path", EVERY)
async def test_nonsense_from_the_model_ends_in_a_failure_that_says_so(path: str) -> None:
    result, _ = await solved(path, PUZZLE, lambda *_: "Sorry, I cannot.")
    assert (result.outcome, result.answer) == ("failed", None) and result.detail
    assert result.usage.requests <= 40


@pytest.mark.parametrize("requests", [0, 1, 5])
@pytest.mark.parametrize("path", ["tree_of_thoughts", "best_first", "mcts"])
async def test_a_small_budget_ends_in_a_limit(path: str, requests: int) -> None:
    result, _ = await solved(path, PUZZLE, requests=requests)
    assert result.outcome == "limit" and result.usage.requests <= requests


def thinker(model: str, request: ChatRequest, number: int) -> str:
    """Finds that 3 * 12 - 7 = 29 in two steps, among others."""
    asked = request.messages[-1].text
    if "Judge all" in asked or "Compare" in asked or "BEST" in asked:
        states = asked.split("] state ")[1:]
        return "\n".join(f"{n}. ok: {'sure' if '29' in text else 'likely'}" for n, text in enumerate(states, start=1))
    return "1. ANSWER: 29\n2. ANSWER: 36" if "3 * 12 = 36" in asked else "1. There are 3 * 12 = 36 eggs.\n2. Count the boxes first."


@pytest.mark.parametrize("path", ["tree_of_thoughts", "best_first", "mcts", "tree_of_thoughts(order=dfs)"])
async def test_a_task_in_words_is_answered_by_the_best_judged_way(path: str) -> None:
    task = ChatTask(messages=(Message(role="user", content="Tom has 3 boxes of 12 eggs; 7 break. How many are whole?"),))
    result, _ = await solved(path, task, thinker)
    assert (result.answer, result.outcome, result.authority) == ("29", "best_effort", "model")
    assert result.usage.requests <= 8, "a sure answer ends the search"


async def test_a_task_with_a_verifier_stops_at_what_it_accepts() -> None:
    shape = {"type": "json_object"}
    task = ChatTask(messages=(Message(role="user", content="JSON, please"),), response_format=shape)
    result, _ = await solved("best_first", task, lambda *_: '1. ANSWER: none\n2. ANSWER: {"a": 1}')
    assert (result.answer, result.outcome, result.authority) == ('{"a": 1}', "verified", "exact")


@pytest.mark.parametrize(("reply", "labels"), [
    ("1. fine: sure\n2. no way: impossible", [1.0, 0.0]), ("1. likely\n", [0.5, None]), ("State 2 is impossible\nState 1 sure", [1.0, 0.0]),
    ("<think>1. impossible\n2. impossible</think>\n1. sure\n2. likely", [1.0, 0.5]), ("nothing", [None, None]), ("7. sure", [None, None]),
    ("**1.** 4 * 6 = 24: **sure**\n**2.** maybe", [1.0, 0.5]),
])
def test_labels_are_read_as_models_write_them(reply: str, labels: list[float | None]) -> None:
    assert read_labels(reply, 2) == labels


@pytest.mark.parametrize(("reply", "vote"), [("BEST: 2", 1), ("1 is good, but BEST: 3", 2), ("none", None), ("BEST: 9", None),
                                             ("2 of 99", 1)])
def test_a_vote_is_the_last_state_named(reply: str, vote: int | None) -> None:
    assert read_vote(reply, 3) == vote


@pytest.mark.parametrize(("reply", "steps"), [
    ("1. one\n2) two\n- three", ["one", "two", "three"]), ("Here they are:\n1. one\n2. two\nGood luck!", ["one", "two"]),
    ("```\n13 - 9 = 4\n10 - 4 = 6\n```", ["13 - 9 = 4", "10 - 4 = 6"]), ("Step 1: one", ["one"]),
    ("", []), ("<think>1. no</think>\n1. yes", ["yes"]),
])
def test_steps_are_read_from_lists_of_all_kinds(reply: str, steps: list[str]) -> None:
    assert lines_of(reply) == steps


@pytest.mark.slow
async def test_a_search_of_width_eight_is_the_same_for_a_hundred_latencies_and_replays_byte_for_byte() -> None:
    seen = set()
    for seed in range(100):
        draw = random.Random(seed).random
        endpoint = SimulatedEndpoint(player, name="sim", latency=lambda draw=draw: draw() * 0.001)
        runtime = Runtime(REGISTRY, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
        journal = MemoryJournal()
        puzzle = Game24Task(numbers=(1, 5, 5, 7))
        order = Order(parse_spec("best_first(width=8,nodes=24)/sim:m", REGISTRY), puzzle)
        result = await runtime.execute(order, journal, run_id="run_1")
        assert orjson.dumps((await runtime.replay(journal)).model_dump(mode="json")) == orjson.dumps(result.model_dump(mode="json"))
        asked = sorted((record.path, record.fp) for record in journal.recorded.effects.values())
        seen.add((result.model_dump_json(), tuple(asked)))
    assert len(seen) == 1
