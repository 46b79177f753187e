"""Servers on loopback that take grammars as real ones do, and enforce them: each reads the fields of its own kind and no other.

What is enforced is drawn by a random walk over bytes under the reference engine, or llguidance for what that cannot read; GBNF is read
by llguidance's converter, so that nothing of ours judges what ours has written.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from eudoxus.decoding import Choice, Grammar, JsonSchema, Lark, LlguidanceEngine, ReferenceEngine, Regex, allowed_tokens
from eudoxus.decoding.checking import BYTES
from eudoxus.decoding.engine import Matcher
from eudoxus.decoding.errors import NotInSubset
from tests.runtime.endpoints.mock import Loopback, completion, failing

Reads = Callable[[dict[str, Any]], Grammar | None]


def schema_in(body: dict[str, Any]) -> Grammar | None:
    form = body.get("response_format") or {}
    return JsonSchema.of(form["json_schema"]["schema"]) if form.get("type") == "json_schema" else None


def from_gbnf(text: str) -> Lark:
    from llguidance.gbnf_to_lark import gbnf_to_lark

    assert text.startswith("root ::=")
    return Lark(gbnf_to_lark(text))


def vllm(body: dict[str, Any]) -> Grammar | None:
    said = body.get("structured_outputs")
    if said is None:
        return schema_in(body)
    (kind, value), = said.items()
    return {"regex": Regex, "choice": Choice.of}[kind](value) if kind in ("regex", "choice") else (
        Lark(value) if "::=" not in value else from_gbnf(value))


def sglang(body: dict[str, Any]) -> Grammar | None:
    assert not ("ebnf" in body and "regex" in body)
    return from_gbnf(body["ebnf"]) if "ebnf" in body else Regex(body["regex"]) if "regex" in body else schema_in(body)


def llama_cpp(body: dict[str, Any]) -> Grammar | None:
    return from_gbnf(body["grammar"]) if "grammar" in body else schema_in(body)


def fireworks(body: dict[str, Any]) -> Grammar | None:
    form = body.get("response_format") or {}
    return from_gbnf(form["grammar"]) if form.get("type") == "grammar" else schema_in(body)


def openai(body: dict[str, Any]) -> Grammar | None:
    if not body.get("tools"):
        return schema_in(body)
    tool, = body["tools"]
    assert body["tool_choice"] == {"type": "custom", "custom": {"name": tool["custom"]["name"]}}
    form = tool["custom"]["format"]
    assert form["type"] == "grammar"
    return {"lark": Lark, "regex": Regex}[form["grammar"]["syntax"]](form["grammar"]["definition"])


READS: dict[str, Reads] = {"vllm": vllm, "sglang": sglang, "llama.cpp": llama_cpp, "fireworks": fireworks, "openai": openai,
                           "ollama": schema_in, "lm-studio": schema_in}
STANDARD = frozenset({"model", "messages", "temperature", "max_tokens", "n", "stop", "response_format", "tools", "tool_choice"})


@dataclass
class GrammarServer:
    """One model behind a server of a kind. ``ignores``: unknown and grammar fields do nothing; ``refuses``: they are a 400.

    ``says`` is what the model writes when nothing holds it, in turn; the last one again and again. ``breaks``: what is enforced is
    answered with a wrong character at its end.
    """

    kind: str = "vllm"
    url: str = ""
    ignores: bool = False
    refuses: bool = False
    breaks: bool = False
    says: list[str] = field(default_factory=lambda: ["Blue."])
    bodies: list[dict[str, Any]] = field(default_factory=list)
    seed: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await (await self.answer(Request(scope, receive)))(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        if request.url.path.endswith("/models"):
            return JSONResponse({"object": "list", "data": [{"id": "m"}]})
        body = orjson.loads(await request.body())
        self.bodies.append(body)
        unknown = sorted(body.keys() - STANDARD)
        if self.refuses and (unknown or "response_format" in body or "tools" in body):
            return failing(400, f"Unrecognized request argument supplied: {', '.join(unknown) or 'response_format'}")
        if self.kind == "openai" and unknown:
            return failing(400, f"Unrecognized request argument supplied: {', '.join(unknown)}")
        grammar = None if self.ignores else READS[self.kind](body)
        texts = [self.said(grammar) for _ in range(body.get("n", 1))]
        if self.kind == "openai" and body.get("tools"):
            calls = [{"id": "call_1", "type": "custom", "custom": {"name": "answer", "input": texts[0]}}]
            said = completion([None], tool_calls=calls)  # type: ignore[list-item]
            said["choices"][0]["finish_reason"] = "tool_calls"
            return JSONResponse(said)
        return JSONResponse(completion(texts))

    def said(self, grammar: Grammar | None) -> str:
        if grammar is None:
            return self.says.pop(0) if len(self.says) > 1 else self.says[0]
        self.seed += 1
        return drawn(grammar, random.Random(self.seed)) + ("\x7f" if self.breaks else "")


def drawn(grammar: Grammar, rng: random.Random, longest: int = 400) -> str:
    """A text of the grammar: bytes drawn one by one among those that are allowed."""
    matcher = matcher_of(grammar)
    out = bytearray()
    while True:
        allowed = [int(token) for token in allowed_tokens(matcher.mask(), BYTES.size)]
        plain = [byte for byte in allowed if 0x20 <= byte < 0x7F or byte in (0x0A, 256)] or allowed
        if 256 in plain and (len(out) > longest / 4 or len(plain) == 1 or rng.random() < 0.2):
            return out.decode()
        token = rng.choice([byte for byte in plain if byte != 256] or plain)
        assert len(out) < longest * 10, "the walk does not end"
        matcher.consume(token)
        out.append(token)


def matcher_of(grammar: Grammar) -> Matcher:
    try:
        return ReferenceEngine(BYTES).matcher(grammar)
    except NotInSubset:
        return LlguidanceEngine(BYTES).matcher(grammar, exact=True)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    running = Loopback()
    yield running
    running.close()


@contextmanager
def serving(loopback: Loopback, kind: str, **behaviour: Any) -> Iterator[GrammarServer]:
    server = GrammarServer(kind, loopback.url, **behaviour)
    loopback._current = server  # type: ignore[assignment]
    yield server
