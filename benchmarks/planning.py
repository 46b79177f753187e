"""What planning by Eudoxus costs beside the bare planner: ``python -m benchmarks.planning [--quick]``.

Twenty problems, the same planner (Fast Downward, lama-first) in three ways, one after the other in every round so that other work on the
machine disturbs all alike: its driver as one calls it in a shell; ``Solve`` of Eudoxus; and ``OneshotPlanner`` of unified-planning in a
process that has imported it already. The figure is processor time, of children too; the median over the rounds of each problem. With
``EUDOXUS_DATA`` the problems are those of LLM+P, else drawn blocks worlds. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import itertools
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from eudoxus.planners.domains import shipped
from eudoxus.planners.pddl import normalise, parse_domain, parse_problem, write_problem
from eudoxus.planners.solve import Solve

ROUNDS, QUICK_ROUNDS = 7, 3
QUICK_PROBLEMS = 6
GOAL = 1.10
SECONDS, MEMORY_MB = 30, 2048
DOMAINS = ("barman", "blocksworld", "grippers", "storage", "termes")
NUMBERS = ("p02", "p08", "p14", "p19")

UNIFIED = """
import resource, sys
from unified_planning.io import PDDLReader
from unified_planning.shortcuts import OneshotPlanner, get_environment
get_environment().credits_stream, get_environment().error_used_name = None, False
def cpu():
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
print(cpu(), flush=True)
for line in sys.stdin:
    start, folder = cpu(), line.strip()
    try:
        problem = PDDLReader().parse_problem(folder + "/domain.pddl", folder + "/problem.pddl")
        with OneshotPlanner(name="fast-downward") as planner:  # lama-first
            found = planner.solve(problem, timeout=30)
        print(cpu() - start if found.plan is not None else "none", flush=True)
    except Exception as error:
        print("none", flush=True)
"""


class NotMeasured(Exception):
    """Something that is needed is not there, or found no plan."""


@dataclass(frozen=True)
class Case:
    """A problem in a folder of its own."""

    name: str
    folder: Path

    @property
    def domain(self) -> str:
        return (self.folder / "domain.pddl").read_text()

    @property
    def problem(self) -> str:
        return (self.folder / "problem.pddl").read_text()


def main() -> int:
    """Run the benchmark; 1 when the planner is not there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_PROBLEMS} problems, {QUICK_ROUNDS} rounds")
    quick = parser.parse_args().quick
    try:
        found = measured(rounds=QUICK_ROUNDS if quick else ROUNDS, most=QUICK_PROBLEMS if quick else 20)
    except NotMeasured as reason:
        print(f"not measured: {reason}", file=sys.stderr)
        return 1
    print(table(found))
    print(orjson.dumps(line(found, quick=quick)).decode())
    return 0


def measured(*, rounds: int, most: int) -> dict[str, Any]:
    """``{"seconds": {problem: {contender: processor seconds}}, "import_seconds", "absent"}``. Raises :class:`NotMeasured`."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eudoxus-bench-")))
        cases = problems(folder)[:most]
        contenders: dict[str, Callable[[Case], float]] = {"driver": bare, "eudoxus": ours}
        absent, import_seconds = {}, None
        if importlib.util.find_spec("unified_planning"):
            unified = stack.enter_context(Unified())
            contenders["unified-planning"], import_seconds = unified.solve, unified.import_seconds
        else:
            absent["unified-planning"] = "not installed: the extra eudoxus[up]"
        for contender in contenders.values():
            contender(cases[0])  # files come into the cache
        taken: dict[str, dict[str, list[float]]] = {case.name: {name: [] for name in contenders} for case in cases}
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            for case in cases:
                for name, contender in contenders.items():
                    taken[case.name][name].append(contender(case))
    medians = {case: {name: statistics.median(found) for name, found in by_name.items()} for case, by_name in taken.items()}
    return {"seconds": medians, "import_seconds": import_seconds, "absent": absent}


def problems(folder: Path) -> list[Case]:
    """Twenty problems, written into folders: of LLM+P where its data is, else drawn."""
    archive = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "planning", "llm-pddl", "domains.tar.xz")
    texts = _recorded(archive) if archive.exists() else _drawn()
    cases = []
    for name, (domain, problem) in texts.items():
        place = folder / name.replace(" ", "-")
        place.mkdir()
        place.joinpath("domain.pddl").write_text(domain)
        place.joinpath("problem.pddl").write_text(problem)
        cases.append(Case(name, place))
    return cases


def _recorded(archive: Path) -> dict[str, tuple[str, str]]:
    with tarfile.open(archive) as files:
        read = {member.name.removeprefix("./"): files.extractfile(member) for member in files if member.name.endswith(".pddl")}
        texts = {name: file.read().decode() for name, file in read.items() if file}
    found = {}
    for number in NUMBERS:
        for name in DOMAINS:
            domain = texts["fixed_domains/storage_no_either.pddl" if name == "storage" else f"domains/{name}/domain.pddl"]
            problem, _ = normalise(parse_problem(texts[f"domains/{name}/{number}.pddl"]), parse_domain(domain))
            found[f"{name} {number}"] = domain, write_problem(problem)
    return found


def _drawn() -> dict[str, tuple[str, str]]:
    """Blocks in random towers, 4 to 42 of them."""
    chance = random.Random(0)
    found = {}
    for count in range(4, 44, 2):
        blocks = [f"b{number}" for number in range(count)]
        init, goal = (_towers(chance.sample(blocks, count), chance) for _ in range(2))
        clear = " ".join(f"(clear {tower[-1]})" for tower in init)
        found[f"blocks {count}"] = shipped()["blocksworld"].pddl, (
            f"(define (problem drawn) (:domain blocksworld) (:objects {' '.join(blocks)} - block)"
            f" (:init {_standing(init)} {clear} (arm-empty)) (:goal (and {_standing(goal)})))")
    return found


def _towers(order: list[str], chance: random.Random) -> list[list[str]]:
    towers: list[list[str]] = []
    for block in order:
        if towers and chance.random() < 0.75:
            towers[-1].append(block)
        else:
            towers.append([block])
    return towers


def _standing(towers: list[list[str]]) -> str:
    facts = [f"(on-table {tower[0]})" for tower in towers]
    facts += [f"(on {above} {below})" for tower in towers for below, above in itertools.pairwise(tower)]
    return " ".join(facts)


# -- the contenders --------------------------------------------------------------------------------------------------------


def bare(case: Case) -> float:
    """The driver as one calls it in a shell."""
    found = importlib.util.find_spec("up_fast_downward")
    if found is None or not found.submodule_search_locations:
        raise NotMeasured("Fast Downward is not installed: install the extra eudoxus[planners]")
    driver = Path(next(iter(found.submodule_search_locations)), "downward", "fast-downward.py")
    limits = ["--overall-time-limit", f"{SECONDS}s", "--overall-memory-limit", f"{MEMORY_MB}M"]
    with tempfile.TemporaryDirectory(prefix="eudoxus-bench-") as place:
        start = cpu()
        done = subprocess.run(
            [sys.executable, str(driver), "--alias", "lama-first", *limits, "--plan-file", "plan", "--sas-file", "output.sas",
             str(case.folder / "domain.pddl"), str(case.folder / "problem.pddl")], cwd=place, capture_output=True, check=False,
        )
        if done.returncode != 0:
            raise NotMeasured(f"{case.name}: the driver ended with {done.returncode}")
        return cpu() - start


def ours(case: Case) -> float:
    """The effect that strategies perform, from two texts to the plan."""
    start = cpu()
    solve = Solve(domain=case.domain, problem=case.problem, engine="fast-downward", seconds=SECONDS, memory_mb=MEMORY_MB)
    found = asyncio.run(solve.run())
    if found.status != "solved":
        raise NotMeasured(f"{case.name}: {found.status}: {found.message}")
    return cpu() - start


class Unified:
    """A process with unified-planning imported."""

    def __enter__(self) -> Unified:
        self._process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", UNIFIED], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.DEVNULL, text=True)
        self.import_seconds = float(self._said())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def solve(self, case: Case) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{case.folder}\n")
        self._process.stdin.flush()
        said = self._said()
        return math.nan if said == "none" else float(said)

    def _said(self) -> str:
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if not said:
            raise NotMeasured("the process with unified-planning ended")
        return said


def cpu() -> float:
    """Processor seconds of this process and of its ended children."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


# -- the report ------------------------------------------------------------------------------------------------------------


def ratio(found: dict[str, Any], name: str, other: str) -> float | None:
    """Processor time of all problems that both solved, ``name`` to ``other``."""
    both = [(at[name], at[other]) for at in found["seconds"].values() if name in at and other in at]
    pairs = [pair for pair in both if not math.isnan(sum(pair))]
    return sum(a for a, _ in pairs) / sum(b for _, b in pairs) if pairs else None


def table(found: dict[str, Any]) -> str:
    """One line per problem, and the ratios."""
    names = list(next(iter(found["seconds"].values())))
    rows = [("problem", *(f"{name} CPU ms" for name in names))]
    rows += [(case, *("-" if math.isnan(at[name]) else f"{1000 * at[name]:.0f}" for name in names))
             for case, at in found["seconds"].items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
             for row in rows]
    lines += [f"{name} / {other}: {value:.3f}" for name, other in (("eudoxus", "driver"), ("unified-planning", "driver"))
              if (value := ratio(found, name, other)) is not None]
    lines += [f"absent: {name}: {reason}" for name, reason in found["absent"].items()]
    if found["import_seconds"] is not None:
        lines.append(f"unified-planning besides takes {found['import_seconds']:.2f} s of processor time to import")
    return "\n".join(lines)


def line(found: dict[str, Any], *, quick: bool) -> dict[str, Any]:
    """The object of the last line."""
    value = ratio(found, "eudoxus", "driver")
    other = ratio(found, "unified-planning", "driver")
    cpu_ms = {case: {name: None if math.isnan(spent) else round(1000 * spent, 1) for name, spent in at.items()}
              for case, at in found["seconds"].items()}
    goal = {"what": "CPU per plan, eudoxus / bare driver", "goal": GOAL, "measured": None if value is None else round(value, 4),
            "met": None if value is None else value <= GOAL}
    return {"benchmark": "planning", "quick": quick, "goals": [goal], "figures": {
        "cpu_ms": cpu_ms, "unified_planning_to_driver": other and round(other, 4), "import_seconds": found["import_seconds"],
        "absent": found["absent"]}}


if __name__ == "__main__":
    sys.exit(main())
