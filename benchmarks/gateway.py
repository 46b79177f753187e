"""What Eudoxus costs as a gateway, beside a bare pass-through and its peers: ``python -m benchmarks.gateway [--quick]``.

One mock endpoint answers for all. In each round every contender gets the same load in turn, at 1, 32 and 256 clients; the figures are
medians over the rounds. The figure to trust is processor time per request, which other work on the machine disturbs least. Eudoxus journals
every call, as it always does. ``--quick`` takes under 60 seconds and leaves the peers out. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from benchmarks.contenders import Field, gathered
from benchmarks.measure import Figures, LoadFailed, figures, rounds_of
from benchmarks.processes import Children, DidNotStart, weight
from benchmarks.report import goals, table

CLIENTS = (1, 32, 256)
ROUNDS, ROUND_SECONDS = 5, 2.0
QUICK_ROUNDS, QUICK_ROUND_SECONDS = 3, 0.4


def main() -> int:
    """Run the benchmark; 1 when a server of ours did not start."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 60 seconds, without the peers")
    quick = parser.parse_args().quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        found = measured(quick=quick)
    except (DidNotStart, LoadFailed) as reason:
        print(f"not measured: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(table(found))
    print(orjson.dumps(line(found, quick=quick)).decode())
    return 0


def measured(
    *,
    quick: bool,
    clients: tuple[int, ...] = CLIENTS,
    rounds: int | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """``{"by_clients": {clients: {contender: figures}}, "peak_mib", "absent", "seconds"}``.

    Raises :class:`DidNotStart`, :class:`LoadFailed`.
    """
    start = time.monotonic()
    rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    seconds = seconds or (QUICK_ROUND_SECONDS if quick else ROUND_SECONDS)
    with tempfile.TemporaryDirectory(prefix="eudoxus-bench-") as name, Children(Path(name)) as children:
        field = gathered(children, Path(name), with_peers=not quick)
        _say(f"{len(field.contenders)} contenders ready after {time.monotonic() - start:.0f} s")
        by_clients = {count: _at(field, count, rounds, seconds) for count in clients}
        peaks = {contender.name: weight(contender.server.pid).peak_mib for contender in field.contenders}
    return {"by_clients": by_clients, "peak_mib": peaks, "absent": field.absent, "seconds": time.monotonic() - start}


def _at(field: Field, clients: int, rounds: int, seconds: float) -> dict[str, Figures]:
    taken = rounds_of(field, clients, rounds, seconds, _say)
    direct = taken[field.contenders[0].name]
    return {name: figures(found, direct) for name, found in taken.items()}


def line(found: dict[str, Any], *, quick: bool) -> dict[str, Any]:
    """The object of the last line."""
    numbers = {
        "clients": {str(count): {name: _rounded(asdict(one)) for name, one in at.items()} for count, at in found["by_clients"].items()},
        "peak_mib": _rounded(found["peak_mib"]),
        "absent": found["absent"],
        "seconds": round(found["seconds"], 1),
    }
    return {"benchmark": "gateway", "quick": quick, "figures": numbers, "goals": goals(found["by_clients"])}


def _rounded(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: round(number, 4) if isinstance(number, float) else number for name, number in numbers.items()}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
