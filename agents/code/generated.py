"""Tests that a model writes (CodeT, Chen et al. 2022, arXiv 2207.10397, §2.1). They may be wrong: they choose, and verify nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eudoxus.agents.code.statement import entry_point_in
from eudoxus.agents.code.syntax import complaint
from eudoxus.agents.code.visible import asserts_in
from eudoxus.prompts import render
from eudoxus.runtime import Context, Message

if TYPE_CHECKING:
    from eudoxus.agents.code.task import CodeTask

PROMPTS = ["code/tests", "code/tests_again"]
_LISTED = re.compile(r"^[ \t]*(?:\d+[.)]|[-*])[ \t]+`?(assert\b.*?)`?[ \t]*$", re.MULTILINE)
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)


async def generated_tests(task: CodeTask, ctx: Context, *, count: int = 8, temperature: float | None = 0.0) -> tuple[str, ...]:
    """At most ``count`` asserts for ``task`` by one request, asked once more when none can be used; perhaps none.

    They are not among the task's visible tests and, written by a model, not to be trusted.
    """
    entry = task.entry_point or entry_point_in(task.statement, task.tests)
    if entry is None:
        return ()
    request = render("code/tests", statement=task.statement, entry=entry, count=str(count)).model_copy(update={"temperature": temperature})
    said = (await ctx.complete(request))[0].text
    if found := read_tests(said, entry, without=task.tests, most=count):
        return found
    problem = _problem(said, entry)
    again = render("code/tests_again", problem=problem, entry=entry, count=str(count))
    history = (*request.messages, Message(role="assistant", content=said), *again.messages)
    said = (await ctx.complete(again.model_copy(update={"messages": history, "temperature": temperature})))[0].text
    return read_tests(said, entry, without=task.tests, most=count)


def read_tests(reply: str, entry: str, *, without: tuple[str, ...] = (), most: int | None = None) -> tuple[str, ...]:
    """The asserts in ``reply`` that compile and call ``entry``, each once, but for those ``without``."""
    text = _THOUGHT.sub("", reply).rpartition("</think>")[2]
    text = _LISTED.sub(r"\1", text)
    usable = [test for test in asserts_in(text, entry) if complaint(test) is None and test not in without]
    return tuple(usable[:most])


def _problem(said: str, entry: str) -> str:
    if "assert" not in said:
        return "there is no assert in it"
    if entry not in said:
        return f"the asserts do not call {entry}"
    return "the asserts are no valid Python, stand within other statements, or repeat the statement's examples"
