"""HumanEval in the sandbox: reference solutions pass, wrong ones do not, and recorded programs get the verdict of a plain execution.

Needs ``EUDOXUS_DATA`` with ``code/humaneval`` and ``code/ldb``.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from eudoxus.sandbox import Limits, Program, Sandbox, SandboxSettings
from eudoxus.sandbox.split_tests import setup_of_prompt, split_check, whole_check

DATA = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "code")
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="EUDOXUS_DATA does not point at HumanEval and the recorded programs")

LIMITS = Limits(wall_s=10, call_s=10, cpu_s=10)


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def humaneval() -> list[dict[str, Any]]:
    return rows(DATA / "humaneval" / "HumanEval.jsonl.gz")


def program(problem: dict[str, Any], code: str) -> Program:
    return Program(code=code, entry=problem["entry_point"], setup=setup_of_prompt(problem["prompt"]))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    found = await Sandbox.open(SandboxSettings())
    yield found
    await found.aclose()


async def test_all_164_references_pass_in_parts_and_whole(sandbox: Sandbox):
    failed = []
    for problem in humaneval():
        right = program(problem, problem["prompt"] + problem["canonical_solution"])
        parts = split_check(problem["test"], problem["entry_point"])
        for tests in (parts, [whole_check(problem["test"], problem["entry_point"])]):
            result = await sandbox.run(right, tests, limits=LIMITS)
            if result.outcome != "passed":
                failed.append((problem["task_id"], len(tests), result.outcome, [test.outcome for test in result.tests]))
    assert not failed


async def test_parts_and_whole_agree_on_a_function_that_gives_back_none(sandbox: Sandbox):
    differences = []
    for problem in humaneval():
        wrong = program(problem, f"{problem['prompt'].rstrip()}\n    return None\n")
        parts = await sandbox.run(wrong, split_check(problem["test"], problem["entry_point"]), limits=LIMITS)
        whole = await sandbox.run(wrong, [whole_check(problem["test"], problem["entry_point"])], limits=LIMITS)
        if (parts.outcome == "passed") != (whole.outcome == "passed"):
            differences.append((problem["task_id"], parts.outcome, whole.outcome))
    assert not differences


def test_checks_are_split_into_their_asserts():
    sizes = [len(split_check(problem["test"], problem["entry_point"])) for problem in humaneval()]
    assert sum(sizes) > 1000
    assert sum(size == 1 for size in sizes) <= 10


# -- recorded programs -----------------------------------------------------------------------------------------------------


def recorded() -> list[tuple[dict[str, Any], str]]:
    """Each different program of the LDB recordings with its problem."""
    problems = {problem["task_id"]: problem for problem in humaneval()}
    found: dict[tuple[str, str], None] = {}
    for file in sorted((DATA / "ldb").glob("*.jsonl.gz")):
        for row in rows(file):
            for text in _programs(row):
                found[row["task_id"], text] = None
    return [(problems[task], text) for task, text in found]


def _programs(row: dict[str, Any]) -> Iterable[str]:
    """A solution is a whole function, or the body that continues the prompt."""
    for text in (row.get("seed"), row["solution"], *(row.get("implementations") or ())):
        if isinstance(text, str) and text.strip():
            whole = f"def {row['entry_point']}" in text
            yield row["prompt"] + ("\n" if whole else "") + text


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_verdicts_on_recorded_programs_are_those_of_a_plain_execution(sandbox: Sandbox):
    """Plain: program, helpers and check in one process of the jail (mode ``bundle``). Agreement must be at least 99.7 %.

    ``benchmarks/agreement.py`` compares all of them, with the authors' own harness."""
    differences = []
    work = recorded()[::3]
    todo = iter(work)

    async def go() -> None:
        for problem, code in todo:
            test, subject = whole_check(problem["test"], problem["entry_point"]), program(problem, code)
            split = await sandbox.run(subject, [test], limits=LIMITS)
            plain = await sandbox.run(subject, [test], mode="bundle", limits=LIMITS)
            if (split.outcome == "passed") != (plain.outcome == "passed"):
                raised = [test.exc for found in (split, plain) for test in found.tests]
                differences.append((problem["task_id"], split.outcome, plain.outcome, [exc and f"{exc.type}: {exc.msg}" for exc in raised]))

    await asyncio.gather(*(go() for _ in range(2)))
    for difference in differences:
        print(*difference)
    assert len(work) > 350
    assert len(differences) <= 0.003 * len(work), differences
