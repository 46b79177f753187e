"""Real answers of GPT-4 (September 2023) to the LLM+P prompt, through our extraction, checks, planner and validator.

Needs ``EUDOXUS_DATA`` with ``planning/llm-pddl``. Measured there with Fast Downward 26.6, lama-first, before any normalisation but the
removal of objects that are constants: 90 of 140 answers exact, 98 solved, 95 with a plan that is valid for the true problem.
"""

from __future__ import annotations

import json
import lzma
import os
import tarfile
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest

from eudoxus.planners.draft import Draft, read_draft
from eudoxus.planners.engines import ENGINES
from eudoxus.planners.equivalence import compare
from eudoxus.planners.pddl import Domain, PddlError, Problem, lint, normalise, parse_domain, parse_problem, validate
from eudoxus.planners.solve import Solve
from eudoxus.runtime import Completion

DATA = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "planning", "llm-pddl")
FIXED = {"storage": "fixed_domains/storage_no_either.pddl", "tyreworld": "fixed_domains/tyreworld_constants.pddl"}

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="EUDOXUS_DATA does not point at the recorded answers")

OUT_OF_TIME = 23
DOMAINS = ("barman", "blocksworld", "floortile", "grippers", "storage", "termes", "tyreworld")


@cache
def texts() -> dict[str, str]:
    with tarfile.open(DATA / "domains.tar.xz") as archive:
        files = {member.name.removeprefix("./"): archive.extractfile(member) for member in archive if member.name.endswith(".pddl")}
        return {name: file.read().decode() for name, file in files.items() if file}


@cache
def answers() -> list[dict[str, Any]]:
    with lzma.open(DATA / "replay_run0_gpt4.jsonl.xz", "rt") as lines:
        return [record for line in lines if (record := json.loads(line))["method"] == "llm_ic_pddl"]


@dataclass(frozen=True)
class Answer:
    """A recorded answer with what was measured for it, and the problem it should have been."""

    domain: str
    problem: str
    text: str
    code: int
    """What Fast Downward ended with, within 8 s."""
    valid: bool

    @property
    def solved(self) -> bool:
        return self.code == 0

    @property
    def source(self) -> str:
        return texts()[FIXED.get(self.domain, f"domains/{self.domain}/domain.pddl")]

    @property
    def parsed(self) -> Domain:
        return domains()[self.domain]

    @cached_property
    def truth(self) -> Problem:
        return normalise(parse_problem(texts()[f"domains/{self.domain}/{self.problem}.pddl"]), self.parsed)[0]

    @cached_property
    def draft(self) -> Draft:
        return read_draft(Completion(text=self.text), self.parsed)

    @property
    def guessed(self) -> bool:
        """Whether reading it took more than the removal of objects that are constants."""
        return any(not change.startswith(("wrote names", "dropped the object ")) for change in self.draft.changes)


@cache
def domains() -> dict[str, Domain]:
    return {name: parse_domain(texts()[FIXED.get(name, f"domains/{name}/domain.pddl")]) for name in DOMAINS}


@cache
def recorded() -> list[Answer]:
    return [Answer(record["domain"], record["problem"], record["response"], record["measured"]["rc"],
                   record["measured"].get("valid_gt") == "VALID") for record in answers() if record["domain"] in DOMAINS]


@pytest.mark.parametrize("name", DOMAINS)
def test_every_true_problem_is_read_and_has_no_errors(name: str):
    wrong = {}
    for number in range(1, 21):
        text = texts()[f"domains/{name}/p{number:02}.pddl"]
        problem, _ = normalise(parse_problem(text), domains()[name])
        wrong[number] = [str(finding) for finding in lint(problem, domains()[name]) if finding.rule != "goal_holds"]
        original = parse_domain(texts()[f"domains/{name}/domain.pddl"])
        assert normalise(parse_problem(text), original)[0].init == problem.init
    assert wrong == {number: [] for number in range(1, 21)}


def test_the_linter_flags_what_cannot_be_solved_and_nothing_that_is_right():
    counts = Counter((("valid" if answer.valid else "solved" if answer.solved else "unsolved"), bool(answer.draft.errors))
                     for answer in recorded())
    repaired = sum(not answer.solved and answer.guessed and not answer.draft.errors for answer in recorded())
    print(f"flagged: {counts['unsolved', True]} of {counts['unsolved', True] + counts['unsolved', False]} unsolved answers"
          f" (and {repaired} put right), {counts['solved', True]} of 3 that are solved but wrong, {counts['valid', True]} of 95 valid ones")
    assert counts["unsolved", True] >= 36
    assert counts["unsolved", True] + counts["unsolved", False] == 42
    assert (counts["valid", True], counts["valid", False]) == (0, 95)
    assert counts["solved", True] == 0


def test_as_many_answers_are_exact_as_measured_and_one_more_by_normalisation():
    exact = [answer for answer in recorded() if answer.draft.problem is not None and answer.draft.problem.same_as(answer.truth)]
    assert Counter(answer.domain for answer in exact if not answer.guessed) == {
        "barman": 20, "blocksworld": 16, "grippers": 20, "storage": 12, "termes": 4, "tyreworld": 18}
    assert [(answer.domain, answer.problem) for answer in exact if answer.guessed] == [("blocksworld", "p08")]


def test_an_answer_with_other_names_is_equivalent_to_the_true_problem():
    answer = next(answer for answer in recorded() if (answer.domain, answer.problem) == ("tyreworld", "p01"))
    assert answer.draft.problem is not None
    assert not answer.draft.problem.same_as(answer.truth)
    assert compare(answer.parsed, answer.draft.problem, answer.truth).answer == "yes"


@pytest.mark.slow
@pytest.mark.skipif(ENGINES["fast-downward"].available() is not None, reason="Fast Downward is not installed")
@pytest.mark.parametrize(("name", "solved", "valid", "more"), [
    ("barman", 20, 20, 0), ("blocksworld", 17, 16, 1), ("floortile", 1, 0, 0), ("grippers", 20, 20, 0), ("storage", 17, 17, 0),
    ("termes", 4, 4, 0), ("tyreworld", 19, 18, 0),
])
async def test_as_many_answers_are_solved_and_right_as_measured_and_more_by_normalisation(name: str, solved: int, valid: int, more: int):
    counts: Counter[str] = Counter()
    for answer in (answer for answer in recorded() if answer.domain == name):
        draft = answer.draft
        if draft.problem is None or draft.errors or answer.code == OUT_OF_TIME:
            continue
        found = await Solve(domain=answer.source, problem=draft.source, engine="fast-downward", seconds=30).run()
        if found.status != "solved":
            continue
        assert validate(answer.parsed, draft.problem, found.plan).valid
        right = validate(answer.parsed, answer.truth, found.plan).valid
        if answer.guessed:
            counts["more"] += right
        else:
            counts["solved"] += 1
            counts["valid"] += right
        counts["only normalised"] += right and not await as_it_stands(answer)
    print(f"{name}: {counts['valid']} valid and {counts['more']} more by normalisation;"
          f" {counts['only normalised']} of them cannot be solved as they were written")
    assert (counts["solved"], counts["valid"], counts["more"]) == (solved, valid, more)


async def as_it_stands(answer: Answer) -> bool:
    """Whether the planner takes the answer as it was written."""
    try:
        problem = parse_problem(answer.text)
    except PddlError:
        return False
    if normalise(problem, answer.parsed)[1] == ():
        return True
    return (await Solve(domain=answer.source, problem=answer.text, engine="fast-downward").run()).status == "solved"
