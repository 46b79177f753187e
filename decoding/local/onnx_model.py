"""Models as ``model.onnx`` through onnxruntime, with optimum's names of inputs and outputs; needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from eudoxus.decoding.local.directory import ModelDirectory, missing
from eudoxus.decoding.local.errors import ModelUnusable
from eudoxus.decoding.local.model import Logits
from eudoxus.decoding.local.session import TextRead
from eudoxus.decoding.vocabulary import Vocabulary

if TYPE_CHECKING:
    import onnxruntime

TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxModel:
    """See :class:`~eudoxus.decoding.local.model.LocalModel`. ``threads`` compute one call. Raises :class:`ModelUnusable`."""

    runtime = "onnx"

    def __init__(self, directory: ModelDirectory, *, threads: int = 1) -> None:
        self.directory, self.name, self.context = directory, directory.path.name, directory.context
        self.vocabulary: Vocabulary = directory.vocabulary
        self.run = _loaded(directory, threads)
        inputs = {node.name: node for node in self.run.get_inputs()}
        self.outputs = [node.name for node in self.run.get_outputs()]
        self.takes = frozenset(inputs)
        self.cached = [name for name in inputs if name.startswith("past_key_values.")]
        self.presents = [name.replace("past_key_values", "present") for name in self.cached]
        lacking = sorted({"input_ids"} - self.takes) + sorted({"logits", *self.presents} - set(self.outputs))
        if lacking or not self.cached:
            raise ModelUnusable(f"model.onnx of {self.name} lacks {', '.join(lacking) or 'past_key_values.*'}: export it with its cache")
        width = self.run.get_outputs()[self.outputs.index("logits")].shape[-1]
        if isinstance(width, int) and width != self.vocabulary.size:
            raise ModelUnusable(f"model.onnx of {self.name} gives {width} logits; its config.json and tokenizer say {self.vocabulary.size}")
        self.empty = [_empty(inputs[name], self.name) for name in self.cached]

    def session(self) -> OnnxSession:
        return OnnxSession(self)


class OnnxSession(TextRead):
    """See :class:`~eudoxus.decoding.local.model.Session`. The arrays of the cache are never written, so copies share them."""

    chunk = 256  # every position gets its logits, which for large vocabularies fill the memory

    def __init__(self, model: OnnxModel) -> None:
        super().__init__(model.context)
        self.model = model
        self._cache: list[NDArray[Any]] = model.empty

    def _step(self, tokens: Sequence[int], last: int) -> Logits:
        past, total = len(self._tokens), len(self._tokens) + len(tokens)
        given: dict[str, NDArray[Any]] = dict(zip(self.model.cached, self._cache, strict=True))
        given["input_ids"] = np.array([tokens], np.int64)
        if "attention_mask" in self.model.takes:
            given["attention_mask"] = np.ones((1, total), np.int64)
        if "position_ids" in self.model.takes:
            given["position_ids"] = np.arange(past, total, dtype=np.int64)[None]
        logits, *self._cache = self.model.run.run(["logits", *self.model.presents], given)
        found: Logits = np.ascontiguousarray(logits[0, -last:], np.float32)
        return found

    def _crop(self, length: int) -> None:
        self._cache = [np.ascontiguousarray(cache[:, :, :length]) for cache in self._cache]

    def fork(self) -> Self:
        other = type(self)(self.model)
        other._tokens, other._cache = self._tokens[:], self._cache[:]
        return other


def _loaded(directory: ModelDirectory, threads: int) -> onnxruntime.InferenceSession:
    try:
        import onnxruntime
    except ImportError:
        raise missing("onnxruntime", "embedded") from None
    file = directory.path / "model.onnx"
    if not file.is_file():
        raise ModelUnusable(f"the model directory {str(directory.path)!r} has no model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - the library's own errors have no common base
        raise ModelUnusable(f"model.onnx of {directory.path.name} cannot be loaded: {error}") from None


def _empty(node: Any, name: str) -> NDArray[Any]:
    """The cache of one layer before the first token, ``(1, heads, 0, width)``."""
    heads, width = node.shape[1], node.shape[3]
    if not isinstance(heads, int) or not isinstance(width, int) or node.type not in TYPES:
        raise ModelUnusable(f"model.onnx of {name}: {node.name} has the type {node.type} and shape {node.shape}, "
                            "expected floats of [batch, heads, past, width] with fixed heads and width")
    return np.zeros((1, heads, 0, width), TYPES[node.type])
