"""Searches on mini crosswords: ``python -m benchmarks.crosswords [--quick]``.

Plays the 20 puzzles of the usual test split where EUDOXUS_DATA has them, else a few small ones of our own, against one simulated player
whose rates are made up (:mod:`benchmarks.crossword_player`). Shares of letters, words and whole games that are right in what a run ends
with, an unfinished square included. It compares searches with each other and says nothing about a real model. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import orjson

from benchmarks.crossword_player import OWN, Puzzle, Solver
from benchmarks.report24 import aligned
from benchmarks.runs24 import half_width
from eudoxus.agents.search import Rejected
from eudoxus.agents.search.crosswords import Crossword, CrosswordTask
from eudoxus.prompts import load
from eudoxus.runtime import MemoryJournal, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint

CONTENDERS = {
    "ToT depth-first as in the paper": "tree_of_thoughts(order=dfs,beam=3,depth=10,nodes=100,lists=8,evaluate=value)",
    "ToT depth-first, one list, siblings judged in one request": "tree_of_thoughts(order=dfs,beam=3,depth=10,nodes=100)",
    "best-first, width 4": "best_first(depth=10,nodes=100)",
    "best-first, width 1": "best_first(width=1,depth=10,nodes=100)",
    "MCTS (PUCT, width 8)": "mcts(depth=10,nodes=100)",
}


@dataclass(frozen=True, slots=True)
class Marks:
    """Percent, but for ``requests``, the mean of a run. ``interval``: half of the 95 % interval of ``games``."""

    runs: int
    letters: float
    words: float
    games: float
    interval: float
    requests: float


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crosswords", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="four puzzles, once")
    quick = parser.parse_args().quick
    data = Path(os.environ.get("EUDOXUS_DATA", ".")) / "search"
    puzzles, others = loaded(data) if (data / "crosswords_mini0505.json").is_file() else (OWN, OWN)
    puzzles = puzzles[:4] if quick else puzzles
    words = sorted({word for puzzle in others for word in puzzle.words})
    found = {name: marks(path, puzzles, words, seeds=1 if quick else 2) for name, path in CONTENDERS.items()}
    rows = [("", "letters", "words", "games", "requests")]
    rows += [(name, f"{one.letters:.1f}", f"{one.words:.1f}", f"{one.games:.1f} ± {one.interval:.1f}", f"{one.requests:.1f}")
             for name, one in found.items()]
    print(aligned(rows))
    print(orjson.dumps({"benchmark": "crosswords", "quick": quick, "figures": {name: asdict(one) for name, one in found.items()},
                        "goals": []}).decode())
    return 0


def loaded(data: Path) -> tuple[Sequence[Puzzle], Sequence[Puzzle]]:
    """The test split, and all puzzles."""

    def read(name: str) -> list[Puzzle]:
        return [Puzzle(CrosswordTask(across=clues[:5], down=clues[5:]), tuple("".join(letters[row : row + 5]) for row in range(0, 25, 5)))
                for clues, letters in orjson.loads((data / name).read_bytes())]

    return read("crosswords_mini0505_0_100_5.json"), read("crosswords_mini0505.json")


def marks(path: str, puzzles: Sequence[Puzzle], words: Sequence[str], seeds: int) -> Marks:
    """One contender on every puzzle with every player."""
    done = [asyncio.run(_run(path, puzzle, words, seed)) for seed in range(seeds) for puzzle in puzzles]
    print(f"{path}: done", file=sys.stderr, flush=True)
    games = mean(words == 1 for _, words, _ in done)
    return Marks(len(done), 100 * mean(letters for letters, _, _ in done), 100 * mean(words for _, words, _ in done), 100 * games,
                 100 * half_width(games, len(done)), mean(requests for *_, requests in done))


def marked(puzzle: Puzzle, result: Result) -> tuple[float, float]:
    """The shares of letters and words that are right in the square to which the steps of a result lead."""
    game = Crossword(puzzle.task)
    state, right = game.root(), "".join(puzzle.rows)
    for step in result.artifacts["path"]:
        after = game.apply(state, step)
        assert not isinstance(after, Rejected)
        state = after
    rows = tuple(state[place : place + puzzle.task.size] for place in range(0, len(state), puzzle.task.size))
    words = Puzzle(puzzle.task, rows).words
    letters = mean(one == other for one, other in zip(state, right, strict=True))
    return letters, mean(one == other for one, other in zip(words, puzzle.words, strict=True))


async def _run(path: str, puzzle: Puzzle, words: Sequence[str], seed: int) -> tuple[float, float, int]:
    registry = Registry.installed()
    endpoint = SimulatedEndpoint(Solver(puzzle, words, seed), name="sim")
    runtime = Runtime(registry, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda prompt: load(prompt).hash)
    result = await runtime.execute(Order(parse_spec(f"{path}/sim:m", registry), puzzle.task), MemoryJournal(), run_id="run_1")
    return (*marked(puzzle, result), endpoint.calls)


if __name__ == "__main__":
    sys.exit(main())
