"""Endpoints come from configuration, by name."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from eudoxus.runtime.endpoints import EndpointConfig, Endpoints, ManualConfig, OpenAIConfig, Price
from eudoxus.runtime.endpoints.manual import ManualEndpoint
from eudoxus.runtime.endpoints.openai import OpenAIEndpoint
from eudoxus.runtime.endpoints.prices import PriceList
from eudoxus.runtime.endpoints.secrets import Redactor
from eudoxus.runtime.errors import SpecError, UnknownEndpoint

READ: TypeAdapter[EndpointConfig] = TypeAdapter(EndpointConfig)


async def test_endpoints_are_made_from_configuration_and_found_by_name():
    configured = {name: READ.validate_python(said) for name, said in {
        "vllm": {"type": "openai", "base_url": "http://localhost:8000/v1", "default_model": "qwen"},
        "me": {"type": "manual", "timeout_s": 5},
    }.items()}
    async with Endpoints.from_config(configured, default="me") as endpoints:
        assert endpoints.names() == ["vllm", "me"]
        assert isinstance(endpoints.get("vllm"), OpenAIEndpoint)
        assert isinstance(endpoints.get(None), ManualEndpoint)
        assert endpoints.get("vllm").name == "vllm"
        with pytest.raises(UnknownEndpoint, match="configured: vllm, me"):
            endpoints.get("gpt")
    await endpoints.aclose()


def test_the_first_endpoint_is_the_default_and_an_unknown_default_is_refused():
    assert Endpoints.from_config({"a": ManualConfig(), "b": ManualConfig()}).default == "a"
    with pytest.raises(UnknownEndpoint):
        Endpoints.from_config({"a": ManualConfig()}, default="b")
    with pytest.raises(SpecError, match="no endpoint is configured"):
        Endpoints({}).get(None)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x/v1", "", "http://", "http://me:secret@host/v1"])
def test_an_address_that_cannot_be_used_is_refused_without_showing_a_password(url: str):
    with pytest.raises(ValidationError) as caught:
        OpenAIConfig(base_url=url)
    assert "secret" not in caught.value.errors(include_input=False)[0]["msg"]


def test_an_address_may_end_in_the_whole_path_and_hold_a_query():
    assert OpenAIConfig(base_url="http://x/v1/chat/completions/").base_url == "http://x/v1"
    azure = OpenAIEndpoint(OpenAIConfig(base_url="https://a.example/openai/deployments/d/?api-version=1"))
    assert azure._chat_url == "https://a.example/openai/deployments/d/chat/completions?api-version=1"


def test_keys_and_headers_do_not_show():
    config = OpenAIConfig(base_url="http://x/v1", api_key=SecretStr("sk-hidden"), headers={"api-key": SecretStr("also-hidden")})
    for shown in (repr(config), str(config), config.model_dump_json(), repr(OpenAIEndpoint(config)), repr(OpenAIEndpoint(config)._faults)):
        assert "hidden" not in shown


def test_the_redactor_hides_given_secrets_and_what_looks_like_a_key():
    redacted = Redactor([SecretStr("correct horse"), SecretStr("correct horse battery"), SecretStr("a")])
    assert redacted("a correct horse battery, a correct horse") == "a [key], a [key]"
    assert redacted("wrong key: sk-proj-12********89, Bearer eyJhbGciOi.x") == "wrong key: [key], [key]"
    assert redacted("the task-force asked for skimming") == "the task-force asked for skimming"


def test_prices_come_from_configuration_then_the_table_and_are_else_unknown():
    hosted = PriceList("https://api.openai.com/v1", {})
    assert hosted.cost("gpt-4o-mini", 1_000_000, 1_000_000) == pytest.approx(0.15 + 0.6)
    assert hosted.cost("gpt-4o-mini", 1_000_000, 0, 1_000_000) == pytest.approx(0.075)
    assert hosted.cost("no-such-model", 1, 1) is None
    assert PriceList("http://localhost:4000/v1", {}).cost("gpt-4o-mini", 1_000_000, 0) == pytest.approx(0.15)
    own = PriceList("http://localhost:8000/v1", {"gpt-4o-mini": Price(input=1, output=2), "*": Price(input=0, output=0)})
    assert own.cost("gpt-4o-mini", 1_000_000, 1_000_000) == pytest.approx(3.0)
    assert own.cost("anything", 1000, 1000) == 0.0


def test_a_price_that_depends_on_the_length_of_the_prompt_does():
    tiered = PriceList("https://generativelanguage.googleapis.com/v1beta/openai", {})
    short, long = tiered.cost("gemini-2.5-pro", 100_000, 0), tiered.cost("gemini-2.5-pro", 1_000_000, 0)
    assert short is not None
    assert long is not None
    assert long > 10 * short
