"""How well a tiny model does on tasks that it has never seen. ``python -m eudoxus.decoding.tiny.score DIR`` prints the table.

It runs the model as the service does, without torch; no grammar is set, so what is counted is the model's own.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import track

from eudoxus.decoding.local.generate import generate
from eudoxus.decoding.local.law import Sampling
from eudoxus.decoding.local.loading import load
from eudoxus.decoding.local.model import LocalModel
from eudoxus.decoding.local.reading import Sessions
from eudoxus.decoding.tiny.language import Sample, read, samples

SEED = 20_000
"""Of the tasks and of the draws; training uses others, and never a task that is held out."""
SETTINGS = (((3, 4, 5), 0.0), ((3, 4, 5), 1.0), ((6, 7), 0.0))
"""Numbers of blocks and temperature of each row."""


@dataclass(frozen=True)
class Score:
    """One row."""

    blocks: tuple[int, ...]
    temperature: float
    tasks: int
    well_formed: int
    """Answers in the model's layout with known predicates …"""
    exact: int
    """… that say just what the task says."""

    def __str__(self) -> str:
        decoding = f"T={self.temperature:g}" if self.temperature else "greedy"
        return (f"| {self.blocks[0]} to {self.blocks[-1]} blocks, {decoding} | {self.tasks} | {self.well_formed / self.tasks:.1%} "
                f"| {self.exact / self.tasks:.1%} |")


HEAD = "| held-out tasks | n | well-formed | exactly right |\n|---|---|---|---|"


def answered(model: LocalModel, english: str, random: Random, temperature: float) -> str:
    """What the model says to a task."""
    tokens = model.directory.prompt([{"role": "user", "content": english}])
    with Sessions(model, 1).reading(tokens) as prompt:
        return generate(prompt, random, max_tokens=400, sampling=Sampling(temperature)).text


def scored(model: LocalModel, tasks: list[Sample], blocks: tuple[int, ...], temperature: float) -> Score:
    """The row for these tasks."""
    random = Random(SEED)
    said = [read(answered(model, task.english, random, temperature)) for task in track(tasks, "held-out tasks", transient=True)]
    return Score(blocks, temperature, len(tasks), sum(one is not None for one in said),
                 sum(one == task.meaning for one, task in zip(said, tasks, strict=True)))


def scores(folder: Path, tasks: int) -> list[Score]:
    """The table of a model directory, with this many tasks in each row."""
    model = load(str(folder), runtime="onnx")
    return [scored(model, list(islice(samples(SEED, blocks, held_out=True), tasks)), blocks, temperature)
            for blocks, temperature in SETTINGS]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m eudoxus.decoding.tiny.score", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--tasks", type=int, default=200, help="tasks in each row (default %(default)s)")
    said = parser.parse_args()
    console = Console()
    console.print(HEAD, *scores(said.folder, said.tasks), sep="\n", markup=False, highlight=False)


if __name__ == "__main__":
    main()
