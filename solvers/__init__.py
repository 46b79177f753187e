"""SMT and MILP: formulations as data, solved by HiGHS, z3 and CP-SAT, checked by an evaluator of our own, explained when impossible.

The names below are loaded when they are asked for, so that a solver's process, which needs none of them, starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eudoxus.solvers.check import Check, CheckResult
    from eudoxus.solvers.edits import Edit, compare, edited
    from eudoxus.solvers.formulation.document import Formulation
    from eudoxus.solvers.formulation.errors import FormulationError
    from eudoxus.solvers.gating import Script, gate
    from eudoxus.solvers.smtlib import Refused, literal
    from eudoxus.solvers.solving import Solution, Solve

__all__ = [
    "Check", "CheckResult", "Edit", "Formulation", "FormulationError", "Refused", "Script", "Solution", "Solve", "compare", "edited",
    "gate", "literal",
]

_WHERE = {
    "check": ("Check", "CheckResult"), "edits": ("Edit", "compare", "edited"), "formulation.document": ("Formulation",),
    "formulation.errors": ("FormulationError",), "gating": ("Script", "gate"),
    "smtlib": ("Refused", "literal"), "solving": ("Solution", "Solve"),
}


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(f"eudoxus.solvers.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
