"""DeAL over a model in this process: the endpoint continues the answer itself and tells how likely each piece is."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="the extra embedded is not installed")
pytest.importorskip("onnx", reason="onnx writes the graph of the model with random weights")

from eudoxus.agents.deal import deal
from eudoxus.decoding.local.config import LocalConfig
from eudoxus.decoding.local.endpoint import LocalEndpoint
from eudoxus.prompts import load
from eudoxus.runtime import ChatTask, MemoryJournal, Order, Registry, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from tests.decoding.local import random_llama

from .running import chat


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_llama.write(tmp_path_factory.mktemp("models") / "random")


@pytest.mark.parametrize("letter", ["e", "a", "t"])
async def test_the_constraint_holds_on_real_tokens_and_the_run_replays(model: Path, letter: str):
    told = f'{{"id": "keywords:letter_frequency", "kwargs": {{"letter": "{letter}", "let_frequency": 1, "let_relation": "less than"}}}}'
    endpoint = LocalEndpoint(LocalConfig(model=str(model)), name="local")
    registry = Registry((deal,), (ChatTask,))
    runtime = Runtime(registry, Endpoints({"local": endpoint}, default="local"), prompt_hash=lambda id: load(id).hash)
    path = f"deal(beam=2, width=4, step=4, lookahead=4, steps=3, prefill=true, logprobs=true, instructions=[{told}])/local:random"
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec(path, registry), chat("Say something.", max_tokens=8), seed=3), journal, run_id="run_1")
    assert result.verified == (letter not in (result.answer or "").lower())
    assert result.verified == any(letter not in text.lower() for text in result.artifacts["candidates"])
    assert await runtime.replay(journal) == result
    begun = [r.res["completions"] for r in await journal.records() if getattr(r, "t", "") == "fx" and "/piece" in r.path]
    assert begun
    assert all(entry["logprob"] <= 0 for pieces in begun for piece in pieces for entry in piece["logprobs"])
    await endpoint.aclose()
