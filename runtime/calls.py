"""One outside act of a strategy: found in the journal, or done, paid for and written down.

An act is identified by its path and a fingerprint of its request. The same path with another fingerprint means that something changed
since it was recorded; then nothing recorded may be used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from eudoxus.runtime.budget import Budget, Reservation, refuse, reserve, worst_case
from eudoxus.runtime.canonical import difference, fingerprint
from eudoxus.runtime.chat import ChatRequest, Completion, Response
from eudoxus.runtime.endpoints.base import Call, Endpoint
from eudoxus.runtime.errors import (
    BudgetSpent,
    CapabilityMissing,
    Diverged,
    EndpointTimeout,
    EudoxusError,
    JournalError,
    NotRecorded,
    error_record,
    recorded_error,
    recorded_refusal,
)
from eudoxus.runtime.journal.records import EffectRecord, usage_from, usage_line

if TYPE_CHECKING:
    from eudoxus.runtime.context import Context
    from eudoxus.runtime.effect import Effect

R = TypeVar("R", bound=BaseModel)

_NOTHING = Reservation(0)


async def ask(ctx: Context, endpoint: Endpoint, model: str, request: ChatRequest, n: int, *, stream: bool) -> list[Completion]:
    """One journaled call of an endpoint; strategies use :meth:`complete`."""
    name = f"{ctx.path}/{ctx.next_name()}"
    body = request.fingerprinted()
    fp = fingerprint("model", {"model": f"{endpoint.name}:{model}", "request": body})
    shown = {"model": f"{endpoint.name}:{model}", "request": body} | ({"prompt": request.prompt} if request.prompt else {})
    found = _find(ctx, name, "model", fp, shown)
    if found is None:
        found = await _record(ctx, name, "model", fp, shown, n, lambda: _ask_live(ctx, endpoint, model, request, n, name, fp, stream))
    elif stream and found.res:
        ctx.session.tell("output_text.delta", name, text=found.res["completions"][0]["text"])
    if found.res is None:
        raise recorded_error(found.err or {})
    return [Completion.model_construct(**_completion_fields(c)) for c in found.res["completions"]]


async def _ask_live(ctx: Context, endpoint: Endpoint, model: str, request: ChatRequest, n: int, name: str, fp: str,
                    stream: bool) -> dict[str, Any]:
    session = ctx.session
    budgets = list(ctx.open_budgets())
    if any(b.limits.cost is not None for b in budgets) and endpoint.price(model, 1, 1) is None:
        said = f"the price of {endpoint.name}:{model} is unknown, so a cost limit cannot be kept; set the endpoint's prices"
        raise CapabilityMissing(said, param="budget.cost")
    held, refusal = reserve(budgets, worst_case(request, n))
    try:
        call = Call(run_id=session.run_id, path=name, idempotency_key=f"{session.run_id}/{name}", timeout=_seconds_left(budgets))
        if stream and held.requests == 1 and session.watcher is not None:
            call.on_delta = lambda text: session.tell("output_text.delta", name, text=text)
        call.on_retry = lambda reason, delay: session.tell("call.retrying", name, reason=reason, seconds=delay)

        async def ask(count: int) -> Response:
            session.calls += 1
            return await endpoint.complete(model, request, count, call)

        cached = 0
        if session.cache is None:
            response = await ask(held.requests)
        else:
            response, cached = await session.cache.answer(fp, name, request, held.requests, ask)
            session.cached += cached
    except EndpointTimeout:
        left = _seconds_left(budgets)
        if left is not None and left <= 0:
            spent = next(b for b in budgets if (b.seconds_left() or 1) <= 0)
            refusal = BudgetSpent("seconds", spent.limits.seconds or 0, (spent.limits.seconds or 0) - (spent.seconds_left() or 0))
            refuse(budgets, refusal)
            raise refusal from None
        raise
    finally:
        for budget in budgets:
            budget.hold(held, -1)
    used = response.usage
    usage = used if used.requests == held.requests - cached else used.model_copy(update={"requests": held.requests - cached})
    for budget in budgets:
        budget.charge(usage)
    completions = [{k: v for k, v in c.__dict__.items() if v is not None} for c in response.completions]
    return {
        "res": {"completions": completions, "model": response.model}, "usage": usage_line(usage), "tries": response.tries,
        "src": "cache" if cached == held.requests else "live", "up": list(response.upstream_ids) or None,
        "short": error_record(refusal) if refusal is not None else None,
    }


async def perform(ctx: Context, effect: Effect[R]) -> R:
    """Do ``effect``, or take its outcome from the journal. Raises what it raises."""
    name = f"{ctx.path}/{ctx.next_name()}"
    body = effect.digested()
    fp = fingerprint(effect.kind, body)
    found = _find(ctx, name, effect.kind, fp, body)
    if found is None:
        found = await _record(ctx, name, effect.kind, fp, body, 1, lambda: _perform_live(ctx, effect))
    if found.res is None:
        raise recorded_error(found.err or {})
    return effect.result.model_validate(found.res)  # type: ignore[return-value]


async def _perform_live(ctx: Context, effect: Effect[R]) -> dict[str, Any]:
    budgets = list(ctx.open_budgets())
    left = _seconds_left(budgets)
    if left is None:
        done = await effect.run()
    else:
        reserve(budgets, _NOTHING)
        try:
            async with asyncio.timeout(left):
                done = await effect.run()
        except TimeoutError:
            allowed = min(b.limits.seconds for b in budgets if b.limits.seconds is not None)
            refusal = BudgetSpent("seconds", allowed, allowed)
            refuse(budgets, refusal)
            raise refusal from None
    return {"res": done.model_dump(mode="json")}


def _find(ctx: Context, name: str, kind: str, fp: str, body: dict[str, Any]) -> EffectRecord | None:
    """The recorded outcome under this key. Raises :class:`Diverged` for another request, :class:`NotRecorded` in strict replay."""
    session = ctx.session
    found = None if session.mode == "off" else session.recorded.effects.get(name)
    if found is None:
        if session.mode == "strict":
            raise NotRecorded(f"{name}: the journal holds no {kind} call here\n{difference({}, body)}")
        return None
    if found.fp != fp:
        raise Diverged(name, difference({"kind": found.kind, **found.req}, {"kind": kind, **body}))
    session.replayed += 1
    usage = usage_from(found.usage)
    budgets = list(ctx.open_budgets())
    for budget in budgets:
        budget.charge(usage)
    if (refusal := recorded_refusal(found.err or found.short)) is not None:
        refuse(budgets, refusal)
    return found


async def _record(ctx: Context, name: str, kind: str, fp: str, body: dict[str, Any], n: int,
                  live: Callable[[], Awaitable[dict[str, Any]]]) -> EffectRecord:
    """Act, write the outcome down, and give it only when it is durable. A failure that the strategy sees is an outcome too."""
    session = ctx.session
    session.tell("call.started", name, kind=kind)
    start, stamp = session.clock(), session.stamp()
    try:
        outcome = await live()
    except JournalError:
        raise
    except EudoxusError as error:
        outcome = {"err": error_record(error)}
    took = round((session.clock() - start) * 1000, 3)
    record = EffectRecord(path=name, kind=kind, fp=fp, req=body, n=n, ep=session.epoch, ms=took, ts=stamp, **outcome)
    await session.journal.append(record)
    return record


def _seconds_left(budgets: Iterable[Budget]) -> float | None:
    return min((left for b in budgets if (left := b.seconds_left()) is not None), default=None)


def _completion_fields(said: dict[str, Any]) -> dict[str, Any]:
    return {"finish_reason": "stop", "tool_calls": None, "logprobs": None, "extra": None, **said}
