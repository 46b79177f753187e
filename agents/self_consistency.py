"""Self-consistency (Wang et al. 2022, arXiv 2203.11171): sample several chains of thought, return the answer that most of them reach.

Votes compare the final answers by their type, never whole replies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import Field

from eudoxus.agents.answers import extract, infer, same
from eudoxus.agents.choices import options_in
from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.problem import ProblemTask
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Completion, Context, Message, Params, Result, Verdict, strategy


class SelfConsistency(Params):
    n: int = Field(5, ge=1, le=256)
    """Replies sampled, 1 to 256."""
    temperature: float | None = Field(0.7, ge=0, le=2)
    """Sampling temperature, where the task sets none. null leaves it to the endpoint."""


@dataclass(slots=True)
class Votes:
    """Those that reached the same answer."""

    answer: str
    voters: list[int]
    """Numbers of the replies, in the order drawn."""


@strategy("self_consistency", takes=ChatTask, prompts=["self_consistency/instruction"], calls="n completions")
async def self_consistency(task: ChatTask, params: SelfConsistency, ctx: Context) -> Result:
    """Return the first of those replies whose final answer is the most frequent; a tie goes to the answer seen first.

    Costs ``n`` completions. Replies without a recognisable answer do not vote, nor do those that the task's verifier refuses.
    ``artifacts``: the ``answer`` that won, its ``format``, the ``votes`` per answer, and how many were ``unread``.
    """
    replies = await ctx.complete(_request(task, params), n=params.n)
    ctx.best(replies[0].text, replies[0])
    verdicts = await ctx.map("verify", replies, lambda child, reply: verdict_on(reply, task, child))
    format, answers, equal = _ballot(task, replies, verdicts)
    groups = _count(answers, equal)
    if not groups:
        return outcome(replies[0], verdicts[0], detail=f"no final answer could be read in any of {len(replies)} replies", votes=[],
                       unread=len(replies))
    winner = max(groups, key=lambda group: len(group.voters))
    first = winner.voters[0]
    votes = [{"answer": group.answer, "count": len(group.voters)} for group in sorted(groups, key=lambda g: -len(g.voters))]
    detail = f"{len(winner.voters)} of {len(replies)} replies agree"
    return outcome(replies[first], verdicts[first], detail=detail, judged=True, answer=winner.answer, format=format, votes=votes,
                   unread=answers.count(None))


def _request(task: ChatTask, params: SelfConsistency) -> ChatRequest:
    """The task, told to think first and to end with its answer. A task with a JSON answer is asked as it is: the reply is the answer."""
    request = task.request(temperature=params.temperature)
    if _is_json(task) or _says_where(task):
        return request
    told = render("self_consistency/instruction")
    return request.model_copy(update={"messages": _told(request.messages, told.messages[0]), "prompt": told.prompt})


def _told(messages: tuple[Message, ...], instruction: Message) -> tuple[Message, ...]:
    """The instruction at the end of the first system message, or as a new one: many chat templates allow only one, at the front."""
    first = messages[0]
    if first.role not in ("system", "developer"):
        return (instruction, *messages)
    if isinstance(first.content, list):
        content: Any = [*first.content, {"type": "text", "text": instruction.text}]
    else:
        content = f"{first.text}\n\n{instruction.text}"
    return (first.model_copy(update={"content": content}), *messages[1:])


def _ballot(task: ChatTask, replies: Sequence[Completion], verdicts: Sequence[Verdict | None],
            ) -> tuple[str, list[str | None], Callable[[str, str], bool]]:
    """The name of the answers' format, each reply's answer (None does not vote), and what makes two of them equal."""
    refused = [verdict is not None and not verdict.ok for verdict in verdicts]
    if 2 * sum(bool(reply.tool_calls) for reply in replies) > len(replies):
        return "tool_calls", [_calls(reply) for reply in replies], str.__eq__
    if _is_json(task):
        return "json", [None if no else _canonical(reply.text) for reply, no in zip(replies, refused, strict=True)], str.__eq__
    if isinstance(task, ProblemTask) and _says_where(task):
        found = [None if no else task.extract(reply.text) for reply, no in zip(replies, refused, strict=True)]
        return task.extractor.compares, found, lambda a, b: same(a, b, task.extractor.compares)
    question = next((message.text for message in reversed(task.messages) if message.role == "user"), "")
    format = task.answer_format or infer(question, [reply.text for reply in replies])
    options = options_in(question) if format == "choice" else {}
    answers = [
        None if no else extract(reply.text, format, options=options, cut_off=reply.finish_reason == "length")
        for reply, no in zip(replies, refused, strict=True)
    ]
    return format, answers, lambda a, b: same(a, b, format)


def _count(answers: Sequence[str | None], equal: Callable[[str, str], bool]) -> list[Votes]:
    """Equal answers together, in the order first seen."""
    groups: list[Votes] = []
    for number, answer in enumerate(answers):
        if answer is None:
            continue
        group = next((group for group in groups if equal(group.answer, answer)), None)
        if group is None:
            groups.append(Votes(answer, [number]))
        else:
            group.voters.append(number)
    return groups


def _is_json(task: ChatTask) -> bool:
    return (task.response_format or {}).get("type") in ("json_schema", "json_object")


def _says_where(task: ChatTask) -> bool:
    """Whether the task says itself where the answer stands."""
    return isinstance(task, ProblemTask) and task.answer is not None


def _canonical(text: str) -> str | None:
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONDecodeError:
        return None


def _calls(reply: Completion) -> str | None:
    """The functions that a reply calls with their arguments, whatever the ids of the calls."""
    functions = [call.get("function", {}) for call in reply.tool_calls or []]
    called = [[function.get("name"), _canonical(str(function.get("arguments"))) or function.get("arguments")] for function in functions]
    return orjson.dumps(called).decode() if called else None
