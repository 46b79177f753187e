"""A model in the service's own process, over HTTP, asked by the real OpenAI client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

pytest.importorskip("onnxruntime", reason="the extra embedded is not installed")

from eudoxus.service.settings import Settings
from tests.decoding.local import random_llama
from tests.service.conftest import Running

PERSON = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}, "old": {"type": "boolean"}},
          "required": ["name", "old"], "additionalProperties": False}
SCHEMA: Any = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}}
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
ASKED: Any = {"model": "local:random", "messages": [{"role": "user", "content": "who?"}], "max_tokens": 60}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("local")
    endpoints: Any = {"local": {"type": "local", "model": str(random_llama.write(folder / "random"))}}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "EUDOXUS_ENDPOINTS", "EUDOXUS_CONFIG"):
            patch.delenv(name, raising=False)
        running = Running(Settings(port=0, data_dir=folder / "data", endpoints=endpoints, shutdown_grace=1))
    yield running
    running.stop()


@pytest.fixture
def client(service: Running) -> openai.OpenAI:
    return service.client()


def test_an_answer_keeps_to_a_json_schema(client: openai.OpenAI):
    answer = client.chat.completions.create(**ASKED, response_format=SCHEMA, seed=1)
    person = json.loads(answer.choices[0].message.content)
    assert isinstance(person["old"], bool) and len(person["name"]) <= 5
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens > 5


@pytest.mark.parametrize("extra", [
    {"structured_outputs": {"regex": DATE}},
    {"structured_outputs": {"grammar": f"start: /{DATE}/"}},
    {"grammar": 'root ::= [0-9]{4} "-" [0-9] [0-9] "-" [0-9] [0-9]'},
])
def test_an_answer_keeps_to_a_grammar(client: openai.OpenAI, extra: dict[str, Any]):
    answer = client.chat.completions.create(**ASKED, extra_body=extra)
    assert re.fullmatch(DATE, answer.choices[0].message.content)


def test_a_streamed_answer_comes_token_by_token(client: openai.OpenAI):
    chunks = list(client.chat.completions.create(**ASKED, response_format=SCHEMA, seed=2, stream=True))
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(pieces) > 5
    json.loads("".join(pieces))
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_several_answers_and_log_probabilities(client: openai.OpenAI):
    answer = client.chat.completions.create(**ASKED | {"max_tokens": 5}, n=3, logprobs=True, top_logprobs=2)
    assert len(answer.choices) == 3
    for choice in answer.choices:
        assert 1 <= len(choice.logprobs.content) <= 5
        assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in choice.logprobs.content)


def test_the_same_seed_gives_the_same_answer_and_stop_strings_end_it(client: openai.OpenAI):
    first, again = (client.chat.completions.create(**ASKED, seed=5, extra_body={"structured_outputs": {"regex": "[a-e]{40}"}})
                    for _ in range(2))
    assert first.choices[0].message.content == again.choices[0].message.content
    cut = client.chat.completions.create(**ASKED, seed=5, stop=["e"], extra_body={"structured_outputs": {"regex": "[a-e]{40}"}})
    assert cut.choices[0].message.content == first.choices[0].message.content.partition("e")[0]


def test_exact_samples_say_so(client: openai.OpenAI):
    answer = client.chat.completions.create(**ASKED, extra_body={"sampler": "cars", "structured_outputs": {"choice": ["yes", "no"]}})
    message = answer.choices[0].message
    assert message.content in ("yes", "no")
    assert message.decoding["outcome"] == "exact"


@pytest.mark.parametrize(("extra", "code", "message"), [
    ({"structured_outputs": {"regex": "[unclosed"}}, "invalid_grammar", "unclosed"),
    ({"structured_outputs": {"grammar": "start: missing"}}, "invalid_grammar", "missing"),
    ({"grammar": 'root ::= "a" missing'}, "invalid_grammar", "missing"),
    ({"structured_outputs": {"grammar": 'start: "a" start'}}, "unsatisfiable", "no text"),
    ({"structured_outputs": {"regex": "[a-z]{900}"}}, "token_budget_too_small", "60"),
    ({"ebnf": "x"}, "unsupported_parameter", "ebnf"),
    ({"sampler": "cars"}, "invalid_request", "grammar"),
])
def test_a_bad_grammar_is_a_bad_request_with_the_reason(client: openai.OpenAI, extra: dict[str, Any], code: str, message: str):
    with pytest.raises(openai.BadRequestError, match=message) as caught:
        client.chat.completions.create(**ASKED, extra_body=extra)
    assert caught.value.code == code


def test_a_grammar_that_cannot_be_used_is_told_by_its_field(client: openai.OpenAI):
    for kind, text in (("regex", "[unclosed"), ("grammar", "start: missing")):
        with pytest.raises(openai.BadRequestError, match=f"structured_outputs.{kind}: ") as caught:
            client.chat.completions.create(**ASKED, extra_body={"structured_outputs": {kind: text}})
        assert caught.value.param == f"structured_outputs.{kind}"
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "objec"}}}
    with pytest.raises(openai.BadRequestError, match="response_format: ") as caught:
        client.chat.completions.create(**ASKED, response_format=schema)
    assert caught.value.param == "response_format"


def test_a_prompt_longer_than_the_context_is_a_bad_request(client: openai.OpenAI):
    with pytest.raises(openai.BadRequestError, match="1024 tokens") as caught:
        client.chat.completions.create(**ASKED | {"messages": [{"role": "user", "content": "word " * 500}]})
    assert caught.value.code == "context_length_exceeded"


def test_strategies_run_over_it(client: openai.OpenAI):
    answer = client.chat.completions.create(**ASKED | {"model": "self_consistency(n=5)/local:random"},
                                            extra_body={"structured_outputs": {"choice": ["yes", "no"]}})
    assert answer.choices[0].message.content in ("yes", "no")
    assert answer.model_dump()["eudoxus"]["calls"] == 5


def test_it_is_listed_with_what_it_can_do(client: openai.OpenAI):
    listed = {model.id: model.model_dump() for model in client.models.list()}
    assert listed["local:random"]["eudoxus"]["capabilities"]["grammar"] == "local"
