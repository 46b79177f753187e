"""DeAL: pieces, rollouts, rewards, and what is kept, over a small writer whose every probability is known."""

from __future__ import annotations

import asyncio
import math
import random
from functools import lru_cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.deal import Candidate, Deal, Rewards, deal, keep
from eudoxus.agents.pieces import Text, different, joined
from eudoxus.agents.problem import ProblemTask
from eudoxus.agents.problem.instructions import FollowsInstructions
from eudoxus.decoding.instructions import Given
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, Completion, MemoryJournal, Message, Order, Registry, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.base import Capabilities
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import CapabilityMissing

from .running import JSON, chat, run

WORDS = (" red", " green,", " blue", "")
"""What the writer may say next; the last is the end."""
NO_COMMA = '{"id": "punctuation:no_comma"}'
BLUE = '{"id": "keywords:existence", "kwargs": {"keywords": ["blue"]}}'


@lru_cache
def law(begun: str) -> tuple[float, ...]:
    """The probabilities of WORDS after ``begun``."""
    weights = [0.1 + random.Random(f"{begun}/{word}").random() for word in WORDS]
    return tuple(weight / sum(weights) for weight in weights)


def begun_in(request: ChatRequest) -> str:
    return request.messages[-1].text if request.messages[-1].role == "assistant" else ""


def writer(model: str, request: ChatRequest, k: int) -> Completion:
    """Greedy at temperature 0; else the k-th draw begins with the k-th word, so that as many draws as words are all there are."""
    begun, text, entries = begun_in(request), "", []
    for place in range(request.max_tokens or 50):
        said = law(begun + text)
        at = said.index(max(said)) if request.temperature == 0 or place else k % len(WORDS)
        entries.append({"token": WORDS[at], "logprob": math.log(said[at])})
        if not WORDS[at]:
            return Completion(text=text, logprobs=entries)
        text += WORDS[at]
    return Completion(text=text, finish_reason="length", logprobs=entries)


def finished(text: str) -> str:
    """What the writer makes of a beginning that is finished greedily."""
    while word := WORDS[law(text).index(max(law(text)))]:
        text += word
    return text


def log_prob(text: str, *, ends: bool) -> float:
    words, total, begun = [f" {word}" for word in text.split()], 0.0, ""
    for word in words:
        total += math.log(law(begun)[WORDS.index(word)])
        begun += word
    return total + (math.log(law(begun)[-1]) if ends else 0.0)


@pytest.mark.parametrize("lam", [0.0, 1.5, 30.0])
async def test_with_room_for_everything_it_finds_the_best_text_there_is(lam: float):
    told = f"lam={lam}, hard=false, prefill=true, logprobs=true, instructions=[{BLUE}]"
    result, _ = await run(f"deal(beam=32, width=4, step=1, lookahead=0, steps=3, {told})", chat("Colours?"), writer)
    shorter = {"".join(words) for n in range(3) for words in product(WORDS[:3], repeat=n)}
    longer = {finished("".join(words)) for words in product(WORDS[:3], repeat=3)}

    def score(text: str) -> tuple[bool, float]:
        return "blue" in text, log_prob(text, ends=True) + lam * ("blue" in text)

    best = max((text for text in shorter | longer if text), key=score)
    assert (result.answer, result.verified) == (best, True)


async def test_a_lookahead_finds_what_a_greedy_piece_misses():
    """Of two equal pieces one leads to the keyword, as only the rollout shows."""

    def answers(model: str, request: ChatRequest, k: int) -> Completion:
        begun = begun_in(request)
        if not begun:
            return Completion(text=("left", "right")[k], finish_reason="length")
        return Completion(text=" then blue" if begun == "right" else " then red", finish_reason="stop")

    told = f"hard=false, prefill=true, instructions=[{BLUE}]"
    near, _ = await run(f"deal(beam=1, width=2, steps=1, lookahead=0, {told})", chat("?"), answers)
    far, endpoint = await run(f"deal(beam=1, width=2, steps=1, lookahead=4, {told})", chat("?"), answers)
    assert (near.answer, near.verified) == ("left then red", False)
    assert (far.answer, far.verified) == ("right then blue", True)
    limits = [request.max_tokens for _, request, _ in endpoint.requests]
    assert (limits[0], sorted(limits[1:3])) == (8, [4, 4])


@pytest.mark.parametrize("seed", range(8))
async def test_no_answer_ever_holds_what_a_hard_instruction_forbids(seed: int):
    def answers(model: str, request: ChatRequest, k: int) -> Completion:
        drawn, text = random.Random(f"{seed}/{begun_in(request)}/{k}/{request.temperature}"), ""
        for _ in range(request.max_tokens or 3):
            text += drawn.choice(WORDS[:3])
        ends = request.max_tokens is None or drawn.random() < 0.2
        return Completion(text=text, finish_reason="stop" if ends else "length")

    path = f"deal(beam=3, width=6, step=2, lookahead=2, steps=4, prefill=true, instructions=[{NO_COMMA}])"
    result, _ = await run(path, chat("?"), answers)
    kept = [text for text in result.artifacts["candidates"] if "," not in text]
    assert result.verified == bool(kept)
    assert not result.verified or "," not in result.answer
    unforced, _ = await run(f"deal(beam=1, width=1, step=2, lookahead=0, steps=4, hard=false, prefill=true, instructions=[{NO_COMMA}])",
                            chat("?"), answers)
    assert unforced.verified == ("," not in unforced.answer)


async def test_when_every_piece_breaks_an_instruction_it_draws_again_and_then_gives_the_best_so_far():
    said = ["one", "one,", "two,", "three,", ", four"]
    path = f"deal(beam=1, width=1, step=1, lookahead=0, steps=9, instructions=[{NO_COMMA}])"
    result, endpoint = await run(path, chat("?"), [*said, ", at last,"])
    assert (result.outcome, result.answer, endpoint.calls) == ("best_effort", "one three,", 5)
    assert "commas" in result.detail
    stuck, _ = await run(path, chat("?"), ["a,", "b,", "c", "d"])
    assert stuck.answer == "b, c"


async def test_it_stops_when_nothing_can_overtake_an_accepted_answer():
    path = f"deal(beam=2, width=2, lookahead=0, instructions=[{BLUE}])"
    result, endpoint = await run(path, chat("?"), ["red", "blue [END]"])
    assert (result.answer, result.verified, endpoint.calls) == ("blue", True, 1)
    said = ['{"m": "blue"} [END]', '{"n":', '"blue"} [END]', "1} [END]", " "]
    refused, endpoint = await run(path, chat("n?", response_format=JSON), said)
    assert (refused.verified, endpoint.calls) == (False, 2), "an answer that another verifier refuses is not enough"


async def test_a_rest_that_breaks_an_instruction_is_drawn_again():
    path = f"deal(beam=1, width=3, steps=1, lookahead=0, instructions=[{NO_COMMA}])"
    result, endpoint = await run(path, chat("?"), ["one", "one", "one", ", two, three", "two,", "two three", "two"])
    assert (result.answer, result.verified) == ("one two three", True)
    assert [(n, request.temperature) for _, request, n in endpoint.requests] == [(3, 1.0), (1, 0.0), (3, 1.0)]


async def test_prompts_ask_for_words_and_the_mark_ends_the_answer():
    result, endpoint = await run(f"deal(beam=1, width=1, lookahead=0, steps=5, instructions=[{BLUE}])", chat("Colours?"), [
        Completion(text="red and gree", finish_reason="length"), "green and", "blue. [END] Anything else?"])
    assert (result.answer, result.verified, result.authority, result.artifacts["steps"]) == ("red and green and blue.", True, "exact", 3)
    first, second = endpoint.requests[0][1], endpoint.requests[1][1]
    assert [m.role for m in first.messages] == ["user"]
    assert "about 6 words" in first.messages[0].text
    assert 'keywords "blue"' in first.messages[0].text
    assert [m.role for m in second.messages] == ["user", "assistant", "user"]
    assert second.messages[1].text == "red and"
    assert (second.max_tokens, second.temperature) == (16, 1.0)


async def test_an_answer_that_nothing_is_added_to_has_ended():
    result, endpoint = await run(f"deal(beam=1, width=1, lookahead=0, instructions=[{BLUE}])", chat("?"), ["blue", ""])
    assert (result.answer, endpoint.calls) == ("blue", 2)


async def test_what_is_unfinished_after_the_last_step_is_finished_in_one_go():
    result, endpoint = await run(f"deal(beam=1, width=1, lookahead=0, steps=1, instructions=[{BLUE}])", chat("?"), ["red,", "then blue."])
    assert (result.answer, result.verified) == ("red, then blue.", True)
    assert endpoint.requests[1][1].max_tokens is None


async def test_without_instructions_a_judge_decides_and_vouches():
    def answers(model: str, request: ChatRequest, k: int) -> str:
        if request.messages[0].text.startswith("You are an examiner"):
            at = request.messages[1].text.index("candidate 1\nbest") if "candidate 1\nbest" in request.messages[1].text else -1
            return '{"scores": [9, 2]}' if at >= 0 else '{"scores": [2, 9]}'
        return ("worse [END]", "best [END]")[k]

    result, endpoint = await run("deal(beam=2, width=2, steps=1)", chat("?"), answers)
    assert (result.answer, result.outcome, result.authority) == ("best", "best_effort", "model")
    assert endpoint.calls == 3


async def test_the_tasks_own_verifier_decides_with_the_instructions():
    verifier = {"kind": "instructions", "instructions": [{"id": "punctuation:no_comma"}]}
    task = ProblemTask.model_validate({"messages": [Message(role="user", content="Q")], "verifier": verifier})
    result, _ = await run("deal(beam=2, width=2, steps=1)", task, ["a, b [END]", "a b [END]"])
    assert (result.answer, result.verified) == ("a b", True)
    said = ['{"n": 1} [END]', '{"n": "1"} [END]']
    result, _ = await run(f"deal(beam=2, width=2, steps=1, instructions=[{NO_COMMA}])", chat("n?", response_format=JSON), said)
    assert (result.answer, result.verified) == ('{"n": 1}', True)


async def test_a_limit_gives_the_best_beginning_with_its_rollout():
    def answers(model: str, request: ChatRequest, k: int) -> Completion:
        return Completion(text=" blue" if request.temperature == 0 else " red", finish_reason="length")

    result, _ = await run(f"deal(beam=1, width=1, prefill=true, instructions=[{BLUE}])", chat("?"), answers, requests=2)
    assert (result.outcome, result.answer) == ("limit", " red blue")


@pytest.mark.parametrize("wanted", ["prefill", "logprobs"])
async def test_what_the_endpoint_cannot_do_is_refused_by_name(wanted: str):
    lacking = SimulatedEndpoint(["a"], name="sim", capabilities=Capabilities())
    with pytest.raises(CapabilityMissing, match=wanted):
        await run(f"deal({wanted}=true, instructions=[{NO_COMMA}])", chat("?"), lacking)


async def test_a_replay_where_no_endpoint_can_continue_messages_goes_the_same_way():
    registry, journal = Registry([deal], (ChatTask,)), MemoryJournal()

    def on(can: Capabilities) -> Runtime:
        endpoint = SimulatedEndpoint(writer, name="sim", capabilities=can)
        return Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)

    path = f"deal(beam=2, width=2, step=1, lookahead=1, steps=2, prefill=true, logprobs=true, instructions=[{BLUE}])/sim:m"
    result = await on(Capabilities(prefill=True, logprobs=True)).execute(Order(parse_spec(path, registry), chat("Write.")), journal,
                                                                         run_id="run_1")
    assert await on(Capabilities()).replay(journal) == result


def candidate(text: str, score: float, *followed: bool, lost: bool = False) -> Candidate:
    return Candidate(Text(text, log_prob=score), text, 0.0, followed, lost)


def test_groups_keep_the_best_of_each_before_second_best_ones():
    found = [candidate("a", -1, True, False), candidate("b", -2, True, False), candidate("c", -9, False, True),
             candidate("d", 0, lost=True)]
    assert [one.begun.text for one in keep(found, Deal(beam=2))] == ["a", "b"]
    assert [one.begun.text for one in keep(found, Deal(beam=2, group=True))] == ["a", "c"]
    assert [one.begun.text for one in keep(found[3:], Deal(beam=2))] == ["d"]


@pytest.mark.parametrize(("begun", "piece", "whole"), [
    ("", " The sun ", "The sun"),
    ("The sun", "shines", "The sun shines"),
    ("The sun", " shines", "The sun shines"),
    ("The sun", ", too", "The sun, too"),
    ('He said "go', '" and went', 'He said "go" and went'),
    ("He said", '"go"', 'He said "go"'),
    ("(", "see", "(see"),
    ("One.", "\n\nTwo. ", "One.\n\nTwo."),
    ("The sun is bright", "The sun is bright and warm", "The sun is bright and warm"),
    ("Dear all,\nThe sun is bright", "The sun is bright and warm", "Dear all,\nThe sun is bright and warm"),
    ("The sun", "", "The sun"),
])
def test_pieces_are_joined_as_a_reader_would(begun: str, piece: str, whole: str):
    assert joined(begun, piece) == whole


@given(st.text(max_size=30), st.text(max_size=30))
def test_joining_loses_nothing_of_what_stands_there(begun: str, piece: str):
    assert joined(begun, piece).startswith(begun)


def test_of_equal_texts_the_likeliest_counts():
    assert different([Text("a", log_prob=-2), Text("b"), Text("a", log_prob=-1), Text("a", ended=True)]) == [
        Text("a", log_prob=-1), Text("b"), Text("a", ended=True)]


def test_instructions_of_the_parameters_are_checked_before_the_run():
    with pytest.raises(ValueError, match="did you mean punctuation:no_comma"):
        Deal(instructions=({"id": "punctuation:no_coma"},))
    assert Deal(instructions=(Given(id="punctuation:no_comma"),)).instructions[0].instruction.describe()


async def test_rewards_of_many_candidates_do_not_hold_up_who_else_is_served() -> None:
    checks = FollowsInstructions.model_validate({"instructions": [{"id": "length_constraints:number_words", "kwargs": {
        "num_words": 3, "relation": "at least"}}]})
    found = [Candidate(Text(""), "one and another. " * 2_000) for _ in range(64)]
    ctx: Any = None
    counting, beats = asyncio.create_task(Rewards(chat("Write."), checks, 0.0, True).judged(found, ctx)), 0
    while not counting.done():
        await asyncio.sleep(0)
        beats += 1
    assert beats > 10 and all(one.reward == 1 for one in await counting)
