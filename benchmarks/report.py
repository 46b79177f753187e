"""The table for people, and the goals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.measure import Figures

ByClients = Mapping[int, Mapping[str, Figures]]
OURS = "eudoxus direct aiohttp"
BEST_OF_3 = "eudoxus best_of_n(n=3) aiohttp"


def table(found: Mapping[str, Any]) -> str:
    """One line per number of clients and contender; ratios are of processor time, to Eudoxus ``direct`` over aiohttp."""
    columns = ("clients", "contender", "p50 ms", "added", "p99 ms", "added", "req/s", "CPU ms", "CPU ratio", "calls", "peak MiB", "errors")
    rows = [columns]
    for clients, at in found["by_clients"].items():
        ours = at.get(OURS)
        for name, one in at.items():
            ratio = f"{one.cpu_ms / ours.cpu_ms:.2f}" if ours and ours.cpu_ms else "-"
            numbers = (f"{number:.2f}" for number in (one.p50_ms, one.added_p50_ms, one.p99_ms, one.added_p99_ms))
            tail = (f"{one.requests_per_s:.0f}", f"{one.cpu_ms:.3f}", ratio, f"{one.upstream_calls:.2f}")
            rows.append((str(clients), name, *numbers, *tail, f"{found['peak_mib'][name]:.0f}", str(one.errors)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_aligned(cell, width, i == 1) for i, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in rows]
    lines += [f"absent: {name}: {reason}" for name, reason in found["absent"].items()]
    return "\n".join([*lines, "", *map(_sentence, goals(found["by_clients"]))])


def goals(by_clients: ByClients) -> list[dict[str, Any]]:
    """What was promised and what was found; each at the number of clients where it is met worst."""
    promised = [
        ("CPU per request, eudoxus direct / optillm none", 1 / 20, _worst_ratio(by_clients, OURS, "optillm none")),
        ("CPU per request, eudoxus direct / LiteLLM proxy", 1 / 10, _worst_ratio(by_clients, OURS, "litellm proxy")),
    ]
    for client in ("aiohttp", "httpx2"):
        ratio = _worst_ratio(by_clients, f"eudoxus direct {client}", f"pass-through {client}")
        promised.append((f"CPU per request, eudoxus direct / bare pass-through, both over {client}", 2.0, ratio))
    costs = [at[BEST_OF_3].cpu_ms for at in by_clients.values() if BEST_OF_3 in at]
    promised.append(("CPU per request of best_of_n(n=3), ms", 1.0, max(costs, default=None)))
    return [_goal(what, goal, measured) for what, goal, measured in promised]


def _goal(what: str, goal: float, measured: float | None) -> dict[str, Any]:
    if measured is None:
        return {"what": what, "goal": goal, "measured": None, "met": None}
    return {"what": what, "goal": goal, "measured": round(measured, 4), "met": measured <= goal}


def _worst_ratio(by_clients: ByClients, ours: str, theirs: str) -> float | None:
    ratios = [at[ours].cpu_ms / at[theirs].cpu_ms for at in by_clients.values() if ours in at and theirs in at and at[theirs].cpu_ms]
    return max(ratios, default=None)


def _sentence(goal: Mapping[str, Any]) -> str:
    if goal["met"] is None:
        return f"not measured  {goal['what']}: at most {goal['goal']:g}"
    return f"{'met    ' if goal['met'] else 'NOT MET'}       {goal['what']}: {goal['measured']:g} (at most {goal['goal']:g})"


def _aligned(cell: str, width: int, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)
