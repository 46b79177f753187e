"""AB-MCTS over whole answers."""

from __future__ import annotations

import re
from typing import Any

from eudoxus.agents.ab_mcts import ab_mcts
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, Limits, MemoryJournal, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from tests.agents.running import Guess, chat

REGISTRY = Registry([ab_mcts], (ChatTask, Guess))


async def solved(path: str, task: Any, answers: Any, *, seed: int = 0, **limits: Any) -> tuple[Result, SimulatedEndpoint]:
    endpoint = SimulatedEndpoint(answers, name="sim")
    runtime = Runtime(REGISTRY, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec(f"{path}/sim:m", REGISTRY), task, seed, Limits(**limits)), journal, run_id="run_1")
    assert await runtime.replay(journal) == result
    return result, endpoint


def guesser(model: str, request: ChatRequest, number: int) -> str:
    """Begins somewhere and follows "too high" and "too low" by one."""
    said = [m.text for m in request.messages]
    if "too high" in said[-1] or "too low" in said[-1]:
        return str(int(said[-2]) + (-1 if "too high" in said[-1] else 1))
    return str(40 + number)


async def test_answers_are_improved_by_the_verifiers_feedback_until_one_is_right() -> None:
    result, endpoint = await solved("ab_mcts(answers=60)", Guess(number=37), guesser)
    assert (result.answer, result.outcome, result.authority) == ("37", "verified", "exact")
    assert not any(request.messages[0].role == "system" for _, request, _ in endpoint.requests), "neither critic nor examiner"


async def test_another_seed_searches_another_way() -> None:
    ways = {tuple((await solved("ab_mcts(answers=20)", Guess(number=1000), guesser, seed=seed))[0].artifacts["path"]) for seed in range(6)}
    assert len(ways) > 1


async def test_without_a_verifier_an_examiner_scores() -> None:
    def answering(model: str, request: ChatRequest, number: int) -> str:
        asked = request.messages[-1].text
        if "candidates. Answer with the JSON" in asked:
            texts = re.findall(r"candidate \d+\n(\w+)", asked)
            return str([9.7 if text == "better" else 3 for text in texts])
        if asked.endswith("Review the answer."):
            return "VERDICT: revise\n1. Say better."
        return "better" if "Say better" in asked else "good"

    result, _ = await solved("ab_mcts(answers=20)", chat("How is it?"), answering)
    assert (result.answer, result.outcome, result.authority) == ("better", "best_effort", "model")


async def test_a_small_budget_gives_the_best_so_far() -> None:
    result, _ = await solved("ab_mcts", Guess(number=1), guesser, requests=3)
    assert result.outcome == "limit" and result.answer is not None and result.usage.requests <= 3


async def test_a_search_that_made_all_its_answers_has_come_to_its_regular_end() -> None:
    result, _ = await solved("ab_mcts(answers=3,enough=1)", chat("How is it?"), lambda *_: "an answer")
    assert (result.answer, result.outcome, result.detail) == ("an answer", "best_effort", "")
