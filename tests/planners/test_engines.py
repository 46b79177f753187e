"""All planners keep the contract, and what is particular to each."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest
from pydantic import ValidationError

from eudoxus.planners.contracts import BLOCKS, PlannerContract, counter
from eudoxus.planners.engines import ENGINES, Capability, Mode, Planner, PlanResult, Status, chosen, fast_downward
from eudoxus.planners.engines.portfolio import Portfolio
from eudoxus.planners.engines.second import second_validator_available
from eudoxus.planners.solve import Confirm, Solve


class Installed:
    name = ""

    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        if why := self.planner().available():
            pytest.skip(why)

    def planner(self) -> Planner:
        return chosen(self.name)


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
    name, bits = "up:lpg", 12


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
    assert (await Solve(domain=BLOCKS.pddl, problem=BLOCKS.example_problem).run()).engine == "fast-downward"
    monkeypatch.setattr(fast_downward, "_driver", lambda: None)
    assert (await Solve(domain=BLOCKS.pddl, problem=BLOCKS.example_problem).run()).engine == "pyperplan"
    assert (await Solve(domain=BLOCKS.pddl, problem=BLOCKS.example_problem, mode="optimal").run()).engine == "pyperplan:optimal"
    found = await Solve(domain=BLOCKS.pddl, problem=BLOCKS.example_problem, engine="fast-downward").run()
    assert (found.status, found.message) == ("unavailable", "Fast Downward is not installed: install the extra eudoxus[planners]")


@dataclass(frozen=True)
class Scripted:
    """A planner with a known outcome."""

    name: str
    status: Status
    here: bool = True
    capability: Capability = Capability(licence="MIT", install="", modes=("fast", "optimal"))

    def available(self) -> str | None:
        return None if self.here else "it is not here"

    async def solve(self, domain: str, problem: str, *, seconds: float, memory_mb: int, mode: Mode = "fast") -> PlanResult:
        return PlanResult(status=self.status, engine=self.name, seconds=seconds)


@pytest.mark.parametrize(("main", "complements", "engine", "tried"), [
    ("solved", ["solved"], "main", []),
    ("unsolvable", ["solved"], "main", []),
    ("input_error", ["solved"], "main", []),
    ("timeout", ["solved", "crashed"], "0", ["main: timeout after 4.0 s"]),
    ("timeout", ["crashed", "solved"], "1", ["main: timeout after 4.0 s", "0: crashed after 3.0 s"]),
    ("crashed", ["timeout"], "0", ["main: crashed after 4.0 s"]),
])
async def test_auto_goes_on_where_another_planner_may_do_better(main: Status, complements: list[Status], engine: str, tried: list[str]):
    others = tuple(Scripted(str(number), status) for number, status in enumerate(complements))
    found = await Portfolio(Scripted("main", main), Scripted("spare", "solved"), others).solve("", "", seconds=10, memory_mb=64)
    assert (found.engine, found.tried) == (engine, tried)


async def test_the_first_planner_gets_all_the_time_when_there_is_no_other():
    absent = Scripted("0", "solved", here=False)
    found = await Portfolio(Scripted("main", "timeout"), Scripted("spare", "solved"), (absent,)).solve("", "", seconds=10, memory_mb=64)
    assert (found.seconds, found.tried) == (10, [])


async def test_a_mode_that_a_planner_does_not_have_is_an_outcome_that_names_those_it_has():
    found = await Solve(domain=BLOCKS.pddl, problem=BLOCKS.example_problem, engine="pyperplan", mode="anytime").run()
    assert (found.status, found.message) == ("unsupported", "pyperplan has no mode anytime; it has: fast, optimal")


@pytest.mark.parametrize("name", ["nix", "fast-downward:best", "up:", "up:rm -rf", "auto:", "up:../lpg", ":optimal", ""])
def test_a_name_that_no_planner_has_is_refused_with_those_that_there_are(name: str):
    with pytest.raises(ValidationError, match="no planner is called .* expected auto, fast-downward, pyperplan"):
        Solve(domain="", problem="", engine=name)


def test_a_plain_request_has_the_digest_that_older_journals_have():
    assert set(Solve(domain="d", problem="p").digested()) == {"domain", "problem", "engine", "seconds", "memory_mb"}
    assert Solve(domain="d", problem="p", mode="optimal").digested()["mode"] == "optimal"


LAMPS = """(define (domain lamps) (:requirements :adl) (:predicates (on ?l) (linked ?a ?b))
  (:action press :parameters (?l) :precondition (not (on ?l)) :effect (and (on ?l) (forall (?m) (when (linked ?l ?m) (on ?m))))))"""
ALL_ON = "(define (problem p) (:domain lamps) (:objects a b c) (:init (linked a b) (linked b c)) (:goal (forall (?l) (on ?l))))"


@pytest.mark.parametrize("mode", ["fast", "anytime", "optimal"])
async def test_fast_downward_handles_conditional_effects_in_every_mode(mode: Mode):
    found = await Solve(domain=LAMPS, problem=ALL_ON, engine="fast-downward", mode=mode, seconds=4).run()
    assert found.status == "solved", found.message
    assert len(found.plan) == 2


async def test_the_second_validator_judges_plans_and_says_what_it_cannot_read():
    if why := second_validator_available():
        pytest.skip(why)
    found = await Solve(domain=BLOCKS.pddl, problem=BLOCKS.example_problem).run()
    texts = {"domain": BLOCKS.pddl, "problem": BLOCKS.example_problem}
    assert (await Confirm(**texts, plan="\n".join(found.plan)).run()).status == "valid"
    short = await Confirm(**texts, plan="\n".join(found.plan[:-1])).run()
    assert (short.status, "not satisfied" in short.message) == ("invalid", True)
    assert (await Confirm(**texts, plan="(fly red)").run()).status == "invalid"
    either = BLOCKS.pddl.replace("?block ?below - block", "?block ?below - (either block thing)", 1)
    assert (await Confirm(domain=either, problem=BLOCKS.example_problem, plan="").run()).status == "input_error"


async def test_an_engine_that_unified_planning_does_not_have_is_unavailable():
    if why := second_validator_available():
        pytest.skip(why)
    found = await Solve(domain=BLOCKS.pddl, problem=BLOCKS.example_problem, engine="up:nix").run()
    assert (found.status, found.message) == ("unavailable", "unified-planning has no engine nix")


async def test_a_text_that_is_too_long_never_reaches_a_planner():
    found = await Solve(domain=BLOCKS.pddl, problem=" " * 1_000_001).run()
    assert (found.status, found.message) == ("input_error", "the problem is longer than 1,000,000 characters")


def test_finding_the_planners_does_not_load_unified_planning():
    program = ("import sys; from eudoxus.planners.engines import chosen; chosen('auto').available(); "
               "print([m for m in ('unified_planning', 'up_fast_downward', 'pyperplan') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
