"""Real answers of GPT-4 (September 2023) to the LLM+P prompt, through our extraction, checks, planner and validator.

Needs ``EUDOXUS_DATA`` with ``planning/llm-pddl``; the expected numbers were measured with Fast Downward 26.6, lama-first.
"""

from __future__ import annotations

import json
import lzma
import os
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from eudoxus.planners.draft import read_draft
from eudoxus.planners.engines import ENGINES
from eudoxus.planners.pddl import normalise, parse_domain, parse_problem, validate
from eudoxus.planners.solve import Solve
from eudoxus.runtime import Completion

DATA = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "planning", "llm-pddl")
FIXED = {"storage": "fixed_domains/storage_no_either.pddl", "tyreworld": "fixed_domains/tyreworld_constants.pddl"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="EUDOXUS_DATA does not point at the recorded answers"),
    pytest.mark.skipif(ENGINES["fast-downward"].available() is not None, reason="Fast Downward is not installed"),
]


@cache
def texts() -> dict[str, str]:
    with tarfile.open(DATA / "domains.tar.xz") as archive:
        files = {member.name.removeprefix("./"): archive.extractfile(member) for member in archive if member.name.endswith(".pddl")}
        return {name: file.read().decode() for name, file in files.items() if file}


@cache
def answers() -> list[dict[str, Any]]:
    with lzma.open(DATA / "replay_run0_gpt4.jsonl.xz", "rt") as lines:
        return [record for line in lines if (record := json.loads(line))["method"] == "llm_ic_pddl"]


@pytest.mark.parametrize(("name", "exact", "solved", "valid"), [
    ("barman", 20, 20, 20), ("blocksworld", 16, 17, 16), ("grippers", 20, 20, 20), ("storage", 12, 17, 17), ("termes", 4, 4, 4),
    ("tyreworld", 18, 19, 18),
])
async def test_as_many_recorded_answers_are_exact_solved_and_right_as_measured(name: str, exact: int, solved: int, valid: int):
    source = texts()[FIXED.get(name, f"domains/{name}/domain.pddl")]
    domain = parse_domain(source)
    counts = [0, 0, 0]
    for record in (record for record in answers() if record["domain"] == name):
        truth, _ = normalise(parse_problem(texts()[f"domains/{name}/{record['problem']}.pddl"]), domain)
        draft = read_draft(Completion(text=record["response"]), domain)
        if draft.problem is None or draft.findings:
            continue
        counts[0] += draft.problem.same_as(truth)
        found = await Solve(domain=source, problem=draft.source, engine="fast-downward", seconds=8).run()
        if found.status == "solved":
            assert validate(domain, draft.problem, found.plan).valid
            counts[1] += 1
            counts[2] += validate(domain, truth, found.plan).valid
    assert counts == [exact, solved, valid]
