"""The endpoint type ``local``: found by its configuration, keeps the contract, stops when nobody waits."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from eudoxus.decoding.errors import BudgetTooSmall, InvalidGrammar
from eudoxus.decoding.local.config import LocalConfig
from eudoxus.decoding.local.endpoint import LocalEndpoint
from eudoxus.decoding.local.errors import ModelUnusable, PromptTooLong
from eudoxus.runtime.chat import ChatRequest, Message, Response, user
from eudoxus.runtime.contracts import EndpointContract
from eudoxus.runtime.endpoints import Call, EndpointConfig, Endpoints
from eudoxus.runtime.errors import CapabilityMissing, EndpointError, EndpointTimeout

READ: TypeAdapter[EndpointConfig] = TypeAdapter(EndpointConfig)


@pytest.fixture
async def endpoint(directory: Path):
    made = LocalEndpoint(LocalConfig(model=str(directory), max_tokens=12))
    yield made
    await made.aclose()


async def ask(endpoint: LocalEndpoint, n: int = 1, call: Call | None = None, **fields) -> Response:
    request = ChatRequest(**({"messages": (user("who?"),)} | fields))
    return await endpoint.complete("random", request, n, call or Call(run_id="run_x", path="root/c0"))


class TestLocalEndpoint(EndpointContract):
    model = "random"
    missing_model = "no-such-model"
    seconds = 30.0

    @pytest.fixture
    def endpoint(self, endpoint: LocalEndpoint) -> LocalEndpoint:
        return endpoint


async def test_it_is_found_by_its_configuration(directory: Path):
    config = READ.validate_python({"type": "local", "model": str(directory), "name": "mine"})
    assert isinstance(config, LocalConfig)
    async with Endpoints.from_config({"here": config}) as endpoints:
        found = endpoints.get("here")
        assert await found.models() == ["mine"]
        assert (await found.check()).detail == "random through onnx: 304 tokens, context of 1024 tokens"


@pytest.mark.parametrize(("said", "where", "message"), [
    ({"type": "locall"}, (), "expected one of .*local.*openai"),
    ({"type": "local", "threads": 0}, ("threads",), "greater than or equal to 1"),
    ({"type": "local", "base_url": "http://x"}, ("base_url",), "not permitted"),
    ({"type": "local", "device": "cuda; rm"}, ("device",), "pattern"),
    ({"type": "openai"}, ("openai", "base_url"), "required"),
    ({}, (), "tag"),
])
def test_a_configuration_that_is_wrong_names_the_field(said, where, message):
    with pytest.raises(ValidationError, match=message) as caught:
        READ.validate_python(said)
    assert caught.value.errors()[0]["loc"] == where


async def test_answers_keep_to_a_schema_with_log_probabilities_and_pieces(endpoint: LocalEndpoint):
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 99}}, "required": ["age"],
              "additionalProperties": False}
    pieces: list[str] = []
    response = await ask(endpoint, call=Call(on_delta=pieces.append), seed=3, max_tokens=40, logprobs=True, top_logprobs=2,
                         response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema}})
    completion, = response.completions
    assert 0 <= json.loads(completion.text)["age"] <= 99
    assert "".join(pieces) == completion.text and len(pieces) > 3
    assert b"".join(bytes(entry["bytes"]) for entry in completion.logprobs).decode() == completion.text
    assert response.usage.completion_tokens == len(completion.logprobs)
    assert response.usage.cost == 0


async def test_several_answers_share_their_prompt_and_differ(endpoint: LocalEndpoint):
    first = await ask(endpoint, 3, seed=1)
    again = await ask(endpoint, 3, seed=1)
    assert [c.text for c in first.completions] == [c.text for c in again.completions]
    assert len({c.text for c in first.completions}) == 3
    assert first.usage.prompt_tokens == again.usage.prompt_tokens
    assert again.usage.cached_tokens == first.usage.prompt_tokens - 1


async def test_an_answer_goes_on_where_the_last_message_began_it(endpoint: LocalEndpoint):
    messages = (user("who?"), Message(role="assistant", content="the "))
    response = await ask(endpoint, messages=messages, seed=2, grammar={"regex": "user|assistant"})
    assert response.completions[0].text in ("user", "assistant")


async def test_exact_sampling_and_telemetry_come_with_the_answer(endpoint: LocalEndpoint):
    response = await ask(endpoint, 2, seed=2, extra={"sampler": "cars", "structured_outputs": {"choice": ["yes", "no"]}})
    for completion in response.completions:
        assert completion.text in ("yes", "no")
        assert completion.extra["decoding"]["outcome"] == "exact"
        assert 0 < completion.extra["decoding"]["mass"] < 1
    response = await ask(endpoint, extra={"telemetry": True, "structured_outputs": {"regex": "[ab]{3}"}})
    about = response.completions[0].extra["decoding"]
    assert about["complete"] is True
    assert 1 <= len(about["tokens"]) <= 3


async def test_what_cannot_be_answered_is_a_typed_error(endpoint: LocalEndpoint):
    with pytest.raises(CapabilityMissing, match="tools"):
        await ask(endpoint, tools=[{"type": "function", "function": {"name": "f"}}])
    with pytest.raises(InvalidGrammar, match="regex"):
        await ask(endpoint, grammar={"regex": "["})
    with pytest.raises(BudgetTooSmall):
        await ask(endpoint, max_tokens=2, grammar={"regex": "[a-z]{90}"})
    with pytest.raises(PromptTooLong, match="1024"):
        await ask(endpoint, messages=(user("word " * 400),))


async def test_a_model_that_cannot_be_loaded_is_said_in_the_check_and_to_each_request(tmp_path: Path):
    endpoint = LocalEndpoint(LocalConfig(model=str(tmp_path / "nothing")), name="here")
    health = await endpoint.check()
    assert not health.ok and "no model directory" in health.detail
    for _ in range(2):
        with pytest.raises(ModelUnusable, match="no model directory") as caught:
            await endpoint.complete("nothing", ChatRequest(messages=(user("x"),)), 1, Call())
        assert caught.value.endpoint == "here"
    await endpoint.aclose()


async def test_both_runtimes_give_the_same_likeliest_answer(directory: Path, torch_model):
    said = {}
    for runtime in ("onnx", "transformers"):
        endpoint = LocalEndpoint(LocalConfig(model=str(directory), runtime=runtime))
        response = await ask(endpoint, temperature=0, max_tokens=20, grammar={"regex": "[a-z ]{10,}"})
        said[runtime] = response.completions[0].text
        assert runtime in (await endpoint.check()).detail
        await endpoint.aclose()
    assert said["onnx"] == said["transformers"]


def test_the_command_line_checks_it(directory: Path, tmp_path: Path):
    configured = {"here": {"type": "local", "model": str(directory)}, "there": {"type": "local", "model": str(tmp_path)}}
    command = [str(Path(sys.executable).parent / "eudoxus"), "endpoints", "check", "--json"]
    environment = {**os.environ, "EUDOXUS_ENDPOINTS": json.dumps(configured)}
    done = subprocess.run(command, env=environment, capture_output=True, cwd=tmp_path, timeout=60)
    here, there = json.loads(done.stdout)["data"]
    assert (here["ok"], here["type"], here["models"]) == (True, "local", ["random"])
    assert (there["ok"], done.returncode) == (False, 4)
    assert "config.json" in there["detail"]


def test_the_guide_works_as_shown(directory: Path, capsys: pytest.CaptureFixture[str]):
    guide = (Path(__file__).parents[3] / "docs" / "local.md").read_text()
    exec(re.findall("^```python\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)[-1], {"DIRECTORY": str(directory)})
    assert capsys.readouterr().out.split() in (["yes", "stop"], ["no", "stop"])


ENDLESS = {"extra": {"structured_outputs": {"regex": "[a-z]{230}"}}, "max_tokens": 240, "temperature": 2}
"""A request of some hundred tokens, each of which takes about a millisecond."""


def generating() -> int:
    return sum(thread.name.startswith("local-") for thread in threading.enumerate())


async def test_a_request_that_nobody_waits_for_stops_generating(endpoint: LocalEndpoint):
    await ask(endpoint, max_tokens=1)
    pieces: list[str] = []
    task = asyncio.ensure_future(ask(endpoint, call=Call(on_delta=pieces.append), **ENDLESS))
    while len(pieces) < 3:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    started = time.perf_counter()
    await ask(endpoint, max_tokens=1)
    after, heard = time.perf_counter() - started, len(pieces)
    await asyncio.sleep(0.2)
    assert len(pieces) == heard < 100, "it went on after it was cancelled"
    assert after < 5


async def test_an_answer_that_takes_too_long_is_given_up(endpoint: LocalEndpoint):
    await ask(endpoint, max_tokens=1)
    with pytest.raises(EndpointTimeout) as caught:
        await ask(endpoint, 50, call=Call(timeout=0.05), **ENDLESS)
    assert caught.value.endpoint == "local"
    assert len((await ask(endpoint, max_tokens=3)).completions) == 1


async def test_as_many_answers_at_a_time_as_configured_and_all_come(directory: Path):
    endpoint = LocalEndpoint(LocalConfig(model=str(directory), max_concurrency=3), name="three")
    requests = [ask(endpoint, call=Call(run_id=f"run_{i}"), seed=i, grammar={"regex": "[a-z]{5,30}"}) for i in range(12)]
    alone = [c.text for response in await asyncio.gather(*requests) for c in response.completions]
    assert sum(thread.name.startswith("local-three") for thread in threading.enumerate()) <= 3
    again = [(await ask(endpoint, seed=i, grammar={"regex": "[a-z]{5,30}"})).completions[0].text for i in range(12)]
    assert alone == again
    assert all(re.fullmatch("[a-z]{5,30}", text) for text in alone)
    await endpoint.aclose()


async def test_what_is_generated_ends_with_the_endpoint(directory: Path):
    endpoint = LocalEndpoint(LocalConfig(model=str(directory)), name="ending")
    await ask(endpoint, max_tokens=1)
    task = asyncio.ensure_future(ask(endpoint, 50, **ENDLESS))
    await asyncio.sleep(0.05)
    await endpoint.aclose()
    with pytest.raises(EndpointError, match="shutting down"):
        await task
    with pytest.raises(EndpointError):
        await ask(endpoint, max_tokens=1)


async def test_who_waits_for_a_turn_while_the_endpoint_ends_is_told_so(directory: Path):
    endpoint = LocalEndpoint(LocalConfig(model=str(directory)), name="ending")
    await ask(endpoint, max_tokens=1)
    both = [asyncio.ensure_future(ask(endpoint, 50, **ENDLESS)) for _ in range(2)]
    await asyncio.sleep(0.05)
    await endpoint.aclose()
    for error in await asyncio.gather(*both, return_exceptions=True):
        assert isinstance(error, EndpointError) and "shutting down" in str(error)
