"""Mini crosswords: steps are checked letter by letter, and a full square is judged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from eudoxus.agents.best_first import best_first
from eudoxus.agents.search import Rejected
from eudoxus.agents.search.crosswords import EXAMPLE, Crossword, CrosswordTask, fields_of, read_words, rows_of, told, written
from eudoxus.agents.tree_of_thoughts import tree_of_thoughts
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, MemoryJournal, Message, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import InvalidTask

TASK = CrosswordTask(across=("A small piece", "Frozen water", "One more than nine"),
                     down=("What a dog did", "It is put into drinks", "Fingers of two hands"))
REGISTRY = Registry([tree_of_thoughts, best_first], (ChatTask, CrosswordTask))
PAPER = "tree_of_thoughts(order=dfs,beam=3,depth=10,nodes=100,lists=8,evaluate=value)"


def after(*steps: str) -> str | Rejected:
    game = Crossword(TASK)
    state: Any = game.root()
    for step in steps:
        assert not isinstance(state, Rejected), state
        state = game.apply(state, step)
    return state


def test_words_are_written_where_they_belong() -> None:
    assert after("h1. bit", "v3. ten") == "BIT__E__N"
    assert Crossword(TASK).goal("BIT__E__N") is None
    assert after("h1. bit (certain)", "H2: ICE", "h3) ten") == "BITICETEN"
    found = Crossword(TASK).goal("BITICETEN")
    assert found is not None and found.text == "BIT\nICE\nTEN"


@pytest.mark.parametrize(("step", "said"), [
    ("h2. cat", "no_error"), ("v1. cat", "would change a letter of v1, B__"), ("h1. bat", "would change a letter"), ("h4. ice", "no h4"),
    ("h2. frozen", "has not 3 letters"), ("h2. it", "has not 3 letters"), ("frozen water is ice", "not a step"), ("", "not a step"),
    ("h0. ice", "no h0"), ("d1. ice", "not a step"),
])
def test_a_step_that_changes_a_letter_or_does_not_fit_is_refused(step: str, said: str) -> None:
    found = after("h1. bit", step)
    if said == "no_error":
        assert found == "BITCAT___"
    else:
        assert isinstance(found, Rejected) and said in found.reason


@given(st.text(max_size=40))
def test_any_line_is_a_step_or_not_one(line: str) -> None:
    found = after("h1. bit", line)
    assert isinstance(found, Rejected) or (len(found) == 9 and found.startswith("BIT"))


@given(st.lists(st.tuples(st.sampled_from("hv"), st.integers(1, 3), st.sampled_from(["BIT", "ICE", "TEN", "BAT"])), max_size=8))
def test_letters_that_stand_never_change(words: Any) -> None:
    game, state = Crossword(TASK), Crossword(TASK).root()
    for side, number, word in words:
        found = game.apply(state, f"{side}{number}. {word}")
        if isinstance(found, str):
            assert all(old in ("_", new) for old, new in zip(state, found, strict=True)) and written(found, f"{side}{number}") == word
            state = found


def test_rows_and_columns_cross() -> None:
    assert list(fields_of("h2", 3)) == [3, 4, 5] and list(fields_of("v2", 3)) == [1, 4, 7]
    assert told(TASK, "BIT__E__N", known=2) == "h1. A small piece: BIT\nv3. Fingers of two hands: TEN"


def test_confidence_becomes_weight() -> None:
    said = "<think>h1. no</think>h1. bit (certain)\n- H2. **ICE** (high)\nv1. bit\nh3. ten (quite)\nnothing"
    assert read_words(said) == [("h1. bit", 1.0), ("h2. ice", 0.5), ("v1. bit", 0.1), ("h3. ten", 0.1)]


@pytest.mark.parametrize("said", [
    EXAMPLE, "Solve this, please.\nAcross:\n1. Frozen water\n2. An animal\n3. Consume\n\n**Down**\n1. A cube\n2. A pet\n3. Dinner",
    "- H1: a\n- H2: b\n- H3: c\n- V1: d\n- V2: e\n- V3: f",
])
def test_a_crossword_is_read_from_a_message(said: str) -> None:
    task = CrosswordTask.from_chat(ChatTask(messages=(Message(role="user", content=said),)))
    assert task.size == 3 and all(clue for _, clue in task.clues())


@pytest.mark.parametrize("said", ["Solve my crossword", "h1. a\nh2. b\nv1. c\nv2. d", "h1. a\nh2. b\nh3. c\nv1. d\nv2. e", ""])
def test_what_is_no_crossword_is_refused_with_a_message_that_would_work(said: str) -> None:
    with pytest.raises(InvalidTask, match="this message would work") as refused:
        CrosswordTask.from_chat(ChatTask(messages=(Message(role="user", content=said),)))
    assert EXAMPLE in str(refused.value)


def test_a_task_that_is_no_square_is_refused() -> None:
    with pytest.raises(ValidationError, match="as many clues across as down, not 3 and 4"):
        CrosswordTask(across=("a", "b", "c"), down=("a", "b", "c", "d"))


@pytest.mark.parametrize(("answer", "rows"), [
    ("BIT\nICE\nTEN", ["BIT", "ICE", "TEN"]), ("It is:\n```\nb i t\ni c e\nt e n\n```", ["BIT", "ICE", "TEN"]), ("BIT\nICE", None),
    ("", None), ("BIT\nICE\nTENS", None),
])
def test_an_answer_is_a_square_or_not_one(answer: str, rows: Any) -> None:
    assert rows_of(answer, 3) == rows
    verdict = asyncio.run(TASK.verify(None, answer))  # type: ignore[arg-type]
    assert (verdict is None) == (rows is not None)


def solver(model: str, request: ChatRequest, number: int) -> str:
    """Lists a wrong word for h2 first, and sees that a column has gone wrong."""
    text = request.messages[-1].text
    if "Judge all" in text:
        states = text.split("state ")[1:]
        wrong = [any(word in state for word in ("BI_: _A", "I_A", "A_E", "CAT")) or "_A" in state for state in states]
        return "\n".join(f"{n}. {'impossible' if bad else 'sure' if '_' not in state else 'likely'}"
                         for n, (bad, state) in enumerate(zip(wrong, states, strict=True), start=1))
    return "h2. cat (high)\nh1. bit (certain)\nh2. ice (medium)\nh3. ten (medium)\nh3. tents (certain)"


async def solved(path: str, answers: Any = solver) -> tuple[Result, SimulatedEndpoint]:
    endpoint = SimulatedEndpoint(answers, name="sim")
    runtime = Runtime(REGISTRY, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec(f"{path}/sim:m", REGISTRY), TASK), journal, run_id="run_1")
    assert await runtime.replay(journal) == result
    return result, endpoint


@pytest.mark.parametrize("path", [PAPER, "tree_of_thoughts(order=dfs,beam=3)", "best_first", "best_first(width=1)"])
async def test_a_square_is_filled_and_judged(path: str) -> None:
    result, _ = await solved(path)
    assert (result.answer, result.outcome, result.authority) == ("BIT\nICE\nTEN", "best_effort", "model")
    assert result.artifacts["rejected"] > 0


async def test_as_in_the_paper_eight_lists_are_added_up() -> None:
    def listing(model: str, request: ChatRequest, number: int) -> str:
        if "Judge all" in request.messages[-1].text:
            return "1. impossible"
        return "h1. bit (certain)" if number == 0 else "h2. ice (high)"

    result, endpoint = await solved(PAPER, listing)
    assert endpoint.requests[0][2] == 8
    judged = [request.messages[-1].text for _, request, _ in endpoint.requests[1:]]
    assert len(judged) == 2 and "h2. Frozen water: ICE" in judged[0] and "h1. A small piece: BIT" in judged[1], "3.5 outweighs 1"
    assert result.outcome == "failed" and result.answer is None
