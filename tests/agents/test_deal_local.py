"""DeAL over a model in this process: the endpoint continues the answer itself and tells how likely each piece is."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="the extra embedded is not installed")

from eudoxus.agents.deal import deal
from eudoxus.agents.direct import direct
from eudoxus.decoding.instructions import instruction
from eudoxus.decoding.local.config import LocalConfig
from eudoxus.decoding.local.endpoint import LocalEndpoint
from eudoxus.decoding.tiny.language import samples
from eudoxus.prompts import load
from eudoxus.runtime import ChatTask, MemoryJournal, Order, Registry, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from tests.decoding.local import random_llama

from .running import chat


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx", reason="onnx writes the graph of the model with random weights")
    return random_llama.write(tmp_path_factory.mktemp("models") / "random")


REGISTRY = Registry((deal, direct), (ChatTask,))


def running(model: str) -> tuple[LocalEndpoint, Runtime]:
    endpoint = LocalEndpoint(LocalConfig(model=model), name="local")
    return endpoint, Runtime(REGISTRY, Endpoints({"local": endpoint}, default="local"), prompt_hash=lambda id: load(id).hash)


@pytest.mark.parametrize("letter", ["e", "a", "t"])
async def test_the_constraint_holds_on_real_tokens_and_the_run_replays(model: Path, letter: str):
    told = f'{{"id": "keywords:letter_frequency", "kwargs": {{"letter": "{letter}", "let_frequency": 1, "let_relation": "less than"}}}}'
    endpoint, runtime = running(str(model))
    path = f"deal(beam=2, width=4, step=4, lookahead=4, steps=3, prefill=true, logprobs=true, instructions=[{told}])/local:random"
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec(path, REGISTRY), chat("Say something.", max_tokens=8), seed=3), journal, run_id="run_1")
    assert result.verified == (letter not in (result.answer or "").lower())
    assert result.verified == any(letter not in text.lower() for text in result.artifacts["candidates"])
    assert await runtime.replay(journal) == result
    begun = [r.res["completions"] for r in await journal.records() if getattr(r, "t", "") == "fx" and "/piece" in r.path]
    assert begun
    assert all(entry["logprob"] <= 0 for pieces in begun for piece in pieces for entry in piece["logprobs"])
    await endpoint.aclose()


async def test_the_weak_embedded_model_says_more_of_what_is_wanted_than_without_a_search():
    endpoint, runtime = running("tiny-weak")
    followed = {"direct": 0.0, "deal": 0.0}
    for seed, sample in enumerate(islice(samples(20_000, (4, 5), held_out=True), 4)):
        wanted = {"keywords": [f"({' '.join(fact)})" for fact in (*sample.init, *sample.goal)]}
        told = json.dumps([{"id": "keywords:existence", "kwargs": wanted}])
        search = f"deal(beam=2, width=4, step=12, lookahead=48, steps=16, tell=false, prefill=true, logprobs=true, instructions={told})"
        for name, path in (("direct", "direct"), ("deal", search)):
            asked = chat(sample.english, temperature=1.0, max_tokens=300, seed=seed)
            result = await runtime.execute(Order(parse_spec(f"{path}/local:tiny-weak", REGISTRY), asked), MemoryJournal(), run_id="run_1")
            followed[name] += instruction("keywords:existence", wanted).check(result.answer or "").score
    await endpoint.aclose()
    assert followed["deal"] > followed["direct"]
