"""Lists of steps: what happens when nothing in a reply can be taken."""

from __future__ import annotations

import pytest

from eudoxus.agents.search.game24 import Game24Task
from eudoxus.runtime import ChatRequest
from tests.agents.search.models import player
from tests.agents.search.test_strategies import solved

PUZZLE = Game24Task(numbers=(4, 9, 10, 13))
EVERY = ["beam", "best_first(reasks=0)", "mcts", "tree_of_thoughts", "tree_of_thoughts(lists=2)", "tree_of_thoughts(order=dfs)",
         "tree_of_thoughts(generate=sample)"]


def lost_at_first(model: str, request: ChatRequest, number: int) -> str:
    """Loses the thread at every state, and finds it again when it is told."""
    if request.prompt is not None and request.prompt.startswith("search/steps_again"):
        asked = request.messages[-3].model_copy(update={"content": request.messages[-3].text.replace("up to 1 ", "up to 8 ")})
        return player(model, request.model_copy(update={"messages": (asked,)}), number)
    return "I am sorry, I lost the thread." if request.messages[-1].text.startswith("Numbers:") else player(model, request, number)


@pytest.mark.parametrize("path", EVERY)
async def test_a_model_that_lists_no_step_is_told_so_and_asked_once_more(path: str) -> None:
    result, endpoint = await solved(path, PUZZLE, lost_at_first)
    again = [request.messages[-1].text for _, request, _ in endpoint.requests if len(request.messages) > 2]
    assert again and all("not a step: 'I am sorry" in text for text in again)
    assert result.answer is not None or "sample" in path


async def test_steps_that_are_impossible_are_no_reason_to_ask_again() -> None:
    _, endpoint = await solved("mcts", PUZZLE, lambda *_: "4 + 5 = 9 (left: 9 9 13)")
    assert len(endpoint.requests) == 1


async def test_a_model_is_asked_only_once_more_for_each_state() -> None:
    _, endpoint = await solved("mcts", PUZZLE, lambda *_: "")
    assert [len(request.messages) for _, request, _ in endpoint.requests] == [2, 4]
    assert "it lists none" in endpoint.requests[1][1].messages[-1].text
