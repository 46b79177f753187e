"""Answers that derive from a grammar, by whatever means the endpoint has, each checked again here.

What an endpoint is told it may not do: servers ignore fields, stop at the limit of tokens, and enforce grammars with faults of their own.
So, in this order, until an answer is one of the grammar:

1. *native*: the grammar in the request, in the notation that the endpoint offers (:mod:`eudoxus.runtime.endpoints.dialects`);
2. *prompt*: the grammar in words, verified and sampled again. At a temperature above 0 that is rejection sampling, whose answers have
   exactly the model's own law within the grammar;
3. *segments*: of the last answer the longest beginning that the grammar allows is kept, and the model goes on from there.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from eudoxus.decoding.checking import Checker, Verdict, checker
from eudoxus.decoding.errors import ConstraintViolation
from eudoxus.decoding.grammar import Choice, Grammar, JsonSchema, Lark, Regex
from eudoxus.decoding.notation import in_notation
from eudoxus.decoding.offer import offered
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Message
from eudoxus.runtime.endpoints.dialects import Offer
from eudoxus.runtime.errors import BudgetSpent, CapabilityMissing, EndpointError

PROMPTS = ["constrained/answer", "constrained/go_on"]
"""For the list of prompts of strategies that ask for constrained answers."""

HEATS = (0.4, 0.7, 1.0)
"""Temperatures of further samples where the first was drawn at 0, which would only come again."""

Means = Literal["native", "prompt", "segments"]

_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>")
_LONGEST_REPEAT = 4_000
"""Characters of the end of a beginning that an answer may repeat before it goes on; finding them takes time quadratic in it."""


@dataclass(frozen=True, slots=True)
class Constrained:
    """A text of the grammar, the answer that it stood in, and by what means it came."""

    text: str
    completion: Completion
    means: Means


@dataclass(frozen=True, slots=True)
class _Refused:
    """An answer that is none of the grammar: the verdict on the text in it that comes furthest."""

    completion: Completion
    verdict: Verdict


async def constrained(ctx: Context, request: ChatRequest, grammar: Grammar, n: int = 1, *, tries: int = 4,
                      stretches: int = 4) -> list[Constrained]:
    """``n`` texts of ``grammar`` in answer to ``request``, which says nothing of the grammar itself; fewer where some could not be had.

    Costs ``n`` completions where the endpoint enforces the grammar; for each answer that is none, up to ``tries`` further samples and
    ``stretches`` continuations. Raises :class:`ConstraintViolation` with the last answers when not one is a text of the grammar, and
    :class:`InvalidGrammar` for a grammar that cannot be checked here.
    """
    judge = checker(grammar)
    offer = await offered(ctx, schema=isinstance(grammar, JsonSchema))
    told = natively(request, grammar, offer)
    found, refused = await _asked_natively(ctx.scope("native"), told, judge, n) if told is not None else ([], [])
    worded = in_words(request, grammar)
    missing = n - len(found)
    slots: list[_Refused | None] = [*refused, *[None] * missing][:missing]
    if missing:
        try:
            emulated = await ctx.map("prompt", slots, lambda child, last: _emulated(child, worded, grammar, judge, last, tries, stretches))
        except BudgetSpent:
            if not found:
                raise
            return found
        found += [one for one in emulated if isinstance(one, Constrained)]
        refused = [one for one in emulated if isinstance(one, _Refused)]
    if refused:
        ctx.emit("decoding.refused", problems=[one.verdict.complaint for one in refused])
    if not found:
        problem = refused[-1].verdict.complaint
        raise ConstraintViolation(f"no answer has the form that is wanted; of the last one, {problem}",
                                  replies=[one.completion for one in refused])
    return found


def natively(request: ChatRequest, grammar: Grammar, offer: Offer) -> ChatRequest | None:
    """The request with the grammar in the notation that the endpoint offers; None where it offers none that the grammar has."""
    if isinstance(grammar, JsonSchema):
        if not offer.json_schema:
            return None
        schema = json.loads(grammar.schema)
        form = {"name": "answer", "schema": schema, "strict": _strict(schema)}
        return request.model_copy(update={"response_format": {"type": "json_schema", "json_schema": form}})
    for notation in offer.notations:
        written = in_notation(grammar, notation)
        if written is not None:
            return request.model_copy(update={"grammar": {notation: written}})
    return None


def in_words(request: ChatRequest, grammar: Grammar) -> ChatRequest:
    """The request with the grammar told to the model, at the end of the last message if that is the user's."""
    match grammar:
        case Choice(_, values):
            kind, form = "a list of the only texts that are allowed, one of which you choose", "\n".join(values)
        case Regex(pattern):
            kind, form = "a regular expression that matches it as a whole", pattern
        case JsonSchema(schema):
            kind, form = "a JSON schema that it validates against", schema
        case Lark(text):
            kind, form = "a grammar in the notation of Lark, whose rule start derives it", text
    asked = render("constrained/answer", kind=kind, form=form)
    *before, last = request.messages
    words = asked.messages[0].text
    if last.role == "user" and isinstance(last.content, list):
        messages = (*before, last.model_copy(update={"content": [*last.content, {"type": "text", "text": words}]}))
    elif last.role == "user":
        messages = (*before, last.model_copy(update={"content": f"{last.text}\n\n{words}"}))
    else:
        messages = (*request.messages, Message(role="user", content=words))
    return request.model_copy(update={"messages": messages, "prompt": request.prompt or asked.prompt})


async def _asked_natively(ctx: Context, request: ChatRequest, judge: Checker, n: int) -> tuple[list[Constrained], list[_Refused]]:
    """What of ``n`` answers is of the grammar, and what is not; neither where the server refuses the request as such."""
    try:
        answers = await ctx.complete(request, n)
    except CapabilityMissing:
        return [], []
    except EndpointError as error:
        if error.status not in (400, 422):
            raise
        return [], []
    judged = [await asyncio.to_thread(_judged, answer, judge, "native") for answer in answers]
    return [one for one in judged if isinstance(one, Constrained)], [one for one in judged if isinstance(one, _Refused)]


async def _emulated(ctx: Context, request: ChatRequest, grammar: Grammar, judge: Checker, last: _Refused | None, tries: int,
                    stretches: int) -> Constrained | _Refused:
    """Verified and sampled again, then gone on with from the longest beginning that could be kept."""
    for number in range(max(tries, last is None)):
        heat = HEATS[min(number, len(HEATS)) - 1] if number and request.temperature == 0 else request.temperature
        answer = (await ctx.complete(request.model_copy(update={"temperature": heat})))[0]
        judged = await asyncio.to_thread(_judged, answer, judge, "prompt")
        if isinstance(judged, Constrained):
            return judged
        last = judged if last is None or len(judged.verdict.kept) >= len(last.verdict.kept) else last
    assert last is not None
    if isinstance(grammar, JsonSchema):
        return last
    return await _gone_on(ctx.scope("segments"), request, judge, last, stretches)


async def _gone_on(ctx: Context, request: ChatRequest, judge: Checker, last: _Refused, stretches: int) -> Constrained | _Refused:
    for _ in range(stretches):
        begun = last.verdict.kept + last.verdict.forced
        whole = await asyncio.to_thread(judge.verdict, begun)
        if whole.complaint is None:
            return Constrained(begun, last.completion, "segments")
        asked = render("constrained/go_on", problem=last.verdict.complaint or "", begun=begun)
        history = (*request.messages, Message(role="assistant", content=last.completion.text or "(nothing)"), *asked.messages)
        answer = (await ctx.complete(request.model_copy(update={"messages": history, "prompt": asked.prompt})))[0]
        nexts = [whole, *await asyncio.to_thread(_continued, begun, answer.text, judge)]
        done = next((verdict for verdict in nexts if verdict.complaint is None), None)
        if done is not None:
            return Constrained(done.kept, answer, "segments")
        furthest = max(nexts, key=lambda verdict: len(verdict.kept + verdict.forced))
        if len(furthest.kept + furthest.forced) <= len(begun):
            return _Refused(answer, whole)
        last = _Refused(answer, furthest)
    begun = last.verdict.kept + last.verdict.forced
    ended = await asyncio.to_thread(judge.verdict, begun)
    return Constrained(begun, last.completion, "segments") if ended.complaint is None else last


def _continued(begun: str, said: str, judge: Checker) -> list[Verdict]:
    return [judge.verdict(text) for text in _joined(begun, said)]


def _judged(answer: Completion, judge: Checker, means: Means) -> Constrained | _Refused:
    """An answer that was cut off is none, even where its beginning happens to be one."""
    verdicts = []
    for text in texts_in(answer.text):
        verdict = judge.verdict(text)
        if verdict.complaint is None and answer.finish_reason != "length":
            return Constrained(text, answer, means)
        verdicts.append(verdict if verdict.complaint else Verdict("it was cut off at the most tokens allowed", text))
    return _Refused(answer, max(verdicts, key=lambda verdict: len(verdict.kept)))


def texts_in(said: str) -> Iterator[str]:
    """What in an answer may be the text that was asked for: all of it, then without thoughts, blanks around it, or a fence."""
    spoken = _THOUGHT_ENDS.split(said)[-1]
    yield from dict.fromkeys([said, spoken, spoken.strip(), *(one for text in _fenced(spoken) for one in (text, text.removesuffix("\n")))])


def _fenced(text: str) -> Iterator[str]:
    """What stands in fences. A pattern would take time quadratic in fences that are never closed."""
    begun: list[str] | None = None
    for line in text.split("\n"):
        mark = line.strip(" \t")
        if begun is None:
            begun = [] if mark.startswith("```") and "`" not in mark[3:] else None
        elif mark == "```":
            yield "".join(f"{one}\n" for one in begun)
            begun = None
        else:
            begun.append(line)


def _joined(begun: str, said: str) -> Iterator[str]:
    """The beginning and what comes after it, as it is, and without what it repeats of the end of the beginning."""
    for text in texts_in(said):
        repeated = next((size for size in range(min(len(begun), len(text), _LONGEST_REPEAT), 0, -1) if begun.endswith(text[:size])), 0)
        yield from dict.fromkeys([begun + text, begun + text[repeated:], text if text.startswith(begun) else begun + text.lstrip(" ")])


def _strict(schema: Any) -> bool:
    """Whether every object in a schema names all its members and allows no other: what servers ask of a schema to enforce it strictly."""
    if isinstance(schema, list):
        return all(map(_strict, schema))
    if not isinstance(schema, dict):
        return True
    members = schema.get("properties")
    if isinstance(members, dict) and (schema.get("additionalProperties") is not False or set(schema.get("required", [])) != set(members)):
        return False
    return (schema.get("type") != "object" or isinstance(members, dict)) and all(map(_strict, schema.values()))
