"""Scopes, budgets, parallel work and the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.runtime import (
    Cache,
    ChatRequest,
    ChatTask,
    Completion,
    Context,
    Limits,
    MemoryCacheStore,
    MemoryJournal,
    Message,
    NoParams,
    Order,
    Registry,
    Result,
    Runtime,
    parse_spec,
    strategy,
)
from eudoxus.runtime.budget import Budget, Reservation
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import BudgetSpent, CapabilityMissing, EndpointAuthError, InvalidRequest, ScopeError
from eudoxus.runtime.journal import DecisionRecord, EffectRecord
from tests.runtime.programs import Echo

ASK = ChatRequest(messages=(Message(role="user", content="?"),))
TASK = ChatTask(messages=ASK.messages)


def simulated(answers: Any = None, **more: Any) -> SimulatedEndpoint:
    return SimulatedEndpoint(answers or (lambda model, request, i: f"answer {i}"), name="sim", **more)


async def running(body: Callable[[Context], Awaitable[str]], endpoint: SimulatedEndpoint | None = None, *,
                  journal: MemoryJournal | None = None, cache: Cache | None = None, **limits: Any) -> Result:
    """Run ``body`` as a strategy over a simulated endpoint."""

    @strategy("body")
    async def wrapped(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        return Result(answer=await body(ctx))

    registry = Registry([wrapped])
    runtime = Runtime(registry, Endpoints({"sim": endpoint or simulated()}, default="sim"))
    order = Order(parse_spec("body/sim:m", registry), TASK, limits=Limits(**limits))
    return await runtime.execute(order, journal or MemoryJournal(), run_id="run_1", cache=cache)


@pytest.mark.parametrize("bad", ["", "A", "a b", "a/b", "x" * 33, "é"])
async def test_a_scope_has_a_plain_name(bad: str):
    async def body(ctx: Context) -> str:
        ctx.scope(bad)
        return ""

    with pytest.raises(ScopeError, match="cannot name a scope"):
        await running(body)


async def test_a_call_from_a_task_that_does_not_own_the_scope_is_refused():
    async def body(ctx: Context) -> str:
        await asyncio.gather(ctx.complete(ASK), ctx.complete(ASK))
        return ""

    with pytest.raises(ScopeError, match=r"ctx.map or ctx.race"):
        await running(body)


async def test_keys_are_paths_with_a_counter_in_each_scope():
    journal = MemoryJournal()

    async def body(ctx: Context) -> str:
        await ctx.complete(ASK)
        await ctx.scope("beam", 2).complete(ASK)
        await ctx.scope("beam", 2).complete(ASK)
        await ctx.map("all", "ab", lambda c, item: c.complete(ASK))
        await ctx.complete(ASK)
        return ""

    await running(body, journal=journal)
    paths = sorted(r.path for r in await journal.records() if isinstance(r, EffectRecord))
    assert paths == ["root/all[0]/c0", "root/all[1]/c0", "root/beam[2]/c0", "root/beam[2]/c1", "root/c0", "root/c1"]


async def test_random_numbers_belong_to_the_scope_and_the_seed():
    drawn: list[float] = []

    async def body(ctx: Context) -> str:
        drawn.append(ctx.random().random())
        drawn.append(ctx.random().random())
        drawn.append(ctx.scope("other").random().random())
        return ""

    await running(body)
    await running(body)
    assert drawn[:3] == drawn[3:]
    assert len(set(drawn)) == 3


async def test_the_first_error_of_a_map_cancels_the_rest_and_is_a_decision():
    journal = MemoryJournal()
    cancelled = []

    async def item(ctx: Context, number: int) -> str:
        if number == 2:
            raise EndpointAuthError("no")
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return ""

    async def body(ctx: Context) -> str:
        await ctx.map("all", range(4), item)
        return ""

    with pytest.raises(EndpointAuthError):
        await running(body, journal=journal)
    assert sorted(cancelled) == [0, 1, 3]
    assert [r.kept for r in await journal.records() if isinstance(r, DecisionRecord)] == [[2]]


async def test_a_request_limit_gives_what_there_is_room_for_and_says_so():
    async def body(ctx: Context) -> str:
        return str(len(await ctx.complete(ASK, n=8)))

    result = await running(body, requests=5)
    assert (result.answer, result.outcome, result.usage.requests) == ("5", "limit", 5)


async def test_a_spent_budget_ends_a_run_with_its_best_answer():
    async def body(ctx: Context) -> str:
        for number in range(10):
            await ctx.complete(ASK)
            ctx.best(f"after {number}")
        return "done"

    result = await running(body, requests=3)
    assert (result.answer, result.outcome) == ("after 2", "limit")
    assert "3 requests" in result.detail


async def test_a_time_limit_ends_a_call_that_never_answers():
    async def body(ctx: Context) -> str:
        ctx.best("early")
        await ctx.complete(ASK)
        return "late"

    result = await asyncio.wait_for(running(body, simulated(latency=60), seconds=0.2), 5)
    assert (result.answer, result.outcome) == ("early", "limit")


async def test_an_act_that_asks_no_model_is_held_to_time_alone():
    async def body(ctx: Context) -> str:
        await ctx.complete(ASK)
        with ctx.limit(requests=1, completion_tokens=1, seconds=30):
            return (await ctx.perform(Echo(say="done"))).said

    result = await running(body, requests=1, seconds=30)
    assert (result.answer, result.outcome) == ("done", "best_effort")


async def test_a_cost_limit_ends_the_run_and_refuses_models_without_a_price():
    async def body(ctx: Context) -> str:
        for number in range(10):
            await ctx.complete(ASK)
            ctx.best(str(number))
        return ""

    million = 1e6
    dear = simulated(price=(million, million))
    result = await running(body, dear, cost=8.0)
    assert result.outcome == "limit"
    assert result.usage.cost is not None
    assert 8 <= result.usage.cost < 8 * (dear.calls + 1) / dear.calls
    assert dear.calls < 10

    class Unpriced(SimulatedEndpoint):
        def price(self, *tokens: Any) -> None:
            return None

    with pytest.raises(CapabilityMissing, match="price of sim:m is unknown"):
        await running(body, Unpriced(["a"], name="sim"), cost=1.0)
    free = await running(body, Unpriced(lambda m, r, i: "a", name="sim"))
    assert free.usage.cost is None


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(1, 40))
async def test_a_limit_of_limits_is_their_minimum(limits: list[int], asked: int):
    async def body(ctx: Context) -> str:
        async def within(left: list[int]) -> int:
            if left:
                with ctx.limit(requests=left[0]):
                    return await within(left[1:])
            return len(await ctx.complete(ASK, n=asked))

        return str(await within(limits))

    assert (await running(body)).answer == str(min([asked, *limits]))


@given(st.lists(st.integers(1, 9)), st.integers(1, 60))
def test_what_is_held_back_counts_as_spent(holds: list[int], allowed: int):
    budget = Budget(Limits(requests=allowed), lambda: 0.0)
    held = 0
    for asked in holds:
        if held == allowed:
            with pytest.raises(BudgetSpent):
                budget.room(Reservation(asked))
            break
        granted = budget.room(Reservation(asked))
        assert granted == min(asked, allowed - held)
        budget.hold(Reservation(granted))
        held += granted


async def test_no_answers_cannot_be_asked_for():
    async def body(ctx: Context) -> str:
        await ctx.complete(ASK, n=0)
        return ""

    with pytest.raises(InvalidRequest, match="n=0"):
        await running(body)


async def test_the_cache_answers_the_same_run_for_nothing():
    endpoint, cache = simulated(), Cache(MemoryCacheStore())

    async def body(ctx: Context) -> str:
        return " ".join(c.text for c in await ctx.complete(ASK, n=3))

    first = await running(body, endpoint, cache=cache)
    paid = endpoint.calls
    again = await running(body, endpoint, cache=cache)
    assert again.answer == first.answer
    assert endpoint.calls == paid
    assert again.usage.requests == 0


async def test_equal_prompts_in_two_branches_are_two_draws_but_one_at_temperature_zero():
    for temperature, calls in ((0.7, 4), (0.0, 1)):
        endpoint, cache = simulated(latency=0.01), Cache(MemoryCacheStore())

        async def body(ctx: Context, t: float = temperature) -> str:
            await ctx.map("same", range(4), lambda c, _: c.complete(ASK.model_copy(update={"temperature": t})))
            return ""

        await running(body, endpoint, cache=cache)
        assert endpoint.calls == calls


async def test_the_memory_of_the_cache_has_an_end():
    store = MemoryCacheStore(most=2)
    await store.put({"a": Completion(text="a"), "b": Completion(text="b")})
    await store.get(["a"])
    await store.put({"c": Completion(text="c")})
    assert [found is not None for found in await store.get(["a", "b", "c"])] == [True, False, True]


async def test_a_failure_is_never_cached():
    answers: list[Any] = [EndpointAuthError("no"), "yes"]
    endpoint, cache = simulated(answers), Cache(MemoryCacheStore())

    async def body(ctx: Context) -> str:
        return (await ctx.complete(ASK))[0].text

    with pytest.raises(EndpointAuthError):
        await running(body, endpoint, cache=cache)
    assert (await running(body, endpoint, cache=cache)).answer == "yes"


async def test_usage_of_a_run_is_the_sum_of_its_calls():
    journal = MemoryJournal()

    async def body(ctx: Context) -> str:
        await ctx.map("all", range(5), lambda c, i: c.complete(ASK, n=i + 1))
        return ""

    result = await running(body, journal=journal)
    spent = [r.usage for r in await journal.records() if isinstance(r, EffectRecord)]
    assert result.usage.requests == 15 == sum(u["requests"] for u in spent if u)
    assert result.usage.completion_tokens == sum(u["completion_tokens"] for u in spent if u)


async def test_a_completion_keeps_its_tool_calls_and_reason(tmp_path: Any):
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    seen: list[Completion] = []

    async def body(ctx: Context) -> str:
        seen.extend(await ctx.complete(ASK))
        return ""

    await running(body, simulated([Completion(text="", tool_calls=[call], finish_reason="tool_calls")]))
    assert seen[0].tool_calls == [call]
    assert seen[0].finish_reason == "tool_calls"


async def test_a_parallel_branch_cannot_say_what_is_best():
    async def branch(ctx: Context, item: int) -> None:
        ctx.best(str(item))

    async def body(ctx: Context) -> str:
        await ctx.map("all", range(2), branch)
        return ""

    with pytest.raises(ScopeError, match="let the strategy choose"):
        await running(body)


async def test_an_open_budget_is_a_matter_of_counts_and_not_of_time():
    async def body(ctx: Context) -> str:
        seen = []
        with ctx.limit(requests=2, seconds=0.01) as budget:
            await asyncio.sleep(0.02)
            seen.append(budget.open)
            with pytest.raises(BudgetSpent, match="seconds"):
                await ctx.complete(ASK)
            seen.append(budget.open)
        return str(seen)

    assert (await running(body)).answer == "[True, False]"
