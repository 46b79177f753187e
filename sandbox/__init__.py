"""Isolated execution of Python that a model wrote: containment by the kernel, verdicts that a program cannot forge.

Not imported in the jail, where only the modules below ``inside``, ``lockdown`` and the codec are.
"""

from eudoxus.sandbox.effects import Evaluate, Matrix, Run
from eudoxus.sandbox.model import (
    Call,
    CallRecord,
    Case,
    Isolation,
    Limits,
    MatrixResult,
    Program,
    Raised,
    RunResult,
    SandboxBusy,
    SandboxReport,
    SandboxSettings,
    SandboxUnavailable,
    Test,
    TestResult,
)
from eudoxus.sandbox.pool import Sandbox, close_shared, configure_shared, shared

__all__ = [
    "Call", "CallRecord", "Case", "Evaluate", "Isolation", "Limits", "Matrix", "MatrixResult", "Program", "Raised", "Run", "RunResult",
    "Sandbox", "SandboxBusy", "SandboxReport", "SandboxSettings", "SandboxUnavailable", "Test", "TestResult", "close_shared",
    "configure_shared", "shared",
]
