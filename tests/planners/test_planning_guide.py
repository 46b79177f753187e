"""What docs/planning.md shows works as shown, and lists all planners."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from eudoxus.planners.engines import ENGINES

GUIDE = (Path(__file__).parents[2] / "docs" / "planning.md").read_text()


@pytest.mark.skipif(ENGINES["fast-downward"].available() is not None, reason="Fast Downward is not installed")
def test_the_example_runs():
    [program] = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("name", [name for name in ENGINES if name not in ("up:tamer", "up:fast-downward", "up:pyperplan")])
def test_a_planner_is_listed_with_its_modes(name: str):
    [row] = re.findall(rf"^\| `{re.escape(name)}` \|(.*)$", GUIDE, re.MULTILINE)
    assert row.split("|")[1].strip() == ", ".join(ENGINES[name].capability.modes)
