"""tree-of-thoughts-llm on the Game of 24 behind a pipe, run by its own interpreter: the paper's settings, with its own prompts and client.

One JSON object a line comes in (``model``, ``numbers``, ``setting``) and one goes out (``answers``, the first of which it ranks highest).
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from argparse import Namespace

SETTINGS = {"beam 1": {"n_select_sample": 1}, "beam 5": {"n_select_sample": 5}}
"""The paper's b=1 and b=5; everything else as in the released script for the Game of 24."""


def main() -> None:
    from tot.methods.bfs import solve
    from tot.tasks.game24 import Game24Task

    task = Game24Task()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        task.data, task.value_cache = [asked["numbers"]], {}
        args = Namespace(
            backend=asked["model"], temperature=0.7, method_generate="propose", method_evaluate="value", method_select="greedy",
            n_generate_sample=1, n_evaluate_sample=3, **SETTINGS[asked["setting"]])
        with contextlib.redirect_stdout(io.StringIO()):
            answers, _ = solve(args, task, 0, to_print=False)
        print(json.dumps({"answers": [answer.strip().rpartition("\n")[2] for answer in answers]}), flush=True)


if __name__ == "__main__":
    main()
