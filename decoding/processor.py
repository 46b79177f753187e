"""Grammars for ``model.generate`` of transformers: a logits processor, for sampling, greedy and beam search, and assisted generation.

::

    vocabulary = Vocabulary.from_transformers(tokenizer, size=model.config.vocab_size)
    processor = GrammarLogitsProcessor(LlguidanceEngine(vocabulary), Lark(text))
    output = model.generate(**inputs, logits_processor=[processor], max_new_tokens=200)
    processor.outcomes(output)

This is greedy constrained decoding; draws from the model's own law within the grammar are :class:`AlignedSampler`'s.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eudoxus.decoding.apply import Mask, masked_copy
from eudoxus.decoding.constraint import Constraint, TextOutcome
from eudoxus.decoding.engine import GrammarEngine
from eudoxus.decoding.errors import InvalidVocabulary
from eudoxus.runtime.errors import InvalidParams

if TYPE_CHECKING:
    import torch

Rows = NDArray[np.int64]
Key = tuple[int, bytes]
"""The grammar's number, and all tokens of a row, prompt included."""


class GrammarLogitsProcessor:
    """Forbids what the grammar forbids, row by row.

    ``grammar``: one for all rows, or a list with one for each prompt of the batch, in its order. ``max_tokens`` and ``exact``: see
    :meth:`Constraint.of`, which also says what is raised. Rows are known by their tokens and not by their place, so a host may reorder,
    drop and double them (beams) or go back (drafts that were refused). The vocabulary's ``eos`` must be the tokens at which ``generate``
    ends a text. It remembers one call of ``generate``, and other prompts begin anew; only where a prompt is the last one with a part of
    its text does it take :meth:`reset`.
    """

    supports_continuous_batching: ClassVar[bool] = False

    def __init__(self, engine: GrammarEngine, grammar: object, *, max_tokens: int | None = None, exact: bool = False) -> None:
        grammars = list(grammar) if isinstance(grammar, list | tuple) else [grammar]
        if not grammars:
            raise InvalidParams("grammar is an empty list, expected one grammar, or one for each prompt", param="grammar")
        self.vocabulary = engine.vocabulary
        self._starts = [Constraint.of(engine, one, max_tokens=max_tokens, exact=exact) for one in grammars]
        self.reset()

    def reset(self) -> None:
        """Forget the texts so far."""
        self._prompts: set[bytes] = set()
        self._prompt_length = self._longest = 0
        self._texts: dict[Key, Constraint] = {}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """``scores`` (rows, tokens) with minus infinity where the grammar allows no token; ``input_ids`` (rows, length) with the prompts.

        Raises :class:`InvalidVocabulary` where there are fewer scores than tokens in the vocabulary, and :class:`InvalidParams` where the
        rows cannot be shared out among the grammars.
        """
        if (given := scores.shape[-1]) < (needed := len(self.vocabulary.tokens)):
            raise InvalidVocabulary(f"the model gives {given} scores, the vocabulary has {needed} tokens: is it another model's?")
        rows = _rows(input_ids)
        if not self._continued(rows):
            self._begin(rows)
        self._longest = max(self._longest, rows.shape[1])
        keys = self._keys(rows)
        texts = self._advance(dict(zip(keys, rows, strict=True)))
        masks = {key: text.step() for key, text in texts.items()}
        return masked(scores, np.stack([masks[key] for key in keys]) if len(keys) > 1 else masks[keys[0]][None])

    def outcomes(self, sequences: torch.Tensor) -> list[TextOutcome]:
        """How the texts that ``generate`` returned stand, row by row: one that is cut off by ``max_new_tokens`` is ``open``."""
        rows = _rows(sequences)
        found: list[TextOutcome] = []
        for (number, _), row in zip(self._keys(rows), rows, strict=True):
            text = self._starts[number].fork()
            text.seek(row[self._prompt_length :].tolist())
            found.append(text.outcome)
        return found

    def _continued(self, rows: Rows) -> bool:
        """Whether the call goes on with the texts of the last one: ``generate`` never changes a prompt nor skips a token."""
        within = 0 < self._prompt_length <= rows.shape[1] <= self._longest + 1
        return within and all(row[: self._prompt_length].tobytes() in self._prompts for row in rows)

    def _begin(self, rows: Rows) -> None:
        self.reset()
        self._prompts = {row.tobytes() for row in rows}
        self._prompt_length = rows.shape[1]

    def _keys(self, rows: Rows) -> list[Key]:
        """Rows of one prompt (beams, samples) stand together, so the place of a row tells its grammar."""
        if len(rows) % len(self._starts):
            raise InvalidParams(f"{len(rows)} rows cannot be shared out among {len(self._starts)} grammars", param="grammar")
        return [(at * len(self._starts) // len(rows), row.tobytes()) for at, row in enumerate(rows)]

    def _advance(self, rows: dict[Key, NDArray[np.int64]]) -> dict[Key, Constraint]:
        """The constraints of all rows that differ, each from that of the row without its last token where it is known."""
        parents = {(number, key): (number, row[:-1].tobytes()) for (number, key), row in rows.items()}
        claims = Counter(parents.values())
        texts: dict[Key, Constraint] = {}
        for key, row in rows.items():
            parent = self._texts.get(parents[key])
            claims[parents[key]] -= 1
            if parent is None:
                parent = next((text for (number, _), text in self._texts.items() if number == key[0]), self._starts[key[0]])
                texts[key] = parent.fork()
            else:
                texts[key] = parent.fork() if claims[parents[key]] else parent
            texts[key].seek(row[self._prompt_length :].tolist())
        self._texts = texts
        return texts


def masked(scores: torch.Tensor, masks: Mask) -> torch.Tensor:
    """A copy of ``scores`` (rows, tokens) with minus infinity where the bit in ``masks`` (rows, words) is 0, or beyond its width.

    On the processor for float32 by :func:`masked_copy`; else on the scores' device, to which only the bits travel.
    """
    import torch

    if scores.device.type == "cpu" and scores.dtype == torch.float32:
        return torch.from_numpy(masked_copy(scores.detach().contiguous().numpy(), masks))
    words = torch.from_numpy(masks).to(scores.device)
    bits = (words.unsqueeze(-1) >> torch.arange(32, dtype=torch.int32, device=scores.device)) & 1
    allowed = torch.zeros_like(scores, dtype=torch.bool)
    width = min(scores.shape[-1], words.shape[-1] * 32)
    allowed[:, :width] = bits.flatten(1)[:, :width].bool()
    return scores.masked_fill(~allowed, -torch.inf)


def _rows(tokens: Any) -> Rows:
    return np.ascontiguousarray(tokens.detach().cpu().numpy(), dtype=np.int64)
