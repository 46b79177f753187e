"""treequest on the Game of 24 behind a pipe, run by its own interpreter.

The library has no prompts and no notion of a final state, so it is given more than the others: steps checked by program, one list of
proposals shared by the children of a node, the expression assembled by program, and a stop at the first right answer. Its answer is that.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import numpy
import treequest
from openai import OpenAI
from treequest.algos.best_first_search import BestFirstSearchAlgo

from benchmarks.peers.prompts24 import PROPOSE, VALUE
from benchmarks.puzzle24 import TARGET, State, after, assembled, read, shown

MOST_REQUESTS = 120
LABELS = {"sure": 1.0, "likely": 0.5, "impossible": 0.0}
SETTINGS: dict[str, Callable[[], Any]] = {
    "best-first, 8 samples": lambda: BestFirstSearchAlgo(num_samples=8),
    "MCTS, 8 samples": lambda: treequest.StandardMCTS(samples_per_action=8),
    "ToT-BFS, beam 5": lambda: treequest.TreeOfThoughtsBFSAlgo(breadth_limit=5, size_limit=8),
}
Position = tuple[State, tuple[str, ...]]
"""The numbers left, and the steps taken."""


class Puzzle:
    """The library's ``generate`` function for one puzzle."""

    def __init__(self, model: str, numbers: str) -> None:
        self._client, self._model = OpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="sk-none"), model
        self._root: Position = (read(numbers), ())
        self._lists, self._scores = dict[Position, list[str]](), dict[State, float]()
        self.requests, self.solved = 0, ""

    def __call__(self, parent: Position | None) -> tuple[Position, float]:
        numbers, lines = position = parent or self._root
        if len(numbers) < 2:
            return position, 0.0
        if not self._lists.get(position):
            self._lists[position] = self._asked(PROPOSE.format(numbers=shown(numbers))).splitlines()
        line = self._lists[position].pop(0) if self._lists[position] else ""
        made = after(numbers, line)
        if made is None:
            return position, 0.0
        child = (made, (*lines, line))
        if len(made) == 1:
            self.solved = self.solved or assembled(self._root[0], list(child[1])) or ""
            return child, float(made[0] == TARGET)
        if made not in self._scores:
            words = re.findall("sure|likely|impossible", self._asked(VALUE.format(numbers=shown(made))))
            self._scores[made] = LABELS[words[-1]] if words else 0.5
        return child, self._scores[made]

    def _asked(self, prompt: str) -> str:
        self.requests += 1
        messages: Any = [{"role": "user", "content": prompt}]
        return self._client.chat.completions.create(model=self._model, messages=messages).choices[0].message.content or ""


def main() -> None:
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        seed = int(asked["model"].split(":")[1])
        random.seed(seed)
        numpy.random.seed(seed)
        puzzle, search = Puzzle(asked["model"], asked["numbers"]), SETTINGS[asked["setting"]]()
        tree = search.init_tree()
        for _ in range(10 * MOST_REQUESTS):  # a step need not ask: lists are shared and equal states judged once
            tree = search.step(tree, {"step": puzzle}, inplace=True)
            if puzzle.solved or puzzle.requests >= MOST_REQUESTS:
                break
        print(json.dumps({"answers": [puzzle.solved]}), flush=True)


if __name__ == "__main__":
    main()
