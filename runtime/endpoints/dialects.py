"""How each kind of server is told a grammar: one field of our request, written into the fields that the server reads.

A JSON schema needs no dialect: all of them read OpenAI's ``response_format``. What else there is, and where it goes:

============== ======================== ===========================================================================
dialect        notations                where
============== ======================== ===========================================================================
``openai``     regex, lark              a custom tool that must be called; its input is the answer
``vllm``       choice, regex, gbnf, lark  ``structured_outputs`` (vLLM 0.12 and later)
``sglang``     regex, gbnf              ``regex``, ``ebnf``
``llama.cpp``  gbnf                     ``grammar``
``fireworks``  gbnf                     ``response_format`` of type ``grammar``
``ollama``, ``lm-studio``  none         only a JSON schema
``local``      choice, regex, lark, gbnf  for endpoints that decode in this process and read our field themselves
============== ======================== ===========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from eudoxus.runtime.chat import ChatRequest, Completion, Json
from eudoxus.runtime.errors import CapabilityMissing, InvalidRequest, UnsupportedParameter

NOTATIONS = ("choice", "regex", "lark", "gbnf")
"""What a grammar in a request may be written in: a list of texts, a regular expression, Lark, or llama.cpp's GBNF."""
PROBE = "probe"
"""In place of a dialect: the server is asked once which one it obeys."""
TOOL = "answer"
"""The custom tool whose input is the answer."""


class Offer(BaseModel):
    """To which grammars a model can be held. An offer without notations and schema is that of a plain chat endpoint."""

    model_config = ConfigDict(frozen=True)

    json_schema: bool = False
    dialect: str | None = None
    notations: tuple[str, ...] = ()
    """Those of :data:`NOTATIONS` that are obeyed, the preferred ones first."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of server. ``fields`` gives the body fields for a notation and a grammar in it."""

    name: str
    notations: tuple[str, ...]
    fields: Callable[[str, Any], Json]

    def written(self, request: ChatRequest) -> ChatRequest:
        """The request with its grammar in the fields that this kind of server reads.

        Raises :class:`CapabilityMissing` for a notation that it lacks, and :class:`UnsupportedParameter` where a field is taken already.
        """
        notation, grammar = notation_of(request)
        if notation not in self.notations:
            raise lacking(notation, self.name, self.notations)
        fields = self.fields(notation, grammar)
        for taken in fields:
            if (taken != "grammar" and getattr(request, taken, None) is not None) or taken in (request.extra or {}):
                raise UnsupportedParameter(f"{taken}: a server of the dialect {self.name} is told the grammar in this field, "
                                           "so the request must leave it open", param=taken)
        ours = {name: value for name, value in fields.items() if name in ChatRequest.model_fields and name != "grammar"}
        extra = {**(request.extra or {}), **{name: value for name, value in fields.items() if name not in ours}}
        return request.model_copy(update={**ours, "extra": extra or None, "grammar": None})


def _custom_tool(notation: str, grammar: Any) -> Json:
    form = {"type": "grammar", "grammar": {"syntax": notation, "definition": grammar}}
    tool = {"name": TOOL, "description": "Takes the whole answer, in the form that its grammar describes.", "format": form}
    return {"tools": [{"type": "custom", "custom": tool}], "tool_choice": {"type": "custom", "custom": {"name": TOOL}}}


def _structured_outputs(notation: str, grammar: Any) -> Json:
    return {"structured_outputs": {"grammar" if notation in ("lark", "gbnf") else notation: grammar}}


def _untold(notation: str, grammar: Any) -> Json:
    return {}


DIALECTS = {dialect.name: dialect for dialect in (
    Dialect("vllm", ("choice", "regex", "gbnf", "lark"), _structured_outputs),
    Dialect("sglang", ("regex", "gbnf"), lambda notation, grammar: {"ebnf" if notation == "gbnf" else "regex": grammar}),
    Dialect("llama.cpp", ("gbnf",), lambda _, grammar: {"grammar": grammar}),
    Dialect("fireworks", ("gbnf",), lambda _, grammar: {"response_format": {"type": "grammar", "grammar": grammar}}),
    Dialect("openai", ("regex", "lark"), _custom_tool),
    Dialect("ollama", (), _untold),
    Dialect("lm-studio", (), _untold),
    Dialect("local", ("choice", "regex", "lark", "gbnf"), _untold),
)}
"""All dialects by name, in the order in which a probe tries them."""


def declared(grammar: str | None, *, json_schema: bool) -> Offer:
    """What an endpoint offers that declares this dialect, by its name. A dialect of unknown name offers nothing."""
    known = DIALECTS.get(grammar or "")
    return Offer(json_schema=json_schema, dialect=grammar if known else None, notations=known.notations if known else ())


def notation_of(request: ChatRequest) -> tuple[str, Any]:
    """The notation of the request's grammar, and the grammar in it. Raises :class:`InvalidRequest` where it is not one of those known."""
    said = request.grammar or {}
    if len(said) != 1 or next(iter(said)) not in NOTATIONS:
        raise InvalidRequest(f"grammar: expected an object with one of {', '.join(NOTATIONS)}, not {', '.join(said) or 'nothing'}",
                             param="grammar")
    (notation, grammar), = said.items()
    if notation == "choice":
        fits = isinstance(grammar, list) and bool(grammar) and all(isinstance(one, str) and one for one in grammar)
    else:
        fits = isinstance(grammar, str) and bool(grammar)
    if not fits:
        wanted = "a list of texts" if notation == "choice" else "a text"
        raise InvalidRequest(f"grammar.{notation}: expected {wanted}, none of them empty", param=f"grammar.{notation}")
    return notation, grammar


def lacking(notation: str, dialect: str | None, notations: tuple[str, ...], *, endpoint: str = "") -> CapabilityMissing:
    """The error that an endpoint cannot be held to a grammar in ``notation``."""
    named = f"the endpoint {endpoint!r}" if endpoint else "the endpoint"
    takes = " or ".join(notations) or "no grammar but JSON schemas"
    what = f"is of the dialect {dialect}, which takes {takes}" if dialect else "declares no capabilities.grammar"
    return CapabilityMissing(f"grammar.{notation}: {named} {what}", param="grammar")


def read(completion: Completion) -> Completion:
    """The answer as text where it came as the input of the custom tool; any other as it is."""
    for call in completion.tool_calls or ():
        custom = call.get("custom") if call.get("type") == "custom" else None
        if isinstance(custom, dict) and custom.get("name") == TOOL and isinstance(custom.get("input"), str):
            ended = "stop" if completion.finish_reason == "tool_calls" else completion.finish_reason
            return completion.model_copy(update={"text": custom["input"], "tool_calls": None, "finish_reason": ended})
    return completion
