"""The peers of the Game of 24 benchmark: each in its own environment, playing against the same simulated player."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from benchmarks.peers import Peer
from benchmarks.peers.server24 import Counts, served
from benchmarks.player24 import Rates
from benchmarks.puzzle24 import read, right
from benchmarks.runs24 import Run

HERE = Path(__file__).resolve().parent
TOT = Peer("tree-of-thoughts-llm", "python", (("setuptools==80.9.0", "tree-of-thoughts-llm==0.1.0"),))
REASONERS = Peer("llm-reasoners", "python", (
    ("--no-deps", "llm-reasoners==1.0.2", "tree-of-thoughts-llm==0.1.0"), ("numpy==2.4.6", "openai==3.52.0", "tqdm==4.67.1"),
))
"""Without torch, transformers and the other packages that only local models need; tree-of-thoughts-llm for its prompts."""
TREEQUEST = Peer("treequest", "python", (("treequest==0.3.3", "openai==3.52.0"),))


@dataclass(frozen=True)
class Rival:
    """One line of the table."""

    name: str
    peer: Peer
    adapter: str
    setting: str


RIVALS = (
    Rival("tree-of-thoughts-llm 0.1.0, beam 1", TOT, "tot24", "beam 1"),
    Rival("tree-of-thoughts-llm 0.1.0, beam 5 (the paper's)", TOT, "tot24", "beam 5"),
    Rival("llm-reasoners 1.0.2, beam 5", REASONERS, "reasoners24", "beam 5"),
    Rival("llm-reasoners 1.0.2, MCTS, 10 iterations", REASONERS, "reasoners24", "MCTS, 10 iterations"),
    Rival("llm-reasoners 1.0.2, MCTS, 20 iterations", REASONERS, "reasoners24", "MCTS, 20 iterations"),
    Rival("treequest 0.3.3, best-first, 8 samples", TREEQUEST, "treequest24", "best-first, 8 samples"),
    Rival("treequest 0.3.3, MCTS, 8 samples", TREEQUEST, "treequest24", "MCTS, 8 samples"),
    Rival("treequest 0.3.3, ToT-BFS, beam 5", TREEQUEST, "treequest24", "ToT-BFS, beam 5"),
)


class Ended(Exception):
    """A peer's process ended or said something else than an answer; the message is the end of what it wrote."""


def rivals(puzzles: Sequence[str], seeds: int, rates: Rates) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """All runs of each rival by name, and why others are absent. ``puzzles``: the numbers, separated by blanks."""
    found, absent = dict[str, list[Run]](), dict[str, str]()

    def play(rival: Rival) -> None:
        try:
            python = peers.installed(rival.peer)
            found[rival.name] = _runs(rival, python, puzzles, seeds, rates)
        except (peers.NotInstalled, Ended, OSError) as reason:
            absent[rival.name] = str(reason)
        else:
            print(f"{rival.name}: done", file=sys.stderr, flush=True)

    for peer in {rival.peer.name: rival for rival in RIVALS}.values():  # one after the other: two threads must not install the same
        try:
            peers.installed(peer.peer)
        except peers.NotInstalled as reason:
            absent[peer.peer.name] = str(reason)
    with ThreadPoolExecutor(max_workers=min(len(RIVALS), os.cpu_count() or 1)) as workers:
        list(workers.map(play, [rival for rival in RIVALS if rival.peer.name not in absent]))
    return {rival.name: found[rival.name] for rival in RIVALS if rival.name in found}, absent


def _runs(rival: Rival, python: Path, puzzles: Sequence[str], seeds: int, rates: Rates) -> list[Run]:
    counts, runs = Counts(rates), list[Run]()
    with served(counts) as base, _process(rival, python, base) as process:
        _line(process)
        for seed in range(seeds):
            for number, numbers in enumerate(puzzles):
                model = f"gpt-4:{seed}:{number}"
                assert process.stdin is not None
                process.stdin.write(json.dumps({"model": model, "numbers": numbers, "setting": rival.setting}) + "\n")
                process.stdin.flush()
                answers = _line(process)["answers"]
                verdicts = [right(read(numbers), answer) for answer in answers]
                asked = counts.take(model)
                runs.append(Run(verdicts[0], any(verdicts), asked.requests, asked.samples, asked.prompt_tokens, asked.completion_tokens,
                                asked.seconds))
    return runs


@contextmanager
def _process(rival: Rival, python: Path, base: str) -> Iterator[subprocess.Popen[str]]:
    """The adapter, run by the peer's interpreter; its complaints go to a log beside the environment."""
    address = {"OPENAI_API_BASE": base, "OPENAI_BASE_URL": base, "OPENAI_API_KEY": "sk-none"}
    log = python.parent.parent / f"{rival.setting.replace(' ', '_')}.log"
    with open(log, "w") as complaints:
        process = subprocess.Popen(
            [str(python), str(HERE / "peers" / f"{rival.adapter}.py")], env={**os.environ, **address}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints)
        try:
            yield process
        except Ended as end:
            raise Ended(f"{end} {log.read_text(errors='replace')[-400:]}") from None
        finally:
            process.kill()
            process.wait()


def _line(process: subprocess.Popen[str]) -> dict[str, list[str]]:
    """The next JSON object that a peer writes; warnings before it are skipped."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            found: dict[str, list[str]] = json.loads(line)
            return found
    raise Ended("the process ended")
