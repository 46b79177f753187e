"""Asking for an answer in a form, and once more when it does not have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Message

T = TypeVar("T")


class Unreadable(ValueError):
    """A reply does not have the form asked for; the message says what is wrong, for the model itself."""


async def ask(ctx: Context, request: ChatRequest, read: Callable[[str], T], form: str, *, again: bool = True) -> T:
    """What ``read`` makes of the reply to ``request``. When it raises :class:`Unreadable`, the model is told why and asked once more,
    if ``again``. Raises :class:`Unreadable` when that does not help.

    ``form`` says in words how to answer, after "Give it again, ". What a reasoning model thought aloud is left out.
    """
    reply = (await ctx.complete(request))[0].text
    try:
        return read(reply.rpartition("</think>")[2])
    except Unreadable as problem:
        if not again:
            raise
        told = render("rethink_mcts/again", error=str(problem), form=form)
    history = (*request.messages, Message(role="assistant", content=reply), *told.messages)
    repaired = (await ctx.complete(request.model_copy(update={"messages": history, "prompt": told.prompt})))[0].text
    return read(repaired.rpartition("</think>")[2])
