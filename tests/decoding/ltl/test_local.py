"""The runner over models in this process: what they say is nonsense, and in order all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="the extra embedded is not installed")

from eudoxus.decoding.local.config import LocalConfig
from eudoxus.decoding.local.endpoint import LocalEndpoint
from eudoxus.decoding.ltl import Options, holds, parse, read_agent, verify
from eudoxus.runtime import ChatRequest, Response
from eudoxus.runtime.endpoints import Call
from tests.decoding.local import random_llama
from tests.decoding.ltl.specs import MOVES
from tests.decoding.ltl.test_remote import Plain, run_with, states


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx", reason="onnx writes the graph of the model with random weights")
    return random_llama.write(tmp_path_factory.mktemp("models") / "random")


@pytest.mark.parametrize(("model", "mode"), [("random", "auto"), ("random", "grammar"), ("tiny", "auto"), ("tiny-weak", "auto")])
async def test_every_run_of_a_tiny_model_satisfies_the_formula(request: pytest.FixtureRequest, model: str, mode: str) -> None:
    """None of them was ever shown such a transcript."""
    place = str(request.getfixturevalue("directory")) if model == "random" else model
    endpoint = LocalEndpoint(LocalConfig(model=place, name="m"), name="sim")
    agent = read_agent(MOVES)
    for seed in range(4):
        found, _ = await run_with(MOVES, endpoint, options=Options(segments=7, temperatures=(1.0,), mode=mode), prompts=Plain(seed))
        assert found.refused == () and verify(agent, found.segments).ok, found
        trace = [frozenset({one.state}) for one in found.segments]
        for formula in ("task & X (think | move)", "G(think -> X move)", "G(seen -> X (think | count))", "F done & G(done -> last)"):
            assert holds(parse(formula), trace), (formula, states(found))


async def test_free_text_ends_within_its_tokens_and_the_run_goes_on() -> None:
    """Near the limit of a stretch only ways to its end that fit are left; so nothing is cut off."""
    short = ("agent: talker\nanswer: answer\nstates:\n  question: {prefix: '[Question] ', env: task}\n"
             "  thought: {prefix: '[Thought] ', max_tokens: 20}\n  seen: {prefix: '[Seen] ', env: host}\n"
             "  answer: {prefix: '[Answer] ', max_tokens: 20}\n"
             "behavior: question & X thought & G(thought -> X(seen | answer)) & G(seen -> X thought) & G(answer -> last) & F answer\n")
    endpoint = Ends(LocalConfig(model="tiny", name="m"), name="sim")
    for seed in range(3):
        found, _ = await run_with(short, endpoint, options=Options(segments=8, temperatures=(1.0,)), prompts=Plain(seed))
        assert found.refused == () and verify(read_agent(short), found.segments).ok
    assert set(endpoint.ends) == {"stop"} and len(endpoint.ends) >= 3


class Ends(LocalEndpoint):
    """Remembers how its answers ended."""

    def __init__(self, config: LocalConfig, *, name: str) -> None:
        super().__init__(config, name=name)
        self.ends: list[str] = []

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        response = await super().complete(model, request, n, call)
        self.ends += [one.finish_reason for one in response.completions]
        return response
