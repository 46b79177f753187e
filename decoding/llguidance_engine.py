"""Grammars through llguidance (MIT): Lark, JSON Schema and regular expressions, by an Earley parser over a lexer of derivatives.

llguidance never raises: it enters an error state. Here every step looks, so an error is a typed exception in the step that caused it.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import numpy as np

from eudoxus.decoding.apply import Mask, allowed_tokens, mask_of
from eudoxus.decoding.engine import TextSoFar
from eudoxus.decoding.errors import EngineMissing, InvalidGrammar, MatcherFailed, Unsatisfiable
from eudoxus.decoding.grammar import Grammar, JsonSchema, Lark, Limits, Regex, check_size
from eudoxus.decoding.lark import check_ends
from eudoxus.decoding.vocabulary import Vocabulary

if TYPE_CHECKING:
    import llguidance

Made = TypeVar("Made")
STACK = 512 * 1024 * 1024
"""Of address space; memory is taken as it is used. Grammars of the permitted size were seen to need more than 64 MiB and less than 128."""
NO_FORCING = '%llguidance {"no_forcing": true}\n'


class LlguidanceEngine:
    """Matchers of llguidance for one vocabulary. Safe for threads; making it costs up to a second for large vocabularies."""

    name = "llguidance"

    def __init__(self, vocabulary: Vocabulary, limits: Limits | None = None) -> None:
        self.vocabulary = vocabulary
        self.limits = limits or Limits()
        self._library = _library()
        self._tokenizer = _tokenizer(self._library, vocabulary)
        self._compiled = functools.lru_cache(maxsize=self.limits.kept_grammars)(partial(on_a_deep_stack, self._compile))
        self._lock = threading.Lock()

    def matcher(self, grammar: Grammar, *, exact: bool = False) -> LlguidanceMatcher:
        """See :meth:`eudoxus.decoding.engine.GrammarEngine.matcher`."""
        with self._lock:
            inner = self._compiled(grammar, exact).deep_copy()
        return LlguidanceMatcher(self.vocabulary, inner, self.limits.step_seconds)

    def _compile(self, grammar: Grammar, exact: bool) -> llguidance.LLMatcher:
        check_size(grammar, self.limits)
        text = as_lark(grammar)
        if exact and not text.lstrip().startswith("%llguidance"):
            text = NO_FORCING + text
        limits = self._library.LLParserLimits(
            max_items_in_row=self.limits.items_in_row,
            step_max_items=self.limits.items_per_step,
            max_lexer_states=self.limits.lexer_states,
            verbose_errors=False,
        )
        inner = self._library.LLMatcher(self._tokenizer, self._library.LLMatcher.grammar_from_lark(text), log_level=0, limits=limits)
        if inner.is_error():
            message = inner.get_error()
            raise (Unsatisfiable if "unsatisfiable" in message.lower() else InvalidGrammar)(message, param="grammar")
        first = LlguidanceMatcher(self.vocabulary, inner.deep_copy(), self.limits.step_seconds)
        try:
            some = allowed_tokens(first.mask(), self.vocabulary.size).size
        except MatcherFailed as error:
            if "NoExtension" not in str(error):
                raise
            some = 0
        if not some:
            raise Unsatisfiable("no token can begin a text of this grammar", param="grammar")
        if isinstance(grammar, Lark):
            check_ends(grammar.text)
        return cast("llguidance.LLMatcher", inner)


def on_a_deep_stack(compiled: Callable[..., Made], *arguments: Any) -> Made:
    """What ``compiled`` gives, in a thread with a stack of :data:`STACK` bytes.

    llguidance follows rules and references by recursion, and rules that each name the next can be as many as the size of a grammar permits:
    on a usual stack some thousands of them end the process.
    """
    with ThreadPoolExecutor(1) as worker:
        with _starting:
            before = threading.stack_size(STACK)
            try:
                made = worker.submit(compiled, *arguments)
            finally:
                threading.stack_size(before)
        return made.result()


_starting = threading.Lock()


class LlguidanceMatcher(TextSoFar):
    """A :class:`~eudoxus.decoding.engine.Matcher` around llguidance's."""

    def __init__(self, vocabulary: Vocabulary, inner: llguidance.LLMatcher, step_seconds: float, consumed: tuple[int, ...] = ()) -> None:
        super().__init__(vocabulary, consumed)
        self._inner = inner
        self._step_seconds = step_seconds

    def mask(self) -> Mask:
        if self.finished:
            return self._nothing()
        words = np.zeros(self.vocabulary.words, np.int32)
        size = (self._known() + 31) // 32 * 4
        started = time.monotonic()
        self._inner.unsafe_compute_mask_ptr(words.ctypes.data, size)
        self._check("mask", started)
        return words & _with_bytes(self.vocabulary, self._complete())

    def fork(self) -> Self:
        return type(self)(self.vocabulary, self._inner.deep_copy(), self._step_seconds, self.consumed)

    def forced_bytes(self) -> bytes:
        return b"" if self.finished else bytes(self._inner.compute_ff_bytes())

    def _known(self) -> int:
        return len(self.vocabulary.tokens)

    def _advance(self, token: int) -> bool:
        started = time.monotonic()
        taken = self._inner.try_consume_tokens([token])
        self._check(f"token {token}", started, refused=not taken)
        return bool(taken)

    def _retreat(self, tokens: int) -> None:
        self._inner.rollback(tokens)
        if self._inner.is_error():
            raise MatcherFailed(f"llguidance could not take back {tokens} tokens: {self._inner.get_error()}")

    def _complete(self) -> bool:
        return bool(self._inner.is_accepting())

    def _check(self, step: str, started: float, refused: bool = False) -> None:
        seconds = time.monotonic() - started
        if self._inner.is_error():
            raise MatcherFailed(f"llguidance gave up at {step} after {len(self._consumed)} tokens: {self._inner.get_error()}")
        if seconds > self._step_seconds:
            if not refused and step != "mask":
                self._inner.rollback(1)
            raise MatcherFailed(f"{step} took {seconds:.2f} s after {len(self._consumed)} tokens, allowed are {self._step_seconds:g} s: "
                                "is the grammar ambiguous?")


def as_lark(grammar: Grammar) -> str:
    """The grammar in llguidance's Lark dialect."""
    match grammar:
        case Lark(text):
            return text
        case Regex(pattern):
            if "\n" in pattern:
                pattern = pattern.replace("\n", "\\n")
            return f"start: /{_library().regex_to_lark(pattern, 'd')}/"
        case JsonSchema(schema):
            options: dict[str, Any] = {"x-guidance": {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}}
            loaded = json.loads(schema)
            return "start: %json " + json.dumps(options | loaded if isinstance(loaded, dict) else loaded)


def _library() -> Any:
    try:
        import llguidance
    except ImportError:
        raise EngineMissing("llguidance is not installed: pip install 'eudoxus[decoding]'", param="engine") from None
    return llguidance


@functools.lru_cache(maxsize=16)
def _with_bytes(vocabulary: Vocabulary, complete: bool) -> Mask:
    """Tokens that stand for text, and the end tokens where the text is complete: never padding, never other special tokens."""
    text = [i for i, token in enumerate(vocabulary.tokens) if token]
    return mask_of([*text, *(vocabulary.eos if complete else ())], vocabulary.size)


def _tokenizer(library: Any, vocabulary: Vocabulary) -> Any:
    class Tokens:
        """What llguidance asks of a tokenizer; ids without text get a name that no text can spell."""

        eos_token_id = vocabulary.eos[0]
        bos_token_id = None
        tokens = tuple(text or b"<|%d|>" % i for i, text in enumerate(vocabulary.tokens))
        special_token_ids = tuple(i for i, text in enumerate(vocabulary.tokens) if not text)

        def __call__(self, text: str | bytes) -> list[int]:
            return vocabulary.encode(text)

    return library.LLTokenizer(library.TokenizerWrapper(Tokens()), eos_token=list(vocabulary.eos))
