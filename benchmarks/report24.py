"""The tables, the goals and the picture of the Game of 24 benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks import peers
from benchmarks.peers import Peer
from benchmarks.runs24 import BUDGETS, Figures, Run

MATPLOTLIB = Peer("matplotlib", "python", (("matplotlib==3.11.2",),))
FEWER = 5.0
"""So many times fewer requests than a peer are the goal, at its success."""
OVERHEAD_US, WALL = 200.0, 0.45


def table(found: Mapping[str, Figures]) -> str:
    """One line a contender; shares in percent with their 95 % intervals, the rest means of a run."""
    rows = [("", "solved", "any of k", "requests", "median", "samples", "prompt tok", "compl tok", "path s", *(f"@{b}" for b in BUDGETS))]
    for name, one in found.items():
        solved = f"{one.solved:.1f} ± {one.interval:.1f}"
        numbers = (one.any_of_k, one.requests, one.median_requests, one.samples)
        at = [f"{one.success_at[budget]:.0f}" for budget in BUDGETS]
        tokens = (f"{one.prompt_tokens:.0f}", f"{one.completion_tokens:.0f}", f"{one.critical_path_s:.1f}")
        rows.append((name, solved, *(f"{number:.1f}" for number in numbers), *tokens, *at))
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows)


def cap_for(runs: Sequence[Run], solved: float) -> int | None:
    """The fewest requests a run may take for ``solved`` percent of the runs to succeed within them; None when they never do."""
    for cap in sorted({run.requests for run in runs if run.right}):
        if 100 * mean(run.right and run.requests <= cap for run in runs) >= solved:
            return cap
    return None


def at_equal_success(ours: Sequence[Run], theirs: Mapping[str, Figures]) -> dict[str, dict[str, float]]:
    """By rival: the cap at which we succeed as often, what we ask for on average under it, and how many times fewer requests that is."""
    found = {}
    for name, one in theirs.items():
        cap = cap_for(ours, one.solved)
        if cap is not None and one.solved:
            asked = mean(min(run.requests, cap) for run in ours)
            found[name] = {"solved": one.solved, "theirs": one.requests, "cap": cap, "ours": asked, "fewer": one.requests / asked}
    return found


def goals(equal: Mapping[str, Mapping[str, float]], cost: Mapping[str, float]) -> list[dict[str, Any]]:
    """What was promised and what was found; of a peer's settings the one that succeeds most often counts."""
    promised: list[dict[str, Any]] = []
    for peer in ("tree-of-thoughts-llm", "llm-reasoners"):
        rows = [row for name, row in equal.items() if name.startswith(peer)]
        best = max(rows, key=lambda row: row["solved"], default=None)
        fewer = best["fewer"] if best else None
        what = f"requests, {peer} / best-first at equal success (at least)"
        promised.append(_goal(what, FEWER, fewer, met=fewer is not None and fewer >= FEWER))
    for policy in ("queue", "puct"):
        spent = cost[f"{policy}, us per node"]
        what = f"engine, microseconds per node at 10,000 nodes, {policy} (at most)"
        promised.append(_goal(what, OVERHEAD_US, spent, met=spent <= OVERHEAD_US))
    wall = cost["wall at width 4 / width 1"]
    promised.append(_goal("wall time with calls of 50 ms, width 4 / width 1 (at most)", WALL, wall, met=wall <= WALL))
    return promised


def _goal(what: str, goal: float, measured: float | None, *, met: bool) -> dict[str, Any]:
    if measured is None:
        return {"what": what, "goal": goal, "measured": None, "met": None}
    return {"what": what, "goal": goal, "measured": round(measured, 3), "met": met}


def drawn(found: Mapping[str, Figures], picture: Path) -> str | None:
    """Draw the anytime curves; why not, when it cannot be done."""
    try:
        python = peers.installed(MATPLOTLIB)
    except peers.NotInstalled as reason:
        return str(reason)
    picture.parent.mkdir(parents=True, exist_ok=True)
    program = Path(__file__).resolve().parent / "peers" / "anytime_plot.py"
    curves = json.dumps({name: one.success_at for name, one in found.items()})
    done = subprocess.run([str(python), str(program), str(picture)], input=curves, text=True, capture_output=True, check=False, timeout=120)
    if done.returncode:
        return done.stderr[-300:]
    print(f"drawn: {picture}", file=sys.stderr)
    return None
