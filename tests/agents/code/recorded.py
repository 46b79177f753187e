"""Recorded programs, tests and matrices. Needs ``EUDOXUS_DATA`` with ``code/``."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

DATA = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "code")
needs_data = pytest.mark.skipif(not DATA.exists(), reason="EUDOXUS_DATA does not point at HumanEval and the recorded programs")
MATRICES = "codet_humaneval_codegen16b/pass_matrix.jsonl.gz"


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / name, "rt") as file:
        return [json.loads(line) for line in file]


def humaneval() -> dict[str, dict[str, Any]]:
    return {row["task_id"]: row for row in rows("humaneval/HumanEval.jsonl.gz")}
