"""The tools by name."""

from __future__ import annotations

from eudoxus.agents.tools.base import Tool
from eudoxus.agents.tools.calculator import calculator
from eudoxus.agents.tools.fetch import fetch
from eudoxus.agents.tools.planner import planner
from eudoxus.agents.tools.python import python
from eudoxus.agents.tools.z3 import z3

TOOLS: dict[str, Tool] = {one.name: one for one in (calculator, python, planner, z3, fetch)}


def known(names: list[str]) -> list[str]:
    """``names`` without repetitions. Raises ValueError for one that no tool has."""
    unknown = [name for name in names if name not in TOOLS]
    if unknown:
        raise ValueError(f"no tool is called {', '.join(unknown)}; there are {', '.join(TOOLS)}")
    return list(dict.fromkeys(names))
