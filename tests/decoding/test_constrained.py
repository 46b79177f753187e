"""Answers under a grammar, over HTTP: from servers of each kind that enforce it, ignore it, refuse it, or enforce something else."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from eudoxus.decoding import Choice, Grammar, JsonSchema, Lark, Regex
from eudoxus.decoding.constrained import PROMPTS, constrained
from eudoxus.decoding.errors import ConstraintViolation, InvalidGrammar
from eudoxus.decoding.offer import offered
from eudoxus.runtime import (
    ChatRequest,
    ChatTask,
    Completion,
    Context,
    Limits,
    MemoryJournal,
    Message,
    NoParams,
    Order,
    Registry,
    Result,
    Runtime,
    parse_spec,
    strategy,
)
from eudoxus.runtime.endpoints import Call, Capabilities, Endpoints, OpenAIConfig
from eudoxus.runtime.endpoints.dialects import DIALECTS, Offer
from eudoxus.runtime.endpoints.openai import OpenAIEndpoint
from eudoxus.runtime.endpoints.retry import RetryPolicy
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import CapabilityMissing, EudoxusError, UnsupportedParameter
from eudoxus.service import exit_codes
from eudoxus.service.cli_lists import endpoints_command
from tests.decoding.grammars import PERSON, PLAN
from tests.decoding.servers import GrammarServer, Loopback, loopback, matcher_of, serving

__all__ = ["loopback"]
COLOURS = Choice.of(["dark red", "dark", "green (olive)"])
NUMBER = Regex(r"-?[0-9]{1,4}(\.[0-9]+)?")
GRAMMARS: dict[str, Grammar] = {"choice": COLOURS, "regex": NUMBER, "lark": PLAN, "json": PERSON}
QUESTION = ChatRequest(messages=(Message(role="user", content="What will it be?"),), temperature=0.7, max_tokens=200)
TAKES_GRAMMARS = [name for name, dialect in DIALECTS.items() if dialect.notations and name != "local"]


def accepted(grammar: Grammar, text: str) -> bool:
    """By an engine that the code under test did not choose; JSON by parsing."""
    if isinstance(grammar, JsonSchema):
        return sorted(json.loads(text)) == ["age", "name"]
    matcher = matcher_of(grammar)
    for byte in text.encode():
        matcher.consume(byte)
    return matcher.accepting


async def ask(endpoint: Any, grammar: Grammar, request: ChatRequest = QUESTION, n: int = 1, *, requests: int | None = None,
              **options: Any) -> Any:
    """What ``constrained`` gives or raises; a strict replay of the journal must give the same."""
    found = list[Any]()

    @strategy("asking", prompts=PROMPTS)
    async def asking(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        try:
            answers = await constrained(ctx, request, grammar, n, **options)
            found.append([(one.text, one.means) for one in answers])
        except EudoxusError as error:
            found.append(error)
        return Result(answer="done")

    registry = Registry([asking], (ChatTask,))
    runtime, journal = Runtime(registry, Endpoints({"e": endpoint}, default="e")), MemoryJournal()
    order = Order(parse_spec("asking/e:m", registry), ChatTask(messages=QUESTION.messages), limits=Limits(requests=requests))
    await runtime.execute(order, journal, run_id="run_1")
    await runtime.replay(journal)
    assert repr(found[0]) == repr(found[1]), "the replay went another way"
    return found[0]


def endpoint(server: GrammarServer, grammar: str | None, **capabilities: Any) -> OpenAIEndpoint:
    return OpenAIEndpoint(OpenAIConfig(base_url=server.url, capabilities=Capabilities(grammar=grammar, **capabilities)), name="e")


@pytest.mark.parametrize("kind", GRAMMARS)
@pytest.mark.parametrize("dialect", TAKES_GRAMMARS)
async def test_a_server_that_enforces_grammars_is_told_in_its_own_dialect(loopback: Loopback, dialect: str, kind: str) -> None:
    with serving(loopback, dialect) as server:
        found = await ask(endpoint(server, dialect), GRAMMARS[kind])
    (text, means), = found
    assert accepted(GRAMMARS[kind], text) and means == "native"
    assert len(server.bodies) == 1 and server.bodies[0]["messages"] == [{"role": "user", "content": "What will it be?"}]


async def test_several_answers_are_asked_for_at_once(loopback: Loopback) -> None:
    with serving(loopback, "sglang") as server:
        found = await ask(endpoint(server, "sglang"), NUMBER, n=5)
    assert len(found) == 5 and server.bodies[0]["n"] == 5 and all(accepted(NUMBER, text) for text, _ in found)


@pytest.mark.parametrize("dialect", ["ollama", "lm-studio"])
async def test_a_server_that_takes_only_schemas_is_held_to_schemas_and_asked_for_the_rest(loopback: Loopback, dialect: str) -> None:
    with serving(loopback, dialect, says=["dark"]) as server:
        assert (await ask(endpoint(server, dialect), PERSON))[0][1] == "native"
        assert await ask(endpoint(server, dialect), COLOURS) == [("dark", "prompt")]
    assert "dark red\ndark\ngreen (olive)" in server.bodies[1]["messages"][0]["content"]


@pytest.mark.parametrize("dialect", TAKES_GRAMMARS)
async def test_a_server_that_ignores_the_field_is_found_out_and_asked_in_words(loopback: Loopback, dialect: str) -> None:
    with serving(loopback, dialect, ignores=True, says=["Dark red.", "I think dark red", "```\ndark red\n```"]) as server:
        found = await ask(endpoint(server, dialect), COLOURS)
    assert found == [("dark red", "prompt")] and len(server.bodies) == 3


@pytest.mark.parametrize("dialect", TAKES_GRAMMARS)
async def test_a_server_that_refuses_the_field_is_asked_in_words(loopback: Loopback, dialect: str) -> None:
    with serving(loopback, dialect, refuses=True, says=["dark red"]) as server:
        found = await ask(endpoint(server, dialect), COLOURS)
    assert found == [("dark red", "prompt")] and len(server.bodies) == 2


async def test_what_a_server_enforces_wrongly_is_not_taken(loopback: Loopback) -> None:
    with serving(loopback, "vllm", breaks=True, says=["nothing of use"]) as server:
        (text, means), = await ask(endpoint(server, "vllm"), NUMBER, tries=2, stretches=1)
    assert accepted(NUMBER, text) and means == "segments" and len(server.bodies) == 3, "what the server added was cut off"


async def test_only_refused_requests_are_asked_otherwise_and_other_failures_are_raised() -> None:
    closed = OpenAIEndpoint(OpenAIConfig(base_url="http://127.0.0.1:9/v1", capabilities=Capabilities(grammar="vllm")), name="e",
                            retries=RetryPolicy(tries=1))
    assert (await ask(closed, NUMBER)).code == "upstream_unavailable"


async def test_one_of_several_answers_that_is_none_is_drawn_again(loopback: Loopback) -> None:
    with serving(loopback, "ollama", says=["12", "twelve", "7"]) as server:
        found = await ask(endpoint(server, "ollama"), NUMBER, n=3)
    assert [means for _, means in found] == ["prompt"] * 3 and sorted(text for text, _ in found) == ["12", "7", "7"]


async def test_a_spent_budget_leaves_what_there_is(loopback: Loopback) -> None:
    with serving(loopback, "sglang") as server:
        found = await ask(endpoint(server, "sglang"), NUMBER, n=5, requests=3)
    assert [means for _, means in found] == ["native"] * 3


@pytest.mark.parametrize(("says", "text", "requests"), [
    (["(stack b1 b2)\n(on b3", "(put-down b3)"], "(stack b1 b2)\n(put-down b3)", 2),
    (["(stack b1 b2) done", "(pick-up b4)"], "(stack b1 b2)", 1),
    (["(unstack b1", "(unstack b1 b9)"], "(unstack b1 b9)", 2),
])
async def test_the_beginning_that_the_grammar_allows_is_kept_and_gone_on_with(says: list[str], text: str, requests: int) -> None:
    """Of the first answer one stretch is kept; the second goes on after it, or repeats it."""
    model = SimulatedEndpoint(iter(says), name="e", capabilities=Capabilities(json_schema=False))
    assert await ask(model, PLAN, tries=1) == [(text, "segments")] and model.calls == requests


async def test_a_sample_at_temperature_0_is_not_drawn_at_0_again() -> None:
    model = SimulatedEndpoint(lambda *_: "?", name="e")
    found = await ask(model, NUMBER, QUESTION.model_copy(update={"temperature": 0}), stretches=1)
    assert isinstance(found, ConstraintViolation)
    assert [request.temperature for _, request, _ in model.requests][:4] == [0, 0.4, 0.7, 1.0]
    assert "expected one of -0123456789" in str(found)


async def test_rejection_sampling_has_the_models_own_law_within_the_grammar() -> None:
    law = {"dark": 0.1, "dark red": 0.3, "blue": 0.6}

    def says(model: str, request: ChatRequest, ordinal: int) -> str:
        return random.Random(ordinal).choices(list(law), list(law.values()))[0]

    found = await ask(SimulatedEndpoint(says, name="e", capabilities=Capabilities(json_schema=False)), COLOURS, n=400, tries=16)
    share = sum(text == "dark" for text, _ in found) / len(found)
    assert len(found) == 400 and abs(share - 0.25) < 0.09, "4 standard errors"


async def test_an_answer_that_was_cut_off_is_none() -> None:
    model = SimulatedEndpoint([Completion(text="12", finish_reason="length"), "123"], name="e")
    assert await ask(model, NUMBER) == [("123", "prompt")]


async def test_thoughts_before_the_answer_do_not_count() -> None:
    assert await ask(SimulatedEndpoint(["<think>dark? no, 12</think>\n\n12"], name="e"), NUMBER) == [("12", "prompt")]


async def test_a_grammar_that_cannot_be_read_is_refused_before_anything_is_asked() -> None:
    model = SimulatedEndpoint([], name="e")
    for grammar in (Lark("start: missing"), Regex("(a"), JsonSchema("{"), JsonSchema.of({"type": "nonsense"})):
        assert isinstance(await ask(model, grammar), InvalidGrammar)
    assert model.calls == 0


# Probing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*TAKES_GRAMMARS, "ollama"])
async def test_a_probe_finds_the_dialect_that_a_server_obeys(loopback: Loopback, kind: str) -> None:
    with serving(loopback, kind) as server:
        made = endpoint(server, "probe")
        offer = await made.offer("m")
        asked = len(server.bodies)
        assert await made.offer("m") == offer and len(server.bodies) == asked, "it was asked twice"
    wanted = DIALECTS[kind].notations
    assert offer == Offer(json_schema=True, dialect=kind if wanted else None, notations=wanted)


@pytest.mark.parametrize("behaviour", [{"ignores": True}, {"refuses": True}, {"breaks": True}])
async def test_a_probe_finds_nothing_where_nothing_is_obeyed(loopback: Loopback, behaviour: dict[str, bool]) -> None:
    with serving(loopback, "vllm", **behaviour) as server:
        assert await endpoint(server, "probe").offer("m") == Offer()


async def test_what_a_probe_found_is_journaled_and_used(loopback: Loopback) -> None:
    with serving(loopback, "llama.cpp") as server:
        (text, means), = await ask(endpoint(server, "probe"), PLAN)
        assert means == "native" and accepted(PLAN, text) and "grammar" in server.bodies[-1]


async def test_a_declared_dialect_is_held_against_what_the_server_does(loopback: Loopback) -> None:
    with serving(loopback, "sglang") as server:
        assert await endpoint(server, "vllm").probed("m") == Offer(json_schema=True)
        assert (await endpoint(server, "sglang").probed("m")).notations == ("regex", "gbnf")


@pytest.mark.parametrize(("declared", "kind", "said"), [
    ("probe", "sglang", "sglang: m obeys json_schema, regex, gbnf"), ("probe", "ollama", "no dialect: m obeys json_schema"),
    ("vllm", "vllm", "vllm: m obeys json_schema, choice, regex, gbnf, lark"),
    ("vllm", "fireworks", "no dialect: m obeys json_schema; vllm is declared, but it does not obey choice, regex, gbnf, lark"),
])
def test_a_check_of_the_endpoints_tells_what_is_obeyed(loopback: Loopback, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                       capsys: pytest.CaptureFixture[str], declared: str, kind: str, said: str) -> None:
    with serving(loopback, kind) as server:
        configured = {"there": {"base_url": server.url, "capabilities": {"grammar": declared}}, "plain": {"base_url": server.url},
                      "away": {"base_url": "http://127.0.0.1:9/v1", "capabilities": {"grammar": "probe"}}}
        configured = {name: {"type": "openai"} | config for name, config in configured.items()}
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("EUDOXUS_ENDPOINTS", json.dumps(configured))
        assert endpoints_command(as_json=True, check=True) == exit_codes.ENDPOINT
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["data"]}
    assert rows["there"]["grammars"]["said"] == said and rows["plain"]["grammars"]["said"] == "none declared"
    assert rows["away"]["grammars"]["said"] == "not asked: no model answers"


async def test_a_server_that_cannot_be_reached_is_not_taken_for_one_without_grammars() -> None:
    made = OpenAIEndpoint(OpenAIConfig(base_url="http://127.0.0.1:9/v1", capabilities=Capabilities(grammar="probe")), name="e",
                          retries=RetryPolicy(tries=1))
    for _ in range(2):
        with pytest.raises(EudoxusError, match="cannot connect"):
            await made.offer("m")


async def test_without_a_declaration_nothing_is_asked_or_written() -> None:
    found = list[Any]()

    @strategy("asking")
    async def asking(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        found.append(await offered(ctx))
        return Result(answer="done")

    registry = Registry([asking], (ChatTask,))
    runtime, journal = Runtime(registry, Endpoints({"e": SimulatedEndpoint([], name="e")}, default="e")), MemoryJournal()
    await runtime.execute(Order(parse_spec("asking/e:m", registry), ChatTask(messages=QUESTION.messages)), journal, run_id="run_1")
    await runtime.replay(journal)
    assert found == [Offer(), Offer()] and not journal.recorded.effects


# What an endpoint refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grammar", "declared", "said"), [
    ({"regex": "a"}, None, "declares no capabilities.grammar"), ({"regex": "a"}, "llama.cpp", "which takes gbnf"),
    ({"regex": "a"}, "ollama", "which takes no grammar but JSON schemas"), ({"choice": ["a"]}, "openai", "which takes regex or lark"),
])
async def test_a_grammar_that_an_endpoint_cannot_be_held_to_is_refused(loopback: Loopback, grammar: Any, declared: str, said: str) -> None:
    with serving(loopback, "vllm") as server, pytest.raises(CapabilityMissing, match=said):
        await endpoint(server, declared).complete("m", QUESTION.model_copy(update={"grammar": grammar}), 1, call())
    assert not server.bodies


@pytest.mark.parametrize("grammar", [{}, {"regex": "a", "lark": "b"}, {"ebnf": "x"}, {"regex": ""}, {"choice": []}, {"choice": ["a", 1]}])
async def test_a_field_grammar_of_another_shape_is_refused(loopback: Loopback, grammar: Any) -> None:
    with serving(loopback, "vllm") as server, pytest.raises(EudoxusError, match="grammar"):
        await endpoint(server, "vllm").complete("m", QUESTION.model_copy(update={"grammar": grammar}), 1, call())


async def test_a_field_that_is_taken_is_not_overwritten(loopback: Loopback) -> None:
    request = QUESTION.model_copy(update={"grammar": {"regex": "a"}, "tools": [{"type": "function", "function": {"name": "f"}}]})
    with serving(loopback, "openai") as server, pytest.raises(UnsupportedParameter, match="tools"):
        await endpoint(server, "openai").complete("m", request, 1, call())


def test_a_dialect_that_does_not_exist_is_refused_in_the_configuration() -> None:
    with pytest.raises(ValueError, match="'gbnf': expected vllm, sglang, llama.cpp"):
        OpenAIConfig(base_url="http://localhost/v1", capabilities=Capabilities(grammar="gbnf"))


async def test_the_pieces_of_a_watched_answer_make_up_its_text(loopback: Loopback) -> None:
    pieces: list[str] = []
    with serving(loopback, "openai") as server:
        request = QUESTION.model_copy(update={"grammar": {"regex": "[a-f]{8}"}})
        response = await endpoint(server, "openai").complete("m", request, 1, call(on_delta=pieces.append))
    assert "".join(pieces) == response.completions[0].text and len(pieces[0]) == 8
    assert response.completions[0].finish_reason == "stop" and response.completions[0].tool_calls is None


def call(**more: Any) -> Any:
    return Call(**more)
