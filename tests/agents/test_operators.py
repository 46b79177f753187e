"""The laws of the operators."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.direct import direct
from eudoxus.agents.operators.fallback import fallback
from eudoxus.agents.operators.limit import limit
from eudoxus.agents.operators.race import race
from eudoxus.agents.operators.repeat import repeat
from eudoxus.agents.operators.route import route
from eudoxus.agents.operators.sequence import sequence
from eudoxus.agents.operators.vote import vote
from eudoxus.runtime import (
    ChatRequest,
    ChatTask,
    Context,
    Limits,
    MemoryJournal,
    Message,
    NoParams,
    Order,
    Params,
    Registry,
    Result,
    Runtime,
    Usage,
    parse_spec,
    strategy,
)
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import EndpointUnavailable
from eudoxus.runtime.journal import EffectRecord

TASK = ChatTask(messages=(Message(role="user", content="What is 6 * 7?"),))


class Saying(Params):
    text: str = "x"
    verified: bool = False
    asks: int = 1


@strategy("say")
async def say(task: ChatTask, params: Saying, ctx: Context) -> Result:
    """Ask so often, then say the text."""
    for _ in range(params.asks):
        await ctx.complete(task.request())
    if params.verified:
        return Result(answer=params.text, outcome="verified", authority="exact")
    return Result(answer=params.text)


@strategy("hear")
async def hear(task: ChatTask, params: NoParams, ctx: Context) -> Result:
    """Say what was heard: the contents of all messages."""
    await ctx.complete(task.request())
    return Result(answer="|".join(m.text[:12] for m in task.messages))


@strategy("fail")
async def fail(task: ChatTask, params: NoParams, ctx: Context) -> Result:
    raise EndpointUnavailable("out of order")


REGISTRY = Registry([direct, fallback, limit, race, repeat, route, sequence, vote, say, hear, fail])
Answers = Callable[[str, ChatRequest, int], Any]


async def run(spec: str, answers: Answers = lambda model, request, i: f"answer {i}", limits: Limits | None = None,
              ) -> tuple[Result, list[EffectRecord]]:
    luck = Random(len(spec))
    endpoint = SimulatedEndpoint(answers, name="sim", latency=lambda: luck.random() * 0.002)
    runtime = Runtime(REGISTRY, Endpoints({"sim": endpoint}, default="sim"))
    journal, order = MemoryJournal(), Order(parse_spec(spec, REGISTRY), TASK, limits=limits or Limits())
    result = await runtime.execute(order, journal, run_id="run_1")
    assert await runtime.replay(MemoryJournal(await journal.records())) == result
    return result, [r for r in await journal.records() if isinstance(r, EffectRecord)]


parts = st.sampled_from(["hear", "say(text=one)", "say(text=two, asks=2)"])


@given(parts, parts, parts)
async def test_sequence_is_associative(a: str, b: str, c: str):
    left, _ = await run(f"sequence(sequence({a}, {b}), {c})/sim:m")
    right, _ = await run(f"sequence({a}, sequence({b}, {c}))/sim:m")
    flat, _ = await run(f"sequence({a}, {b}, {c})/sim:m")
    assert left == right == flat


@given(parts)
async def test_a_vote_of_one_is_that_one(part: str):
    assert (await run(f"vote({part})/sim:m"))[0] == (await run(f"{part}/sim:m"))[0]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
async def test_a_limit_of_limits_is_their_minimum(a: int, b: int, asks: int):
    nested, _ = await run(f"limit(requests={a})/limit(requests={b})/say(asks={asks})/sim:m")
    single, _ = await run(f"limit(requests={min(a, b)})/say(asks={asks})/sim:m")
    assert nested.usage == single.usage
    assert nested.outcome == single.outcome == ("limit" if asks > min(a, b) else "best_effort")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), min_size=2, max_size=5))
async def test_the_usage_of_a_whole_is_the_sum_of_its_calls(voters: list[tuple[str, int]]):
    spec = ", ".join(f"say(text={text}, asks={asks})" for text, asks in voters)
    result, calls = await run(f"vote({spec}, k={len(voters) + 1})/sim:m")
    assert result.usage == sum((Usage(**(c.usage or {})) for c in calls), Usage())
    assert result.usage.requests == sum(asks for _, asks in voters)


@pytest.mark.parametrize("spec", [
    "vote(hear, hear)", "race(hear, hear)", "fallback(hear)", "sequence(hear, hear)", "repeat(times=2)/hear", "limit(requests=9)/hear",
    "route(a=hear, by=kind)",
])
async def test_every_operator_adds_one_segment_to_the_path(spec: str):
    _, calls = await run(f"{spec}/sim:m")
    assert {len(c.path.split("/")) for c in calls} == {3}


async def test_the_answer_of_most_voters_wins_and_ties_go_to_the_first():
    assert (await run("vote(say(text=a), say(text=b), say(text=b))/sim:m"))[0].answer == "b"
    assert (await run("vote(say(text=a), say(text=b), k=9)/sim:m"))[0].answer == "a"
    verified, _ = await run("vote(say(text=a), say(text=b, verified=true), k=9)/sim:m")
    assert (verified.answer, verified.outcome) == ("b", "verified")


async def test_a_quorum_ends_the_vote_early():
    result, calls = await run("vote(say(text=a), say(text=a), say(text=b, asks=300), k=2)/sim:m")
    assert result.answer == "a"
    assert len(calls) < 200


async def test_the_first_verified_answer_wins_a_race():
    result, calls = await run("race(say(text=slow, asks=300), say(text=quick, verified=true), say(text=unsure))/sim:m")
    assert (result.answer, result.outcome) == ("quick", "verified")
    assert len(calls) < 200


async def test_a_fallback_survives_failures_and_stops_at_a_verified_answer():
    assert (await run("fallback(fail, say(text=b))/sim:m"))[0].answer == "b"
    result, calls = await run("fallback(say(text=a), say(text=b, verified=true), say(text=c))/sim:m")
    assert (result.answer, len(calls)) == ("b", 2)
    result, calls = await run("fallback(say(text=a), say(text=b), when=failed)/sim:m")
    assert (result.answer, len(calls)) == ("a", 1)
    with pytest.raises(EndpointUnavailable):
        await run("fallback(fail, fail)/sim:m")


async def test_repetition_ends_with_the_first_verified_answer():
    result, calls = await run("repeat(times=5)/say(verified=true)/sim:m")
    assert (result.outcome, len(calls)) == ("verified", 1)
    result, calls = await run("repeat(times=5)/say/sim:m")
    assert (result.outcome, len(calls)) == ("best_effort", 5)


async def test_the_model_chooses_the_route_and_nonsense_takes_the_last():
    for said, answer in (("maths", "m"), ("**Maths**.", "m"), ("I do not know", "o")):
        result, _ = await run("route(code=say(text=c), maths=say(text=m), other=say(text=o))/sim:m", lambda m, r, i, said=said: said)  # type: ignore[misc]
        assert result.answer == answer


async def test_parts_may_name_models_of_their_own():
    _, calls = await run("vote(direct/sim:one, direct, k=9)/sim:two")
    assert sorted(c.req["model"] for c in calls) == ["sim:one", "sim:two"]
