"""Asking a server which grammars it obeys: servers ignore body fields that they do not know, so that no answer but the act itself tells.

Each question leaves the model only one text that it could write, one that it would never write by itself. Where another text comes, or the
server refuses the field, the feature is absent.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from eudoxus.runtime.chat import ChatRequest, Message, Response
from eudoxus.runtime.endpoints.base import Endpoint
from eudoxus.runtime.endpoints.dialects import DIALECTS, PROBE, Dialect, Offer, read
from eudoxus.runtime.errors import CapabilityMissing, EndpointError, MalformedAnswer

QUESTION = "Name a colour. Answer with one word."
TOKENS = 1024
"""Room for a model that thinks before it answers."""
REMEMBERED = 256
"""Models whose offer is kept; names of models may come from requests, in any number."""

Ask = Callable[[str, ChatRequest], Awaitable[Response]]
"""One answer of a model to a request, which holds no grammar of ours any more."""


class Prober:
    """What a server's models offer, each asked once in the life of the process. Of concurrent callers one asks."""

    def __init__(self, ask: Ask, name: str) -> None:
        self._ask, self._name = ask, name
        self._found: dict[str, asyncio.Task[Offer]] = {}

    async def offer(self, model: str) -> Offer:
        """What ``model`` obeys of the first dialect of which it obeys anything. Raises :class:`EndpointError` when it does not answer."""
        task = self._found.get(model)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            if len(self._found) >= REMEMBERED:
                self._found = {name: kept for name, kept in self._found.items() if not kept.done()}
            task = self._found[model] = asyncio.create_task(self.probed(model, DIALECTS.values()))
        # A caller that gives up must not take the answer from the others.
        return await asyncio.shield(task)

    async def probed(self, model: str, dialects: Iterable[Dialect]) -> Offer:
        """As :meth:`offer`, asked anew and of these dialects only."""
        json_schema = await self._obeys_schema(model)
        for dialect in dialects:
            if not dialect.notations or dialect.name == "local":
                continue
            obeyed = [notation for notation in dialect.notations if await self._obeys(model, dialect, notation)]
            if obeyed:
                return Offer(json_schema=json_schema, dialect=dialect.name, notations=tuple(obeyed))
        return Offer(json_schema=json_schema)

    async def _obeys(self, model: str, dialect: Dialect, notation: str) -> bool:
        nonce = self._nonce(model, f"{dialect.name} {notation}")
        grammar: dict[str, Any] = {
            "choice": [nonce], "regex": nonce, "lark": f'start: "{nonce}"\n', "gbnf": f'root ::= "{nonce}"\n'}
        said = await self._said(model, dialect.written(_question(grammar={notation: grammar[notation]})))
        return said == nonce

    async def _obeys_schema(self, model: str) -> bool:
        nonce = self._nonce(model, "json_schema")
        schema = {"type": "object", "properties": {"nonce": {"type": "string", "enum": [nonce]}}, "required": ["nonce"],
                  "additionalProperties": False}
        form = {"type": "json_schema", "json_schema": {"name": "nonce", "schema": schema, "strict": True}}
        said = await self._said(model, _question(response_format=form))
        try:
            return bool(json.loads(said or "") == {"nonce": nonce})
        except (ValueError, RecursionError):
            return False

    async def _said(self, model: str, request: ChatRequest) -> str | None:
        """The answer, without blanks around it; None where the server refuses the request as such."""
        try:
            response = await self._ask(model, request)
        except CapabilityMissing:
            return None
        except EndpointError as error:
            # A field that is refused, or that the server stumbles over, is a field that is absent; silence and wrong keys tell nothing.
            if error.status in (400, 422, 500, 501) or isinstance(error, MalformedAnswer):
                return None
            raise
        return read(response.completions[0]).text.strip()

    def _nonce(self, model: str, what: str) -> str:
        """A word that no model says unless it must. The same each time, so that a recorded server answers again."""
        return f"eudoxus{hashlib.sha256(f'{self._name} {model} {what}'.encode()).hexdigest()[:12]}"


def _question(**form: Any) -> ChatRequest:
    return ChatRequest(messages=(Message(role="user", content=QUESTION),), temperature=0, max_tokens=TOKENS, **form)


async def offer_of(endpoint: Endpoint, model: str) -> Offer:
    """The grammars to which ``model`` can be held: what its endpoint declares, or finds out where the configuration says ``probe``.

    Raises :class:`EndpointError` when a server that has to be asked does not answer.
    """
    if endpoint.capabilities.grammar != PROBE:
        return endpoint.capabilities.offer
    ask: Callable[[str], Awaitable[Offer]] | None = getattr(endpoint, "offer", None)
    return await ask(model) if ask is not None else endpoint.capabilities.offer
