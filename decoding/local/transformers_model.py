"""Models as safetensors through torch and transformers: the reference runtime, on a processor or a GPU."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from eudoxus.decoding.local.directory import ModelDirectory, missing
from eudoxus.decoding.local.errors import ModelUnusable
from eudoxus.decoding.local.model import Logits
from eudoxus.decoding.local.session import TextRead
from eudoxus.decoding.vocabulary import Vocabulary


class TransformersModel:
    """See :class:`~eudoxus.decoding.local.model.LocalModel`. ``device`` is torch's name of it; ``threads`` hold for the process.

    Only safetensors are read and no code of the directory is run. Raises :class:`ModelUnusable`.
    """

    runtime = "transformers"

    def __init__(self, directory: ModelDirectory, *, threads: int = 1, device: str = "cpu") -> None:
        try:
            import torch
            import transformers
        except ImportError:
            raise missing("torch or transformers", "local") from None
        self.torch, self.new_cache = torch, transformers.DynamicCache
        self.directory, self.name, self.context = directory, directory.path.name, directory.context
        self.vocabulary: Vocabulary = directory.vocabulary
        self.device = device
        torch.set_num_threads(threads)
        transformers.utils.logging.disable_progress_bar()
        try:
            self.network: Any = transformers.AutoModelForCausalLM.from_pretrained(
                directory.path, local_files_only=True, trust_remote_code=False, use_safetensors=True,
                dtype=torch.float32 if device == "cpu" else "auto",
            ).to(device).eval()
        except (OSError, ValueError, RuntimeError, KeyError, AssertionError) as error:
            raise ModelUnusable(f"the weights of {self.name} cannot be loaded: {error}") from None

    def session(self) -> TransformersSession:
        return TransformersSession(self)


class TransformersSession(TextRead):
    """See :class:`~eudoxus.decoding.local.model.Session`. A copy copies the cache."""

    chunk = 1024  # attention takes memory by the square of it

    def __init__(self, model: TransformersModel) -> None:
        super().__init__(model.context)
        self.model = model
        self._cache: Any = model.new_cache()

    def _step(self, tokens: Sequence[int], last: int) -> Logits:
        torch = self.model.torch
        with torch.inference_mode():
            ids = torch.tensor([list(tokens)], device=self.model.device)
            said = self.model.network(input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=last)
            found: Logits = np.ascontiguousarray(said.logits[0, -last:].float().cpu().numpy())
        return found

    def _crop(self, length: int) -> None:
        if length:
            self._cache.crop(length - len(self._tokens))  # a negative number: so many are taken away
        else:
            self._cache = self.model.new_cache()

    def fork(self) -> Self:
        other = type(self)(self.model)
        other._tokens, other._cache = self._tokens[:], copy.deepcopy(self._cache)
        return other
