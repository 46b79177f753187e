"""How much a search costs on the Game of 24: ``python -m benchmarks.game24 [--quick]``. Needs the data that EUDOXUS_DATA names.

Our strategies and those of three other libraries play the 100 puzzles that everyone tests on (ranks 901 to 1000), three times each, against
one simulated player (:mod:`benchmarks.player24`); the others run in environments of their own with their own prompts, and one that cannot
be installed is named as absent. It says how the searches compare with each other on one player, and nothing about a real model. Success is
the one answer that a run returns, checked exactly. Further tables: what each advantage of ours is worth, and other kinds of players. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from benchmarks.engine_cost import microseconds_per_node, seconds
from benchmarks.player24 import Rates, rates
from benchmarks.profiles24 import PROFILES
from benchmarks.report24 import aligned, at_equal_success, drawn, goals, table
from benchmarks.runs24 import Figures, Run, figures, played
from eudoxus.agents.search.game24 import Game24Task

FIRST, LAST, SEEDS = 901, 1000, 3
WHOLE = "best-first, width 1"
CONTENDERS = {
    "one answer": "direct",
    "best of 20 answers, verified": "best_of_n(n=20)",
    "ToT as in the paper: beam 5, states judged one by one, 3 samples": "tree_of_thoughts(evaluate=value,judges=3,count=16,depth=4)",
    "ToT, siblings judged in one request": "tree_of_thoughts(count=16,depth=4)",
    "ToT depth-first": "tree_of_thoughts(order=dfs,count=16,depth=4)",
    "MCTS (PUCT, width 8)": "mcts(count=16,depth=4)",
    "best-first, width 4": "best_first(count=16,depth=4)",
    WHOLE: "best_first(width=1,count=16,depth=4)",
}
ABLATIONS = {
    "best-first with everything": "without",
    "- siblings judged in one request": "without(listwise=false)",
    "- expression assembled by program": "without(assembled=false)",
    "- steps checked by program (and so no assembly)": "without(checked=false,assembled=false)",
    "- asking a state again": "without(reasks=0)",
    "- stop at a verified answer (20 states are expanded)": "without(early=false,nodes=20)",
    "none of these": "without(listwise=false,assembled=false,checked=false,reasks=0,early=false,nodes=20)",
}
"""Width 1; each row lacks one advantage, the last one all."""
SENSITIVE = (WHOLE, "best-first, width 4", "MCTS (PUCT, width 8)", "ToT, siblings judged in one request", "ToT depth-first")


def main() -> int:
    """Run the benchmark; 2 without its data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.game24", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ten puzzles, once, without other libraries")
    parser.add_argument("--plot", type=Path, default=Path(".bench/game24.png"), help="where to draw the anytime curves")
    said = parser.parse_args()
    data = Path(os.environ.get("EUDOXUS_DATA", ".")) / "search"
    if not (data / "game24.csv").is_file():
        print(f"needs the puzzles in {data} (set EUDOXUS_DATA)", file=sys.stderr)
        return 2
    tasks = puzzles(data, 10 if said.quick else LAST - FIRST + 1)
    play, seeds = rates(orjson.loads((data / "calibration.json").read_bytes())), 1 if said.quick else SEEDS
    ours = {name: _told(name, played(path, tasks, seeds, play)) for name, path in CONTENDERS.items()}
    theirs, absent = ({}, {"other libraries": "left out by --quick"}) if said.quick else _rivals(tasks, seeds, play)
    found = {name: figures(runs) for name, runs in [*ours.items(), *theirs.items()]}
    equal = at_equal_success(ours[WHOLE], {name: found[name] for name in theirs})
    confirmed = confirm(equal, tasks, seeds, play)
    parts = {name: figures(_told(name, played(path, tasks, seeds, play))) for name, path in ABLATIONS.items()}
    players = sensitivity(tasks, play)
    if not said.quick and (reason := drawn({name: one for name, one in found.items() if one.solved > 20}, said.plot)):
        absent["picture"] = reason
    cost = engine_cost()
    print(table(found), "", *(f"absent: {name}: {reason}" for name, reason in absent.items()), sep="\n")
    print(_equal_table(equal, confirmed), table(parts), _players_table(players), sep="\n\n")
    reached = goals(equal, cost)
    print("", *(f"{goal['what']}: {goal['goal']:g}, measured {goal['measured']}" for goal in reached), sep="\n")
    shown: dict[str, Any] = {"contenders": _plain(found), "advantages": _plain(parts), "equal success": equal, "engine": cost,
                             "players": {name: _plain(rows) for name, rows in players.items()}, "absent": absent}
    line = {"benchmark": "game24", "quick": said.quick, "figures": shown, "goals": reached}
    print(orjson.dumps(line, option=orjson.OPT_NON_STR_KEYS).decode())
    return 0


def puzzles(data: Path, count: int) -> list[Game24Task]:
    """The first puzzles of the test split."""
    rows = list(csv.DictReader((data / "game24.csv").open(encoding="utf-8")))[FIRST - 1 : FIRST - 1 + count]
    return [Game24Task(numbers=tuple(map(int, row["Puzzles"].split()))) for row in rows]


def _rivals(tasks: Sequence[Game24Task], seeds: int, play: Rates) -> tuple[dict[str, list[Run]], dict[str, str]]:
    from benchmarks.rivals24 import rivals

    return rivals([" ".join(map(str, task.numbers)) for task in tasks], seeds, play)


def confirm(equal: Mapping[str, Mapping[str, float]], tasks: Sequence[Game24Task], seeds: int, play: Rates) -> dict[int, Figures]:
    """Best-first search really run under the caps, by cap."""
    caps = sorted({int(row["cap"]) for row in equal.values()})
    return {cap: figures(played(CONTENDERS[WHOLE], tasks, seeds, play, requests=cap)) for cap in caps}


def sensitivity(tasks: Sequence[Game24Task], play: Rates) -> dict[str, dict[str, Figures]]:
    """Some of our searches against players with other traits, each puzzle once."""
    found = {}
    for name, changed in PROFILES.items():
        found[name] = {search: figures(played(CONTENDERS[search], tasks, 1, changed(play))) for search in SENSITIVE}
        print(f"player {name}: done", file=sys.stderr, flush=True)
    return found


def engine_cost() -> dict[str, float]:
    """The engine's own time, the best of three, and what width saves."""
    spent = {f"{policy}, us per node": min(microseconds_per_node(policy) for _ in range(3)) for policy in ("queue", "puct")}
    return {**spent, "wall at width 4 / width 1": min(seconds(4) / seconds(1) for _ in range(2))}


def _told(name: str, runs: list[Run]) -> list[Run]:
    print(f"{name}: done", file=sys.stderr, flush=True)
    return runs


def _equal_table(equal: Mapping[str, Mapping[str, float]], confirmed: Mapping[int, Figures]) -> str:
    rows: list[Sequence[str]] = [("at the success of", "solved", "requests", "our cap", "solved", "our requests", "times fewer")]
    for name, row in equal.items():
        ours = confirmed[int(row["cap"])]
        fewer = row["theirs"] / ours.requests
        numbers = (row["solved"], row["theirs"], row["cap"], ours.solved, ours.requests, fewer)
        rows.append((name, *(f"{number:.1f}" for number in numbers)))
    return aligned(rows)


def _players_table(players: Mapping[str, Mapping[str, Figures]]) -> str:
    rows: list[Sequence[str]] = [("player: solved % / requests / critical path s", *SENSITIVE)]
    for name, row in players.items():
        rows.append((name, *(f"{one.solved:.0f} / {one.requests:.0f} / {one.critical_path_s:.0f}" for one in row.values())))
    return aligned(rows)


def _plain(found: Mapping[str, Figures]) -> dict[str, dict[str, Any]]:
    return {name: asdict(one) for name, one in found.items()}


if __name__ == "__main__":
    sys.exit(main())
