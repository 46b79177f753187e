"""Our verdicts on recorded programs are the recorded ones. Needs ``EUDOXUS_DATA`` with ``code/``."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eudoxus.evaluation import load
from eudoxus.evaluation.formats.humaneval import whole_program
from eudoxus.evaluation.grading import CheckGrader

DATA = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "code")
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="EUDOXUS_DATA does not point at the recorded programs")


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / name, "rt") as file:
        return [json.loads(line) for line in file]


def codegen(every: int) -> Iterator[tuple[str, str, bool]]:
    """Every so many of CodeGen-16B's different programs, with the verdict that was recorded for it."""
    prompts = {row["task_id"]: row["prompt"] for row in rows("humaneval/HumanEval.jsonl.gz")}
    found = [
        (row["task_id"], prompts[row["task_id"]] + text, passed, result)
        for row in rows("codet_humaneval_codegen16b/pass_matrix.jsonl.gz")
        for text, passed, result in zip(row["solutions"], row["passed"], row["result"], strict=True)
    ]
    return ((task, program, passed) for task, program, passed, result in found[::every] if result != "timed out")


def gpt4() -> Iterator[tuple[str, str, bool]]:
    """Every fourth of the programs that LDB ended with, and whether it was found right."""
    for row in rows("ldb/ldb_humaneval_gpt-4-seed_results.jsonl.gz")[::4]:
        yield row["task_id"], whole_program(row["prompt"], row["entry_point"], row["solution"]), row["is_solved"]


async def differing(recorded: Iterator[tuple[str, str, bool]]) -> tuple[list[tuple[str, bool, str]], int]:
    """Where our verdict is another one, and how many programs there were."""
    graders = {item.id: item.grader for item in load("humaneval").items}
    differences, count = [], 0

    async def work() -> None:
        nonlocal count
        for task, program, passed in recorded:
            grader = graders[task]
            assert isinstance(grader, CheckGrader)
            grade = await grader.verdict(program)
            count += 1
            if grade.solved != passed:
                differences.append((task, passed, grade.detail))

    await asyncio.gather(*(work() for _ in range(2)))
    return differences, count


async def test_verdicts_on_a_sample_of_codegens_programs_are_the_recorded_ones():
    differences, count = await differing(codegen(every=166))
    assert count > 70 and not differences, differences


@pytest.mark.slow
@pytest.mark.skipif("EUDOXUS_ALL_RECORDINGS" not in os.environ, reason="takes a minute or more; EUDOXUS_ALL_RECORDINGS=1 runs it")
@pytest.mark.timeout(600)
async def test_verdicts_on_two_thousand_programs_agree_in_995_of_1000():
    differences, count = await differing(codegen(every=6))
    print(count, differences)
    assert count >= 1900 and len(differences) <= 0.005 * count, differences


async def test_the_programs_that_ldb_found_right_with_gpt_4_are_right():
    differences, count = await differing(gpt4())
    assert count >= 40 and not differences, differences
