"""Rounds of load on all contenders in turn, and the medians over the rounds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import orjson

from benchmarks.contenders import Contender, Field
from benchmarks.processes import asked, cores, weight

WARM_SECONDS = 0.2
ENOUGH = 10**9
"""Requests per round: the time ends it, not the number."""
LOAD_SLACK_SECONDS = 90.0
"""Beyond its time, for the last answers of slow servers."""


class LoadFailed(Exception):
    """The load generator gave no figures, or the server answered nothing."""


@dataclass(frozen=True)
class Round:
    """One load on one contender: latencies in milliseconds, CPU of the server in milliseconds per answered request."""

    p50: float
    p99: float
    rate: float
    """Answers per second."""
    cpu: float
    calls: float
    """Requests that the mock endpoint got, per answer."""
    answers: int
    errors: int
    first_error: str | None = None


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds. ``added_…`` is the median of the differences to the direct call in the same round."""

    p50_ms: float
    p99_ms: float
    added_p50_ms: float
    added_p99_ms: float
    requests_per_s: float
    cpu_ms: float
    cpu_ms_lowest: float
    cpu_ms_highest: float
    upstream_calls: float
    answers: int
    errors: int
    first_error: str | None = None


def rounds_of(field: Field, concurrency: int, rounds: int, seconds: float, say: Callable[[str], None]) -> dict[str, list[Round]]:
    """``rounds`` loads of ``seconds`` on each contender, interleaved so that a disturbance of the machine meets all alike.

    A contender that fails is reported as absent at this concurrency. Raises :class:`LoadFailed` when the direct call fails.
    """
    taken: dict[str, list[Round]] = {contender.name: [] for contender in field.contenders}
    for number in range(rounds + 1):
        for contender in field.contenders:
            if contender.name not in taken:
                continue
            try:
                found = one_round(contender, field.mock.port, concurrency, seconds if number else WARM_SECONDS)
            except LoadFailed as reason:
                if contender is field.contenders[0]:
                    raise
                field.absent[f"{contender.name} at {concurrency}"] = str(reason)
                del taken[contender.name]
            else:
                if number:
                    taken[contender.name].append(found)
        say(f"concurrency {concurrency}: " + (f"round {number} of {rounds}" if number else "warmed up"))
    return taken


def one_round(contender: Contender, mock_port: int, concurrency: int, seconds: float) -> Round:
    """Load one contender. Raises :class:`LoadFailed`."""
    calls, before = _count(mock_port), weight(contender.server.pid)
    outcome = _load(contender, concurrency, seconds)
    after, calls = weight(contender.server.pid), _count(mock_port) - calls
    done = outcome["answers"]
    if not done:
        raise LoadFailed(f"no answers, {outcome['errors']} errors, the first: {outcome['first_error']}")
    return Round(
        p50=outcome["p50_ms"],
        p99=outcome["p99_ms"],
        rate=done / outcome["seconds"],
        cpu=1000 * (after.cpu_seconds - before.cpu_seconds) / done,
        calls=calls / done,
        answers=done,
        errors=outcome["errors"],
        first_error=outcome["first_error"],
    )


def figures(rounds: Sequence[Round], direct: Sequence[Round]) -> Figures:
    """Medians of the rounds of one contender beside those of the direct call."""
    return Figures(
        p50_ms=median(r.p50 for r in rounds),
        p99_ms=median(r.p99 for r in rounds),
        added_p50_ms=median(r.p50 - d.p50 for r, d in zip(rounds, direct, strict=True)),
        added_p99_ms=median(r.p99 - d.p99 for r, d in zip(rounds, direct, strict=True)),
        requests_per_s=median(r.rate for r in rounds),
        cpu_ms=median(r.cpu for r in rounds),
        cpu_ms_lowest=min(r.cpu for r in rounds),
        cpu_ms_highest=max(r.cpu for r in rounds),
        upstream_calls=median(r.calls for r in rounds),
        answers=sum(r.answers for r in rounds),
        errors=sum(r.errors for r in rounds),
        first_error=next((r.first_error for r in rounds if r.first_error), None),
    )


def _count(mock_port: int) -> int:
    return int(asked(mock_port, "GET", "/count")[1])


def _load(contender: Contender, concurrency: int, seconds: float) -> dict[str, Any]:
    """Run the load generator in a process of its own, beside the mock server's core."""
    numbers = {"port": contender.server.port, "concurrency": concurrency, "requests": ENOUGH, "seconds": seconds}
    core = ",".join(map(str, cores()[1]))
    command = [sys.executable, "-m", "benchmarks.load", "--core", core, *(f"--{name}={number}" for name, number in numbers.items())]
    try:
        done = subprocess.run(command, input=contender.body, capture_output=True, check=False, timeout=seconds + LOAD_SLACK_SECONDS)
    except subprocess.TimeoutExpired:
        raise LoadFailed("the load did not end in time") from None
    if done.returncode:
        raise LoadFailed(done.stderr.decode(errors="replace").strip()[-300:])
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found
