"""Plans for the LLM+P problems: valid for two validators, as cheap as measured before, and the cheapest where that was proved.

Needs ``EUDOXUS_DATA`` with ``planning/llm-pddl``; its ``reference_costs.json`` holds what LAMA found first, and proven optima.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from eudoxus.planners.engines import ENGINES, Mode
from eudoxus.planners.engines.second import second_validator_available
from eudoxus.planners.pddl import normalise, parse_domain, parse_problem, validate, write_problem
from eudoxus.planners.solve import Confirm, Solve
from tests.planners.test_recorded import DATA, FIXED, texts

DOMAINS = ("barman", "blocksworld", "floortile", "grippers", "storage", "termes", "tyreworld")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="EUDOXUS_DATA does not point at the planning problems"),
]


@cache
def costs() -> dict[str, dict[str, dict[str, Any]]]:
    return json.loads((DATA / "reference_costs.json").read_text())


async def solved(engine: str, domain: str, problem: str, *, mode: Mode = "fast", seconds: float = 20) -> float | None:
    """The cost of the plan, which both validators accept; None without a plan. A wrong plan fails the test."""
    if why := ENGINES[engine].available():
        pytest.skip(why)
    source = texts()[FIXED.get(domain, f"domains/{domain}/domain.pddl")]
    read = parse_domain(source)
    wanted, _ = normalise(parse_problem(texts()[f"domains/{domain}/{problem}.pddl"]), read)
    task = {"domain": source, "problem": write_problem(wanted)}
    found = await Solve(**task, engine=engine, mode=mode, seconds=seconds).run()
    if found.status in ("timeout", "memory", "unsupported"):
        return None
    assert found.status == "solved", found.message
    verdict = validate(read, wanted, found.plan)
    assert verdict.valid, verdict.message
    if second_validator_available() is None:
        assert (second := await Confirm(**task, plan="\n".join(found.plan)).run()).status == "valid", second.message
    if mode == "optimal":
        assert found.optimal
    return verdict.cost


@pytest.mark.parametrize("domain", DOMAINS)
async def test_fast_downward_finds_first_what_it_found_before(domain: str):
    known = costs()[domain]["p01"]
    assert await solved("fast-downward", domain, "p01", seconds=8) in (None, known["lama_first_cost"])


@pytest.mark.parametrize(("engine", "domain", "problem"), [
    ("fast-downward", "grippers", "p02"), ("pyperplan", "blocksworld", "p03"), ("up:symk", "termes", "p01"),
])
async def test_optimal_plans_cost_what_was_proved_to_be_the_least(engine: str, domain: str, problem: str):
    assert await solved(engine, domain, problem, mode="optimal", seconds=30) == costs()[domain][problem]["optimal_cost"]


async def test_an_improving_search_does_not_end_with_a_worse_plan_than_the_first():
    known = costs()["barman"]["p01"]
    found = await solved("fast-downward", "barman", "p01", mode="anytime", seconds=4)
    assert found is not None
    assert known["optimal_cost"] <= found <= known["lama_first_cost"]


@pytest.mark.parametrize("engine", ["pyperplan", "up:symk", "up:lpg", "up:enhsp", "up:aries"])
@pytest.mark.parametrize(("domain", "problem"), [("blocksworld", "p02"), ("storage", "p01")])
async def test_other_planners_find_valid_plans_that_cost_no_less_than_the_least(engine: str, domain: str, problem: str):
    found = await solved(engine, domain, problem)
    assert found is not None
    assert found >= costs()[domain][problem]["best_known"]
