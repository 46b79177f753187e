"""The runner over a model in this process, one with random weights: what it says is nonsense, and in order all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="the extra embedded is not installed")
pytest.importorskip("onnx", reason="onnx writes the graph of the model with random weights")

from eudoxus.decoding.local.config import LocalConfig
from eudoxus.decoding.local.endpoint import LocalEndpoint
from eudoxus.decoding.ltl import Options, holds, parse, read_agent, verify
from tests.decoding.local import random_llama
from tests.decoding.ltl.specs import MOVES
from tests.decoding.ltl.test_remote import Plain, run_with, states


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_llama.write(tmp_path_factory.mktemp("models") / "random")


@pytest.mark.parametrize("mode", ["auto", "grammar"])
async def test_every_run_of_a_model_with_random_weights_satisfies_the_formula(directory: Path, mode: str) -> None:
    endpoint = LocalEndpoint(LocalConfig(model=str(directory), name="m"), name="sim")
    agent = read_agent(MOVES)
    for seed in range(4):
        found, _ = await run_with(MOVES, endpoint, options=Options(segments=7, temperatures=(1.0,), mode=mode), prompts=Plain(seed))
        assert found.refused == () and verify(agent, found.segments).ok, found
        trace = [frozenset({one.state}) for one in found.segments]
        for formula in ("task & X (think | move)", "G(think -> X move)", "G(seen -> X (think | count))", "F done & G(done -> last)"):
            assert holds(parse(formula), trace), (formula, states(found))
