"""Tools that agents may use: each is a name, a sentence, and an act that the journal records."""

from eudoxus.agents.tools.base import Tool, described, tool
from eudoxus.agents.tools.calculator import calculator

TOOLS: dict[str, Tool] = {one.name: one for one in (calculator,)}
"""All tools by name."""

__all__ = ["TOOLS", "Tool", "calculator", "described", "tool"]
