"""Solvers: SMT-LIB through a gate to z3, in a process of its own."""

from eudoxus.solvers.check import Check, CheckResult
from eudoxus.solvers.smtlib import Refused, Script, gate, literal

__all__ = ["Check", "CheckResult", "Refused", "Script", "gate", "literal"]
