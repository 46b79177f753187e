"""What the command line's exit status says."""

from __future__ import annotations

from eudoxus.runtime.errors import BudgetSpent, EndpointError, EudoxusError, InvalidRequest, JournalError
from eudoxus.runtime.result import Result
from eudoxus.sandbox.model import SandboxBusy, SandboxUnavailable

OK = 0
"""An answer, verified or as good as could be had."""
FAILED = 1
"""The run failed: no usable answer, or an unexpected error."""
USAGE = 2
"""The command, specification, task or configuration is not valid."""
LIMIT = 3
"""A limit was reached; the answer, if any, is the best so far."""
ENDPOINT = 4
"""A model endpoint could not be reached, refused, or had no usable answer."""
SANDBOX = 4
"""This machine isolates no programs, or the sandbox is busy."""
JOURNAL = 5
"""The journal and the run differ, an answer is not recorded, or the journal is damaged."""
INTERRUPTED = 130
"""Interrupted; what was recorded is kept and can be gone on with."""

_USAGE_CODES = frozenset({"invalid_configuration", "prompt_error", "invalid_api_key", "forbidden"})


def of_error(error: EudoxusError) -> int:
    """The exit status for an error."""
    match error:
        case InvalidRequest():
            return USAGE
        case BudgetSpent():
            return LIMIT
        case EndpointError():
            return ENDPOINT
        case SandboxUnavailable() | SandboxBusy():
            return SANDBOX
        case JournalError():
            return JOURNAL
    return USAGE if error.code in _USAGE_CODES else FAILED


def of_result(result: Result) -> int:
    """The exit status for a run that ended by itself."""
    if result.outcome == "limit":
        return LIMIT
    return FAILED if result.outcome == "failed" or result.answer is None else OK
