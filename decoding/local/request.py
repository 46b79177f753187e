"""A chat request as a local model can answer it; what it cannot do is refused by name."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any, Literal, get_args

from eudoxus.decoding.errors import GrammarTooLarge, InvalidGrammar
from eudoxus.decoding.grammar import Choice, Grammar, JsonSchema, Lark, Limits, Regex, check_size
from eudoxus.decoding.local.exact import Effort, ExactMode
from eudoxus.decoding.local.law import Sampling
from eudoxus.runtime.chat import ChatRequest, Json, Message
from eudoxus.runtime.endpoints.dialects import notation_of
from eudoxus.runtime.errors import InvalidRequest, UnsupportedParameter

SamplerName = Literal["gcd"] | ExactMode
SAMPLERS = ("gcd", *get_args(ExactMode))
LONGEST_GBNF = 16_384
"""Characters; the time of putting it into Lark grows with their square."""
MOST_TRIALS, MOST_PARTICLES = 100_000, 1024
KNOWN = frozenset({"top_k", "min_p", "structured_outputs", "grammar", "sampler", "max_trials", "particles", "telemetry"})


@dataclass(frozen=True)
class Asked:
    """What is to be generated."""

    messages: tuple[dict[str, str], ...]
    """``role`` and ``content`` of each."""
    grammar: Grammar | None
    grammar_field: str
    """Where in the request the grammar stood."""
    sampling: Sampling
    sampler: SamplerName
    effort: Effort
    max_tokens: int | None
    stops: tuple[str, ...]
    seed: int | None
    top_logprobs: int | None
    """None: no log-probabilities are wanted."""
    telemetry: bool


def read_request(request: ChatRequest) -> Asked:
    """Raises :class:`UnsupportedParameter`, :class:`InvalidRequest`, :class:`InvalidGrammar`, each naming the field."""
    extra = request.extra or {}
    _refuse(request, extra)
    grammar = grammar_of(request, extra)
    sampler = _one_of(extra, "sampler", SAMPLERS)
    sampling = Sampling(
        1.0 if request.temperature is None else request.temperature, request.top_p or 1.0,
        _whole(extra, "top_k", 0, -1, 1 << 31), float(_number(extra, "min_p", 0.0)),
    )
    if sampler != "gcd":
        _check_exact(sampler, grammar, sampling, request)
    return Asked(
        tuple(_message(message, number) for number, message in enumerate(request.messages)), grammar, _grammar_field(request, extra),
        sampling, sampler,
        Effort(_whole(extra, "max_trials", 1000, 1, MOST_TRIALS), _whole(extra, "particles", 16, 1, MOST_PARTICLES)),
        request.max_tokens, tuple(request.stop or ()), request.seed, (request.top_logprobs or 0) if request.logprobs else None,
        _one_of(extra, "telemetry", (False, True)),
    )


def grammar_of(request: ChatRequest, extra: Json) -> Grammar | None:
    """The grammar that a request carries: as ours, in ``response_format``, in vLLM's ``structured_outputs`` or llama.cpp's ``grammar``.

    Lark and GBNF are told apart by ``::=``. Raises :class:`InvalidGrammar`, :class:`InvalidRequest`.
    """
    given = (_of_ours(request), _of_format(request.response_format), _of_structured(extra), _of_text(extra))
    found = [grammar for grammar in given if grammar is not None]
    if len(found) > 1:
        raise InvalidRequest("more than one of response_format, structured_outputs and grammar is given, expected one", param="grammar")
    return found[0] if found else None


def _grammar_field(request: ChatRequest, extra: Json) -> str:
    if isinstance(said := extra.get("structured_outputs"), dict) and said:
        return f"structured_outputs.{next(iter(said))}"
    return "grammar" if request.grammar is not None or extra.get("grammar") is not None else "response_format"


def _of_ours(request: ChatRequest) -> Grammar | None:
    if request.grammar is None:
        return None
    notation, grammar = notation_of(request)
    match notation:
        case "choice":
            return Choice.of(grammar)
        case "regex":
            return Regex(grammar)
        case "gbnf":
            return _of_gbnf(grammar)
    return Lark(grammar)


def _of_format(said: Json | None) -> Grammar | None:
    kind = (said or {}).get("type", "text")
    if said is None or kind == "text":
        return None
    if kind == "json_object":
        return JsonSchema.of({"type": "object"})
    if kind != "json_schema":
        raise UnsupportedParameter(f"response_format.type is {kind!r}, expected text, json_object or json_schema",
                                   param="response_format.type")
    form = said.get("json_schema")
    schema = form.get("schema") if isinstance(form, dict) else None
    if not isinstance(schema, dict):
        raise InvalidRequest("response_format.json_schema.schema is missing or no object", param="response_format.json_schema.schema")
    return JsonSchema.of(schema)


def _of_structured(extra: Json) -> Grammar | None:
    said = extra.get("structured_outputs")
    if said is None:
        return None
    kinds = ("json", "json_object", "regex", "choice", "grammar")
    if not isinstance(said, dict) or len(said) != 1 or next(iter(said)) not in kinds:
        raise InvalidRequest(f"structured_outputs: expected an object with one of {', '.join(kinds)}", param="structured_outputs")
    (kind, value), = said.items()
    if kind == "json" and isinstance(value, dict | str):
        return JsonSchema.of(value)
    if kind == "json_object" and value is True:
        return JsonSchema.of({"type": "object"})
    if kind == "regex" and isinstance(value, str):
        return Regex(value)
    if kind == "choice" and isinstance(value, list) and all(isinstance(text, str) for text in value):
        return Choice.of(value)
    if kind == "grammar" and isinstance(value, str):
        return _written(value)
    expected = {"json": "a schema, as an object or text", "json_object": "true", "choice": "a list of texts"}.get(kind, "text")
    raise InvalidRequest(f"structured_outputs.{kind}: expected {expected}, got {json.dumps(value):.80}", param=f"structured_outputs.{kind}")


def _of_text(extra: Json) -> Grammar | None:
    said = extra.get("grammar")
    if said is None:
        return None
    if not isinstance(said, str):
        raise InvalidRequest(f"grammar: expected text, got {type(said).__name__}", param="grammar")
    return _written(said)


def _written(text: str) -> Grammar:
    """A grammar in Lark or GBNF."""
    return _of_gbnf(text) if "::=" in text else Lark(text)


def _of_gbnf(text: str) -> Grammar:
    if len(text) > LONGEST_GBNF:
        raise GrammarTooLarge(f"the GBNF has {len(text)} characters, allowed are {LONGEST_GBNF}; in Lark more are", param="grammar")
    check_size(Lark(text), Limits())
    from llguidance.gbnf_to_lark import gbnf_to_lark

    try:
        return Lark(gbnf_to_lark(text))
    except Exception as error:  # noqa: BLE001 - what it raises has no class of its own
        raise InvalidGrammar(f"the grammar is no GBNF: {error}", param="grammar") from None


def _refuse(request: ChatRequest, extra: Json) -> None:
    for name in ("frequency_penalty", "presence_penalty", "logit_bias", "tool_choice"):
        if getattr(request, name) not in (None, 0, {}, "none"):
            raise UnsupportedParameter(f"{name}: local models do not support this field", param=name)
    unknown = sorted(name for name in extra if name not in KNOWN and extra[name] is not None)
    if unknown:
        raise UnsupportedParameter(f"{unknown[0]}: local models do not support this field (supported besides OpenAI's: "
                                   f"{', '.join(sorted(KNOWN))})", param=unknown[0])


def _check_exact(sampler: str, grammar: Grammar | None, sampling: Sampling, request: ChatRequest) -> None:
    if grammar is None:
        raise InvalidRequest(f"sampler={sampler} samples within a grammar, and the request has none", param="sampler")
    if sampling.temperature == 0:
        raise InvalidRequest(f"sampler={sampler} needs a temperature above 0: at 0 the model says one text only", param="temperature")
    if request.stop:
        raise UnsupportedParameter(f"stop: not with sampler={sampler}; say in the grammar where the text ends", param="stop")


def _message(message: Message, number: int) -> dict[str, str]:
    if message.tool_calls or message.role in ("tool", "function"):
        raise UnsupportedParameter(f"messages.{number}: local models do not call tools", param=f"messages.{number}")
    if isinstance(message.content, list) and any(part.get("type") != "text" for part in message.content):
        raise UnsupportedParameter(f"messages.{number}.content: local models read text only", param=f"messages.{number}.content")
    return {"role": "system" if message.role == "developer" else message.role, "content": message.text}


def _one_of(extra: Json, name: str, values: tuple[Any, ...]) -> Any:
    value = extra.get(name, values[0])
    if not any(value is known or (isinstance(value, str) and value == known) for known in values):
        raise InvalidRequest(f"{name} is {value!r:.80}, expected one of {', '.join(map(str, values))}", param=name)
    return value


def _whole(extra: Json, name: str, default: int, low: int, high: int) -> int:
    value = extra.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidRequest(f"{name} is {value!r:.80}, expected a whole number from {low} to {high}", param=name)
    return max(0, value)


def _number(extra: Json, name: str, default: float) -> float:
    value = extra.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > sys.float_info.max:
        raise InvalidRequest(f"{name} is {value!r:.80}, expected a number", param=name)
    return value
