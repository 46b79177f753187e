"""Graders are out of reach of strategies."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BELOW = ("runtime", "sandbox", "decoding", "planners", "solvers", "prompts", "agents")


@pytest.mark.parametrize("package", [name for name in BELOW if (ROOT / name).exists()])
def test_nothing_below_imports_the_evaluation(package: str):
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in getattr(node, "names", ())]
            if isinstance(node, ast.ImportFrom | ast.Import):
                said = [*names, *(f"{names[0]}.{one.name}" for one in node.names if isinstance(node, ast.ImportFrom))]
                assert not [name for name in said if name.startswith("eudoxus.evaluation")], path


def test_running_every_strategy_module_loads_no_grader():
    program = (
        "import sys; from eudoxus.runtime import Registry; Registry.installed().loaded(); "
        "sys.exit(any(name.startswith('eudoxus.evaluation') for name in sys.modules))")
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
