"""Who takes part in the benchmark of decoding: each replays a text token by token and tells the times of its masks.

Those that need torch or numba run in an environment of their own, where this module is the program: it reads the name of a vocabulary, then
one request per line, and answers each with a line of JSON.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import llguidance.numpy
import numpy as np

from benchmarks.decoding_grammars import FREE, TEXTS, real_vocabulary
from eudoxus.decoding.apply import apply_mask
from eudoxus.decoding.engine import GrammarEngine
from eudoxus.decoding.grammar import Grammar, JsonSchema, Lark
from eudoxus.decoding.llguidance_engine import LlguidanceEngine, as_lark
from eudoxus.decoding.vocabulary import Vocabulary

Replay = Callable[[list[int], np.ndarray, list[float]], None]
"""Tokens, logits, and where the seconds of each step go."""
PROCESSOR, XGRAMMAR, NUMBA = "eudoxus, transformers processor", "xgrammar, own kernel", "outlines-core, own kernel (numba)"


def ours(engine: GrammarEngine, grammar: Grammar) -> Replay:
    """The mask and our kernel."""

    def replay(tokens: list[int], logits: np.ndarray, times: list[float]) -> None:
        matcher = engine.matcher(grammar)
        for token in tokens:
            row = logits.copy()
            begun = time.thread_time()
            apply_mask(row, matcher.mask())
            times.append(time.thread_time() - begun)
            matcher.consume(token)

    return replay


def own_kernel(engine: LlguidanceEngine, grammar: Grammar) -> Replay:
    """llguidance as its documentation shows it with numpy."""
    first = llguidance.LLMatcher(engine._tokenizer, llguidance.LLMatcher.grammar_from_lark(as_lark(grammar)))
    bitmask = llguidance.numpy.allocate_token_bitmask(1, engine.vocabulary.size)

    def replay(tokens: list[int], logits: np.ndarray, times: list[float]) -> None:
        matcher = first.deep_copy()
        for token in tokens:
            row = logits.copy()
            begun = time.thread_time()
            llguidance.numpy.fill_next_token_bitmask(matcher, bitmask)
            llguidance.numpy.apply_token_bitmask_inplace(row, bitmask)
            times.append(time.thread_time() - begun)
            matcher.consume_token(token)

    return replay


def outlines_guide(vocabulary: Vocabulary, grammar: JsonSchema, apply: Callable[[np.ndarray, np.ndarray], None]) -> Replay:
    """outlines-core's Guide and its mask, put on the logits by ``apply``."""
    import outlines_core
    from outlines_core import json_schema

    texts = {text: list(ids) for text, ids in vocabulary.by_text.items()}
    index = outlines_core.Index(json_schema.build_regex_from_schema(grammar.schema, ""), outlines_core.Vocabulary(vocabulary.eos[0], texts))

    def replay(tokens: list[int], logits: np.ndarray, times: list[float]) -> None:
        guide = outlines_core.Guide(index)
        words = np.zeros((1, vocabulary.words), np.int32)
        for token in tokens:
            row = logits[None].copy()
            begun = time.thread_time()
            words.fill(0)
            guide.write_mask_into(words.ctypes.data, words.size, words.itemsize)
            apply(row, words)
            times.append(time.thread_time() - begun)
            if token not in guide.get_tokens():
                return  # it drops tokens at states where the text may end
            guide.advance(token, False)

    return replay


def processor(engine: LlguidanceEngine, grammar: Grammar) -> Replay:
    """What ``generate`` calls: the text so far is found by its tokens, the last one is consumed, the masked scores are a copy."""
    import torch

    from eudoxus.decoding.processor import GrammarLogitsProcessor

    made = GrammarLogitsProcessor(engine, grammar)

    def replay(tokens: list[int], logits: np.ndarray, times: list[float]) -> None:
        made.reset()
        scores, ids = torch.from_numpy(logits)[None], torch.tensor([[1, 2, 3, *tokens]])
        for at in range(len(tokens)):
            begun = time.thread_time()
            made(ids[:, : 3 + at], scores)
            times.append(time.thread_time() - begun)

    return replay


class Xgrammar:
    """xgrammar for one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        import xgrammar

        self.library, self.size = xgrammar, vocabulary.size
        special = {i: b"<|%d|>" % i for i, text in enumerate(vocabulary.tokens) if not text}
        tokens = [special.get(i, text) for i, text in enumerate(vocabulary.tokens)]
        self.info = xgrammar.TokenizerInfo(tokens, vocab_size=vocabulary.size, stop_token_ids=list(vocabulary.eos))

    def matcher(self, grammar: Grammar) -> Any:
        compiler = self.library.GrammarCompiler(self.info, max_threads=1, cache_enabled=False)
        if isinstance(grammar, JsonSchema):
            compiled = compiler.compile_json_schema(grammar.schema, any_whitespace=False, separators=(",", ":"))
        else:
            assert isinstance(grammar, Lark)
            compiled = compiler.compile_lark(grammar.text)
        return self.library.GrammarMatcher(compiled)

    def replay(self, grammar: Grammar) -> Replay:
        import torch

        matcher, bitmask = self.matcher(grammar), self.library.allocate_token_bitmask(1, self.size)

        def replay(tokens: list[int], logits: np.ndarray, times: list[float]) -> None:
            matcher.reset()
            for token in tokens:
                row = torch.from_numpy(logits[None].copy())
                begun = time.thread_time()
                matcher.fill_next_token_bitmask(bitmask)
                self.library.apply_token_bitmask_inplace(row, bitmask)
                times.append(time.thread_time() - begun)
                if not matcher.accept_token(token):
                    return

        return replay

    def masks(self, grammar: Grammar, tokens: list[int]) -> list[str]:
        """The mask at each state of a text, as base64."""
        matcher, bitmask, found = self.matcher(grammar), self.library.allocate_token_bitmask(1, self.size), []
        for token in tokens:
            if not matcher.fill_next_token_bitmask(bitmask):
                bitmask.fill_(-1)  # everything is allowed
            found.append(base64.b64encode(bitmask.numpy().tobytes()).decode())
            if not matcher.accept_token(token):
                break
        return found

    def accepts(self, grammar: Grammar, tokens: list[int], others: list[int]) -> list[bool]:
        """Whether its matcher takes each of ``others`` after ``tokens``."""
        matcher = self.matcher(grammar)
        assert all(matcher.accept_token(token) for token in tokens)
        found = []
        for token in others:
            found.append(matcher.accept_token(token))
            if found[-1]:
                matcher.rollback(1)
        return found


def makers(name: str) -> tuple[Vocabulary, dict[str, Callable[[Grammar], Replay]], dict[str, str], Xgrammar | None]:
    """The vocabulary, who can take part in this environment, and who cannot and why."""
    vocabulary = real_vocabulary(name)
    assert vocabulary is not None, "the benchmark itself has fetched it"
    able: dict[str, Callable[[Grammar], Replay]] = {}
    absent: dict[str, str] = {}
    peer = None
    try:
        import torch

        torch.set_num_threads(1)
        engine = LlguidanceEngine(vocabulary)
        able[PROCESSOR] = lambda grammar: processor(engine, grammar)
        peer = Xgrammar(vocabulary)
        able[XGRAMMAR] = peer.replay
    except ImportError as error:
        absent[XGRAMMAR if PROCESSOR in able else PROCESSOR] = str(error)
    try:
        from outlines_core.kernels.numpy import apply_token_bitmask_inplace
    except ImportError as error:
        absent[NUMBA] = str(error)
    else:
        able[NUMBA] = lambda grammar: outlines_guide(vocabulary, grammar, apply_token_bitmask_inplace)  # type: ignore[arg-type]
    return vocabulary, able, absent, peer


def main() -> None:
    """The program of the environment apart."""
    vocabulary, able, absent, peer = makers(sys.argv[1])
    logits = np.random.Generator(np.random.PCG64(0)).normal(size=vocabulary.size).astype(np.float32)
    replays: dict[tuple[str, str], Replay] = {}
    print(json.dumps({"able": list(able), "absent": absent}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        grammar = (TEXTS | FREE)[asked["grammar"]][0]
        answer: Any = []
        match asked["act"]:
            case "compile":
                begun = time.thread_time()
                try:
                    replays[asked["who"], asked["grammar"]] = able[asked["who"]](grammar)
                    answer = {"compile_ms": (time.thread_time() - begun) * 1e3}
                except (RuntimeError, ValueError, TypeError) as error:
                    answer = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
            case "replay":
                replays[asked["who"], asked["grammar"]](asked["tokens"], logits, answer)
            case "masks" if peer is not None:
                answer = peer.masks(grammar, asked["tokens"])
            case "accepts" if peer is not None:
                answer = peer.accepts(grammar, asked["tokens"], asked["others"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
