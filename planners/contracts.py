"""What every planner must do, as tests. Subclass :class:`PlannerContract` in a test module and give it your planner and its mode."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from eudoxus.planners.domains import shipped
from eudoxus.planners.engines import Mode, Planner, PlanResult
from eudoxus.planners.engines.base import titled
from eudoxus.planners.pddl import parse_domain, parse_problem, validate

BLOCKS = shipped()["blocksworld"]
LEAST = 6
"""Steps of the shortest plan for the example of :data:`BLOCKS`."""


def counter(bits: int) -> tuple[str, str]:
    """A domain and problem whose only plan counts in binary to the largest number of ``bits``: small to write, endless to solve."""
    actions = "".join(
        f"(:action up{i} :parameters () :precondition (and (zero{i}) {' '.join(f'(one{j})' for j in range(i))})"
        f" :effect (and (one{i}) (not (zero{i})) {' '.join(f'(zero{j}) (not (one{j}))' for j in range(i))}))"
        for i in range(bits)
    )
    facts = range(bits)
    domain = f"(define (domain counter) (:predicates {' '.join(f'(zero{i}) (one{i})' for i in facts)}) {actions})"
    return domain, (f"(define (problem count) (:domain counter) (:init {' '.join(f'(zero{i})' for i in facts)})"
                    f" (:goal (and {' '.join(f'(one{i})' for i in facts)})))")


class PlannerContract(ABC):
    """The behaviour of :class:`eudoxus.planners.engines.Planner`."""

    @abstractmethod
    def planner(self) -> Planner:
        """The planner under test, which must be available."""

    mode: Mode = "fast"
    seconds: float = 10.0
    """Processor time that is enough for the small tasks here."""
    bits: int = 28
    """Of the :func:`counter` that the planner cannot solve in a second, but can read."""

    async def solve(self, domain: str, problem: str, *, seconds: float = 0.0, memory_mb: int = 2048) -> PlanResult:
        return await self.planner().solve(domain, problem, seconds=seconds or self.seconds, memory_mb=memory_mb, mode=self.mode)

    def test_it_is_available_and_says_what_it_can_do_under_which_licence(self) -> None:
        assert self.planner().available() is None
        assert self.planner().capability.licence
        assert self.mode in self.planner().capability.modes

    async def test_its_plan_reaches_the_goal(self) -> None:
        found = await self.solve(BLOCKS.pddl, BLOCKS.example_problem)
        assert found.status == "solved", found.message
        assert found.engine == titled(self.planner().name, self.mode)
        verdict = validate(parse_domain(BLOCKS.pddl), parse_problem(BLOCKS.example_problem), found.plan)
        assert verdict.valid, verdict.message
        assert found.cost == verdict.cost == len(found.plan)
        if self.mode == "optimal":
            assert (found.optimal, len(found.plan)) == (True, LEAST)

    async def test_the_plan_is_empty_when_the_goal_holds_already(self) -> None:
        problem = ("(define (problem p) (:domain blocksworld) (:objects a - block)"
                   " (:init (on-table a) (clear a) (arm-empty)) (:goal (clear a)))")
        found = await self.solve(BLOCKS.pddl, problem)
        assert (found.status, found.plan) == ("solved", [])

    async def test_it_says_when_there_is_no_plan(self) -> None:
        found = await self.solve(BLOCKS.pddl, BLOCKS.example_problem.replace("(arm-empty)", ""))
        assert found.status in ("unsolvable", "exhausted") or (found.status == "timeout" and not self.planner().capability.proves)
        assert found.message

    async def test_unreadable_input_is_an_outcome_that_names_what_is_wrong(self) -> None:
        found = await self.solve(BLOCKS.pddl, BLOCKS.example_problem.replace("(on-table red)", "(on-table purple)"))
        assert found.status == "input_error"
        assert "purple" in found.message

    async def test_it_stops_when_its_time_is_over(self) -> None:
        start = time.monotonic()
        found = await self.solve(*counter(self.bits), seconds=1)
        assert found.status == "timeout", found.message
        assert time.monotonic() - start < 30

    async def test_it_stops_when_its_memory_is_used_up_and_works_again_afterwards(self, tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        found = await self.solve(*counter(self.bits), seconds=5, memory_mb=64)
        assert found.status in ("memory", "timeout", "unsupported"), found.message
        assert not working_in(tmp_path)
        assert not list(tmp_path.iterdir())
        assert (await self.solve(BLOCKS.pddl, BLOCKS.example_problem)).status == "solved"

    async def test_cancelling_leaves_no_process_and_no_file(self, tmp_path: Path, monkeypatch: Any) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        running = asyncio.ensure_future(self.solve(*counter(self.bits), seconds=60))
        while not working_in(tmp_path) and not running.done():
            await asyncio.sleep(0.05)
        await asyncio.wait([running], timeout=0.5)
        assert not running.done(), "the planner ended before it was cancelled"
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
        assert not working_in(tmp_path)
        assert not list(tmp_path.iterdir())

    async def test_runs_side_by_side_do_not_disturb_each_other(self) -> None:
        other = shipped()["gripper"]
        first, second = asyncio.ensure_future(self.solve(BLOCKS.pddl, BLOCKS.example_problem)), \
            asyncio.ensure_future(self.solve(other.pddl, other.example_problem))
        assert {step.split()[0] for step in (await first).plan} <= {"(pick-up", "(put-down", "(stack", "(unstack"}
        assert {step.split()[0] for step in (await second).plan} == {"(pick", "(drop", "(move"}


def working_in(folder: Path) -> list[int]:
    """The processes whose working folder or folder for temporary files is below ``folder`` (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                here = os.readlink(entry / "cwd")
                given = (entry / "environ").read_bytes()
            except OSError:
                continue
            if here.startswith(str(folder)) or os.fsencode(folder) in given:
                found.append(int(entry.name))
    return found
