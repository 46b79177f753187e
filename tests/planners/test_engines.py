"""Both planners keep the contract, and what is particular to each."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from eudoxus.planners.contracts import BLOCKS, PlannerContract, counter
from eudoxus.planners.engines import ENGINES, Planner, chosen, fast_downward
from eudoxus.planners.engines.process import MOST_OUTPUT, run
from eudoxus.planners.solve import Solve


class Installed:
    name = ""

    def planner(self) -> Planner:
        planner = chosen(self.name)
        if planner.available():
            pytest.skip(planner.available() or "")
        return planner


class TestFastDownward(Installed, PlannerContract):
    name = "fast-downward"


class TestFastDownwardOptimal(Installed, PlannerContract):
    name, mode = "fast-downward", "optimal"


class TestFastDownwardAnytime(Installed, PlannerContract):
    name, mode, seconds = "fast-downward", "anytime", 2


class TestPyperplan(Installed, PlannerContract):
    name = "pyperplan"


class TestPyperplanOptimal(Installed, PlannerContract):
    name, mode = "pyperplan", "optimal"


class TestAuto(Installed, PlannerContract):
    name = "auto"

    async def test_its_plan_reaches_the_goal(self) -> None:
        """The result names the planner that found the plan, not the portfolio."""
        found = await self.solve(BLOCKS.pddl, BLOCKS.example_problem)
        assert found.status == "solved"
        assert found.engine in ENGINES


class TestUnifiedPyperplan(Installed, PlannerContract):
    name = "up:pyperplan"


class TestUnifiedFastDownward(Installed, PlannerContract):
    name = "up:fast-downward"


class TestEnhsp(Installed, PlannerContract):
    name = "up:enhsp"


class TestSymk(Installed, PlannerContract):
    name = "up:symk"


class TestSymkOptimal(Installed, PlannerContract):
    name, mode = "up:symk", "optimal"


class TestLpg(Installed, PlannerContract):
    name, bits = "up:lpg", 16


class TestAries(Installed, PlannerContract):
    name = "up:aries"


async def test_too_little_memory_is_an_outcome():
    found = await Solve(domain=counter(20)[0], problem=counter(20)[1], engine="fast-downward", seconds=20, memory_mb=64).run()
    assert found.status == "memory"


async def test_pyperplan_says_what_it_does_not_support():
    negative = BLOCKS.pddl.replace("(clear ?block) (on-table ?block) (arm-empty)", "(not (holding ?block))")
    found = await Solve(domain=negative, problem=BLOCKS.example_problem, engine="pyperplan").run()
    assert found.status == "unsupported"
    assert found.message == "pyperplan does not support the condition (not (holding ?block)) in action pick-up"


async def test_auto_takes_fast_downward_and_where_it_is_missing_pyperplan(monkeypatch: pytest.MonkeyPatch):
    assert chosen("auto").name == "fast-downward"
    monkeypatch.setattr(fast_downward, "_driver", lambda: None)
    assert chosen("auto").name == "pyperplan"
    found = await Solve(domain=BLOCKS.pddl, problem=BLOCKS.example_problem, engine="fast-downward").run()
    assert (found.status, found.message) == ("unavailable", "Fast Downward is not installed: install the extra eudoxus[planners]")


async def test_a_text_that_is_too_long_never_reaches_a_planner():
    found = await Solve(domain=BLOCKS.pddl, problem=" " * 1_000_001).run()
    assert (found.status, found.message) == ("input_error", "the problem is longer than 1,000,000 characters")


async def test_a_planner_sees_none_of_our_environment(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    ended = await run([sys.executable, "-c", "import os; print(sorted(os.environ))"], tmp_path, wall_seconds=10)
    assert "OPENAI_API_KEY" in os.environ
    assert "OPENAI" not in ended.output


async def test_endless_output_is_cut_to_its_end(tmp_path):
    ended = await run([sys.executable, "-c", "print('x' * 5_000_000); print('last words')"], tmp_path, wall_seconds=20)
    assert len(ended.output) <= MOST_OUTPUT
    assert ended.output.endswith("last words\n")


def test_finding_the_planners_does_not_load_unified_planning():
    program = ("import sys; from eudoxus.planners.engines import chosen; chosen('auto').available(); "
               "print([m for m in ('unified_planning', 'up_fast_downward', 'pyperplan') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
