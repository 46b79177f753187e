"""Grammars for vLLM, given per request: a plug-in of the group ``vllm.logits_processors`` for both of its model runners.

vLLM's own structured outputs are faster where their grammars do; this one is for Lark in llguidance's dialect with a budget that closes
texts in time, and for engines of one's own. A request asks by ``vllm_xargs`` (HTTP) or ``SamplingParams.extra_args``, with one of
``eudoxus_lark``, ``eudoxus_regex`` and ``eudoxus_json_schema`` (texts), and at will ``eudoxus_max_tokens``.

Written to the interfaces as vLLM documents them (``docs/features/custom_logitsprocs.md``): the V1 runner's ``AdapterLogitsProcessor``, and
``LogitsProcessor`` of Model Runner V2, documented since 0.32. There is one class for both, as vLLM loads every entry point of the group
whichever runner is on, and refuses to start where one is of the other's kind.
"""

from __future__ import annotations

import functools
import importlib
import logging
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eudoxus.decoding.apply import Mask, mask_of
from eudoxus.decoding.bnf import compile_bnf
from eudoxus.decoding.constraint import Constraint
from eudoxus.decoding.engine import GrammarEngine
from eudoxus.decoding.errors import InvalidVocabulary, UnknownToken
from eudoxus.decoding.grammar import Grammar, JsonSchema, Lark, Limits, Regex
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.processor import masked
from eudoxus.decoding.vocabulary import Vocabulary
from eudoxus.runtime.errors import EudoxusError, InvalidParams

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

KINDS: dict[str, Callable[[str], Grammar]] = {"eudoxus_lark": Lark, "eudoxus_regex": Regex, "eudoxus_json_schema": JsonSchema}
MAX_TOKENS = "eudoxus_max_tokens"
CONFLICTS = ("ignore_eos", "min_tokens", "structured_outputs", "allowed_token_ids", "bad_words")
"""Settings that can forbid the only tokens that a grammar leaves; with none left a sampler draws nonsense."""
REQUEST_LIMITS = Limits(grammar_bytes=32 * 1024, step_seconds=0.25)
"""Tighter than for one's own grammars: all requests of a batch wait for the slowest step. 32 KiB of schema compile in about 0.2 s."""


@dataclass(frozen=True)
class Request:
    """What a request asks for."""

    grammar: Grammar
    max_tokens: int | None

    @classmethod
    def of(cls, params: Any) -> Request | None:
        """Read ``SamplingParams``; None where no grammar is asked for. Raises :class:`InvalidParams` with the argument at fault."""
        given = params.extra_args or {}
        named = [name for name in KINDS if given.get(name) is not None]
        budget = given.get(MAX_TOKENS)
        if not named:
            if budget is not None:
                raise InvalidParams(f"{MAX_TOKENS} is given without a grammar, expected one of {', '.join(KINDS)} too", param=MAX_TOKENS)
            return None
        if len(named) > 1:
            raise InvalidParams(f"{' and '.join(named)} are given, expected one grammar", param=named[1])
        if not isinstance(given[named[0]], str):
            raise InvalidParams(f"{named[0]} is a {type(given[named[0]]).__name__}, expected a text", param=named[0])
        if budget is not None and (not isinstance(budget, int) or isinstance(budget, bool) or budget < 1):
            raise InvalidParams(f"{MAX_TOKENS} is {budget!r}, expected an integer from 1", param=MAX_TOKENS)
        for name in CONFLICTS:
            if getattr(params, name, None):
                raise InvalidParams(f"{name} cannot be used with {named[0]}: it may forbid what the grammar demands", param=name)
        return cls(KINDS[named[0]](given[named[0]]), budget)


def _interfaces() -> type:
    """A class of the interfaces that the installed vLLM has; plain where there is no vLLM."""
    wanted = (
        ("vllm.v1.sample.logits_processor", "AdapterLogitsProcessor"),
        ("vllm.v1.worker.gpu.sample.logits_processor", "LogitsProcessor"),
    )
    found: list[type] = []
    for module, name in wanted:
        try:
            found.append(getattr(importlib.import_module(module), name))
        except (ImportError, AttributeError):
            continue
    return types.new_class("Interfaces", tuple(found))


_Interfaces: Any = object if TYPE_CHECKING else _interfaces()


class GrammarLogitsProcessor(_Interfaces):  # type: ignore[misc]
    """Requests without our arguments cost nothing; a request whose text cannot go on is ended and logged, and never stops the batch."""

    def __init__(self, vllm_config: Any, device_or_states: Any, is_pin_memory: bool | None = None) -> None:
        """The V1 runner gives a device and whether memory is pinned; Model Runner V2 gives ``LogitsProcRequestState``.

        Raises :class:`InvalidVocabulary` and :class:`EngineMissing` if vLLM was told to load this class. Loaded as an entry point only, it
        leaves servers alone whose users never asked for a grammar, and looks at the tokenizer when one does.
        """
        if is_pin_memory is not None:
            super().__init__(vllm_config, device_or_states, is_pin_memory)
        self._config, self._states = vllm_config, device_or_states
        self._slots: dict[int, _Text] = {}
        named = getattr(vllm_config.model_config, "logits_processors", None) or ()
        if any(one is type(self) or one == f"{__name__}:{type(self).__name__}" for one in named):
            _ = self._engine  # a tokenizer that cannot be used is found out now

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Refuse a request before it is admitted: arguments, size, and whether the grammar compiles for a vocabulary of single bytes.

        Raises :class:`ValueError`, which vLLM answers the client with.
        """
        try:
            request = Request.of(sampling_params)
            if request is not None:
                _byte_engine().matcher(request.grammar)
            if request is not None and request.max_tokens is not None:
                compile_bnf(request.grammar, REQUEST_LIMITS)
        except EudoxusError as error:
            raise ValueError(str(error)) from None

    def is_argmax_invariant(self) -> bool:
        """A grammar changes which token is the likeliest."""
        return False

    # The V1 runner: its adapter keeps the batch, and calls what this returns with the output tokens so far and one row of logits.

    def new_req_logits_processor(self, params: Any) -> Callable[[list[int], torch.Tensor], torch.Tensor] | None:
        text = self._text(params)
        if text is None:
            return None

        def process(output_ids: list[int], logits: torch.Tensor) -> torch.Tensor:
            return masked(logits.unsqueeze(0), text.mask(output_ids)[None])[0]

        return process

    # Model Runner V2: requests live in slots, rows of logits do not; the tokens of the last step are on the device.

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        self._slots.pop(req_idx, None)
        text = self._text(sampling_params)
        if text is not None:
            self._slots[req_idx] = text
        return text is not None

    def apply_staged_writes(self) -> None:
        """Nothing of ours is kept on the device."""

    def apply(self, logits: torch.Tensor, ctx: Any = None) -> torch.Tensor:
        if ctx is None:
            return super().apply(logits)
        if not any(int(slot) in self._slots for slot in ctx.idx_mapping_np):
            return logits
        slots, places, fed = (values.tolist() for values in (ctx.expanded_idx_mapping, ctx.pos, ctx.input_ids))
        chosen: list[int] = []
        masks: list[Mask] = []
        for row in sorted(range(len(slots)), key=lambda row: places[row]):
            if slots[row] in self._slots:
                mask = self._mask_at(slots[row], places[row], fed[row])
                if mask is not None:
                    chosen.append(row)
                    masks.append(mask)
        if chosen:
            logits[chosen] = masked(logits[chosen], np.stack(masks))
        return logits

    def _mask_at(self, slot: int, place: int, token: int) -> Mask | None:
        """The mask after the token at ``place`` of the sequence; None within the prompt.

        What earlier rows and steps said of later places was drafts that were refused. Places skipped since (a request that resumes) are
        read from the device.
        """
        text, prompt = self._slots[slot], int(self._states.prompt_len.np[slot])
        if place < prompt - 1:
            return None
        if place >= prompt:
            known = text.known[: place - prompt]
            if len(known) < place - prompt:
                known += self._states.all_token_ids.gpu[slot, prompt + len(known) : place].tolist()
            text.known = [*known, token]
        else:
            text.known = []
        return text.mask(text.known)

    # Both

    def _text(self, params: Any) -> _Text | None:
        """The state of a new request. Never raises: vLLM checks only some ways in by :meth:`validate_params`."""
        if not any(name in KINDS for name in params.extra_args or ()):
            return None
        try:
            vocabulary = self._engine.vocabulary
        except EudoxusError as error:
            log.error("grammars are not applied: %s", error)
            return None
        try:
            request = Request.of(params)
            if request is None:
                return None
            return _Text(Constraint.of(self._engine, request.grammar, max_tokens=request.max_tokens), vocabulary)
        except EudoxusError as error:
            log.warning("a request's text is ended at once: %s", error)
            return _Text(None, vocabulary)

    @functools.cached_property
    def _engine(self) -> GrammarEngine:
        return LlguidanceEngine(vocabulary_of(self._config.model_config), REQUEST_LIMITS)


class _Text:
    """The text of one request. ``constraint`` is None where there can be none: then only its end is allowed."""

    def __init__(self, constraint: Constraint | None, vocabulary: Vocabulary) -> None:
        self.constraint, self.vocabulary = constraint, vocabulary
        self.known: list[int] = []
        """The tokens so far, as Model Runner V2 last showed them."""
        self.logged: EudoxusError | None = None

    def mask(self, tokens: Sequence[int]) -> Mask:
        if self.constraint is None:
            return mask_of(list(self.vocabulary.eos), self.vocabulary.size)
        self.constraint.seek(tokens)
        mask = self.constraint.step()
        error = self.constraint.error
        if error is not None and error is not self.logged:
            self.logged = error
            if isinstance(error, UnknownToken):
                log.error("vLLM hands over no output tokens: name this class in --logits-processors, or start with --no-async-scheduling")
            elif self.constraint.outcome != "refused":  # drafts may well be refused
                log.warning("a request's text is ended before it is complete: %s", error)
        return mask


def vocabulary_of(model_config: Any) -> Vocabulary:
    """The vocabulary of vLLM's model, with the end tokens of its tokenizer and of its generation settings.

    Raises :class:`InvalidVocabulary` for tokenizers that cannot be loaded or do not tell their tokens' bytes.
    """
    try:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(
            model_config.tokenizer, revision=model_config.tokenizer_revision, trust_remote_code=model_config.trust_remote_code
        )
    except (ImportError, OSError, ValueError) as error:
        raise InvalidVocabulary(f"the tokenizer {model_config.tokenizer} cannot be loaded: {error}", param="tokenizer") from None
    more = model_config.try_get_generation_config().get("eos_token_id")
    ends = [tokenizer.eos_token_id, *(more if isinstance(more, list) else [more])]
    eos = list(dict.fromkeys(end for end in ends if end is not None))
    return Vocabulary.from_transformers(tokenizer, eos=eos, size=max(model_config.get_vocab_size(), len(tokenizer)))


@functools.cache
def _byte_engine() -> LlguidanceEngine:
    return LlguidanceEngine(Vocabulary.from_list([*(bytes([byte]) for byte in range(256)), "<end>"], eos=256), REQUEST_LIMITS)
