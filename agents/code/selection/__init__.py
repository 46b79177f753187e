"""Choosing among candidate programs by which tests they pass."""

from eudoxus.agents.code.selection.choose import Chosen, choose, selected
from eudoxus.agents.code.selection.matrix import PassMatrix, executed, matrix_run
from eudoxus.agents.code.selection.rules import SELECTORS, Group, Ranked, Selector, groups, ranking

__all__ = [
    "SELECTORS", "Chosen", "Group", "PassMatrix", "Ranked", "Selector", "choose", "executed", "groups", "matrix_run", "ranking", "selected",
]
