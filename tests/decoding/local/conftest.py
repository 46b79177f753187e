"""A small model with random weights, written once and loaded once per runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from eudoxus.decoding.local import LocalModel, load


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxruntime", reason="the extra embedded is not installed")
    from tests.decoding.local import random_llama

    return random_llama.write(tmp_path_factory.mktemp("models") / "random")


@pytest.fixture(scope="session")
def torch_model(directory: Path) -> LocalModel:
    pytest.importorskip("torch", reason="the extra local is not installed")
    pytest.importorskip("transformers", reason="the extra local is not installed")
    return load(str(directory), runtime="transformers")


@pytest.fixture(scope="session")
def model(directory: Path) -> LocalModel:
    return load(str(directory), runtime="onnx")
