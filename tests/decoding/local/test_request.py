"""What a chat request may ask of a local model, and what is refused by name."""

from __future__ import annotations

import pytest

from eudoxus.decoding.errors import InvalidGrammar
from eudoxus.decoding.grammar import Choice, JsonSchema, Lark, Regex
from eudoxus.decoding.local.request import read_request
from eudoxus.runtime.chat import ChatRequest, Message, user
from eudoxus.runtime.errors import EudoxusError, InvalidRequest, UnsupportedParameter

OBJECT = {"type": "object"}


def asked(**fields):
    return read_request(ChatRequest(**({"messages": (user("who?"),)} | fields)))


def test_what_is_not_said_is_the_models_own_law():
    read = asked()
    assert (read.sampling.temperature, read.sampling.top_p, read.sampling.top_k, read.sampling.min_p) == (1, 1, 0, 0)
    assert (read.grammar, read.sampler, read.seed, read.top_logprobs, read.stops) == (None, "gcd", None, None, ())
    assert asked(temperature=0, logprobs=True).sampling.temperature == 0
    assert asked(logprobs=True, top_logprobs=3).top_logprobs == 3
    assert asked(extra={"top_k": -1}).sampling.top_k == 0


@pytest.mark.parametrize(("fields", "grammar"), [
    ({"response_format": {"type": "text"}}, None),
    ({"response_format": {"type": "json_object"}}, JsonSchema.of(OBJECT)),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": OBJECT}}}, JsonSchema.of(OBJECT)),
    ({"extra": {"structured_outputs": {"json": OBJECT}}}, JsonSchema.of(OBJECT)),
    ({"extra": {"structured_outputs": {"json": '{"type": "object"}'}}}, JsonSchema.of(OBJECT)),
    ({"extra": {"structured_outputs": {"regex": "a+"}}}, Regex("a+")),
    ({"extra": {"structured_outputs": {"choice": ["a.b", "c"]}}}, Choice.of(["a.b", "c"])),
    ({"extra": {"structured_outputs": {"grammar": 'start: "a"'}}}, Lark('start: "a"')),
    ({"extra": {"grammar": 'start: "a"'}}, Lark('start: "a"')),
    ({"grammar": {"regex": "a"}}, Regex("a")),
    ({"grammar": {"lark": 'start: "a"'}}, Lark('start: "a"')),
    ({"grammar": {"choice": ["a"]}}, Choice.of(["a"])),
])
def test_a_grammar_comes_in_the_fields_that_clients_know(fields, grammar):
    assert asked(**fields).grammar == grammar


@pytest.mark.parametrize("fields", [{"extra": {"grammar": 'root ::= "a" [0-9]+'}}, {"grammar": {"gbnf": 'root ::= "a" [0-9]+'}}])
def test_gbnf_becomes_lark(fields):
    grammar = asked(**fields).grammar
    assert isinstance(grammar, Lark)
    assert "start:" in grammar.text


@pytest.mark.parametrize(("fields", "param"), [
    ({"frequency_penalty": 0.5}, "frequency_penalty"),
    ({"logit_bias": {"5": 3.0}}, "logit_bias"),
    ({"extra": {"ebnf": "x"}}, "ebnf"),
    ({"extra": {"guided_json": {}}}, "guided_json"),
    ({"extra": {"user": "me"}}, "user"),
    ({"response_format": {"type": "grammar"}}, "response_format.type"),
    ({"messages": (Message(role="user", content=[{"type": "image_url", "image_url": {}}]),)}, "messages.0.content"),
    ({"messages": (Message(role="tool", content="x", tool_call_id="1"),)}, "messages.0"),
])
def test_what_is_not_supported_is_refused_by_name(fields, param):
    with pytest.raises(UnsupportedParameter) as caught:
        asked(**fields)
    assert caught.value.param == param
    assert param in str(caught.value)


@pytest.mark.parametrize(("fields", "param"), [
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
    ({"response_format": {"type": "json_schema", "json_schema": "x"}}, "response_format.json_schema.schema"),
    ({"extra": {"min_p": 10**400}}, "min_p"),
    ({"extra": {"structured_outputs": {}}}, "structured_outputs"),
    ({"extra": {"structured_outputs": {"regex": "a", "choice": ["a"]}}}, "structured_outputs"),
    ({"extra": {"structured_outputs": {"regex": 5}}}, "structured_outputs.regex"),
    ({"extra": {"structured_outputs": {"choice": ["a", 5]}}}, "structured_outputs.choice"),
    ({"extra": {"structured_outputs": {"choice": []}}}, "grammar"),
    ({"extra": {"grammar": 5}}, "grammar"),
    ({"extra": {"grammar": 'start: "a"'}, "response_format": {"type": "json_object"}}, "grammar"),
    ({"grammar": {"bnf": "x"}}, "grammar"),
    ({"extra": {"top_k": "all"}}, "top_k"),
    ({"extra": {"min_p": 2}}, "min_p"),
    ({"extra": {"sampler": "beam"}}, "sampler"),
    ({"extra": {"sampler": "cars"}}, "sampler"),
    ({"extra": {"sampler": ["cars"]}}, "sampler"),
    ({"extra": {"sampler": "cars", "grammar": 'start: "a"'}, "temperature": 0}, "temperature"),
    ({"extra": {"sampler": "cars", "grammar": 'start: "a"'}, "stop": ("x",)}, "stop"),
    ({"extra": {"max_trials": 0}}, "max_trials"),
    ({"extra": {"particles": True}}, "particles"),
    ({"extra": {"telemetry": "no"}}, "telemetry"),
])
def test_what_cannot_be_understood_is_refused_by_name(fields, param):
    with pytest.raises(InvalidRequest) as caught:
        asked(**fields)
    assert caught.value.param == param


LONG, DEEP = 'root ::= "' + "a" * 300_000 + '"', "root ::= " + "(" * 5000


@pytest.mark.parametrize("text", ['root ::= "a" missing', "root ::= (", LONG, DEEP, 'x ::= "a"'])
def test_no_grammar_in_gbnf_gets_by_without_a_typed_error(text: str):
    with pytest.raises(EudoxusError) as caught:
        asked(grammar={"gbnf": text})
    assert isinstance(caught.value, InvalidGrammar)
