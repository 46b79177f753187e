"""What a grammar costs per token: computing the mask and putting it on the logits, and compiling the grammar.

    python -m benchmarks.decoding [--quick]

Each contender replays the same valid texts token by token; contenders take turns. Times are of this thread's processor, so that a busy
machine does not show. The vocabularies are real ones of 100 277 and 200 019
tokens, taken from the wheel of litellm (downloaded once to ``.bench/``); with ``--quick``, or where it cannot be had, a synthetic one of
100 000 tokens, which is said. Peers: llguidance with its own kernel for applying masks and outlines-core's masks in this process; in an
environment of their own under ``.bench/`` xgrammar and outlines-core's own kernel, which need torch and numba, beside our logits processor
for transformers. Where xgrammar runs, its masks are compared with ours at every state of the texts.
"""

from __future__ import annotations

import argparse
import base64
import json
import site
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.decoding_contenders import NUMBA, PROCESSOR, XGRAMMAR, Replay, ours, outlines_guide, own_kernel
from benchmarks.decoding_grammars import FILES, FREE, HOME, TEXTS, real_vocabulary, synthetic_vocabulary
from eudoxus.decoding.apply import allowed_tokens, apply_mask
from eudoxus.decoding.grammar import JsonSchema
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.outlines_engine import OutlinesEngine
from eudoxus.decoding.vocabulary import Vocabulary

ENVIRONMENT = HOME / "torch"
PACKAGES: tuple[tuple[str, ...], ...] = (
    ("torch==2.13.0", "numpy", "numba", "transformers"),
    ("--no-deps", "xgrammar==0.2.8"),  # it asks for triton, which no CPU needs
    ("apache-tvm-ffi",),
)


def environment() -> tuple[Path | None, str]:
    """The interpreter of the peers' environment, made once; or None and why not. It sees this one's packages behind its own."""
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / ".done"
    if not done.exists():
        steps = [[sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)]]
        steps += [[str(python), "-m", "pip", "install", "--quiet", *packages] for packages in PACKAGES]
        for step in steps:
            ran = subprocess.run(step, capture_output=True, text=True, timeout=1800, check=False)
            if ran.returncode:
                return None, f"{' '.join(step[2:])}: {ran.stderr.strip().splitlines()[-1:]}"
        (own,) = ENVIRONMENT.glob("lib/python*/site-packages")
        (own / "eudoxus_benchmark.pth").write_text(f"import site; site.addsitedir({site.getsitepackages()[0]!r})\n")
        done.touch()
    return python, ""


class Apart:
    """The contenders of the peers' environment, in a process of their own, for one vocabulary."""

    def __init__(self, python: Path, name: str) -> None:
        command = [str(python), "-m", "benchmarks.decoding_contenders", name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HOME.parent)
        said = self._read()
        self.able: list[str] = said["able"]
        self.absent: dict[str, str] = said["absent"]

    def ask(self, act: str, grammar: str, **more: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"act": act, "grammar": grammar, **more}) + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peers' process ended with {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def measure(vocabulary: Vocabulary, rounds: int, apart: Apart | None) -> list[dict[str, Any]]:
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
            contenders["outlines-core, our kernel"] = lambda g=grammar: outlines_guide(vocabulary, g, apply_mask)  # type: ignore[misc]
        replays, compiled, times = {}, {}, {who: list[float]() for who in contenders}
        for who, make in contenders.items():
            begun = time.thread_time()
            replays[who] = make()
            compiled[who] = (time.thread_time() - begun) * 1e3
        for who in apart.able if apart else ():
            if who == NUMBA and not isinstance(grammar, JsonSchema):
                continue
            said = apart.ask("compile", name, who=who) if apart else {}
            if "error" in said:
                rows.append({"grammar": name, "contender": who, "error": said["error"]})
                continue
            compiled[who], times[who] = said["compile_ms"], []
            replays[who] = _asking(apart, name, who)
        for turn in range(rounds + 1):
            for who, replay in replays.items():
                replay(tokens, logits, times[who] if turn else [])  # the first turn warms up
        rows += [_row(f"{name} ({len(tokens)} tokens)", who, compiled[who], sorted(found)) for who, found in times.items()]
    return rows


def _asking(apart: Apart | None, name: str, who: str) -> Replay:
    def replay(tokens: list[int], _: np.ndarray, times: list[float]) -> None:
        times += apart.ask("replay", name, who=who, tokens=tokens) if apart else []

    return replay


def _row(grammar: str, who: str, compiled: float, found: list[float]) -> dict[str, Any]:
    quantiles = {f"p{q}_us": found[int(len(found) * q / 100)] * 1e6 for q in (50, 95, 99)}
    return {"grammar": grammar, "contender": who, "compile_ms": compiled, "steps": len(found), "mean_us": statistics.fmean(found) * 1e6,
            **quantiles}


def mask_faults(vocabulary: Vocabulary, apart: Apart) -> list[dict[str, Any]]:
    """Where xgrammar's mask differs from ours with every tokenisation allowed, and what its own matcher says of the tokens in question."""
    engine, rows = LlguidanceEngine(vocabulary), []
    for name, (grammar, text) in (TEXTS | FREE).items():
        tokens, matcher = vocabulary.encode(text), engine.matcher(grammar, exact=True)
        found = {"grammar": name, "states": 0, "wrongly_forbidden": 0, "wrongly_allowed": 0, "engines_differ": 0, "example": ""}
        for at, theirs in enumerate(apart.ask("masks", name, tokens=tokens)):
            bits = np.frombuffer(base64.b64decode(theirs), np.int32)
            one, other = (set(allowed_tokens(mask, vocabulary.size).tolist()) for mask in (matcher.mask(), bits))
            differing = sorted((one ^ other) - set(vocabulary.eos))
            taken = apart.ask("accepts", name, tokens=tokens[:at], others=differing) if differing else []
            for token, accepted in zip(differing, taken, strict=True):
                found["engines_differ"] += accepted is (token in other)
                found["wrongly_forbidden"] += accepted and token not in other
                found["wrongly_allowed"] += not accepted and token in other
                if accepted is not (token in other) and not found["example"]:
                    found["example"] = f"{vocabulary.tokens[token]!r} after {vocabulary.decode(tokens[:at])[-20:]!r}"
            found["states"] += 1
            matcher.consume(tokens[at])
        rows.append(found)
    return rows


def table(title: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    cells = [columns, *(tuple(f"{row[c]:.1f}" if isinstance(row.get(c), float) else str(row.get(c, "")) for c in columns) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ([cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))] for row in cells)
    return "\n".join([title, *map("  ".join, lines)])


def goals(found: dict[str, list[dict[str, Any]]], quick: bool) -> list[dict[str, Any]]:
    """Judged on the vocabulary of about 100 000 tokens, at the grammar where each is met worst."""
    rows = {who: [row for row in next(iter(found.values())) if row["contender"] == who and "mean_us" in row]
            for who in ("eudoxus, llguidance", "llguidance, own kernel", PROCESSOR)}
    mine, processor = rows["eudoxus, llguidance"], rows[PROCESSOR]
    promised: list[tuple[str, float, float | None]] = [
        ("mask and apply, p50 µs", 150.0, max(row["p50_us"] for row in mine)),
        ("mask and apply, p99 µs", 3000.0, max(row["p99_us"] for row in mine)),
        ("compile, ms", 5.0, max(row["compile_ms"] for row in mine)),
        ("mean of mask and apply / llguidance with its own kernel", 1.0, _worst(mine, rows["llguidance, own kernel"])),
        ("logits processor for transformers, p50 µs", 150.0, max((row["p50_us"] for row in processor), default=None)),
        ("logits processor for transformers, p99 µs", 3000.0, max((row["p99_us"] for row in processor), default=None)),
    ]
    return [{"what": what, "goal": goal, "measured": at and round(at, 3), "met": None if at is None else at <= goal}
            for what, goal, at in (promised[:4] if quick else promised)]


def _worst(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> float | None:
    by_grammar = {row["grammar"]: row["mean_us"] for row in theirs}
    return max((row["mean_us"] / by_grammar[row["grammar"]] for row in mine if row["grammar"] in by_grammar), default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="a synthetic vocabulary, fewer rounds, no download, no peers apart")
    quick = parser.parse_args().quick
    real = {} if quick else {name: vocabulary for name in FILES if (vocabulary := real_vocabulary(name))}
    python, why = environment() if real else (None, "the peers apart are not asked for" if quick else "there is no real vocabulary")
    absent = {} if python else dict.fromkeys((PROCESSOR, XGRAMMAR, NUMBA), why)
    found: dict[str, list[dict[str, Any]]] = {}
    faults: dict[str, list[dict[str, Any]]] = {}
    for name, vocabulary in (real or {"synthetic 100k": synthetic_vocabulary()}).items():
        apart = Apart(python, name) if python else None
        found[name] = measure(vocabulary, 3 if quick else 20, apart)
        columns = ("grammar", "contender", "compile_ms", "steps", "mean_us", "p50_us", "p95_us", "p99_us", "error")
        print(table(f"{name}: {vocabulary.size} tokens", columns, found[name]), end="\n\n", flush=True)
        if apart:
            absent |= apart.absent
            if XGRAMMAR in apart.able:
                faults[name] = mask_faults(vocabulary, apart)
                columns = ("grammar", "example", "states", "wrongly_forbidden", "wrongly_allowed", "engines_differ")
                print(table(f"{name}: xgrammar's masks, beside its own matcher", columns, faults[name]), end="\n\n", flush=True)
            apart.close()
    for who, reason in absent.items():
        print(f"absent: {who}: {reason}")
    if not real:
        print("the vocabulary is synthetic: real ones were not asked for or could not be had")
    reached = goals(found, quick)
    for goal in reached:
        verdict = {True: "met", False: "NOT MET", None: "not measured"}[goal["met"]]
        print(f"{verdict:12}  {goal['what']}: {goal['measured']} (at most {goal['goal']:g})")
    figures = {"costs": found, "xgrammar_masks": faults}
    print(json.dumps({"benchmark": "decoding", "quick": quick, "figures": figures, "absent": absent, "goals": reached}))


if __name__ == "__main__":
    main()
