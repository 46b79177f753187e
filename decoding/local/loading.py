"""From a name or path of the operator to a loaded model."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from eudoxus.decoding.local.directory import ModelDirectory
from eudoxus.decoding.local.errors import ModelUnusable

if TYPE_CHECKING:
    from eudoxus.decoding.local.model import LocalModel

Runtime = Literal["auto", "onnx", "transformers"]
EMBEDDED = {"tiny": "good", "tiny-weak": "weak"}
"""Models that the package brings, and their folders of weights."""


def directory_of(model: str) -> Path:
    """The directory of an embedded model, else ``model`` as a path."""
    if model in EMBEDDED:
        return Path(__file__).parent.parent / "tiny" / "weights" / EMBEDDED[model]
    return Path(model).expanduser()


def load(model: str, *, runtime: Runtime = "auto", threads: int = 1, device: str = "cpu") -> LocalModel:
    """The model called ``model``: ``tiny``, ``tiny-weak``, or a directory.

    ``auto`` takes onnxruntime where there is a ``model.onnx`` and it is installed (and no GPU is asked for), else transformers.
    Raises :class:`ModelUnusable`, :class:`InvalidVocabulary`.
    """
    path = directory_of(model)
    directory = ModelDirectory(path)
    if runtime == "auto":
        runtime = _best(path, device)
    if runtime == "onnx":
        from eudoxus.decoding.local.onnx_model import OnnxModel

        loaded: LocalModel = OnnxModel(directory, threads=threads)
    else:
        from eudoxus.decoding.local.transformers_model import TransformersModel

        loaded = TransformersModel(directory, threads=threads, device=device)
    loaded.name = model if model in EMBEDDED else path.name
    return loaded


def _best(path: Path, device: str) -> Runtime:
    onnx = (path / "model.onnx").is_file()
    if onnx and device == "cpu" and _installed("onnxruntime"):
        return "onnx"
    if any(path.glob("*.safetensors")) and _installed("torch") and _installed("transformers"):
        return "transformers"
    if not onnx and not any(path.glob("*.safetensors")):
        raise ModelUnusable(f"the model directory {str(path)!r} has neither model.onnx nor *.safetensors")
    return "onnx" if onnx and device == "cpu" else "transformers"


def _installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None
