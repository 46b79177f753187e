"""Reading ``POST /v1/chat/completions``: OpenAI's fields into a task, ours into options; what is not supported is refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from eudoxus.runtime.budget import Limits
from eudoxus.runtime.chat import Json, Message
from eudoxus.runtime.errors import InvalidRequest, UnsupportedParameter
from eudoxus.runtime.task import ChatTask
from eudoxus.service.json_body import read_json

MAX_CHOICES = 128

TASK_FIELDS = frozenset(
    {
        "temperature",
        "top_p",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
        "response_format",
    }
)
OWN_FIELDS = frozenset(
    {"model", "messages", "n", "stream", "stream_options", "stop", "max_tokens", "max_completion_tokens", "metadata", "eudoxus"}
)
PASSED_ON = frozenset(
    {
        # OpenAI
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
        "web_search_options",
        # OpenRouter
        "provider",
        "reasoning",
        "thinking",
        # vLLM, SGLang
        "chat_template_kwargs",
        "ebnf",
        "guided_choice",
        "guided_grammar",
        "guided_json",
        "guided_regex",
        "ignore_eos",
        "include_stop_str_in_output",
        "length_penalty",
        "min_tokens",
        "regex",
        "repetition_penalty",
        "skip_special_tokens",
        "stop_token_ids",
        "structured_outputs",
        "enable_thinking",
        # llama.cpp, Ollama
        "cache_prompt",
        "dry_allowed_length",
        "dry_base",
        "dry_multiplier",
        "grammar",
        "json_schema",
        "keep_alive",
        "mirostat",
        "mirostat_eta",
        "mirostat_tau",
        "n_probs",
        "options",
        "repeat_last_n",
        "repeat_penalty",
        "samplers",
        "think",
        "xtc_probability",
        "xtc_threshold",
        # our own local models
        "max_trials",
        "particles",
        "sampler",
        "telemetry",
        # sampling that OpenAI lacks
        "min_p",
        "tfs_z",
        "top_a",
        "top_k",
        "top_n_sigma",
        "typical_p",
    }
)
"""Fields that reach the model's endpoint unchanged."""
_INSTEAD = {
    "functions": "use tools",
    "function_call": "use tool_choice",
    "audio": "only text is answered",
    "modalities": "only text is answered",
    "best_of": "use a strategy: model best_of_n(n=…)/…",
    "prompt": "use messages",
    "suffix": "use messages",
}

_MESSAGE_FIELDS = frozenset(Message.model_fields) - {"extra"}


class Options(BaseModel):
    """The ``eudoxus`` object of a chat request (``extra_body={"eudoxus": {…}}`` in OpenAI's client)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    strategy: str | Json | None = None
    """A strategy to put before ``model``, as a path or as JSON."""
    params: Json = {}
    """Parameters of the outermost strategy; they win over those in the path."""
    budget: Limits = Limits()
    """Limits of each of the ``n`` runs."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Seed of the strategy's own choices (not of the model's sampling, which is OpenAI's ``seed``)."""
    cache: bool = False
    """Whether answers may come from, and go to, the cache across runs."""
    stream_events: bool = False
    """With ``stream``: also tell progress, in chunks with an empty delta and an ``eudoxus`` member."""
    metadata: dict[str, str] = Field({}, max_length=16)
    """Up to 16 pairs, kept with the run and searchable."""


NO_OPTIONS = Options()


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A chat request, read."""

    model: str
    task: ChatTask
    n: int = 1
    stream: bool = False
    include_usage: bool = False
    options: Options = NO_OPTIONS


def read_chat(body: bytes) -> ChatCall:
    """The request in ``body``. Raises :class:`InvalidRequest` or :class:`UnsupportedParameter`, naming the field."""
    said = _json_object(body)
    model = said.get("model")
    if not isinstance(model, str) or not model:
        raise InvalidRequest("model: a string such as openai:gpt-4o-mini or best_of_n(n=8)/openai:gpt-4o-mini is needed", param="model")
    options = _options(said)
    n = _integer(said, "n", 1, 1, MAX_CHOICES)
    stream = said.get("stream", False)
    if not isinstance(stream, bool):
        raise InvalidRequest("stream: expected true or false", param="stream")
    shape = said.get("stream_options") or {}
    if not isinstance(shape, dict) or shape.keys() - {"include_usage", "include_obfuscation"}:
        raise UnsupportedParameter("stream_options: only include_usage is supported", param="stream_options")
    return ChatCall(model, _task(said), n, stream, bool(shape.get("include_usage")), options)


def _json_object(body: bytes) -> Json:
    said = read_json(body)
    if not isinstance(said, dict):
        raise InvalidRequest("the body is not a JSON object")
    return {name: value for name, value in said.items() if value is not None}


def _options(said: Json) -> Options:
    given = said.get("eudoxus")
    metadata = said.get("metadata")
    if given is None and metadata is None:
        return NO_OPTIONS
    if not isinstance(given, dict | None):
        raise InvalidRequest("eudoxus: expected an object", param="eudoxus")
    given = given or {}
    if metadata is not None:
        own = given.get("metadata", {})
        if not isinstance(metadata, dict) or not isinstance(own, dict):
            raise InvalidRequest("metadata: expected an object of strings", param="metadata")
        given = {**given, "metadata": {**metadata, **own}}
    try:
        return Options.model_validate(given)
    except pydantic.ValidationError as error:
        raise _invalid(error, "eudoxus") from None


def _task(said: Json) -> ChatTask:
    fields: Json = {}
    extra: Json = {}
    for name, value in said.items():
        if name in TASK_FIELDS:
            fields[name] = value
        elif name in PASSED_ON:
            extra[name] = value
        elif name not in OWN_FIELDS:
            hint = f"; {_INSTEAD[name]}" if name in _INSTEAD else ""
            raise UnsupportedParameter(f"{name}: this field is not supported{hint}", param=name)
    fields["messages"] = _messages(said.get("messages"))
    if "stop" in said:
        fields["stop"] = (said["stop"],) if isinstance(said["stop"], str) else said["stop"]
    limit = said.get("max_completion_tokens", said.get("max_tokens"))
    if limit is not None:
        fields["max_tokens"] = limit
    if extra:
        fields["extra"] = extra
    try:
        return ChatTask(**fields)
    except pydantic.ValidationError as error:
        raise _invalid(error) from None


def _messages(said: Any) -> tuple[Message, ...]:
    if not isinstance(said, list) or not said:
        raise InvalidRequest("messages: a list of at least one message is needed", param="messages")
    return tuple(_message(message, number) for number, message in enumerate(said))


def _message(said: Any, number: int) -> Message:
    if not isinstance(said, dict):
        raise InvalidRequest(f"messages.{number}: expected an object with role and content", param=f"messages.{number}")
    extra = said.keys() - _MESSAGE_FIELDS
    try:
        if extra:
            known = {name: value for name, value in said.items() if name in _MESSAGE_FIELDS}
            return Message(**known, extra={name: said[name] for name in said if name in extra})
        return Message(**said)
    except pydantic.ValidationError as error:
        raise _invalid(error, f"messages.{number}") from None


def _integer(said: Json, name: str, default: int, low: int, high: int) -> int:
    value = said.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidRequest(f"{name}: expected a whole number from {low} to {high}, got {value!r:.80}", param=name)
    return value


def _invalid(error: pydantic.ValidationError, within: str = "") -> InvalidRequest:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join([*([within] if within else []), *map(str, first["loc"])])
    got = repr(first["input"])
    got = got if len(got) <= 80 else got[:77] + "..."
    message = "is no field here" if first["type"] == "extra_forbidden" else f"{first['msg'].removeprefix('Value error, ')} (got {got})"
    return InvalidRequest(f"{where}: {message}", param=where)


def request_schema() -> Json:
    """The JSON schema of a chat request, for OpenAPI."""
    task = ChatTask.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    properties: Json = {name: task[name] for name in sorted(TASK_FIELDS)}
    text = {"type": "string"}
    content = {"anyOf": [text, {"type": "array", "items": {"type": "object"}}, {"type": "null"}]}
    roles = ["system", "developer", "user", "assistant", "tool", "function"]
    message = {"type": "object", "required": ["role"], "properties": {"role": {"enum": roles}, "content": content}}
    properties |= {
        "model": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            "description": "A model, a preset, or strategies over a model.",
            "examples": ["best_of_n(n=8)/openai:gpt-4o-mini"],
        },
        "messages": {"type": "array", "minItems": 1, "items": message},
        "n": {"type": "integer", "minimum": 1, "maximum": MAX_CHOICES, "description": "That many independent runs, one choice each."},
        "stream": {"type": "boolean"},
        "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
        "stop": {"anyOf": [text, {"type": "array", "items": text}]},
        "max_tokens": {"type": "integer", "minimum": 1},
        "max_completion_tokens": {"type": "integer", "minimum": 1},
        "metadata": {"type": "object", "additionalProperties": text},
        "eudoxus": Options.model_json_schema(ref_template="#/components/schemas/{model}"),
    }
    properties["eudoxus"].pop("$defs", None)
    properties["eudoxus"]["properties"]["budget"] = Limits.model_json_schema()
    return {"type": "object", "required": ["model", "messages"], "properties": properties}
